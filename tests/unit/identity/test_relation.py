from datetime import timedelta
from uuid import UUID

import pytest

from services.identity.domain.relation import (
    EndRelation,
    LastDayOver,
    NotParentOf,
    RecordRelation,
    Status,
)
from shared.contracts.identity import RelationEnded, RelationKind, RelationRecorded, relation_id
from tests.unit.builders import an_id
from tests.unit.identity.relation_builders import (
    BY_HOSPITAL,
    BY_REGISTRAR,
    BY_REGISTRY,
    CHILD,
    HOSPITALS,
    PARENT,
    REGISTRYS,
    UNTIL,
    a_relation,
    a_representative,
)

RECORDED_BY_HAND = RecordRelation(RelationKind.GUARDIAN, PARENT, CHILD)


def test_a_birth_makes_a_guardian_once() -> None:
    life = a_relation(BY_HOSPITAL, BY_HOSPITAL)
    assert [type(event) for event in life.events] == [RelationRecorded]
    assert (life.state.status, life.state.births) == (Status.IN_FORCE, {HOSPITALS})


def test_a_guardian_by_two_notices_stays_one_while_either_stands() -> None:
    life = a_relation(BY_HOSPITAL, BY_REGISTRY, NotParentOf(HOSPITALS), NotParentOf(HOSPITALS))
    assert (life.state.status, life.state.births) == (Status.IN_FORCE, {REGISTRYS})
    life.send(NotParentOf(REGISTRYS))
    assert life.state.status is Status.ENDED
    assert [event.reason for event in life.of(RelationEnded)] == ["not-a-parent"]


def test_who_was_no_parent_by_mistake_is_a_guardian_again() -> None:
    life = a_relation(BY_HOSPITAL, NotParentOf(HOSPITALS), BY_HOSPITAL)
    assert (life.state.status, life.state.births) == (Status.IN_FORCE, {HOSPITALS})


@pytest.mark.parametrize("births", [(), (REGISTRYS,)])
def test_a_birth_that_is_no_ground_ends_nothing(births: tuple[UUID, ...]) -> None:
    life = a_relation(RECORDED_BY_HAND, *(NotParentOf(birth) for birth in births))
    assert life.send(NotParentOf(HOSPITALS)) == []
    assert life.state.status is Status.IN_FORCE


@pytest.mark.parametrize("late", [BY_HOSPITAL, BY_REGISTRY])
def test_a_guardianship_that_a_registrar_has_ended_stays_ended_when_a_notice_comes_late(late: object) -> None:
    life = a_relation(BY_HOSPITAL, BY_REGISTRAR)
    assert life.send(late, NotParentOf(HOSPITALS), late) == []
    assert life.state.status is Status.ENDED


def test_a_registrar_may_put_it_in_force_again() -> None:
    life = a_relation(BY_HOSPITAL, BY_REGISTRAR, RECORDED_BY_HAND)
    assert (life.state.status, life.state.by_hand) == (Status.IN_FORCE, True)


def test_what_a_registrar_has_limited_another_notice_of_the_birth_does_not_widen() -> None:
    limited = RecordRelation(RelationKind.GUARDIAN, PARENT, CHILD, ("child-vaccination",), UNTIL)
    for notice in (BY_REGISTRY, NotParentOf(REGISTRYS)):
        life = a_relation(BY_HOSPITAL, limited, notice)
        assert (life.state.scopes, life.state.until) == (("child-vaccination",), UNTIL)


def test_a_guardianship_recorded_by_hand_outlives_a_birth_that_was_not_so() -> None:
    life = a_relation(RECORDED_BY_HAND, BY_HOSPITAL, NotParentOf(HOSPITALS))
    assert life.state.status is Status.IN_FORCE


def test_a_guardianship_recorded_and_ended_by_hand_stays_ended_when_a_notice_comes_late() -> None:
    assert a_relation(RECORDED_BY_HAND, BY_REGISTRAR).send(BY_HOSPITAL) == []


def test_a_representative_is_appointed_once_and_again_for_something_else() -> None:
    life = a_relation(a_representative(), a_representative())
    assert len(life.of(RelationRecorded)) == 1
    life.send(a_representative(scopes=("vehicle-transfer",), until=None))
    assert (life.state.scopes, life.state.until) == (("vehicle-transfer",), None)


def test_a_representative_acts_until_the_last_day() -> None:
    life = a_relation(a_representative(), LastDayOver(UNTIL), LastDayOver(UNTIL))
    assert life.state.status is Status.ENDED
    assert [event.reason for event in life.of(RelationEnded)] == ["last-day-over"]


def test_the_last_day_of_an_earlier_appointment_ends_nothing() -> None:
    life = a_relation(a_representative(), a_representative(until=UNTIL + timedelta(days=1)))
    assert life.send(LastDayOver(UNTIL)) == []
    life = a_relation(a_representative(), a_representative(until=None))
    assert life.send(LastDayOver(UNTIL)) == []


def test_a_relation_ends_once() -> None:
    life = a_relation(a_representative(), EndRelation("by-party"), EndRelation("by-registrar"))
    assert [event.reason for event in life.of(RelationEnded)] == ["by-party"]
    assert life.refusal is None


def test_a_relation_that_never_was_is_not_ended() -> None:
    assert a_relation(BY_REGISTRAR).refusal == "relation-unknown"
    assert a_relation(NotParentOf(HOSPITALS), LastDayOver(UNTIL)).events == []


def test_nobody_represents_themselves() -> None:
    life = a_relation(a_representative(for_id=an_id("representative")))
    assert (life.events, life.refusal) == ([], "relation-with-oneself")


def test_between_two_there_is_one_relation_of_a_kind_and_direction() -> None:
    ids = {relation_id(kind, *sides) for kind in RelationKind for sides in ((PARENT, CHILD), (CHILD, PARENT))}
    assert len(ids) == 2 * len(RelationKind)
    assert relation_id(RelationKind.GUARDIAN, PARENT, CHILD) in ids
