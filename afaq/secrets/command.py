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
    from afaq.secrets.files import write_new_secrets

    folders = write_new_secrets(directory, simulated=simulated)
    typer.echo(f"{directory} has the secrets of {', '.join(folders)}.")
    typer.echo(f"Put {directory / 'ca.key'} away, to where no server reads it: it gives certificates.")
    return 0
