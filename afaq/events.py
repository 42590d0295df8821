"""What events tell: the story of a request, its traces as trees, and events as they happen."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.tree import Tree

from afaq.access import LOCAL, open_shell
from afaq.local.errors import StackError

app = typer.Typer(no_args_is_help=True, help=__doc__)
RequestName = Annotated[str, typer.Argument(help="a request's id, or its reference: AFQ-2345-6789")]


@app.command()
def story(
    request: RequestName,
    language: Annotated[str, typer.Option(help="en or ar")] = "en",
    *,
    facts: Annotated[bool, typer.Option("--facts", help="Show the facts that rules have read: personal data.")] = False,
) -> None:
    """Tell what has happened to a request across all services, who had it how long, and what it waits for."""
    from afaq.cli import run

    run(_story(request, language, facts=facts))


async def _story(name: str, language: str, *, facts: bool) -> int:
    from afaq.story import OWNERS, story_of
    from shared.kernel.text import Language

    reader, console = Language(language), Console()
    told = await story_of(name)
    table = Table("when", "after", "service", "what", "who", title=f"{told.reference}  {told.request_id}")
    began = told.entries[0].at
    for entry in told.entries:
        why = "".join(_why(rule, facts=facts) for rule in entry.rules)
        who = entry.actor.partition("/")[0] + (" for somebody" if entry.on_behalf_of else "")
        after = f"{(entry.at - began).total_seconds():.2f} s"
        table.add_row(f"{entry.at:%H:%M:%S}", after, entry.service, entry.words.in_language(reader) + why, who)
    console.print(table)
    for owner, held in told.held.items():
        console.print(f"{OWNERS[owner].in_language(reader)}: {held.total_seconds():.1f} s")
    waits = "nobody" if told.waits_for is None else OWNERS[told.waits_for].in_language(reader)
    console.print(f"{told.status}; waits for {waits}")
    return 0


def _why(rule: Any, *, facts: bool) -> str:
    read = f" {dict(rule.facts)}" if facts else ""
    return f"\n  {'✓' if rule.passed else '✗'} {rule.rule_id}{read}"


@app.command()
def trace(
    request: RequestName,
    directory: Annotated[Path | None, typer.Option(help="The local stack's directory.")] = None,
) -> None:
    """Draw the traces of a request: each thing that a process did, under what had caused it."""
    from afaq.cli import run

    run(_trace(request, directory))


async def _trace(name: str, directory: Path | None) -> int:
    from afaq.story import find_request
    from afaq.traces import read_spans, services_of, trees_of

    async with open_shell("requests") as shell:
        own = await shell.history(await find_request(shell, name))
        events = await shell.transaction(*{event.origin.correlation_id for event in own})
    wanted = {e.origin.traceparent.split("-")[1] for e in events if e.origin.traceparent}
    folder = (directory or _running()) / "traces"
    spans = read_spans(folder, {f"0x{trace}" for trace in wanted})
    if not spans:
        raise StackError(
            f"No spans of this request are in {folder}: it was not sampled, or they are exported elsewhere."
        )
    console = Console()
    for root in trees_of(spans):
        tree = Tree(_label(root, root.began_at))
        _grow(tree, root, root.began_at)
        console.print(tree)
    counts = ", ".join(f"{service} {count}" for service, count in sorted(services_of(spans).items()))
    console.print(f"{len(spans)} spans in {len(wanted)} traces: {counts}")
    return 0


def _grow(tree: Tree, span: Any, began_at: datetime) -> None:
    for child in span.children:
        _grow(tree.add(_label(child, began_at)), child, began_at)


def _label(span: Any, began_at: datetime) -> str:
    after = (span.began_at - began_at).total_seconds() * 1000
    took = span.took.total_seconds() * 1000
    return f"[bold]{span.name}[/bold]  [cyan]{span.service}[/cyan]  [dim]+{after:.0f} ms, {took:.1f} ms[/dim]"


def _running() -> Path:
    found = next((directory for directory in LOCAL if (directory / "stack.json").exists()), None)
    if found is None:
        raise StackError("No local stack runs here: name its directory with --directory.")
    return found


@app.command()
def tail(
    type: Annotated[str | None, typer.Option(help="Only types that begin so: requests.offer")] = None,
    person: Annotated[str | None, typer.Option(help="Only what names this person's id.")] = None,
    request: Annotated[str | None, typer.Option(help="Only what names this request's id, or belongs to it.")] = None,
    *,
    from_start: Annotated[bool, typer.Option("--from-start", help="From the first event on.")] = False,
    until_now: Annotated[bool, typer.Option("--until-now", help="End with the newest event.")] = False,
) -> None:
    """Follow the events of all services as they are published."""
    from afaq.cli import run

    run(_tail(type, person, request, from_start=from_start, until_now=until_now))


async def _tail(type: str | None, person: str | None, request: str | None, *, from_start: bool, until_now: bool) -> int:
    from afaq.following import Following, matches

    console, transactions = Console(), set[str]()
    async with Following(from_start=from_start or until_now, until_now=until_now) as events:
        async for event in events:
            if matches(event, type=type, person=person, request=request, transactions=transactions):
                late = (datetime.now(UTC) - event.time).total_seconds() * 1000
                console.print(
                    f"{event.time:%H:%M:%S.%f} [cyan]{event.type}[/cyan] {event.subject} [dim]{late:.0f} ms[/dim]"
                )
                console.print_json(data=event.data, indent=None)
    return 0
