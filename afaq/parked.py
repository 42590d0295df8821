"""What could not be processed waits, in order, for a person: list it, look at it, try it again, give it up."""

from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from afaq.access import open_shell
from shared.store.statements import SQL

app = typer.Typer(no_args_is_help=True, help=__doc__)
ServiceName = Annotated[str, typer.Argument(help="identity, requests, payments or notifications")]


@app.command("list")
def list_parked(service: ServiceName) -> None:
    """Show what is parked, oldest first, and how much waits behind each."""
    from afaq.cli import run

    run(_list(service))


async def _list(service: str) -> int:
    async with open_shell(service) as shell:
        rows = await shell.parts.pool.fetch(SQL["parked_jobs"], None, 200)
    table = Table("id", "what", "key", "reason", "where", "behind", title=f"parked in {service}: {len(rows)}")
    for row in rows:
        what = f"{row['kind']} {row['name']}"
        table.add_row(str(row["id"]), what, str(row["key"]), row["reason"], row["error"] or "", str(row["behind"]))
    Console().print(table)
    return 0


@app.command()
def show(service: ServiceName, job: UUID) -> None:
    """Show one parked job whole."""
    from afaq.cli import run

    run(_show(service, job))


async def _show(service: str, job: UUID) -> int:
    async with open_shell(service) as shell:
        row = await shell.parts.pool.fetchrow(SQL["parked_jobs"], job, 1)
    if row is None:
        typer.secho("Nothing with this id is parked; see `afaq parked list`.", fg="red", err=True)
        return 1
    Console().print_json(data=dict(row), default=str)
    return 0


@app.command()
def retry(
    service: ServiceName,
    job: Annotated[UUID | None, typer.Argument(help="One job; or say --all.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that is parked.")] = False,
) -> None:
    """Try a parked job again, or all of them; what waits behind each follows in order."""
    from afaq.cli import run

    if (job is None) != everything:
        raise typer.BadParameter("name one job, or say --all")
    run(_retry(service, job))


async def _retry(service: str, job: UUID | None) -> int:
    async with open_shell(service) as shell:
        status = await shell.parts.pool.execute(SQL["retry_parked"], job, None, shell.parts.clock.now())
    count = int(status.rpartition(" ")[2])
    typer.echo(f"{count} to be tried again")
    return 0 if count or job is None else 1


@app.command()
def discard(
    service: ServiceName,
    job: UUID,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Give a parked job up for good; what waits behind it goes on as if it had been seen."""
    from afaq.cli import run

    if not yes:
        typer.confirm("What it would have done is never done. Go on?", abort=True)
    run(_discard(service, job))


async def _discard(service: str, job: UUID) -> int:
    async with open_shell(service) as shell:
        count = await shell.parts.pool.fetchval(SQL["discard_parked"], job)
    typer.echo("discarded" if count else "nothing with this id is parked")
    return 0 if count else 1
