"""The rules of a payment, one behaviour after another."""

import pytest

from services.payments.domain.payment import (
    CAPTURED,
    MAX_ATTEMPTS,
    AttemptStatus,
    FeeNoLongerDue,
    PageNotOpened,
    RefundConfirmed,
    RefundNotConfirmed,
    StartAttempt,
    Status,
    TimeToPayOver,
    payment,
)
from shared.contracts.payments import (
    PaymentAttempted,
    PaymentCaptured,
    PaymentCapturedUnasked,
    PaymentFailed,
    PaymentPageOpened,
    RefundDue,
    RefundMade,
    RefundStuck,
)
from tests.unit.builders import a_life, an_id
from tests.unit.payments.payment_builders import AMOUNT_FILS, FIRST, SECOND, a_fee, a_page, a_payment, an_answer


def kinds(events: list[object]) -> list[type]:
    """The classes of some events."""
    return [type(event) for event in events]


def test_a_fee_that_is_due_asks_for_a_payment_once() -> None:
    life = a_payment()
    assert life.state.status is Status.REQUESTED
    assert life.state.amount_fils == AMOUNT_FILS
    assert life.send(a_fee()) == []


def test_a_payer_gets_the_gateways_page() -> None:
    life = a_payment(StartAttempt(FIRST), a_page())
    assert life.state.page_url == a_page().page_url
    assert life.state.attempts[FIRST].status is AttemptStatus.OPEN


def test_while_an_attempt_is_open_it_is_gone_on_with() -> None:
    life = a_payment(StartAttempt(FIRST), a_page())
    assert life.send(StartAttempt(SECOND)) == []
    assert life.state.page_url == a_page().page_url


def test_after_a_failed_attempt_another_may_follow() -> None:
    life = a_payment(StartAttempt(FIRST), a_page(), an_answer(result="NOT CAPTURED"))
    [attempted] = life.send(StartAttempt(SECOND))
    assert attempted == PaymentAttempted(attempt_id=SECOND, number=2, amount_fils=AMOUNT_FILS)


def test_a_page_of_an_attempt_that_has_ended_is_not_shown() -> None:
    life = a_payment(StartAttempt(FIRST), a_page(), an_answer(result="NOT CAPTURED"))
    assert life.state.page_url is None
    assert life.send(a_page()) == []


def test_an_attempt_without_a_page_fails() -> None:
    life = a_payment(StartAttempt(FIRST))
    assert kinds(life.send(PageNotOpened(FIRST))) == [PaymentFailed]
    assert life.state.undecided is None


def test_an_attempt_whose_page_is_open_does_not_fail_for_want_of_a_page() -> None:
    life = a_payment(StartAttempt(FIRST), a_page())
    assert life.send(PageNotOpened(FIRST)) == []
    assert kinds(life.send(an_answer())) == [PaymentCaptured]


def test_money_that_comes_although_no_page_had_opened_is_not_lost() -> None:
    life = a_payment(StartAttempt(FIRST), PageNotOpened(FIRST), an_answer())
    captured = life.of(PaymentCaptured) + life.of(PaymentCapturedUnasked)
    assert [event.amount_fils for event in captured] == [AMOUNT_FILS]
    assert len(life.of(RefundDue)) == len(life.of(PaymentCapturedUnasked))


def test_the_fee_is_captured_when_the_gateway_says_so() -> None:
    life = a_payment(StartAttempt(FIRST), a_page())
    [captured] = life.send(an_answer())
    assert isinstance(captured, PaymentCaptured)
    assert captured.amount_fils == AMOUNT_FILS
    assert life.state.status is Status.CAPTURED


def test_the_gateways_answer_counts_before_its_page_was_seen() -> None:
    life = a_payment(StartAttempt(FIRST))
    assert kinds(life.send(an_answer())) == [PaymentCaptured]
    assert life.send(a_page()) == []


def test_the_same_answer_twice_captures_once() -> None:
    life = a_payment(StartAttempt(FIRST), a_page(), an_answer())
    assert life.send(an_answer()) == []


@pytest.mark.parametrize("result", ["NOT CAPTURED", "CANCELED", "captured", "CAPTURED ", "APPROVED", ""])
def test_no_other_word_than_captured_is_money(result: str) -> None:
    life = a_payment(StartAttempt(FIRST), a_page())
    assert kinds(life.send(an_answer(result=result))) == [PaymentFailed]
    assert life.state.status is Status.REQUESTED


@pytest.mark.parametrize("amount_fils", [1, AMOUNT_FILS - 1, AMOUNT_FILS + 1, 10 * AMOUNT_FILS])
def test_another_amount_than_the_fee_is_given_back_and_the_fee_stays_due(amount_fils: int) -> None:
    life = a_payment(StartAttempt(FIRST), a_page())
    unasked, due = life.send(an_answer(amount_fils=amount_fils))
    assert isinstance(unasked, PaymentCapturedUnasked)
    assert isinstance(due, RefundDue)
    assert due.amount_fils == amount_fils
    assert due.unasked
    assert life.state.status is Status.REQUESTED


def test_a_refund_of_one_attempt_leaves_the_page_of_another_open() -> None:
    life = a_payment(StartAttempt(FIRST), a_page(), an_answer(amount_fils=1), StartAttempt(SECOND), a_page(SECOND))
    assert kinds(life.send(RefundConfirmed(FIRST, "ref"))) == [RefundMade]
    assert life.state.attempts[SECOND].status is AttemptStatus.OPEN
    assert life.state.page_url == a_page(SECOND).page_url


@pytest.mark.parametrize("end", [FeeNoLongerDue(), TimeToPayOver()])
def test_a_fee_paid_after_its_end_is_given_back(end: object) -> None:
    life = a_payment(StartAttempt(FIRST), a_page(), end)
    unasked, due = life.send(an_answer())
    assert isinstance(unasked, PaymentCapturedUnasked)
    assert isinstance(due, RefundDue)
    assert due.unasked
    assert due.amount_fils == AMOUNT_FILS


def test_a_fee_paid_and_then_not_due_any_more_is_given_back_once() -> None:
    life = a_payment(StartAttempt(FIRST), a_page(), an_answer())
    [due] = life.send(FeeNoLongerDue())
    assert isinstance(due, RefundDue)
    assert not due.unasked
    assert life.send(FeeNoLongerDue()) == []


def test_time_that_is_over_does_not_touch_what_was_paid() -> None:
    assert a_payment(StartAttempt(FIRST), a_page(), an_answer()).send(TimeToPayOver()) == []


def test_a_refund_is_made_once() -> None:
    life = a_payment(StartAttempt(FIRST), a_page(), an_answer(), FeeNoLongerDue())
    assert kinds(life.send(RefundConfirmed(FIRST, "ref"))) == [RefundMade]
    assert life.send(RefundConfirmed(FIRST, "ref")) == []


def test_a_refund_that_is_stuck_can_still_be_made() -> None:
    life = a_payment(StartAttempt(FIRST), a_page(), an_answer(), FeeNoLongerDue())
    assert kinds(life.send(RefundNotConfirmed(FIRST))) == [RefundStuck]
    assert kinds(life.send(RefundConfirmed(FIRST, "ref"))) == [RefundMade]
    assert life.send(RefundNotConfirmed(FIRST)) == []


def test_what_is_not_due_to_be_given_back_is_not_given_back() -> None:
    life = a_payment(StartAttempt(FIRST), a_page(), an_answer())
    assert life.send(RefundConfirmed(FIRST, "ref")) == []
    assert life.send(RefundConfirmed(an_id("unknown"), "ref")) == []


def test_an_attempts_id_begins_one_attempt_only() -> None:
    life = a_payment(StartAttempt(FIRST), a_page(), an_answer(result="NOT CAPTURED"))
    assert life.send(StartAttempt(FIRST)) == []
    assert life.state.attempts[FIRST].status is AttemptStatus.FAILED


def test_an_attempt_that_was_given_back_is_not_given_back_again() -> None:
    life = a_payment(StartAttempt(FIRST), a_page(), an_answer(amount_fils=1), RefundConfirmed(FIRST, "ref"))
    life.send(StartAttempt(FIRST), an_answer(amount_fils=1), RefundConfirmed(FIRST, "ref"))
    assert len(life.of(RefundMade)) == 1


@pytest.mark.parametrize("end", [FeeNoLongerDue(), TimeToPayOver()])
def test_a_payment_that_has_ended_takes_no_attempt(end: object) -> None:
    life = a_payment(end)
    assert life.send(StartAttempt(FIRST)) == []
    assert life.refusal == "payment-not-open"


def test_a_payment_that_nobody_asked_for_takes_no_attempt() -> None:
    life = a_life(payment, StartAttempt(FIRST))
    assert life.refusal == "payment-not-open"


def test_attempts_are_numbered_and_limited() -> None:
    life = a_payment()
    for number in range(MAX_ATTEMPTS):
        id = an_id("attempt", number)
        life.send(StartAttempt(id), an_answer(id, result="CANCELED"))
    assert [event.number for event in life.of(PaymentAttempted)] == list(range(1, MAX_ATTEMPTS + 1))
    assert life.send(StartAttempt(an_id("one too many"))) == []
    assert life.refusal == "payment-too-many-attempts"


def test_an_answer_about_somebody_elses_attempt_changes_nothing() -> None:
    life = a_payment(StartAttempt(FIRST), a_page())
    before = life.state
    assert life.send(an_answer(an_id("unknown")), a_page(an_id("unknown")), PageNotOpened(an_id("unknown"))) == []
    assert life.state == before


def test_an_opened_page_is_recorded_for_its_payer_only() -> None:
    [opened] = a_payment(StartAttempt(FIRST)).send(a_page())
    assert isinstance(opened, PaymentPageOpened)
    assert opened.payer_id == an_id("payer")


def test_the_gateways_word_for_money_is_the_one_that_is_known() -> None:
    assert CAPTURED == "CAPTURED"
