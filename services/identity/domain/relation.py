"""A relation: on what ground one person acts for another, for what, and how long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from shared.contracts.identity import RelationEnded, RelationKind, RelationRecorded
from shared.functions import Decider
from shared.kernel.errors import Refused

NOBODY = UUID(int=0)
NOT_A_PARENT = "not-a-parent"


class Status(StrEnum):
    """Where a relation stands."""

    UNKNOWN = "unknown"
    IN_FORCE = "in_force"
    ENDED = "ended"


TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.UNKNOWN: frozenset({Status.IN_FORCE}),
    Status.IN_FORCE: frozenset({Status.ENDED}),
    Status.ENDED: frozenset({Status.IN_FORCE}),
}


@dataclass(frozen=True)
class Relation:
    """`holder_id` acts for `for_id`. It follows from what was recorded by hand, from notices of a birth, or from both.

    `is_closed`: it was ended for a reason, so that a late notice does not bring it back.
    """

    status: Status = Status.UNKNOWN
    kind: RelationKind = RelationKind.GUARDIAN
    holder_id: UUID = NOBODY
    for_id: UUID = NOBODY
    scopes: tuple[str, ...] = ()
    until: date | None = None
    births: frozenset[UUID] = frozenset()
    by_hand: bool = False
    is_closed: bool = False


@dataclass(frozen=True)
class RecordRelation:
    """A command of a registrar, or of whoever appoints a representative. The same again changes nothing."""

    kind: RelationKind
    holder_id: UUID
    for_id: UUID
    scopes: tuple[str, ...] = ()
    until: date | None = None


@dataclass(frozen=True)
class EndRelation:
    """A command of a registrar, or of either of the two where one represents the other."""

    reason: str


@dataclass(frozen=True)
class ParentOf:
    """A birth makes its parents guardians."""

    kind: RelationKind
    holder_id: UUID
    for_id: UUID
    birth_id: UUID


@dataclass(frozen=True)
class NotParentOf:
    """That birth was not so, or not with this parent; what another notice says stays."""

    birth_id: UUID


@dataclass(frozen=True)
class LastDayOver:
    """The day until which the relation holds has gone by."""

    until: date


Message = RecordRelation | EndRelation | ParentOf | NotParentOf | LastDayOver
Event = RelationRecorded | RelationEnded


def decide(state: Relation, message: Message) -> Sequence[Event]:
    """The rules of a relation."""
    match message:
        case RecordRelation():
            return record(state, message)
        case EndRelation(reason):
            if state.status is Status.UNKNOWN:
                raise Refused("relation-unknown")
            return ended(state, reason)
        case ParentOf():
            return parent_of(state, message)
        case NotParentOf(birth_id):
            return not_parent_of(state, birth_id)
        case LastDayOver(until):
            return ended(state, "last-day-over") if state.until == until else []
        case _:
            assert_never(message)


def record(state: Relation, command: RecordRelation) -> Sequence[Event]:
    """It holds from now on, in this extent."""
    if command.holder_id == command.for_id:
        raise Refused("relation-with-oneself")
    is_the_same = (state.scopes, state.until, state.by_hand) == (command.scopes, command.until, True)
    if state.status is Status.IN_FORCE and is_the_same:
        return []
    return [
        RelationRecorded(
            kind=command.kind,
            holder_id=command.holder_id,
            for_id=command.for_id,
            scopes=list(command.scopes),
            until=command.until,
            births=sorted(state.births),
            by_hand=True,
        )
    ]


def parent_of(state: Relation, notice: ParentOf) -> Sequence[Event]:
    """A second notice of a birth is one more ground for the same relation; what was ended for a reason stays ended."""
    if notice.birth_id in state.births or state.is_closed:
        return []
    is_in_force = state.status is Status.IN_FORCE
    return [
        RelationRecorded(
            kind=notice.kind,
            holder_id=notice.holder_id,
            for_id=notice.for_id,
            scopes=list(state.scopes) if is_in_force else [],
            until=state.until if is_in_force else None,
            births=sorted(state.births | {notice.birth_id}),
            by_hand=state.by_hand and is_in_force,
        )
    ]


def not_parent_of(state: Relation, birth_id: UUID) -> Sequence[Event]:
    """One ground less; without any left it ends."""
    if birth_id not in state.births or state.status is not Status.IN_FORCE:
        return []
    left = state.births - {birth_id}
    if not left and not state.by_hand:
        return ended(state, NOT_A_PARENT)
    return [
        RelationRecorded(
            kind=state.kind,
            holder_id=state.holder_id,
            for_id=state.for_id,
            scopes=list(state.scopes),
            until=state.until,
            births=sorted(left),
            by_hand=state.by_hand,
        )
    ]


def ended(state: Relation, reason: str) -> Sequence[RelationEnded]:
    """A relation ends once."""
    if state.status is not Status.IN_FORCE:
        return []
    return [RelationEnded(kind=state.kind, holder_id=state.holder_id, for_id=state.for_id, reason=reason)]


def evolve(state: Relation, event: Event) -> Relation:
    """A relation after an event."""
    match event:
        case RelationRecorded():
            return Relation(
                status=Status.IN_FORCE,
                kind=event.kind,
                holder_id=event.holder_id,
                for_id=event.for_id,
                scopes=tuple(event.scopes),
                until=event.until,
                births=frozenset(event.births),
                by_hand=event.by_hand,
            )
        case RelationEnded():
            is_closed = event.reason != NOT_A_PARENT
            return replace(state, status=Status.ENDED, births=frozenset(), by_hand=False, is_closed=is_closed)
        case _:
            assert_never(event)


relation = Decider("relation", initial=Relation(), decide=decide, evolve=evolve)
