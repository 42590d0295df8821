"""`python -m afaq` is the console command."""

from afaq.cli import app

if __name__ == "__main__":  # the processes of a pool import this module too
    app()
