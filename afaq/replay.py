"""Replays: what the log says is computed again and compared. A replay runs pure functions only, never an effect."""

import time
from typing import Annotated

import typer
from rich.console import Console

from afaq.access import open_shell
from afaq.services import NAMES
from shared.store.replay import Comparison, verify_states

app = typer.Typer(no_args_is_help=True, help=__doc__)


@app.callback()
def _group() -> None:
    """Keeps `verify` a command of its own while it is the only one."""


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
