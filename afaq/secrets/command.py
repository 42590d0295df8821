"""The secrets of a deployment."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help=__doc__)


@app.command()
def new(
    directory: Annotated[Path, typer.Argument(help="A new directory, or an empty one.")],
    *,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Also what the bank, the sign-in and companies would give.")
    ] = False,
) -> None:
    """Make all keys, passwords and certificates of a deployment: a folder of files for each process."""
    from afaq.cli import run

    run(_new(directory, simulated=simulated))


async def _new(directory: Path, *, simulated: bool) -> int:
    from afaq.secrets.files import AUTHORITY_KEY, write_new_secrets

    write_new_secrets(directory, simulated=simulated)
    typer.echo(f"{directory} has all secrets, a folder for each process.")
    typer.echo(f"Put {AUTHORITY_KEY} away, to where no server reads it: it gives certificates, now and in two years.")
    return 0


@app.command()
def renew(directory: Annotated[Path, typer.Argument(help="What `new` has made, with its ca.key back in it.")]) -> None:
    """Give databases, brokers and the administrator new certificates; what runs takes them when it is started again."""
    from afaq.cli import run

    run(_renew(directory))


async def _renew(directory: Path) -> int:
    from afaq.secrets.files import renew_certificates

    renew_certificates(directory)
    return 0
