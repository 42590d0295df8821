from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest

from services.identity.domain.life_event import (
    CHILD,
    DECEASED,
    FATHER,
    MOTHER,
    AnnulLifeEvent,
    CorrectLifeEvent,
    LifeEvent,
    ParentsFound,
    Status,
    TellLifeEvent,
    child_id,
    life_event,
    life_event_id,
)
from shared.contracts.identity import (
    LifeEventAnnulled,
    LifeEventCorrected,
    LifeEventNoticed,
    LifeEventRecorded,
    Sex,
)
from shared.contracts.personal import Codec, codec_of
from tests.unit.builders import BOX, NOW, a_life, an_id, through_json
from tests.unit.identity.life_event_builders import (
    ANOTHER_FATHER,
    ANOTHER_MOTHER,
    BOTH_FOUND,
    CHILD_ID,
    FATHER_FOUND,
    FATHER_ID,
    FATHERS_HASH,
    MOTHER_FOUND,
    MOTHER_ID,
    MOTHERS_HASH,
    OTHER_FOUND,
    OTHER_HASH,
    OTHER_ID,
    THE_DAY_BEFORE,
    a_birth,
    a_death,
    a_noticed_birth,
    a_recorded_birth,
)

T = TypeVar("T")
TOLD = [a_death(), a_birth()]
each_told = pytest.mark.parametrize("told", TOLD, ids=lambda told: str(told.kind))


def test_a_death_is_recorded_when_it_is_told_and_once() -> None:
    life = a_life(life_event, a_death(), a_death())
    assert [type(event) for event in life.events] == [LifeEventRecorded]
    assert life.state.status is Status.RECORDED
    assert life.state.parties == {DECEASED: an_id("person")}


def test_a_birth_waits_for_its_mother() -> None:
    life = a_noticed_birth(a_birth())
    assert [type(event) for event in life.events] == [LifeEventNoticed]
    life.send(MOTHER_FOUND)
    assert (life.state.status, life.state.parties) == (Status.RECORDED, {CHILD: CHILD_ID, MOTHER: MOTHER_ID})


def test_a_father_who_is_known_before_the_mother_waits_with_the_child() -> None:
    life = a_noticed_birth(FATHER_FOUND)
    assert (life.state.status, life.state.parties) == (Status.NOTICED, {FATHER: FATHER_ID})
    life.send(MOTHER_FOUND)
    family = {CHILD: CHILD_ID, MOTHER: MOTHER_ID, FATHER: FATHER_ID}
    assert (life.state.status, life.state.parties) == (Status.RECORDED, family)


def test_a_birth_of_known_parents_is_recorded_with_all_of_them() -> None:
    life = a_recorded_birth(BOTH_FOUND, MOTHER_FOUND)
    assert [type(event) for event in life.events] == [LifeEventNoticed, LifeEventRecorded]
    assert life.state.parties == {CHILD: CHILD_ID, MOTHER: MOTHER_ID, FATHER: FATHER_ID}


def test_a_father_may_be_found_later() -> None:
    life = a_noticed_birth(MOTHER_FOUND)
    (event,) = life.send(FATHER_FOUND)
    assert isinstance(event, LifeEventCorrected)
    assert (event.parties, event.replaced) == ({CHILD: CHILD_ID, MOTHER: MOTHER_ID, FATHER: FATHER_ID}, {})
    assert life.send(FATHER_FOUND) == []


def test_a_father_may_be_named_later() -> None:
    no_father = a_birth(parents={MOTHER: MOTHERS_HASH})
    life = a_life(life_event, no_father, MOTHER_FOUND, CorrectLifeEvent(parents={FATHER: FATHERS_HASH}), FATHER_FOUND)
    assert life.state.parties == {CHILD: CHILD_ID, MOTHER: MOTHER_ID, FATHER: FATHER_ID}


def test_strangers_are_no_parents() -> None:
    assert a_recorded_birth().send(OTHER_FOUND, ParentsFound({})) == []


def test_a_death_has_no_parents() -> None:
    assert a_life(life_event, a_death()).send(BOTH_FOUND) == []


@each_told
def test_when_it_is_told_does_not_make_it_another_event(told: TellLifeEvent) -> None:
    later = replace(told, noticed_at=NOW + timedelta(hours=1))
    assert a_life(life_event, told).send(later) == []


@pytest.mark.parametrize(
    ("told", "other"),
    [
        (a_death(), a_death(person_id=an_id("somebody else"))),
        (a_death(), a_death(THE_DAY_BEFORE)),
        (a_death(), a_birth()),
        (a_birth(), a_birth(person_id=an_id("the other twin"))),
        (a_birth(), a_birth(sex=Sex.MALE)),
        (a_birth(), a_birth(parents={MOTHER: OTHER_HASH})),
    ],
)
def test_something_else_under_the_same_number_is_refused(told: TellLifeEvent, other: TellLifeEvent) -> None:
    life = a_life(life_event, told)
    assert life.send(other) == []
    assert life.refusal == "life-event-told-otherwise"


def test_a_corrected_death_is_still_of_the_same_person() -> None:
    life = a_life(life_event, a_death(), CorrectLifeEvent(THE_DAY_BEFORE))
    assert life.send(a_death(THE_DAY_BEFORE, person_id=an_id("somebody else"))) == []
    assert life.refusal == "life-event-told-otherwise"


def test_after_a_correction_the_first_notice_may_come_late_and_the_right_one_again() -> None:
    it_was_otherwise = CorrectLifeEvent(THE_DAY_BEFORE, Sex.MALE, {MOTHER: OTHER_HASH})
    life = a_recorded_birth(it_was_otherwise, OTHER_FOUND)
    before = life.state
    as_it_was = a_birth(
        THE_DAY_BEFORE,
        {MOTHER: OTHER_HASH, FATHER: FATHERS_HASH},
        Sex.MALE,
        person_id=child_id(OTHER_HASH, THE_DAY_BEFORE.date(), 1),
    )
    for told in (a_birth(), as_it_was):
        assert life.send(told) == []
        assert life.refusal is None
    assert life.state == before


def test_a_correction_counts_once() -> None:
    for life in (a_life(life_event, a_death()), a_noticed_birth(), a_recorded_birth()):
        life.send(CorrectLifeEvent(THE_DAY_BEFORE), CorrectLifeEvent(THE_DAY_BEFORE))
        assert len(life.of(LifeEventCorrected)) == 1
        assert life.state.particulars.occurred_at == THE_DAY_BEFORE


def test_what_a_correction_does_not_name_stays() -> None:
    life = a_recorded_birth(CorrectLifeEvent(sex=Sex.MALE))
    (event,) = life.of(LifeEventCorrected)
    assert event.particulars == a_birth(sex=Sex.MALE).particulars
    assert (event.parties, event.replaced) == (life.of(LifeEventRecorded)[0].parties, {})


@pytest.mark.parametrize(
    ("correction", "role", "wrong"), [(ANOTHER_MOTHER, MOTHER, MOTHER_ID), (ANOTHER_FATHER, FATHER, FATHER_ID)]
)
def test_a_wrong_parent_is_replaced_at_once_and_the_right_one_when_they_are_found(
    correction: CorrectLifeEvent, role: str, wrong: object
) -> None:
    life = a_recorded_birth()
    (event,) = life.send(correction)
    assert event.replaced == {role: wrong}
    assert role not in event.parties
    (event,) = life.send(OTHER_FOUND)
    assert (event.parties[role], event.replaced) == (OTHER_ID, {})


def test_a_father_is_found_while_the_right_mother_is_still_unknown() -> None:
    life = a_noticed_birth(MOTHER_FOUND, ANOTHER_MOTHER, FATHER_FOUND)
    assert life.state.parties == {CHILD: CHILD_ID, FATHER: FATHER_ID}


def test_parents_that_were_mixed_up_change_places() -> None:
    life = a_recorded_birth(CorrectLifeEvent(parents={MOTHER: FATHERS_HASH, FATHER: MOTHERS_HASH}))
    assert life.of(LifeEventCorrected)[0].replaced == {MOTHER: MOTHER_ID, FATHER: FATHER_ID}
    life.send(BOTH_FOUND)
    assert life.state.parties == {CHILD: CHILD_ID, MOTHER: FATHER_ID, FATHER: MOTHER_ID}


def test_a_birth_is_found_by_the_parents_that_it_names_by_now() -> None:
    before, after = a_recorded_birth().state.parent_keys, a_recorded_birth(ANOTHER_MOTHER).state.parent_keys
    assert before[FATHER] == after[FATHER]
    assert before[MOTHER] != after[MOTHER]


@each_told
def test_what_was_not_so_is_annulled_once(told: TellLifeEvent) -> None:
    life = a_life(life_event, told, AnnulLifeEvent(), AnnulLifeEvent())
    assert len(life.of(LifeEventAnnulled)) == 1
    assert life.refusal is None


@each_told
def test_what_was_annulled_is_not_corrected_not_told_again_and_finds_no_parents(told: TellLifeEvent) -> None:
    life = a_life(life_event, told, AnnulLifeEvent())
    assert life.send(CorrectLifeEvent(THE_DAY_BEFORE)) == []
    assert life.refusal == "life-event-unknown"
    assert life.send(told) == []
    assert life.refusal == "life-event-told-otherwise"
    assert life.send(BOTH_FOUND) == []


@pytest.mark.parametrize("command", [CorrectLifeEvent(NOW), AnnulLifeEvent()])
def test_what_was_never_told_is_not_corrected(command: object) -> None:
    assert a_life(life_event, command).refusal == "life-event-unknown"


def test_a_registrys_own_number_names_the_event() -> None:
    assert life_event_id("moh", "1") == life_event_id("moh", "1")
    assert len({life_event_id("moh", "1"), life_event_id("moh", "2"), life_event_id("moi", "1")}) == 3


def test_a_child_is_named_by_mother_day_and_order() -> None:
    day = NOW.date()
    children = {child_id(MOTHERS_HASH, day, 1), child_id(MOTHERS_HASH, day, 2), child_id(OTHER_HASH, day, 1)}
    assert len(children | {child_id(MOTHERS_HASH, THE_DAY_BEFORE.date(), 1)}) == 4
    assert child_id(MOTHERS_HASH, day, 1) in children


def test_when_it_happened_and_to_whose_child_is_kept_with_the_persons_own_key() -> None:
    state = a_life(life_event, a_birth(THE_DAY_BEFORE), BOTH_FOUND).state
    codec = codec_of(LifeEvent)
    assert codec.subject_of(state, an_id("life event")) == CHILD_ID
    plain = str(codec.store(state, an_id("life event"), BOX).data)
    assert all(
        secret not in plain for secret in (MOTHERS_HASH, FATHERS_HASH, THE_DAY_BEFORE.isoformat()[:10], "female")
    )


def test_when_nothing_is_readable_any_more_a_birth_is_annulled_and_nothing_else() -> None:
    unreadable = _after_erasure(a_recorded_birth().state)
    assert life_event.decide(unreadable, BOTH_FOUND) == []
    assert [type(event) for event in life_event.decide(unreadable, AnnulLifeEvent())] == [LifeEventAnnulled]


def test_the_state_of_an_erased_childs_birth_is_what_its_log_folds_to() -> None:
    life = a_recorded_birth()
    folded = LifeEvent()
    for event in life.events:
        folded = life_event.evolve(folded, _after_erasure(event))
    assert _after_erasure(life.state).parent_keys == folded.parent_keys


def _after_erasure(value: T) -> T:
    """The value as it is read when the child's key is gone."""
    codec: Codec[T] = codec_of(type(value))
    kept = codec.store(value, an_id("life event"), BOX)
    return codec.load(through_json(kept.data), through_json(kept.sealed), an_id("life event"), None)
