"""What is paid by the month: each month once, while it is due, and to nobody who has died."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.requests.domain.definition import Monthly, ServiceDefinition
from services.requests.domain.request import request
from services.requests.domain.request_messages import MonthHasCome, OccasionWasLost
from services.requests.domain.request_state import Status
from services.requests.reactions import look_again_in_a_month
from shared.contracts.identity import RelationKind
from shared.contracts.requests import (
    RequestInstalmentDue,
    RequestInstalmentPlanned,
    RequestInstalmentWithheld,
    RequestPayoutDue,
)
from shared.functions import Send
from shared.kernel.clock import a_month_after
from tests.unit.builders import NOW, Life, an_id, recorded
from tests.unit.requests.request_builders import (
    APPLICANT,
    CHILD,
    a_child,
    a_definition,
    a_payout_step,
    a_person,
    a_relation,
    a_request,
    known_with,
    paid_out,
)

MARRIED = {"reads": ["is_married"], "expression": "is_married"}


def by_the_month(months: int = 3, *, person: str = "beneficiary", **of_it: object) -> ServiceDefinition:
    monthly = Monthly.model_validate({"months": months, **of_it})
    return a_definition(a_payout_step().model_copy(update={"monthly": monthly, "person": person}))


def paid_once(definition: ServiceDefinition, **facts: bool) -> Life:
    known: dict[str, Any] = {**facts}
    beneficiary = a_person(APPLICANT, **known)
    return a_request(paid_out(), definition=definition, known=known_with(definition, beneficiary=beneficiary))


def month(number: int) -> MonthHasCome:
    return MonthHasCome("payout", number, NOW + timedelta(days=31 * (number - 1)))


def test_each_month_is_paid_once_and_the_last_is_the_last() -> None:
    life = paid_once(by_the_month())
    assert life.state.status is Status.FULFILLED
    for notice in (month(2), month(2), month(3), month(3), month(4)):
        life.send(notice)
    [first], others = life.of(RequestPayoutDue), life.of(RequestInstalmentDue)
    assert [due.number for due in others] == [2, 3]
    assert {due.amount_fils for due in others} == {first.amount_fils}
    assert len({first.payout_id, *(due.payout_id for due in others)}) == 3
    assert [planned.number for planned in life.of(RequestInstalmentPlanned)] == [2, 3]


def test_what_is_not_so_any_more_is_withheld_for_the_month_and_its_payee_is_told() -> None:
    definition = by_the_month(while_so=MARRIED)
    life = paid_once(definition, is_married=False)
    [withheld, planned] = life.send(month(2))
    assert isinstance(withheld, RequestInstalmentWithheld)
    assert withheld.payee_id == APPLICANT
    assert isinstance(planned, RequestInstalmentPlanned)
    assert isinstance(paid_once(definition, is_married=True).send(month(2))[0], RequestInstalmentDue)


def test_what_cannot_be_decided_is_paid() -> None:
    assert isinstance(paid_once(by_the_month(while_so=MARRIED)).send(month(2))[0], RequestInstalmentDue)


def test_the_dead_are_neither_paid_nor_told() -> None:
    definition = by_the_month()
    dead = replace(a_person(APPLICANT), died_on=NOW.date())
    life = a_request(paid_out(), definition=definition, known=known_with(definition, beneficiary=dead))
    [withheld, _] = life.send(month(2))
    assert isinstance(withheld, RequestInstalmentWithheld)
    assert withheld.payee_id is None


def test_what_is_paid_for_a_child_is_its_parents_as_long_as_both_live() -> None:
    young = {"reads": ["age"], "expression": "age < 24"}
    definition = by_the_month(while_so=young, person="applicant").model_copy(
        update={"on_behalf_of": [RelationKind.GUARDIAN]}
    )
    child, parent = a_child(is_named=True), a_person()
    for_a_child = a_relation()
    life = a_request(
        paid_out(),
        definition=definition,
        known=known_with(definition, parent, beneficiary=child, relation=for_a_child),
        beneficiary_id=CHILD,
        relation_id=for_a_child.id,
    )
    [first] = life.of(RequestPayoutDue)
    [due, _] = life.send(month(2))
    assert isinstance(due, RequestInstalmentDue)
    assert first.payee_id == due.payee_id == APPLICANT
    for known in (
        known_with(definition, replace(parent, died_on=NOW.date()), beneficiary=child),
        known_with(definition, parent, beneficiary=replace(child, died_on=NOW.date())),
        known_with(definition, parent, beneficiary=replace(child, birth_date=date(2000, 1, 1))),
    ):
        decided = request.decide(life.state, month(3), known)
        assert isinstance(decided[0], RequestInstalmentWithheld)
        has_died = [person for person in (known.applicant, known.beneficiary) if person and person.died_on]
        assert decided[0].payee_id == (None if has_died else APPLICANT)


def test_of_months_that_are_withheld_in_a_row_the_first_is_told() -> None:
    life = paid_once(by_the_month(months=9, while_so=MARRIED), is_married=False)
    life.send(month(2), month(3), month(4))
    assert [withheld.payee_id for withheld in life.of(RequestInstalmentWithheld)] == [APPLICANT, None, None]


def test_nothing_is_paid_any_more_when_its_occasion_was_none() -> None:
    definition = by_the_month()
    life = a_request(paid_out(), definition=definition, offer_id=an_id("offer"))
    [withheld] = life.send(OccasionWasLost())
    assert isinstance(withheld, RequestInstalmentWithheld)
    assert withheld.payee_id is None
    assert life.send(month(2)) == life.send(OccasionWasLost()) == []


def test_nothing_follows_a_payout_that_is_made_once() -> None:
    definition = a_definition(a_payout_step())
    life = paid_once(definition)
    assert life.of(RequestInstalmentPlanned) == []
    assert life.send(month(2), OccasionWasLost()) == []


def test_the_next_month_is_a_timer() -> None:
    planned = RequestInstalmentPlanned(step_id="payout", number=2, at=a_month_after(NOW))
    [step] = look_again_in_a_month(recorded(planned))
    assert isinstance(step, Send)
    assert step.at == planned.at


@pytest.mark.parametrize(
    ("day", "next_day"),
    [("2026-01-31", "2026-02-28"), ("2028-01-31", "2028-02-29"), ("2026-12-15", "2027-01-15")],
)
def test_a_month_later_is_the_same_day_or_the_last(day: str, next_day: str) -> None:
    instant = NOW.replace(year=int(day[:4]), month=int(day[5:7]), day=int(day[8:]))
    assert a_month_after(instant).date().isoformat() == next_day
