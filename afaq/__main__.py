"""`python -m afaq` is the console command."""

from afaq.cli import app

app()
