"""Rows of the one `jobs` table: what each kind of job looks like, and how long it waits."""

import traceback
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python

from shared.contracts.event import Event, Origin, Recorded
from shared.functions import EffectHandler, ForEach, Perform, Send
from shared.kernel.ids import derive_id
from shared.store.work import ClaimedJob, Deferred, Foreign

OWN_EVENTS = "own"
NOT_YET_PATIENCE = timedelta(minutes=10)
MAX_CLAIMS = 5
"""A job of pure functions that was claimed this often without an end kills its process: it is parked."""


def own_event(event: Recorded[Event]) -> dict[str, Any]:
    """An own event to be reacted to; the log holds it."""
    return _row(
        derive_id("reactions", event.id),
        "event",
        event.data.type,
        event.aggregate_id,
        {"sequence": event.sequence},
        event.caused(),
        event.time,
        lane=OWN_EVENTS,
    )


def timer(id: UUID, send: Send, origin: Origin) -> dict[str, Any]:
    """A message at an instant."""
    assert send.at is not None
    name = type(send.message).__name__
    payload = {
        "decider": send.decider.name,
        "message": send.decider.messages[name].dump_python(send.message, mode="json"),
    }
    return _row(id, "message", name, send.aggregate_id, payload, origin, send.at)


def effect(id: UUID, step: Perform, handler: EffectHandler, key: UUID, origin: Origin, now: datetime) -> dict[str, Any]:
    """An effect; effects of one class and key keep their order."""
    name = type(step.effect).__name__
    payload = handler.adapter.dump_python(step.effect, mode="json")
    lane = f"{name}/{step.lane}" if step.lane else name
    return _row(id, "effect", name, key, payload, origin, step.at or now, lane=lane, target=handler.target)


def walk(id: UUID, step: ForEach, origin: Origin, now: datetime) -> dict[str, Any]:
    """A walk over rows: its cursor, what it has done and its pace are in the payload, for operators to see and set."""
    name = type(step.message).__name__
    payload = {
        "table": step.table,
        "by": step.by,
        "equals": str(step.equals),
        "decider": step.decider.name,
        "message": step.decider.messages[name].dump_python(step.message, mode="json"),
        "cursor": str(UUID(int=0)),
        "done": 0,
        "pause_seconds": 0,
    }
    return _row(id, "walk", name, step.equals, payload, origin, now)


def foreign_event(foreign: Foreign, origin: Origin, deferred: Deferred, run_at: datetime) -> dict[str, Any]:
    """Another service's event that waits here; its lane is its topic, so that its key keeps its order."""
    row = _row(
        derive_id("foreign", foreign.topic.name, foreign.envelope["id"]),
        "foreign_event",
        foreign.envelope["type"],
        foreign.key,
        foreign.envelope,
        origin,
        run_at,
        lane=foreign.topic.name,
        place=foreign.sequence,
    )
    state = "parked" if deferred.parked else "live"
    return {**row, "state": state, "reason": deferred.reason, "error": deferred.error}


def origin_of(job: ClaimedJob) -> Origin:
    """The origin that a job was planned with."""
    causation = job.origin.get("causation_id")
    return Origin(
        correlation_id=UUID(job.origin["correlation_id"]),
        causation_id=UUID(causation) if causation else None,
        actor=job.origin["actor"],
        on_behalf_of=job.origin.get("on_behalf_of"),
        traceparent=job.origin.get("traceparent"),
        urgent=job.urgent,
    )


def not_yet_delay(waited: timedelta) -> timedelta:
    """How long an event waits for what it refers to: as long again as it has waited, from 50 ms to 5 s."""
    return min(timedelta(seconds=5), max(timedelta(milliseconds=50), waited))


def retry_delay(attempts: int) -> timedelta:
    """How long an effect waits after a fault: 1 s, doubling to 5 minutes."""
    return timedelta(seconds=min(300.0, 2.0 ** (min(attempts, 10) - 1)))


def where(error: BaseException) -> str:
    """The place where an error was raised: file, line and function, never its text, which may hold personal data."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "raised outside of any function"
    last = frames[-1]
    return f"{last.filename.rsplit('/', 1)[-1]}:{last.lineno} in {last.name}"


def _row(
    id: UUID,
    kind: str,
    name: str,
    key: UUID,
    payload: Any,
    origin: Origin,
    run_at: datetime,
    *,
    lane: str | None = None,
    place: int = 0,
    target: str | None = None,
) -> dict[str, Any]:
    return {
        "id": id,
        "kind": kind,
        "name": name,
        "lane": lane,
        "place": place,
        "key": key,
        "payload": payload,
        "origin": to_jsonable_python(origin),
        "target": target,
        "state": "live",
        "reason": None,
        "error": None,
        "attempts": 0,
        "run_at": run_at,
        "urgent": origin.urgent,
    }
