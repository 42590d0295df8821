"""Something that has happened in a person's life, as a registry tells it: noticed, recorded, corrected, or annulled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from shared.contracts.identity import (
    LifeEventAnnulled,
    LifeEventCorrected,
    LifeEventKind,
    LifeEventNoticed,
    LifeEventRecorded,
    Particulars,
    Sex,
)
from shared.contracts.personal import Erased, Private, SubjectId
from shared.functions import Decider
from shared.kernel.errors import Refused
from shared.kernel.ids import derive_id

NOBODY = UUID(int=0)
MOTHER, FATHER, CHILD, DECEASED, NEXT_OF_KIN = "mother", "father", "child", "deceased", "next_of_kin"


class Status(StrEnum):
    """Where a life event stands."""

    UNKNOWN = "unknown"
    NOTICED = "noticed"
    RECORDED = "recorded"
    ANNULLED = "annulled"


TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.UNKNOWN: frozenset({Status.NOTICED, Status.RECORDED}),
    Status.NOTICED: frozenset({Status.RECORDED, Status.ANNULLED}),
    Status.RECORDED: frozenset({Status.ANNULLED}),
    Status.ANNULLED: frozenset(),
}


@dataclass(frozen=True)
class LifeEvent:
    """What a registry has told: first, and as it is by now.

    `person_id` is whom it has happened to: of a birth the child. `parent_keys` find the birth when a parent becomes
    known.
    """

    status: Status = Status.UNKNOWN
    kind: LifeEventKind = LifeEventKind.DEATH
    person_id: SubjectId = NOBODY
    source: str = ""
    noticed_at: datetime | None = None
    told_first: Private[Particulars | None] = None
    particulars: Private[Particulars | None] = None
    parties: Mapping[str, UUID] = field(default_factory=dict)
    parent_keys: Mapping[str, UUID] = field(default_factory=dict)


@dataclass(frozen=True)
class TellLifeEvent:
    """A command of a registry: to tell the same twice is no harm."""

    kind: LifeEventKind
    person_id: UUID
    source: str
    noticed_at: datetime
    particulars: Particulars
    next_of_kin_id: UUID | None = None


@dataclass(frozen=True)
class CorrectLifeEvent:
    """A command of the registry that has told it: what was otherwise; None stays. A parent can be named or replaced."""

    occurred_at: datetime | None = None
    sex: Sex | None = None
    parents: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AnnulLifeEvent:
    """A command of the registry that has told it."""


@dataclass(frozen=True)
class ParentsFound:
    """Parents are persons of ours, by the hashes of their civil IDs; others may still be unknown."""

    persons: Mapping[str, UUID]


@dataclass(frozen=True)
class Happened:
    """It has happened with a request: the platform itself tells it, once."""

    kind: LifeEventKind
    person_id: UUID
    source: str
    at: datetime
    parties: Mapping[str, UUID]


Message = Happened | TellLifeEvent | CorrectLifeEvent | AnnulLifeEvent | ParentsFound
Event = LifeEventNoticed | LifeEventRecorded | LifeEventCorrected | LifeEventAnnulled


def life_event_id(source: str, number: str) -> UUID:
    """A registry's own number names the event, however often it is told."""
    return derive_id("life-event", source, number)


def child_id(mother_hash: str, born_on: date, birth_order: int) -> UUID:
    """The newborn's id: two registries that tell of one birth, or one that tells it twice, mean the same child."""
    return derive_id("child", mother_hash, born_on.isoformat(), birth_order)


def parent_key(civil_id_hash: str) -> UUID:
    """What a birth is found by when a parent becomes known."""
    return derive_id("parent", civil_id_hash)


def decide(state: LifeEvent, message: Message) -> Sequence[Event]:
    """The rules of a life event."""
    match message:
        case Happened():
            return happened(state, message)
        case TellLifeEvent():
            return tell(state, message)
        case CorrectLifeEvent():
            return correct(state, message)
        case AnnulLifeEvent():
            if state.status is Status.ANNULLED:
                return []
            if state.status is Status.UNKNOWN:
                raise Refused("life-event-unknown")
            return [LifeEventAnnulled(kind=state.kind, person_id=state.person_id, parties=dict(state.parties))]
        case ParentsFound(persons):
            return parents_found(state, persons)
        case _:
            assert_never(message)


def tell(state: LifeEvent, command: TellLifeEvent) -> Sequence[Event]:
    """The first notice counts; the same again changes nothing, and another under its number is refused."""
    told = {
        "kind": command.kind,
        "person_id": command.person_id,
        "source": command.source,
        "noticed_at": command.noticed_at,
        "particulars": command.particulars,
        "parent_keys": keys_in(command.particulars),
    }
    if state.status is Status.UNKNOWN:
        if command.kind is LifeEventKind.DEATH:
            kin = {NEXT_OF_KIN: command.next_of_kin_id} if command.next_of_kin_id else {}
            return [LifeEventRecorded.model_validate({**told, "parties": {DECEASED: command.person_id, **kin}})]
        return [LifeEventNoticed.model_validate(told)]
    is_the_same = state.kind is command.kind and command.particulars in (state.told_first, state.particulars)
    # After a correction of the mother or the day the child keeps its id, which was made of what was told first.
    is_as_corrected = command.kind is LifeEventKind.BIRTH and command.particulars != state.told_first
    is_of_them = command.person_id == state.person_id or is_as_corrected
    if state.status is not Status.ANNULLED and is_the_same and is_of_them:
        return []
    raise Refused("life-event-told-otherwise")


def happened(state: LifeEvent, notice: Happened) -> Sequence[Event]:
    """Everybody who takes part in it is known."""
    if state.status is not Status.UNKNOWN:
        return []
    return [
        LifeEventRecorded(
            kind=notice.kind,
            person_id=notice.person_id,
            source=notice.source,
            noticed_at=notice.at,
            particulars=Particulars(occurred_at=notice.at),
            parent_keys={},
            parties=dict(notice.parties),
        )
    ]


def parents_found(state: LifeEvent, persons: Mapping[str, UUID]) -> Sequence[Event]:
    """A birth is recorded once its mother is known, with the father if he is known by then; else he follows."""
    if state.status not in (Status.NOTICED, Status.RECORDED) or isinstance(state.particulars, Erased):
        return []
    assert state.particulars is not None and state.noticed_at is not None
    found = {role: persons[key] for role, key in state.particulars.parents.items() if key in persons}
    parties = {**state.parties, **found}
    if parties == state.parties:
        return []
    if state.status is Status.RECORDED or MOTHER not in parties:
        return [corrected(state, state.particulars, parties)]
    return [
        LifeEventRecorded(
            kind=state.kind,
            person_id=state.person_id,
            source=state.source,
            noticed_at=state.noticed_at,
            particulars=state.particulars,
            parent_keys=dict(state.parent_keys),
            parties={**parties, CHILD: state.person_id},
        )
    ]


def correct(state: LifeEvent, command: CorrectLifeEvent) -> Sequence[Event]:
    """How it was in truth. Of an erased person nothing can be corrected."""
    if state.status not in (Status.NOTICED, Status.RECORDED) or isinstance(state.particulars, Erased):
        raise Refused("life-event-unknown")
    assert state.particulars is not None
    in_truth = Particulars(
        occurred_at=command.occurred_at or state.particulars.occurred_at,
        sex=command.sex or state.particulars.sex,
        residence=state.particulars.residence,
        parents={**state.particulars.parents, **command.parents},
    )
    return [] if in_truth == state.particulars else [corrected(state, in_truth)]


def corrected(
    state: LifeEvent, particulars: Particulars, parties: Mapping[str, UUID] | None = None
) -> LifeEventCorrected:
    """The event as it is in truth; a parent with another number has to be looked up first."""
    assert state.noticed_at is not None
    if parties is None:
        keys = {role: parent_key(key) for role, key in particulars.parents.items()}
        changed = {role for role in (MOTHER, FATHER) if keys.get(role) != state.parent_keys.get(role)}
        parties = {role: person for role, person in state.parties.items() if role not in changed}
    return LifeEventCorrected(
        kind=state.kind,
        person_id=state.person_id,
        source=state.source,
        noticed_at=state.noticed_at,
        particulars=particulars,
        parent_keys=keys_in(particulars),
        parties=dict(parties),
        replaced={role: person for role, person in state.parties.items() if parties.get(role) != person},
    )


def evolve(state: LifeEvent, event: Event) -> LifeEvent:
    """A life event after an event."""
    match event:
        case LifeEventNoticed():
            return LifeEvent(
                status=Status.NOTICED,
                kind=event.kind,
                person_id=event.person_id,
                source=event.source,
                noticed_at=event.noticed_at,
                told_first=event.particulars,
                particulars=event.particulars,
                parent_keys=event.parent_keys,
            )
        case LifeEventRecorded():
            return LifeEvent(
                status=Status.RECORDED,
                kind=event.kind,
                person_id=event.person_id,
                source=event.source,
                noticed_at=event.noticed_at,
                told_first=event.particulars if state.told_first is None else state.told_first,
                particulars=event.particulars,
                parties=event.parties,
                parent_keys=event.parent_keys,
            )
        case LifeEventCorrected():
            return replace(
                state,
                particulars=event.particulars,
                parties=event.parties,
                parent_keys=event.parent_keys,
            )
        case LifeEventAnnulled():
            return replace(state, status=Status.ANNULLED)
        case _:
            assert_never(event)


def keys_in(particulars: Particulars) -> dict[str, UUID]:
    """By what the parents are found."""
    return {role: parent_key(key) for role, key in particulars.parents.items()}


life_event = Decider("life_event", initial=LifeEvent(), decide=decide, evolve=evolve, shape=2)
