"""Replays: what has happened is computed, written out or published again. A replay never runs an effect."""

import gc
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from pydantic_core import to_json
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from afaq.access import brokers_here, open_shell
from afaq.local.errors import StackError
from afaq.services import NAMES, functions_of
from shared.contracts.topics import TOPICS, Topic
from shared.messaging.brokers import Brokers
from shared.messaging.consumer import group_of
from shared.messaging.rewind import GroupIsAtWork, Move, move_group
from shared.store.chosen import Choice, count
from shared.store.chosen import export as export_events
from shared.store.replay import Comparison, verify_states
from shared.store.replay import Progress as Tell
from shared.store.shell import Shell
from shared.store.statements import SQL

if TYPE_CHECKING:
    from shared.store.recover import Plan

app = typer.Typer(no_args_is_help=True, help=__doc__)
REST = 2.0
"""A rebuild works for a third of its time, and gives way to all other programs, unless it is to be fast."""
Services = Annotated[list[str] | None, typer.Argument(help="All of them by default.")]
ServiceName = Annotated[str, typer.Option("--service", help="identity, requests, payments or notifications")]
Sure = Annotated[bool, typer.Option("--yes", help="Do it; without, it is only said what would be done.")]
From = Annotated[
    str | None, typer.Option("--from", help="An instant, 2026-01-31T08:00:00Z; UTC where no zone is named.")
]
To = Annotated[str | None, typer.Option("--to", help="An instant: what was recorded before it.")]
Type = Annotated[str | None, typer.Option("--type", help="Only types that begin so: payments.payment.captured")]


@app.command()
def verify(services: Services = None) -> None:
    """Fold every aggregate from the log and compare it with its row; exit 1 where any differs."""
    from afaq.cli import run

    run(_verify(services or list(NAMES)))


async def _verify(services: list[str]) -> int:
    console, differing = Console(), 0
    for name in services:
        async with open_shell(name) as shell:
            with showing(f"{name}: folding", await _length(shell)) as tell:
                began = time.perf_counter()
                found = await verify_states(shell, tell)
                seconds = time.perf_counter() - began
        differing += len(found.differing)
        _report(console, name, found, seconds)
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
def rebuild(
    projection: Annotated[str, typer.Argument(help="The projection's table: transfers")],
    service: ServiceName,
    *,
    pass_over: Annotated[
        bool, typer.Option("--pass-over", help="Go on without events that cannot be projected; they are named.")
    ] = False,
    fast: Annotated[
        bool, typer.Option("--fast", help="Without rests; people who use the service meanwhile may wait.")
    ] = False,
    sure: Sure = False,
) -> None:
    """Compute a projection's table again from all that has happened, while its service works, and swap the tables."""
    from afaq.cli import run

    rest = 0.0 if fast else REST
    run(_rebuild(service, projection, pass_over=pass_over, rest=rest) if sure else _foresee(service, projection))


async def _foresee(name: str, table: str) -> int:
    from shared.store.rebuild import RebuildRefused, prospect

    async with open_shell(name) as shell:
        try:
            found = await prospect(shell, table)
        except RebuildRefused as refusal:
            raise StackError(str(refusal)) from None
    sources = ", ".join([f"up to {found.events} events of the log", *found.topics])
    Console().print(f"{table}: {found.rows} rows, to be computed again from {sources}")
    Console().print("Nothing was changed. Say --yes to do it.")
    return 0


async def _rebuild(name: str, table: str, *, pass_over: bool, rest: float) -> int:
    from afaq.owners import owner_dsn_of
    from shared.messaging.topic_pages import TopicPages, TopicsUnreadable
    from shared.store.rebuild import RebuildRefused, topics_needed
    from shared.store.rebuild import rebuild as rebuild_table

    if rest:
        os.nice(10)
    async with open_shell(name) as shell:
        needed, owner_dsn = topics_needed(shell.service), owner_dsn_of(name)
        brokers = brokers_here() if needed else Brokers(bootstrap="nowhere")
        try:
            async with TopicPages(needed, brokers) as pages:
                with showing(f"{name}: projecting {table}", await _length(shell)) as tell:
                    began = time.perf_counter()
                    done = await rebuild_table(
                        shell, table, owner_dsn=owner_dsn, topics=pages, pass_over=pass_over, rest=rest, progress=tell
                    )
                    seconds = time.perf_counter() - began
        except (RebuildRefused, TopicsUnreadable) as refusal:
            raise StackError(str(refusal)) from None
    console = Console()
    console.print(
        f"{table}: {done.rows} rows from {done.events} events ({done.events / seconds:,.0f} events/s); "
        f"it was locked for {done.held_seconds * 1000:.0f} ms"
    )
    for passed_over in done.passed_over:
        console.print(f"  passed over: {passed_over}")
    return 0


@app.command()
def export(
    since: From = None,
    before: To = None,
    type: Type = None,
    person: Annotated[UUID | None, typer.Option(help="Only what names this person's id.")] = None,
    service: Annotated[list[str] | None, typer.Option(help="All of them by default, one after the other.")] = None,
    *,
    with_personal_data: Annotated[
        bool, typer.Option("--with-personal-data", help="Open what is sealed: mind where it goes.")
    ] = False,
) -> None:
    """Write events to standard output, a CloudEvent in JSON a line, in the order of their recording."""
    from afaq.cli import run

    choice = Choice(_instant(since), _instant(before), type)
    run(_export(service or list(NAMES), choice, person, with_personal_data=with_personal_data))


async def _export(services: list[str], choice: Choice, person: UUID | None, *, with_personal_data: bool) -> int:
    out = sys.stdout.buffer
    try:
        for name in services:
            async with open_shell(name) as shell:
                async for event in export_events(shell, choice, person=person, with_personal_data=with_personal_data):
                    out.write(to_json(event) + b"\n")
        out.flush()
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


@app.command()
def redrive(
    service: ServiceName,
    since: From = None,
    before: To = None,
    type: Type = None,
    id: Annotated[list[UUID] | None, typer.Option(help="Only events with this id; may be said again.")] = None,
    *,
    snapshots: Annotated[
        bool, typer.Option("--snapshots", help="The newest state of each aggregate instead, on its compacted topic.")
    ] = False,
    sure: Sure = False,
) -> None:
    """Publish events of the log again as they are; consumers drop what they know. Refills a topic that was lost."""
    from afaq.cli import run

    run(_redrive(service, Choice(_instant(since), _instant(before), type, id), snapshots=snapshots, sure=sure))


async def _redrive(name: str, choice: Choice, *, snapshots: bool, sure: bool) -> int:
    from shared.messaging.redrive import NotPublished, redrive_snapshots
    from shared.messaging.redrive import redrive as publish_again

    async with open_shell(name) as shell:
        counts = await _snapshots_of(shell) if snapshots else await count(shell, choice)
        total = sum(counts.values())
        topics = [snapshot.topic for snapshot in shell.service.snapshots] if snapshots else [shell.service.events]
        _say_counts(counts, f"{total} to {', '.join(topic.name for topic in topics) or 'no topic'}")
        if not sure:
            Console().print("Nothing was published. Say --yes to do it.")
            return 0
        try:
            with showing(f"{name}: publishing", total) as tell:
                if snapshots:
                    done = await redrive_snapshots(shell, tell)
                else:
                    done = await publish_again(shell, choice, brokers_here(), tell)
        except NotPublished as error:
            raise StackError(f"Not published: {error}.") from None
    Console().print(f"{done} published again")
    return 0


@app.command("to-group")
def to_group(
    group: Annotated[str, typer.Argument(help="A consumer group: afaq.payments")],
    topic: Annotated[list[str] | None, typer.Option(help="A service's group: all that it reads by default.")] = None,
    since: From = None,
    *,
    sure: Sure = False,
) -> None:
    """Put a consumer group that is stopped back to an instant, or without one to the start; never forward."""
    from afaq.cli import run

    run(_to_group(group, _topics_of(group, topic), _instant(since), sure=sure))


@app.command()
def rewind(
    service: Annotated[str, typer.Argument(help="identity, requests, payments or notifications")],
    *,
    sure: Sure = False,
) -> None:
    """`to-group` with the group of a service and all that it reads: after its database was restored from a backup."""
    from afaq.cli import run

    group = group_of(functions_of(service))
    run(_to_group(group, _topics_of(group, None), None, sure=sure))


@app.command()
def recover(
    service: Annotated[str, typer.Argument(help="identity, requests, payments or notifications")],
    *,
    since: Annotated[
        str | None, typer.Option("--from", help="Read the other topics again from this instant only; it is quicker.")
    ] = None,
    leave_behind: Annotated[
        bool, typer.Option("--leave-behind", help="Go on without the events that cannot be taken back.")
    ] = False,
    sure: Sure = False,
) -> None:
    """After a service's database was restored: take what it has published since back from its topic into its log."""
    from afaq.cli import run

    run(_recover(service, _instant(since), leave_behind=leave_behind, sure=sure))


async def _recover(name: str, since: datetime | None, *, leave_behind: bool, sure: bool) -> int:
    from shared.messaging.standing import compare, confirm, newest_snapshots
    from shared.messaging.topic_pages import TopicsUnreadable
    from shared.store.recover import plan, take_back

    console, brokers = Console(), brokers_here()
    try:
        async with open_shell(name) as shell:
            async with shell.parts.pool.acquire() as connection:
                found = await compare(connection, shell.service.events, brokers)
            planned = await plan(shell, found.missing)
            if planned.to_ask:
                topics = [snapshot.topic for snapshot in shell.service.snapshots]
                snapshots = await newest_snapshots(topics, planned.to_ask, brokers)
                planned = await plan(shell, found.missing, snapshots)
            _show_plan(console, planned)
            if planned.refused and not leave_behind:
                console.print("Nothing was changed: say --leave-behind to go on without what cannot be taken back.")
                return 1
            if not sure:
                console.print("Nothing was changed. Say --yes to do it.")
                return 0
            await move_group(group_of(shell.service), shell.service.reads, brokers, since=since)
            done = await take_back(shell, planned)
            async with shell.parts.pool.acquire() as connection:
                await confirm(connection, shell.service.events, brokers)
    except GroupIsAtWork:
        raise StackError(f"A process of {name} runs: stop all of them first.") from None
    except TopicsUnreadable as error:
        raise StackError(f"{error}.") from None
    console.print(f"{done} events were taken back; {name} reads its topics again, and drops what it knows. Start it.")
    return 0


def _show_plan(console: Console, planned: "Plan") -> None:
    counts = Counter(event.data.type for _, event, _ in planned.events)
    table = Table("taken back", "how many", "of them without what was sealed")
    for name, number in sorted(counts.items()):
        table.add_row(name, str(number), str(sum(event.data.type == name for event in planned.veiled)))
    console.print(table)
    for event in planned.veiled:
        console.print(f"without what was sealed: {event.data.type} of {event.aggregate_id}")
    for envelope, why in planned.refused:
        console.print(
            f"[red]not taken back:[/red] {envelope['type']} {envelope['sequence']} of {envelope['key']}: {why}"
        )


async def _to_group(group: str, topics: Sequence[Topic], since: datetime | None, *, sure: bool) -> int:
    service = _service_of(group)
    try:
        moves = await move_group(group, topics, brokers_here(), since=since, dry_run=not sure)
    except GroupIsAtWork:
        raise StackError(f"A process of {group} runs: stop all of them first.") from None
    console = Console()
    _show_moves(console, group, moves)
    if service is None:
        console.print(f"{group} is no service's group: whether it drops what it has seen is its own affair.")
    console.print("Done." if sure else "Nothing was changed. Say --yes to do it.")
    return 0


def _show_moves(console: Console, group: str, moves: Sequence[Move]) -> None:
    table = Table("topic", "partition", "stands at", "goes to", "again", title=group)
    for move in moves:
        stands_at = "-" if move.stands_at is None else str(move.stands_at)
        table.add_row(move.topic, str(move.partition), stands_at, str(move.goes_to), str(move.records))
    console.print(table)


def _topics_of(group: str, names: list[str] | None) -> Sequence[Topic]:
    service = _service_of(group)
    known = {topic.name: topic for topic in TOPICS} | {
        topic.name: topic for topic in (functions_of(service).reads if service else ())
    }
    if names is None:
        if service is None:
            raise typer.BadParameter("name its topics with --topic: it is no service's group")
        return functions_of(service).reads
    unknown = [name for name in names if name not in known]
    if unknown:
        raise typer.BadParameter(f"no topic of ours: {', '.join(unknown)}")
    return [known[name] for name in names]


def _service_of(group: str) -> str | None:
    return next((name for name in NAMES if group_of(functions_of(name)) == group), None)


async def _snapshots_of(shell: Shell) -> dict[str, int]:
    tables = [snapshot.decider.table for snapshot in shell.service.snapshots]
    return {table: await shell.parts.pool.fetchval(f"select count(*) from {table}") for table in tables}  # noqa: S608


async def _length(shell: Shell) -> int:
    """About how many events the log has: places that were never taken are few."""
    length: int = await shell.parts.pool.fetchval(SQL["log_end"])
    return length


def _say_counts(counts: dict[str, int], title: str) -> None:
    table = Table("what", "how many", title=title)
    for name, number in counts.items():
        table.add_row(name, str(number))
    Console().print(table)


@contextmanager
def showing(what: str, total: int) -> Iterator[Tell]:
    """A bar on the terminal's error output, away from what is written out, while much is dealt with.

    Python looks for cycles whenever many objects are made; a replay makes millions and no cycle, and is half as fast
    again without.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total or None)
        gc.disable()
        try:
            yield lambda done: progress.update(task, completed=done)
        finally:
            gc.enable()


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is no instant: 2026-01-31T08:00:00Z") from None
    return told if told.tzinfo else told.replace(tzinfo=UTC)
