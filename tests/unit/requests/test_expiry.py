"""Something ends: in time, and once, whoever has it is offered what goes on after it."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from services.requests.domain.definition import EXPIRY, HOLDER, Binding
from services.requests.domain.facts import KnownPerson
from services.requests.domain.offer import (
    TRANSITIONS,
    Decline,
    Known,
    LookAgain,
    Occasioned,
    Status,
    offer,
    offer_id,
)
from services.requests.domain.request import ServiceVersion
from services.requests.reactions import BoundVersion, offer_what_goes_on
from shared.contracts.event import Recorded
from shared.contracts.identity import Fact, PersonSnapshot, Residence
from shared.functions import Send
from shared.kernel.clock import KUWAIT
from tests.unit.builders import NOW, Life, a_text, recorded
from tests.unit.requests.offer_builders import a_bound_service
from tests.unit.requests.request_builders import APPLICANT, a_person

TODAY = NOW.astimezone(KUWAIT).date()
ENDS_ON = TODAY + timedelta(days=100)
FACT = "driving_licence_expires_on"
BINDING = Binding(
    id="before-it-ends",
    on="expiry",
    fact=FACT,
    mode="offer",
    recipient=HOLDER,
    beneficiary=HOLDER,
    after_days=-30,
    open_for_days=90,
    form={"delivery": "digital"},
    reason=a_text("It ends soon.", "ينتهي قريبًا."),
)
SERVICE = a_bound_service(binding=BINDING)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=KUWAIT)


OPENS_AT = midnight(ENDS_ON - timedelta(days=30))


def a_holder(ends_on: object = ENDS_ON) -> KnownPerson:
    return a_person(APPLICANT, date(1990, 5, 5), driving_licence_expires_on=str(ends_on))


def a_snapshot(ends_on: object = ENDS_ON, **changes: Any) -> Recorded[PersonSnapshot]:
    facts = {FACT: Fact(value=str(ends_on), source="moi-traffic", as_of=NOW)}
    values: dict[str, Any] = {
        "name": a_text("A Name", "اسم"),
        "birth_date": date(1990, 5, 5),
        "residence": Residence.CITIZEN,
        "facts": facts,
        "mobile": None,
        "email": None,
        "language": "ar",
    }
    return recorded(PersonSnapshot.model_validate(values | changes), APPLICANT)


def sends(snapshot: Recorded[PersonSnapshot], version: int = 1) -> list[Send]:
    bound = BoundVersion(SERVICE.id, version, date(2020, 1, 1), [BINDING])
    return [step for step in offer_what_goes_on(snapshot, [bound]) if isinstance(step, Send)]


def told(ends_on: object = ENDS_ON, **changes: Any) -> Occasioned:
    [send] = sends(a_snapshot(ends_on))
    assert isinstance(send.message, Occasioned)
    return replace(send.message, **changes)


def a_life(person: KnownPerson | None = None) -> Life:
    known = Known(ServiceVersion(SERVICE.key, SERVICE), person or a_holder(), person or a_holder())
    return Life(offer, [known], TRANSITIONS)


def test_it_is_a_timer_until_the_time_has_come() -> None:
    [send] = sends(a_snapshot())
    assert send.at == OPENS_AT
    assert send.aggregate_id == offer_id(SERVICE.id, BINDING.id, APPLICANT, ENDS_ON)


def test_what_ends_soon_or_has_just_ended_is_offered_at_once() -> None:
    for days in (29, 0, -89):
        [send] = sends(a_snapshot(TODAY + timedelta(days=days)))
        assert send.at == NOW


@pytest.mark.parametrize("ends_on", [TODAY - timedelta(days=91), "never", "", 7])
def test_what_ended_long_ago_or_on_no_day_is_no_occasion(ends_on: object) -> None:
    assert sends(a_snapshot(ends_on)) == []


def test_nothing_is_offered_to_the_dead() -> None:
    assert sends(a_snapshot(died_on=TODAY)) == []


def test_the_offer_stands_until_long_after_the_end_and_says_why() -> None:
    life = a_life()
    [_, made] = life.send(told())
    assert (made.recipient_id, made.beneficiary_id, made.reason) == (APPLICANT, APPLICANT, BINDING.reason)
    assert made.expires_at == midnight(ENDS_ON + timedelta(days=90))
    assert life.state.occasion is not None and life.state.occasion.kind == EXPIRY


def test_what_was_renewed_meanwhile_is_not_offered() -> None:
    life = a_life(a_holder(ENDS_ON + timedelta(days=365)))
    assert life.send(told()) == []
    assert life.state.status is Status.UNKNOWN


def test_who_was_erased_meanwhile_is_offered_nothing() -> None:
    life = Life(offer, [Known(ServiceVersion(SERVICE.key, SERVICE))], TRANSITIONS)
    assert life.send(told()) == []


def test_an_offer_ends_when_its_holder_has_renewed_without_it() -> None:
    life = a_life()
    life.send(told())
    renewed = a_holder(ENDS_ON + timedelta(days=365))
    life.given = [Known(ServiceVersion(SERVICE.key, SERVICE), renewed, renewed)]
    [withdrawn] = life.send(LookAgain(OPENS_AT + timedelta(days=1)))
    assert withdrawn.reason == "not-so-any-more"
    assert life.send(LookAgain(OPENS_AT + timedelta(days=2))) == []


def test_it_is_told_with_each_snapshot_and_offered_once() -> None:
    life = a_life()
    assert len(life.send(told(sequence=3))) == 2
    assert life.send(told(sequence=2), told(sequence=3), told(sequence=4)) == []
    life.send(Decline())
    assert life.send(told(sequence=5)) == []


def test_the_next_time_that_it_ends_is_another_offer() -> None:
    assert told().offer_id != told(ENDS_ON + timedelta(days=3650)).offer_id


def test_the_newest_version_is_what_is_offered() -> None:
    life = a_life()
    life.send(told(sequence=2))
    newer = told(sequence=3, service_version=2)
    assert [type(event).__name__ for event in life.send(newer)] == ["OfferOccasioned"]
    assert life.state.service_version == 2
