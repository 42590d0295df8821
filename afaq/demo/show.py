"""`afaq demo`: a renewal event by event, a birth and what follows, fifty at once, a death, and what it all came to."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from afaq.audit.command import show as show_audited
from afaq.audit.local import audit_stack
from afaq.demo.birth import FEE_FILS, Told, be_born, register_parents
from afaq.demo.client import Api
from afaq.demo.death import die
from afaq.demo.people import SyntheticPerson, synthetic_people, the_parents
from afaq.demo.renewal import SERVICE, Renewed, renew
from afaq.demo.timeline import Timeline
from afaq.local.errors import StackError
from afaq.local.lock import owner_of
from afaq.local.stack import Endpoints, Stack
from afaq.local.unprivileged import remove_with_substitute

REGISTERING_AT_ONCE = 32
COLOURS = {"identity": "magenta", "requests": "cyan", "payments": "green", "notifications": "yellow"}
_console = Console(highlight=False)


async def show(directory: Path, *, persons: int, at_once: int) -> int:
    """Plays the demonstration on a stack of its own, which it ends. 0: all went as it should."""
    began = time.monotonic()
    owner = owner_of(directory)
    if owner is not None:
        raise StackError(f"A demonstration runs already, as process {owner.pid}.")
    for part in ("postgres", "kafka", "simulators", "papers", "traces", "logs"):
        remove_with_substitute(directory / part)
    _console.rule("Afaq: a licence, a birth and a death through four services")
    stack = Stack(directory, say=lambda text: _console.print(f"[dim]{text}[/dim]"), echo=False)
    try:
        endpoints = await stack.start()
        connector = aiohttp.TCPConnector(limit=200, keepalive_timeout=3)  # the servers close idle ones after 5 s
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=120)) as session:
            acknowledged = await _play(Api(endpoints.urls, session), endpoints, persons, at_once)
        await _audit(stack, endpoints, acknowledged)
    except (TimeoutError, aiohttp.ClientError) as error:
        raise StackError(f"The demonstration broke off ({type(error).__name__}); see {directory}/logs.") from error
    finally:
        await stack.stop()
    _console.print(f"\n[bold]All well after {time.monotonic() - began:.1f} s.[/bold] `make up` leaves a stack running.")
    return 0


async def _play(api: Api, endpoints: Endpoints, persons: int, at_once: int) -> frozenset[UUID]:
    """Plays it all; the renewals that people were told are accepted."""
    timeline = Timeline(endpoints.kafka, _tell)
    await timeline.start()
    try:
        today = datetime.now(UTC)
        people = synthetic_people(persons, today=today.date(), now=today.isoformat())
        fahad = await _register(api, people)
        _console.rule("Fahad renews his licence")
        _console.print(
            "[dim]indented: each event of his, and how long after its recording Kafka has brought it here[/dim]"
        )
        timeline.watch(fahad)
        first = await renew(
            api,
            people[0].civil_id,
            officer_is_played=True,
            say=lambda text: _narrate(f"Fahad {text}"),
            takes_the_offer=True,
        )
        await _rest(timeline)
        _console.rule("A child is born; nobody has to ask for anything")
        told = await _birth(api, endpoints, timeline)
        _console.rule("What Maryam and Khaled were sent, besides their inboxes")
        _show(told)
        _console.rule(f"{at_once} persons at once; the agency's desk decides by itself")
        many = await _many(api, endpoints, people[1 : at_once + 1])
        _console.rule("A death in the next family: what stops")
        await die(api, people[at_once + 1], _narrate)
        await _summarise(api, timeline, first, many)
        return frozenset(UUID(renewed.request_id) for renewed in (first, *many))
    finally:
        await timeline.stop()


async def _audit(stack: Stack, endpoints: Endpoints, acknowledged: frozenset[UUID]) -> None:
    """The auditor's word on all that has happened."""
    audited = await audit_stack(stack, endpoints, acknowledged=acknowledged)
    show_audited(_console, audited)
    if audited.violations:
        raise StackError("The auditor has found what must never be; see above.")


async def _birth(api: Api, endpoints: Endpoints, timeline: Timeline) -> list[Told]:
    people = the_parents()
    parents = await register_parents(api, people)
    timeline.watch(parents.maryam)
    told = await be_born(api, endpoints.urls, parents, people, _narrate)
    await _rest(timeline)
    return told


async def _rest(timeline: Timeline) -> None:
    await asyncio.sleep(0.3)  # the last events are still on their way to this screen
    timeline.watch(None)


async def _register(api: Api, people: Sequence[SyntheticPerson]) -> str:
    """Registers everybody; the id of the first."""
    registrar = await api.sign_in(role="registrar")
    gate = asyncio.Semaphore(REGISTERING_AT_ONCE)
    with Progress(console=_console, transient=True) as progress:
        bar = progress.add_task("registering synthetic persons", total=len(people))

        async def register(person: SyntheticPerson) -> str:
            async with gate:
                registered = await api.post("identity", "/persons", person.form, registrar)
                progress.advance(bar)
                return str(registered["id"])

        ids = await asyncio.gather(*(register(person) for person in people))
    _console.print(f"{len(people)} synthetic persons are registered; none of them can exist")
    token = await api.sign_in(civil_id=people[-1].civil_id)
    await api.until(lambda: _is_followed(api, token), "knowledge of the persons in requests")
    return ids[0]


async def _is_followed(api: Api, token: str) -> bool:
    found = await api.get("requests", "/eligibility", token)
    return any(service["service_id"] == SERVICE and service["eligible"] == "yes" for service in found)


async def _many(api: Api, endpoints: Endpoints, people: Sequence[SyntheticPerson]) -> list[Renewed]:
    await _desk(endpoints, automatic=True)
    with Progress(console=_console, transient=True) as progress:
        bar = progress.add_task("renewing", total=len(people))

        async def one(person: SyntheticPerson) -> Renewed:
            renewed = await renew(api, person.civil_id, officer_is_played=False, say=lambda _: None)
            progress.advance(bar)
            return renewed

        renewed = await asyncio.gather(*(one(person) for person in people))
    await _desk(endpoints, automatic=False)
    return renewed


async def _desk(endpoints: Endpoints, *, automatic: bool) -> None:
    """The agency's desk decides by itself, or waits for officers."""
    desk = {"automatic": automatic, "agency": "moi-traffic", "delay_seconds": 0.0, "reject_every": 0}
    async with aiohttp.request("PUT", f"{endpoints.urls['simulators']}/agency/switches", json=desk) as response:
        response.raise_for_status()


async def _summarise(api: Api, timeline: Timeline, first: Renewed, many: Sequence[Renewed]) -> None:
    operator = await api.sign_in(role="operator")
    ledger = await api.get("payments", "/ledger/balances", operator)
    everybody = [first, *many]
    _check(ledger, paid=len(everybody))
    table = Table(title="What it came to", show_header=False)
    table.add_row("Fahad: submit → document, all clicks included", f"{first.to_document_seconds * 1000:.0f} ms")
    table.add_row(f"{len(many)} at once: to the document, median", f"{_median(many):.2f} s")
    table.add_row(f"{len(many)} at once: to the inbox, slowest", f"{max(r.to_inbox_seconds for r in many):.2f} s")
    for service, count in sorted(timeline.counts.items()):
        table.add_row(f"events of {service}", str(count))
    table.add_row("documents issued and verified", str(len(everybody)))
    table.add_row("messages in inboxes", str(sum(renewed.messages for renewed in everybody)))
    for account in ledger["accounts"]:
        table.add_row(f"ledger, {account['account']}", f"{account['balance_fils']:,} fils")
    table.add_row("ledger, sum", f"sum {ledger['sum_fils']}")
    _console.print(table)


def _check(ledger: Any, *, paid: int) -> None:
    """The renewals' fees and the civil ID's are there; the one that was given back is not."""
    taken = {account["account"]: account["balance_fils"] for account in ledger["accounts"]}
    if ledger["sum_fils"] != 0 or taken.get("gateway") != paid * 10_000 + FEE_FILS:
        raise StackError(f"The ledger is not what {paid} fees of 10,000 fils and one of {FEE_FILS} make: {taken}.")


def _median(renewals: Sequence[Renewed]) -> float:
    return statistics.median(renewed.to_document_seconds for renewed in renewals)


def _narrate(text: str) -> None:
    who, _, what = text.partition(" ")
    _console.print(f"[bold]{who}[/bold] {what}" if who[:1].isupper() else text)


def _show(told: Sequence[Told]) -> None:
    """Messages word by word; a terminal that can writes the Arabic from right to left."""
    table = Table(show_lines=True)
    for heading in ("by", "to", "text"):
        table.add_column(heading)
    for message in told:
        table.add_row(message.channel, message.to, message.text)
    _console.print(table)


def _tell(service: str, what: str, latency_ms: float) -> None:
    colour = COLOURS[service]
    _console.print(f"   [{colour}]{service:14}[/{colour}] {what:26} [dim]{latency_ms:5.0f} ms[/dim]")
