"""`python -m benchmarks [SCENARIO ...]`: measures, and writes what it found to docs/benchmarks."""

import logging
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from benchmarks import machine, report
from benchmarks.lab import Lab, Options
from benchmarks.scenarios import ALL

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
_console = Console(highlight=False)
NAMES = ", ".join(scenario.name for scenario in ALL)


@app.command()
def main(
    scenarios: Annotated[list[str] | None, typer.Argument(help=f"Which: {NAMES}. All by default.")] = None,
    *,
    rounds: Annotated[int, typer.Option(help="How often each system is measured.")] = 3,
    seconds: Annotated[float, typer.Option(help="How long each is measured.")] = 60,
    warm_up: Annotated[float, typer.Option(help="For how many seconds before that it only runs.")] = 30,
    rate: Annotated[float, typer.Option(help="Transactions a second.")] = 10,
    people: Annotated[int, typer.Option(help="How many persons make them in turn.")] = 1000,
    events: Annotated[int, typer.Option(help="How many events are consumed; half as many are published.")] = 100_000,
    stored: Annotated[
        int,
        typer.Option(help="How many requests `growth` stores first: some 120 rows each; 400,000 need more than 31 GB."),
    ] = 100_000,
    find_max: Annotated[bool, typer.Option("--find-max", help="Raise the rate until p99 exceeds a second.")] = False,
    noisy: Annotated[bool, typer.Option("--noisy", help="Count rounds in which others used the machine.")] = False,
    results: Annotated[Path, typer.Option(help="Where the results go.")] = report.FOLDER,
) -> None:
    """Measure the product and, in turn with it, its limits."""
    chosen = [scenario for scenario in ALL if not scenarios or scenario.name in scenarios]
    if unknown := set(scenarios or ()) - {scenario.name for scenario in ALL}:
        raise typer.BadParameter(f"there is no scenario {', '.join(sorted(unknown))}; there are {NAMES}")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that has just begun knows no leaders yet
    options = Options(rounds, seconds, warm_up, rate, people, events, stored, find_max)
    lab = Lab(options, lambda text: _console.print(f"[dim]{text}[/dim]"))
    void = False
    for scenario in chosen:
        _console.rule(scenario.name)
        described = machine.describe()
        samples = uvloop.run(scenario.run(lab))
        for sample in samples:
            sample.problems += [] if noisy else sample.noise
        _console.print(report.write(scenario, samples, options, described, results))
        void |= not all(sample.is_valid for sample in samples)
    raise typer.Exit(1 if void else 0)


if __name__ == "__main__":
    app()
