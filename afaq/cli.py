"""The command `afaq`: a local stack, the services, and operators' tools. Heavy parts are imported by who needs them."""

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from afaq import catalogue, documents, events, parked, replay
from afaq.secrets import command as secrets
from afaq.services import NAMES

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__.partition(":")[0] + ".")
app.add_typer(events.app, name="events")
app.add_typer(parked.app, name="parked")
app.add_typer(replay.app, name="replay")
app.add_typer(catalogue.app, name="catalogue")
app.add_typer(documents.app, name="docs")
app.add_typer(secrets.app, name="secrets")
clock_app = typer.Typer(no_args_is_help=True, help="The clock of a local stack.")
app.add_typer(clock_app, name="clock")

REFUSED = "see that the brokers run, and that who asks is an administrator (AFAQ_KAFKA_…, deploy/README.md)."
DEFAULT_DIRECTORY = Path(".afaq")
Directory = Annotated[Path, typer.Option(help="Where the local stack keeps its data.")]
Role = Annotated[str, typer.Option(help="api answers HTTP, worker does the rest, all does both.")]


@app.callback()
def _begin() -> None:
    from shared.runtime.settings import read_secret_files

    try:
        read_secret_files(os.environ)
    except OSError as error:
        typer.secho(f"The secrets cannot be read: {error}. Mend AFAQ_SECRETS_DIRECTORY.", fg="red", err=True)
        raise typer.Exit(1) from None


def run(main: Coroutine[Any, Any, int]) -> None:
    """Runs a command; what goes wrong in a way that people can mend is one sentence, not a traceback."""
    from afaq.local.errors import StackError

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of retries that a starting broker needs
    try:
        code = asyncio.run(main)
    except StackError as error:
        typer.secho(str(error), fg="red", err=True)
        code = 1
    except KeyboardInterrupt:
        code = 130
    raise typer.Exit(code)


@app.command()
def up(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """Start the whole platform on this machine and keep it running until Ctrl-C."""
    run(_up(directory))


async def _up(directory: Path) -> int:
    from afaq.local.stack import Stack

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stack = Stack(directory, say=_say, echo=True)
    starting = asyncio.create_task(stack.start())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return 130
    endpoints = await starting
    for name in NAMES:
        _say(f"{name:14} {endpoints.urls[name]}/docs")
    _say(f"{'simulators':14} {endpoints.urls['simulators']}/agency/  (gateway: /knet)")
    _say(f"{'kafka':14} {endpoints.kafka}")
    _say("Ctrl-C stops everything; the data stays in " + str(directory))
    await stopping
    _say("stopping")
    await stack.stop()
    return 0


@app.command()
def demo(
    directory: Directory = Path(".afaq/demo"),
    persons: Annotated[int, typer.Option(help="How many synthetic persons are registered.", min=52, max=3000)] = 300,
    at_once: Annotated[int, typer.Option(help="How many of them renew their licence at once.", min=1)] = 50,
) -> None:
    """Show a licence renewed, a birth and what follows, fifty renewals at once, and what a death stops."""
    from afaq.demo.show import show

    run(show(directory, persons=persons, at_once=at_once))


def _service_command(name: str) -> None:
    @app.command(name, help=f"Run a process of the service {name}.")
    def _(role: Role = "all") -> None:
        import uvloop

        from afaq.services import compose
        from shared.messaging.brokers import Brokers
        from shared.runtime.process import Role as ProcessRole
        from shared.runtime.process import run_process

        with _what_is_wrong_is_said(name, f"AFAQ_{name.upper()}_"):
            composed = compose(name)
        with _what_is_wrong_is_said(name, "AFAQ_KAFKA_"):
            brokers = None if role == ProcessRole.API else Brokers()
        uvloop.run(run_process(composed, ProcessRole(role), brokers))


@contextmanager
def _what_is_wrong_is_said(name: str, prefix: str) -> Iterator[None]:
    from pydantic import ValidationError

    from afaq.access import what_is_wrong

    try:
        yield
    except ValidationError as error:
        typer.secho(f"{name} cannot start; {what_is_wrong(error, prefix)}", fg="red", err=True)
        raise typer.Exit(1) from None


for _name in NAMES:
    _service_command(_name)


@app.command()
def migrate(
    services: Annotated[list[str] | None, typer.Argument(help="All of them by default.")] = None,
    *,
    contract: Annotated[
        bool,
        typer.Option("--contract", help="Also take away what only earlier releases read: none runs or comes back."),
    ] = False,
) -> None:
    """Bring databases up to date: AFAQ_<SERVICE>_OWNER_DSN changes them for the user of AFAQ_<SERVICE>_POSTGRES_DSN."""
    run(_migrate(services or list(NAMES), contract=contract))


async def _migrate(names: list[str], *, contract: bool) -> int:
    from urllib.parse import urlsplit

    from afaq.services import migrations_of
    from shared.store.migrate import migrate as bring_up_to_date

    for name in names:
        owner, app_dsn = (os.environ[f"AFAQ_{name.upper()}_{role}_DSN"] for role in ("OWNER", "POSTGRES"))
        role = urlsplit(app_dsn).username or ""
        applied = await bring_up_to_date(owner, name, migrations_of(name), app_role=role, contract=contract)
        _say(f"{name}: {', '.join(applied) or 'up to date'}")
    return 0


@app.command()
def top(
    at: Annotated[
        list[str] | None, typer.Option(help="service=address of a process; the local stack's without any.")
    ] = None,
) -> None:
    """Watch rates, lags, backlogs and slow work on a live screen."""
    from afaq.access import LOCAL, running_stack
    from afaq.top import Top

    named = dict(place.split("=", 1) for place in at or ())
    if not named:
        running = next((found for found in LOCAL if (found / "stack.json").exists()), DEFAULT_DIRECTORY)
        named = {name: running_stack(running)["urls"][name] for name in NAMES}
    Top(named).run()


@app.command()
def status(
    folder: Annotated[Path, typer.Argument(help="Where the page is written; any web server may hand it out.")],
    at: Annotated[
        list[str] | None, typer.Option(help="service=address as people reach it; the local stack's without any.")
    ] = None,
    prometheus: Annotated[str | None, typer.Option(help="Address of a Prometheus that watches the platform.")] = None,
    every: Annotated[
        float | None, typer.Option(help="Seconds after which it is written again, until Ctrl-C; once without.", min=5)
    ] = None,
) -> None:
    """Write the public page of how each journey does, from what the services and Prometheus say."""
    run(_status(folder, at or (), prometheus, every))


async def _status(folder: Path, at: Sequence[str], prometheus: str | None, every: float | None) -> int:
    from datetime import UTC, datetime

    from afaq.access import LOCAL, running_stack
    from afaq.status.asked import look
    from afaq.status.journeys import journeys
    from afaq.status.page import write

    addresses = dict(place.split("=", 1) for place in at if "=" in place)
    if not at:
        running = next((found for found in LOCAL if (found / "stack.json").exists()), DEFAULT_DIRECTORY)
        addresses = {name: running_stack(running)["urls"][name] for name in NAMES}
    missing = [name for name in NAMES if name not in addresses]
    if missing:
        raise typer.BadParameter(f"say where each service is, --at {missing[0]}=https://…")
    while True:
        found = await look(journeys(), addresses, prometheus, datetime.now(UTC))
        write(folder, journeys(), found)
        _say(", ".join(f"{id} {state}" for id, state in found.states.items()))
        if every is None:
            return 0
        await asyncio.sleep(every)


@app.command()
def doctor(
    services: Annotated[
        list[str] | None, typer.Argument(help="Of these services; without it, of those whose databases we are told of.")
    ] = None,
) -> None:
    """Check a deployment and say what to do; exit 1 where something is wrong."""
    if unknown := set(services or ()) - set(NAMES):
        raise typer.BadParameter(f"there is no service {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    run(_doctor(services))


async def _doctor(services: Sequence[str] | None) -> int:
    from rich.console import Console

    from afaq.doctor import examine, known_here

    console, wrong = Console(), 0
    names = services or known_here()
    async for finding in examine(names):
        place = f"{finding.place:14} {finding.what:22}"
        if finding.wrong is None:
            console.print(f"{place} [green]well[/green]")
            continue
        wrong += 1
        console.print(f"{place} [red]{finding.wrong}[/red]\n{'':38}{finding.do}")
    console.print("all is well" if not wrong else f"{wrong} things are wrong")
    if len(names) < len(NAMES):
        console.print(f"looked at {', '.join(names)}, and at the topics that they write and read; at nothing else")
    return 1 if wrong else 0


@app.command()
def audit(
    acknowledged: Annotated[
        Path | None, typer.Option(help="Ids of requests that clients were told are accepted, one a line.")
    ] = None,
    patience: Annotated[float, typer.Option(help="Seconds for which what is on its way may arrive.", min=0)] = 20,
) -> None:
    """Check what must always hold, from databases, topics and ledgers; only reads; exit 1 on a violation."""
    from afaq.audit.command import audit_here

    known = acknowledged.read_text().split() if acknowledged else []
    run(audit_here(frozenset(UUID(id) for id in known), patience))


@app.command()
def topics() -> None:
    """Create the topics that are missing on AFAQ_KAFKA_BOOTSTRAP."""
    run(_topics())


async def _topics() -> int:
    from aiokafka.errors import KafkaError

    from afaq.access import brokers_here
    from afaq.local.errors import StackError
    from shared.messaging.topics import create_topics

    try:
        created = await create_topics(brokers_here())
    except KafkaError as error:
        raise StackError(f"The topics were not created ({error}): {REFUSED}") from None
    _say(", ".join(created) or "all topics are there")
    return 0


@app.command("kafka-access")
def kafka_access() -> None:
    """Set the passwords and permissions of Kafka's users to what the services declare, as an administrator."""
    run(_kafka_access())


async def _kafka_access() -> int:
    from confluent_kafka import KafkaException

    from afaq.access import brokers_here
    from afaq.kafka_access import accesses, passwords_told
    from afaq.local.errors import StackError
    from shared.messaging.access import put_in_force

    try:
        await put_in_force(accesses(), passwords_told(), brokers_here())
    except KafkaException as error:
        raise StackError(f"The permissions were not set ({error.args[0].str()}): {REFUSED}") from None
    _say("every user may do what is declared, and no more")
    return 0


@app.command()
def sizing(
    transactions_per_day: Annotated[float, typer.Option(min=1)],
    peak_factor: Annotated[float, typer.Option(help="The busiest second, in mean seconds.", min=1)] = 30,
    persons: Annotated[float, typer.Option(help="How many are registered.", min=0)] = 0,
    years: Annotated[float, typer.Option(help="For how long the disks are to last.", min=0)] = 1,
) -> None:
    """Say what so many transactions a day need: processes, databases, brokers, partitions."""
    from rich.console import Console

    from afaq.sizing import Load, size, tables

    load = Load(transactions_per_day, peak_factor, persons, years)
    for table in tables(load, size(load)):
        Console().print(table)


@app.command()
def urls(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """Print where the running local stack listens, for a shell to evaluate."""
    run(_urls(directory))


async def _urls(directory: Path) -> int:
    from afaq.access import running_stack

    for name, url in running_stack(directory)["urls"].items():
        typer.echo(f"export {name.upper().replace('-', '_')}={url}")
    return 0


@clock_app.command()
def advance(
    days: Annotated[float, typer.Option(min=0)] = 0,
    minutes: Annotated[float, typer.Option(min=0)] = 0,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Move the time of a local stack forwards: its timers come due as if the time had passed."""
    from shared.kernel.clock import MovableClock

    clock = MovableClock(directory / "clock-offset")
    clock.advance(timedelta(days=days, minutes=minutes))
    _say(f"it is {clock.now():%Y-%m-%d %H:%M} UTC for this stack")


def _say(text: str) -> None:
    typer.secho(f"afaq  {text}", fg="cyan")
