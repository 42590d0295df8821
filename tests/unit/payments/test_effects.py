"""What payments does at the gateway, done with one in memory."""

from typing import Any
from uuid import UUID

import pytest

from services.payments.domain.payment import (
    CAPTURED,
    FeeNoLongerDue,
    GatewayAnswered,
    PageNotOpened,
    PageOpened,
    Payment,
    RefundConfirmed,
    RefundNotConfirmed,
    StartAttempt,
    payment,
    payment_id_for,
)
from services.payments.effects import InquireAttempt, OpenPage, RefundAttempt, effects
from shared.contracts.payments import RefundDue
from shared.functions import Effect, EffectHandler, Job
from shared.kernel.errors import TryLater
from tests.unit.builders import NOW, an_id
from tests.unit.payments.payment_builders import AMOUNT_FILS, FIRST, SECOND, a_page, a_payment, an_answer
from tests.unit.world import Bank, result_of

OURS = payment_id_for(an_id("fee"))
PAID = (StartAttempt(FIRST), a_page(), an_answer())


def handler_of(effect: Effect) -> EffectHandler:
    """How an effect is done."""
    handler = effects.handler(type(effect).__name__)
    assert handler is not None
    return handler


def is_due(effect: Effect, state: Payment) -> bool:
    """Whether an effect is still to be done."""
    due = handler_of(effect).due
    assert due is not None
    return due(effect, state)


def perform(effect: Effect, state: Payment, bank: Bank) -> Any:
    """What an effect sends after it was done once."""
    job = Job(id=an_id("job"), key=OURS, attempts=1, first_due_at=NOW, now=NOW)
    available = {"effect": effect, "job": job, "state": state, "gateway": bank}
    handler = handler_of(effect)
    return result_of(handler.perform(**{name: available[name] for name in handler.parameters}))


def a_bank_with_a_page(attempt_id: UUID = FIRST) -> Bank:
    """A gateway that has opened the page of an attempt."""
    bank = Bank()
    result_of(bank.open_page(attempt_id, OURS, AMOUNT_FILS))
    return bank


def test_a_page_is_asked_for_and_shown() -> None:
    bank = Bank()
    state = a_payment(StartAttempt(FIRST)).state
    page = f"https://bank.test/{FIRST}"
    assert perform(OpenPage(FIRST), state, bank) == payment.send(OURS, PageOpened(FIRST, page, NOW))
    assert bank.payments == {FIRST: OURS}


def test_a_page_is_asked_for_only_while_its_own_attempt_waits_for_one() -> None:
    started = a_payment(StartAttempt(FIRST))
    assert is_due(OpenPage(FIRST), started.state)
    for messages in ([a_page()], [PageNotOpened(FIRST)], [an_answer()], [PageNotOpened(FIRST), StartAttempt(SECOND)]):
        assert not is_due(OpenPage(FIRST), a_payment(StartAttempt(FIRST), *messages).state)


def test_a_payer_who_has_not_finished_is_asked_about_again_and_the_gateway_is_not_at_fault() -> None:
    with pytest.raises(TryLater) as later:
        perform(InquireAttempt(FIRST), a_payment(*PAID[:2]).state, a_bank_with_a_page())
    assert not later.value.fault


def test_what_the_gateway_says_is_believed() -> None:
    bank = a_bank_with_a_page()
    bank.pay(FIRST, AMOUNT_FILS)
    told = perform(InquireAttempt(FIRST), a_payment(*PAID[:2]).state, bank)
    assert told == payment.send(OURS, GatewayAnswered(FIRST, CAPTURED, AMOUNT_FILS, f"ref-{FIRST}", NOW))


@pytest.mark.parametrize("then", [[], [a_page()], [PageNotOpened(FIRST)], [a_page(), FeeNoLongerDue()]])
def test_an_attempt_is_asked_about_until_the_gateways_word_is_known(then: list[object]) -> None:
    assert is_due(InquireAttempt(FIRST), a_payment(StartAttempt(FIRST), *then).state)


def test_another_attempt_does_not_end_the_asking_about_one_whose_page_was_lost() -> None:
    life = a_payment(StartAttempt(FIRST), PageNotOpened(FIRST), StartAttempt(SECOND), an_answer(SECOND))
    assert is_due(InquireAttempt(FIRST), life.state)
    assert not is_due(InquireAttempt(SECOND), life.state)


@pytest.mark.parametrize("answer", [an_answer(), an_answer(result="NOT CAPTURED"), an_answer(amount_fils=1)])
def test_an_attempt_is_not_asked_about_once_the_gateways_word_is_known(answer: GatewayAnswered) -> None:
    assert not is_due(InquireAttempt(FIRST), a_payment(StartAttempt(FIRST), a_page(), answer).state)


def test_money_is_given_back_under_the_refunds_own_id_however_often_it_is_tried() -> None:
    bank = a_bank_with_a_page()
    bank.pay(FIRST, AMOUNT_FILS)
    life = a_payment(*PAID, FeeNoLongerDue())
    sent = [perform(RefundAttempt(FIRST), life.state, bank) for _ in range(2)]
    [due] = life.of(RefundDue)
    assert bank.given_back == {due.refund_id: (FIRST, AMOUNT_FILS)}
    assert sent[0] == sent[1] == payment.send(OURS, RefundConfirmed(FIRST, f"back-{due.refund_id}"))


def test_what_was_taken_in_another_amount_is_given_back_in_that_amount() -> None:
    bank = a_bank_with_a_page()
    perform(RefundAttempt(FIRST), a_payment(StartAttempt(FIRST), an_answer(amount_fils=7)).state, bank)
    assert [amount for _, amount in bank.given_back.values()] == [7]


def test_money_is_given_back_only_while_its_own_attempt_is_due_it() -> None:
    due = a_payment(*PAID, FeeNoLongerDue())
    assert is_due(RefundAttempt(FIRST), due.state)
    for messages in (PAID, (*PAID, FeeNoLongerDue(), RefundConfirmed(FIRST, "ref"))):
        assert not is_due(RefundAttempt(FIRST), a_payment(*messages).state)


def test_what_cannot_be_given_back_in_its_time_is_still_due() -> None:
    assert is_due(RefundAttempt(FIRST), a_payment(*PAID, FeeNoLongerDue(), RefundNotConfirmed(FIRST)).state)


@pytest.mark.parametrize(
    ("effect", "notice"),
    [(OpenPage(FIRST), PageNotOpened(FIRST)), (RefundAttempt(FIRST), RefundNotConfirmed(FIRST))],
)
def test_what_has_no_success_in_its_time_is_told_to_its_payment(effect: Effect, notice: Any) -> None:
    exhausted = handler_of(effect).exhausted
    assert exhausted is not None
    assert exhausted(effect, OURS) == payment.send(OURS, notice)
