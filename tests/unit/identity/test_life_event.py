from dataclasses import replace
from datetime import timedelta

import pytest

from services.identity.domain.life_event import (
    AnnulLifeEvent,
    CorrectLifeEvent,
    LifeEvent,
    Status,
    life_event,
    life_event_id,
)
from shared.contracts.identity import LifeEventAnnulled, LifeEventCorrected, LifeEventRecorded
from shared.contracts.personal import codec_of
from tests.unit.builders import NOW, a_life, an_id
from tests.unit.identity.person_builders import a_death

THE_DAY_BEFORE = NOW - timedelta(days=1)


def test_what_a_registry_tells_is_recorded_once() -> None:
    life = a_life(life_event, a_death(), a_death())
    assert [type(event) for event in life.events] == [LifeEventRecorded]
    assert life.state.status is Status.RECORDED


def test_when_it_is_told_does_not_make_it_another_event() -> None:
    later = replace(a_death(), noticed_at=NOW + timedelta(hours=1))
    assert a_life(life_event, a_death()).send(later) == []


@pytest.mark.parametrize("other", [replace(a_death(), person_id=an_id("other")), a_death(THE_DAY_BEFORE)])
def test_something_else_under_the_same_number_is_refused(other: object) -> None:
    life = a_life(life_event, a_death())
    assert life.send(other) == []
    assert life.refusal == "life-event-told-otherwise"


def test_a_correction_counts_once() -> None:
    life = a_life(life_event, a_death(), CorrectLifeEvent(THE_DAY_BEFORE), CorrectLifeEvent(THE_DAY_BEFORE))
    assert len(life.of(LifeEventCorrected)) == 1
    assert life.state.occurred_at == THE_DAY_BEFORE


def test_what_was_not_so_is_annulled_once() -> None:
    life = a_life(life_event, a_death(), AnnulLifeEvent(), AnnulLifeEvent())
    assert len(life.of(LifeEventAnnulled)) == 1
    assert life.refusal is None


def test_what_was_annulled_is_not_corrected_and_not_told_again() -> None:
    life = a_life(life_event, a_death(), AnnulLifeEvent())
    assert life.send(CorrectLifeEvent(THE_DAY_BEFORE)) == []
    assert life.refusal == "life-event-unknown"
    assert life.send(a_death()) == []
    assert life.refusal == "life-event-told-otherwise"


@pytest.mark.parametrize("command", [CorrectLifeEvent(NOW), AnnulLifeEvent()])
def test_what_was_never_told_is_not_corrected(command: object) -> None:
    assert a_life(life_event, command).refusal == "life-event-unknown"


def test_a_registrys_own_number_names_the_event() -> None:
    assert life_event_id("moh", "1") == life_event_id("moh", "1")
    assert len({life_event_id("moh", "1"), life_event_id("moh", "2"), life_event_id("moi", "1")}) == 3


def test_when_it_happened_is_kept_with_the_persons_own_key() -> None:
    state = a_life(life_event, a_death()).state
    codec = codec_of(LifeEvent)
    assert codec.subject_of(state, an_id("life event")) == an_id("person")
    assert "occurred_at" in codec.private
