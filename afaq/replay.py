"""Replays: what the log says is computed again and compared. A replay runs pure functions only, never an effect."""

import time
from typing import Annotated

import typer
from rich.console import Console

from afaq.access import environment_of, open_shell
from afaq.local.errors import StackError
from afaq.services import NAMES, functions_of
from shared.messaging.rewind import GroupIsAtWork
from shared.messaging.rewind import rewind as begin_again
from shared.store.replay import Comparison, verify_states

app = typer.Typer(no_args_is_help=True, help=__doc__)


@app.command()
def verify(services: Annotated[list[str] | None, typer.Argument(help="All of them by default.")] = None) -> None:
    """Fold every aggregate from the log and compare it with its row; exit 1 where any differs."""
    from afaq.cli import run

    run(_verify(services or list(NAMES)))


async def _verify(services: list[str]) -> int:
    console, differing = Console(), 0
    for name in services:
        began = time.perf_counter()
        async with open_shell(name) as shell:
            with console.status(f"{name}: folding"):
                found = await verify_states(shell)
        differing += len(found.differing)
        _report(console, name, found, time.perf_counter() - began)
    return 1 if differing else 0


def _report(console: Console, name: str, found: Comparison, seconds: float) -> None:
    rate = found.events / seconds if seconds else 0
    console.print(
        f"{name:14} {found.aggregates} aggregates from {found.events} events, {len(found.differing)} differ "
        f"({rate:,.0f} events/s)"
    )
    for id in found.differing[:10]:
        console.print(f"  differs: {id}")


@app.command()
def rewind(
    service: Annotated[str, typer.Argument(help="identity, requests, payments or notifications")],
    *,
    sure: Annotated[bool, typer.Option("--yes", help="Do it; without, it is only said what would be done.")] = False,
) -> None:
    """Have a service that is stopped read all its topics again, after its database was restored from a backup."""
    from afaq.cli import run

    run(_rewind(service, sure=sure))


async def _rewind(name: str, *, sure: bool) -> int:
    service, console = functions_of(name), Console()
    topics = ", ".join(topic.name for topic in service.reads)
    if not sure:
        console.print(f"{name} would read {topics} again from the start; its inbox drops what it knows. Say --yes.")
        return 0
    bootstrap = environment_of(name).get("AFAQ_KAFKA_BOOTSTRAP")
    if bootstrap is None:
        raise StackError("Set AFAQ_KAFKA_BOOTSTRAP, or run where the local stack runs.")
    try:
        partitions = await begin_again(service, bootstrap)
    except GroupIsAtWork:
        raise StackError(f"A process of {name} runs: stop all of them first.") from None
    console.print(f"{name} reads {partitions} partitions of {topics} again from the start")
    return 0
