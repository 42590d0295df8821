"""Something that has happened in a person's life, as a registry tells it: recorded, corrected, or annulled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from shared.contracts.identity import LifeEventAnnulled, LifeEventCorrected, LifeEventKind, LifeEventRecorded
from shared.contracts.personal import ERASED, Private, SubjectId
from shared.functions import Decider
from shared.kernel.errors import Refused
from shared.kernel.ids import derive_id

NOBODY = UUID(int=0)


class Status(StrEnum):
    """Where a life event stands."""

    UNKNOWN = "unknown"
    RECORDED = "recorded"
    ANNULLED = "annulled"


TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.UNKNOWN: frozenset({Status.RECORDED}),
    Status.RECORDED: frozenset({Status.ANNULLED}),
    Status.ANNULLED: frozenset(),
}


@dataclass(frozen=True)
class LifeEvent:
    """What a registry has told."""

    status: Status = Status.UNKNOWN
    kind: LifeEventKind = LifeEventKind.DEATH
    person_id: SubjectId = NOBODY
    occurred_at: Private[datetime] = ERASED


@dataclass(frozen=True)
class RecordLifeEvent:
    """A command of a registry: to tell the same twice is no harm."""

    kind: LifeEventKind
    person_id: UUID
    source: str
    noticed_at: datetime
    occurred_at: datetime


@dataclass(frozen=True)
class CorrectLifeEvent:
    """A command of the registry that has told it."""

    occurred_at: datetime


@dataclass(frozen=True)
class AnnulLifeEvent:
    """A command of the registry that has told it."""


Message = RecordLifeEvent | CorrectLifeEvent | AnnulLifeEvent
Event = LifeEventRecorded | LifeEventCorrected | LifeEventAnnulled


def life_event_id(source: str, number: str) -> UUID:
    """A registry's own number names the event, however often it is told."""
    return derive_id("life-event", source, number)


def decide(state: LifeEvent, message: Message) -> Sequence[Event]:
    """The rules of a life event."""
    match message:
        case RecordLifeEvent():
            return record(state, message)
        case CorrectLifeEvent(occurred_at):
            refuse_unless_recorded(state)
            if state.occurred_at == occurred_at:
                return []
            return [LifeEventCorrected(kind=state.kind, person_id=state.person_id, occurred_at=occurred_at)]
        case AnnulLifeEvent():
            if state.status is Status.ANNULLED:
                return []
            refuse_unless_recorded(state)
            return [LifeEventAnnulled(kind=state.kind, person_id=state.person_id)]
        case _:
            assert_never(message)


def record(state: LifeEvent, command: RecordLifeEvent) -> Sequence[Event]:
    """The first notice counts; the same again changes nothing, and another under its number is refused."""
    if state.status is Status.UNKNOWN:
        return [
            LifeEventRecorded(
                kind=command.kind,
                person_id=command.person_id,
                source=command.source,
                noticed_at=command.noticed_at,
                occurred_at=command.occurred_at,
            )
        ]
    told = (state.kind, state.person_id, state.occurred_at)
    if state.status is Status.RECORDED and told == (command.kind, command.person_id, command.occurred_at):
        return []
    raise Refused("life-event-told-otherwise")


def refuse_unless_recorded(state: LifeEvent) -> None:
    """What was never told, or was annulled, cannot be corrected."""
    if state.status is not Status.RECORDED:
        raise Refused("life-event-unknown")


def evolve(state: LifeEvent, event: Event) -> LifeEvent:
    """A life event after an event."""
    match event:
        case LifeEventRecorded():
            return LifeEvent(Status.RECORDED, event.kind, event.person_id, event.occurred_at)
        case LifeEventCorrected():
            return replace(state, occurred_at=event.occurred_at)
        case LifeEventAnnulled():
            return replace(state, status=Status.ANNULLED)
        case _:
            assert_never(event)


life_event = Decider("life_event", initial=LifeEvent(), decide=decide, evolve=evolve)
