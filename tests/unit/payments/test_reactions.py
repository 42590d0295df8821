from datetime import timedelta
from typing import Any

from services.payments.domain.payment import (
    FeeNoLongerDue,
    FeeRequested,
    StartAttempt,
    TimeToPayOver,
    payment,
    payment_id_for,
)
from services.payments.effects import InquireAttempt, OpenPage, RefundAttempt, effects
from services.payments.projections import projections
from services.payments.reactions import INQUIRE_AFTER, reactions
from shared.contracts.event import Recorded
from shared.contracts.identity import PersonErased
from shared.contracts.payments import RefundDue
from shared.contracts.requests import RequestFeeDue, RequestPaymentNotNeeded
from shared.functions import Row, Step, erase, perform
from tests.unit.builders import NOW, a_text, an_id, recorded
from tests.unit.payments.payment_builders import FIRST, PAYMENT_ID, a_fee, a_page, a_payment, an_answer


def steps(event: Recorded[Any]) -> list[Step]:
    """What an event brings about."""
    return [step for reaction in reactions.to(type(event.data)) for step in reaction.react(event)]


def transfers(event: Any) -> list[tuple[str, str, int]]:
    """Debit, credit and amount of what an event books."""
    booked = [row for project in projections.of(type(event)) for row in project(recorded(event, PAYMENT_ID))]
    values = [row.values for row in booked if isinstance(row, Row) and row.table == "transfers"]
    assert len(values) == len(booked)
    return [(row["debit"], row["credit"], row["amount_fils"]) for row in values]


def test_a_fee_that_is_due_has_one_payment() -> None:
    due = RequestFeeDue(
        fee_id=an_id("fee"),
        step_id="fee",
        payer_id=an_id("payer"),
        agency="moi-traffic",
        amount_fils=10_000,
        description=a_text(),
        due_by=NOW,
    )
    notice = FeeRequested(
        fee_id=due.fee_id,
        for_id=an_id("request"),
        payer_id=due.payer_id,
        agency=due.agency,
        amount_fils=due.amount_fils,
        description=due.description,
        due_by=due.due_by,
    )
    assert steps(recorded(due, an_id("request"))) == [payment.send(payment_id_for(due.fee_id), notice)]
    assert payment_id_for(due.fee_id) != payment_id_for(an_id("another fee"))


def test_a_payment_has_its_time() -> None:
    [requested] = a_payment().events
    assert steps(recorded(requested, PAYMENT_ID)) == [payment.send(PAYMENT_ID, TimeToPayOver(), at=a_fee().due_by)]


def test_a_payment_that_its_request_does_not_want_is_given_back() -> None:
    event = RequestPaymentNotNeeded(payment_id=PAYMENT_ID, fee_id=an_id("fee"))
    assert steps(recorded(event, an_id("request"))) == [payment.send(PAYMENT_ID, FeeNoLongerDue())]


def test_an_attempt_asks_the_gateway_for_its_page_and_is_asked_about_even_if_nothing_is_heard_of_it() -> None:
    attempted = a_payment(StartAttempt(FIRST)).events[-1]
    page, inquiry = steps(recorded(attempted, PAYMENT_ID))
    assert page == perform(OpenPage(FIRST), lane=FIRST)
    assert inquiry == perform(InquireAttempt(FIRST), at=NOW + INQUIRE_AFTER, lane=FIRST)


def test_an_attempt_is_asked_about_once_no_page_can_be_opened_for_it_any_more() -> None:
    opening = effects.handler("OpenPage")
    assert opening is not None
    assert timedelta(seconds=opening.lives_for_seconds) < INQUIRE_AFTER <= timedelta(minutes=5)


def test_what_is_due_to_be_given_back_is_given_back() -> None:
    due = a_payment(StartAttempt(FIRST), a_page(), an_answer(), FeeNoLongerDue()).of(RefundDue)[0]
    assert steps(recorded(due, PAYMENT_ID)) == [perform(RefundAttempt(FIRST), lane=FIRST)]


def test_an_erased_payers_pages_cannot_be_read_any_more() -> None:
    assert steps(recorded(PersonErased(), an_id("payer"))) == [erase(an_id("payer"))]


def test_a_captured_fee_is_the_agencys() -> None:
    captured = a_payment(StartAttempt(FIRST), an_answer()).events[-1]
    assert transfers(captured) == [("gateway", "agency:moi-traffic", 10_000)]


def test_money_that_nobody_asked_for_is_nobodys_until_it_is_given_back() -> None:
    unasked, due = a_payment(StartAttempt(FIRST), an_answer(amount_fils=7)).events[-2:]
    assert transfers(unasked) == [("gateway", "unasked", 7)]
    assert transfers(due) == [("unasked", "refunds_due", 7)]


def test_a_fee_that_is_given_back_comes_out_of_the_agencys_revenue() -> None:
    due = a_payment(StartAttempt(FIRST), an_answer(), FeeNoLongerDue()).events[-1]
    assert transfers(due) == [("agency:moi-traffic", "refunds_due", 10_000)]
