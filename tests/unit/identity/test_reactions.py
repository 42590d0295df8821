from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.identity.domain.life_event import AnnulLifeEvent, life_event
from services.identity.domain.person import DeathNoticeAnnulled, DeathNoticed, person
from services.identity.reactions import reactions
from shared.contracts.event import Event
from shared.contracts.identity import LifeEventAnnulled, LifeEventCorrected, LifeEventRecorded, PersonErased
from shared.contracts.personal import ERASED
from shared.functions import Send, Step, erase
from tests.unit.builders import a_life, an_event, an_id, recorded
from tests.unit.identity.person_builders import a_death, a_registration

PERSON = an_id("person")
JUST_AFTER_MIDNIGHT_IN_KUWAIT = datetime(2026, 3, 31, 21, 30, tzinfo=UTC)


def steps(event: Event) -> list[Step]:
    """What an event brings about."""
    happened: Any = recorded(event, PERSON)
    return [step for reaction in reactions.to(type(event)) for step in reaction.react(happened)]


@pytest.mark.parametrize("kind", [LifeEventRecorded, LifeEventCorrected])
def test_a_death_is_noted_with_the_day_that_it_was_in_kuwait(kind: type[Event]) -> None:
    told = an_event(kind, person_id=PERSON, occurred_at=JUST_AFTER_MIDNIGHT_IN_KUWAIT)
    assert steps(told) == [person.send(PERSON, DeathNoticed(date(2026, 4, 1), PERSON))]


@pytest.mark.parametrize("kind", [LifeEventRecorded, LifeEventCorrected])
def test_what_cannot_be_read_any_more_is_not_noted(kind: type[Event]) -> None:
    assert steps(an_event(kind, person_id=PERSON, occurred_at=ERASED)) == []


def test_a_death_that_was_a_mistake_is_taken_back() -> None:
    assert steps(an_event(LifeEventAnnulled, person_id=PERSON)) == [person.send(PERSON, DeathNoticeAnnulled(PERSON))]


def test_of_an_erased_person_nothing_stays_readable() -> None:
    assert steps(PersonErased()) == [erase(PERSON)]


def test_one_registrys_mistake_does_not_undo_what_another_has_told() -> None:
    known = a_life(person, a_registration(), given=[None])
    hospital, ministry = (a_life(life_event, replace(a_death(), person_id=PERSON)) for _ in range(2))
    hospital_id, ministry_id = an_id("hospital's notice"), an_id("ministry's notice")
    heard = [(hospital_id, hospital.events[0]), (ministry_id, ministry.events[0])]
    heard += [(hospital_id, event) for event in hospital.send(AnnulLifeEvent())]
    for id, event in heard:
        sends = [s for r in reactions.to(type(event)) for s in r.react(recorded(event, id)) if isinstance(s, Send)]
        known.send(*(send.message for send in sends))
    assert known.state.is_deceased
