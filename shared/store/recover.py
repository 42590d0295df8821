"""Takes events that a restored log has lost back from the topic, as they were (ADR 24).

What was published is recorded again with its id, number and time, and what follows from it in the service — state,
projections, its own reactions — with it, as when it first happened. What was sealed was not published: it is taken
from the aggregate's snapshot where that says all of it, and else reads `ERASED`, as if the person had been erased.
Nothing is decided anew and nothing is done outside here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from shared.contracts.envelope import UnknownSchemaVersion, event_in
from shared.contracts.event import Event, Recorded
from shared.contracts.personal import ERASED, codec_of
from shared.functions import Decider, Service, Snapshot
from shared.store import jobs
from shared.store.keyring import Boxes
from shared.store.shell import Shell
from shared.store.statements import SQL
from shared.store.states import load_states
from shared.store.types import AnyConnection
from shared.store.work import Draft, Loaded
from shared.store.writer import Writer

PAGE = 500
FORGOTTEN = "others would be told that the person is forgotten, because what was sealed is lost"
AnyDecider = Decider[Any, Any, Any, Any]
Envelope = Mapping[str, Any]


@dataclass
class Plan:
    """What can be taken back, in an order in which it can have happened, and what cannot, each with the reason.

    `veiled`: those of the first that have lost what was sealed in them. `to_ask`: the aggregates of those that cannot
    be taken back unless their snapshot says what was sealed.
    """

    events: list[tuple[AnyDecider, Recorded[Event], Envelope]] = field(default_factory=list)
    refused: list[tuple[Envelope, str]] = field(default_factory=list)
    veiled: list[Recorded[Event]] = field(default_factory=list)
    to_ask: set[UUID] = field(default_factory=set)


async def plan(shell: Shell, missing: Iterable[Envelope], snapshots: Mapping[UUID, Envelope] | None = None) -> Plan:
    """Looks at events that the log has not; only reads. Of an aggregate all is taken back, or nothing.

    `snapshots`: the newest of some aggregates, as they were published. An older event is told with the newest contacts
    and facts then: what was in between is lost.
    """
    found, newest = Plan(), snapshots or {}
    by_key: dict[UUID, list[Envelope]] = {}
    for envelope in missing:
        by_key.setdefault(UUID(envelope["key"]), []).append(envelope)
    last = {row["aggregate_id"]: row["sequence"] for row in await shell.parts.pool.fetch(SQL["log_ends"], list(by_key))}
    for key, envelopes in by_key.items():
        envelopes.sort(key=lambda envelope: int(envelope["sequence"]))
        why = _why_not(shell.service, envelopes, last.get(key, 0), newest.get(key))
        if why is not None:
            found.refused += [(envelope, why) for envelope in envelopes]
            found.to_ask |= {key} if why == FORGOTTEN else set()
            continue
        for envelope in envelopes:
            event = _read(envelope, newest.get(key))
            found.events.append((_decider_of(shell.service, event.data), event, envelope))
            found.veiled += [event] if _is_veiled(event.data) else []
    found.events.sort(key=lambda one: (one[1].time, one[1].sequence))
    return found


async def take_back(shell: Shell, planned: Plan) -> int:
    """Records what can be taken back, and remembers what is left behind; returns how many events were recorded.

    A transaction a page: after a crash the rest is still missing, and is planned again.
    """
    done = 0
    for start in range(0, len(planned.events), PAGE):
        page = planned.events[start : start + PAGE]
        async with shell.parts.pool.acquire() as connection, connection.transaction():
            await _record(shell, connection, page)
            await _remember(connection, [envelope for _, _, envelope in page], is_in_log=True)
        done += len(page)
    if planned.refused:
        async with shell.parts.pool.acquire() as connection, connection.transaction():
            await _remember(connection, [envelope for envelope, _ in planned.refused], is_in_log=False)
    return done


def _why_not(service: Service, envelopes: Sequence[Envelope], last: int, snapshot: Envelope | None) -> str | None:
    """Why the lost events of an aggregate cannot be taken back; None where they can."""
    if envelopes[0]["sequence"] <= last:
        return "its number was given to another event since"
    if [envelope["sequence"] for envelope in envelopes] != list(range(last + 1, last + 1 + len(envelopes))):
        return "an event before it is nowhere"
    for envelope in envelopes:
        try:
            event = _read(envelope, snapshot).data
        except (UnknownSchemaVersion, ValidationError):
            return "this release cannot read it"
        decider = _decider_of(service, event)
        published = service.snapshot_of(decider)
        if _is_veiled(event) and published is not None and not _is_gone(published, snapshot, envelopes[-1]):
            return FORGOTTEN
    return None


def _read(envelope: Envelope, snapshot: Envelope | None) -> Recorded[Event]:
    """An event as it was published; what was sealed in it is taken from a snapshot that is no older and says it all."""
    event = event_in(envelope)
    private = codec_of(type(event.data)).private
    told = snapshot["data"] if snapshot is not None and snapshot["sequence"] >= event.sequence else {}
    if not private or not told.keys() >= set(private):
        return event
    data = type(event.data).model_validate({**envelope["data"], **{name: told[name] for name in private}})
    return replace(event, data=data)


def _is_gone(published: Snapshot, snapshot: Envelope | None, newest: Envelope) -> bool:
    """Whether others have been told that it is forgotten, and nothing has happened to it since."""
    is_told = snapshot is not None and snapshot["type"] == published.gone.type
    return is_told and snapshot is not None and int(snapshot["sequence"]) >= int(newest["sequence"])


def _is_veiled(event: Event) -> bool:
    return any(getattr(event, name) is ERASED for name in codec_of(type(event)).private)


def _decider_of(service: Service, event: Event) -> AnyDecider:
    return next(decider for decider in service.deciders if type(event) in decider.events)


async def _record(
    shell: Shell, connection: AnyConnection, page: Sequence[tuple[AnyDecider, Recorded[Event], Envelope]]
) -> None:
    writer = _AsPublished(shell, connection, {event.id: envelope for _, event, envelope in page})
    states: dict[tuple[str, UUID], Loaded] = {}
    for decider in {decider for decider, _, _ in page}:
        ids = {event.aggregate_id for of, event, _ in page if of is decider}
        loaded, _ = await load_states(shell.parts, connection, decider, ids, skip_locked=False)
        states |= {(decider.name, id): loaded.get(id, Loaded(decider.initial, 0, None)) for id in ids}
    for decider, event, _ in page:
        before = states[decider.name, event.aggregate_id]
        state = decider.evolve(before.state, event.data)
        after = Loaded(state, event.sequence, before.correlation_id or event.origin.correlation_id)
        states[decider.name, event.aggregate_id] = after
        draft = Draft(events=[(decider.name, event)])
        draft.rows += [row for project in shell.service.projections.of(type(event.data)) for row in project(event)]
        if shell.service.reacts_to(type(event.data)):
            draft.jobs.append(jobs.own_event(event))
        writer.add(draft, {(decider.name, event.aggregate_id): (before, after)})
    await writer.flush()


async def _remember(connection: AnyConnection, envelopes: Sequence[Envelope], *, is_in_log: bool) -> None:
    ids, causes = [envelope["id"] for envelope in envelopes], [envelope["causation_id"] for envelope in envelopes]
    await connection.execute(SQL["add_recovered"], ids, causes, [is_in_log] * len(ids))


class _AsPublished(Writer):
    """Writes the log's rows as the topic has them, also what another release has written otherwise than this would."""

    def __init__(self, shell: Shell, connection: AnyConnection, published: Mapping[UUID, Envelope]) -> None:
        super().__init__(shell.parts, connection, shell.parts.clock.now())
        self._published = published

    def _log_rows(self, events: Sequence[tuple[str, Recorded[Event]]], boxes: Boxes) -> list[dict[str, Any]]:
        rows = super()._log_rows(events, boxes)
        return [{**row, "data": self._published[row["id"]]["data"]} for row in rows]
