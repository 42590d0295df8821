"""Several fees at once: all are paid or none is, whatever the gateway says and however often."""

from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.payments.domain.basket import AMOUNT_DIFFERS, GatherBasket, Status, basket
from services.payments.domain.payment import (
    CAPTURED,
    AttemptStatus,
    FeeNoLongerDue,
    FeeRequested,
    FeeRevised,
    GatewayAnswered,
    JoinBasket,
    PageNotOpened,
    PageOpened,
    RefundConfirmed,
    StartAttempt,
    TimeToPayOver,
    attempt_id_in,
    payment,
    payment_id_for,
)
from services.payments.effects import InquireBasket, OpenBasketPage, RefundAttempt, RefundBasket, effects
from services.payments.projections import projections
from services.payments.reactions import INQUIRE_AFTER, reactions
from shared.contracts.payments import (
    BasketCaptured,
    BasketFailed,
    BasketGathered,
    PaymentAttempted,
    PaymentCaptured,
    RefundDue,
    RefundStuck,
)
from shared.functions import Job, Perform, Row, Send, perform
from tests.unit.builders import NOW, AnyDecider, Life, an_id, recorded
from tests.unit.generated import QUICK
from tests.unit.payments.basket_builders import AMOUNTS, BASKET_ID, FEE, FINE, a_basket, a_page, an_answer
from tests.unit.payments.payment_builders import AMOUNT_FILS, FIRST, a_fee, a_payment
from tests.unit.payments.payment_builders import a_page as a_page_of_one
from tests.unit.payments.payment_builders import an_answer as an_answer_of_one
from tests.unit.world import Bank, result_of

ONE = payment_id_for(an_id("fee"))
IN_BASKET = attempt_id_in(BASKET_ID, ONE)
JOIN = JoinBasket(BASKET_ID, AMOUNT_FILS)


def steps(data: Any, of: UUID) -> Sequence[Any]:
    """What follows from an event."""
    event = recorded(data, of)
    return [step for reaction in reactions.to(type(data)) for step in reaction.react(event)]


def test_the_gateway_is_asked_for_one_page_and_about_one_basket() -> None:
    [gathered] = a_basket().of(BasketGathered)
    assert steps(gathered, BASKET_ID) == [
        perform(OpenBasketPage(), lane=BASKET_ID),
        perform(InquireBasket(), at=NOW + INQUIRE_AFTER, lane=BASKET_ID),
    ]


def test_a_payment_in_a_basket_has_no_page_of_its_own() -> None:
    [attempted] = a_payment(JOIN).of(PaymentAttempted)
    assert (attempted.attempt_id, attempted.basket_id, attempted.amount_fils) == (IN_BASKET, BASKET_ID, AMOUNT_FILS)
    assert steps(attempted, ONE) == []


def test_what_is_taken_is_said_to_each() -> None:
    [captured] = a_basket(a_page(), an_answer()).of(BasketCaptured)
    told = {step.aggregate_id: step.message for step in steps(captured, BASKET_ID)}
    assert told == {
        id: GatewayAnswered(attempt_id_in(BASKET_ID, id), CAPTURED, fils, f"ref-{BASKET_ID}", NOW)
        for id, fils in AMOUNTS.items()
    }


@pytest.mark.parametrize("end", [PageNotOpened(BASKET_ID), an_answer("CANCELED"), an_answer(amount_fils=1)])
def test_a_basket_without_its_money_frees_each(end: object) -> None:
    [failed] = a_basket(end).of(BasketFailed)
    told = {step.aggregate_id: step.message for step in steps(failed, BASKET_ID)}
    assert told.keys() == {FINE, FEE}
    assert {message.amount_fils for message in told.values()} == {0}
    assert CAPTURED not in {message.result for message in told.values()}


def test_another_amount_goes_back_whole() -> None:
    life = a_basket(a_page(), an_answer(amount_fils=1))
    [due] = life.of(RefundDue)
    assert (life.state.status, life.of(BasketFailed)[0].result) == (Status.REFUND_DUE, AMOUNT_DIFFERS)
    assert (due.amount_fils, due.unasked) == (1, True)
    assert steps(due, BASKET_ID) == [perform(RefundBasket(), lane=BASKET_ID)]


def test_a_refund_that_the_gateway_cannot_make_is_tried_again() -> None:
    stuck = RefundStuck(refund_id=an_id("refund"), attempt_id=BASKET_ID, amount_fils=1)
    [again] = steps(stuck, BASKET_ID)
    assert isinstance(again, Perform)
    assert again.effect == RefundBasket()
    assert again.at is not None
    assert again.at > NOW


def test_who_is_at_the_page_of_a_basket_does_not_pay_a_part_of_it_alone() -> None:
    assert a_payment(JOIN, StartAttempt(FIRST)).refusal == "payment-in-basket"


def test_a_payment_joins_a_basket_once() -> None:
    assert len(a_payment(JOIN, JOIN).of(PaymentAttempted)) == 1


@pytest.mark.parametrize(
    ("before", "join", "code"),
    [
        ([FeeNoLongerDue()], JOIN, "payment-not-open"),
        ([StartAttempt(FIRST), a_page_of_one()], JOIN, "payment-under-way"),
        ([JoinBasket(an_id("another basket"), AMOUNT_FILS)], JOIN, "payment-under-way"),
        ([FeeRevised(AMOUNT_FILS + 1, {})], JOIN, "payment-amount-changed"),
    ],
)
def test_what_cannot_be_paid_now_does_not_join(before: Sequence[object], join: JoinBasket, code: str) -> None:
    assert a_payment(*before, join).refusal == code


def test_after_a_basket_that_has_failed_a_payment_is_paid_in_another_way() -> None:
    failed = GatewayAnswered(IN_BASKET, "CANCELED", 0, "", NOW)
    life = a_payment(JOIN, failed, StartAttempt(FIRST), an_answer_of_one())
    assert life.of(PaymentCaptured)[0].basket_id is None


def test_the_part_of_a_payment_goes_back_from_the_baskets_visit() -> None:
    life = a_payment(JOIN, GatewayAnswered(IN_BASKET, CAPTURED, AMOUNT_FILS, "ref", NOW), FeeNoLongerDue())
    [due] = life.of(RefundDue)
    bank, handler = Bank(), effects.handler("RefundAttempt")
    assert handler is not None
    result_of(bank.open_page(BASKET_ID, BASKET_ID, AMOUNT_FILS))
    result_of(handler.perform(effect=RefundAttempt(IN_BASKET), state=life.state, gateway=bank))
    assert bank.given_back == {due.refund_id: (BASKET_ID, AMOUNT_FILS)}


MESSAGES = st.sampled_from(["page", "no page", "paid", "paid another amount", "left", "refunded"])
TO_A_PAYMENT = st.sampled_from([FeeNoLongerDue(), TimeToPayOver(), FeeRevised(1, {}), StartAttempt(FIRST)])
DOINGS = st.one_of(MESSAGES, st.tuples(st.integers(0, 2), TO_A_PAYMENT))


@settings(QUICK, max_examples=300)
@given(st.lists(DOINGS, max_size=12), st.booleans())
def test_all_are_paid_or_none_and_the_books_balance(doings: list[Any], are_told_late: bool) -> None:
    """Three payments in one basket; the requests, the clock and the gateway do as they like."""
    lives: dict[tuple[str, UUID], Life] = {}
    books: Counter[str] = Counter()
    waiting: list[Send] = []
    payments = [payment_id_for(an_id("fee", number)) for number in range(3)]

    def send(decider: AnyDecider, id: UUID, message: object) -> None:
        for event in lives.setdefault((decider.name, id), Life(decider)).send(message):
            for projection in projections.of(type(event)):
                for row in projection(recorded(event, id)):
                    assert isinstance(row, Row)
                    books.update({row.values["debit"]: row.values["amount_fils"]})
                    books.subtract({row.values["credit"]: row.values["amount_fils"]})
            waiting.extend(step for step in steps(event, id) if isinstance(step, Send) and step.at is None)
        if not are_told_late:
            tell_all()

    def tell_all() -> None:
        while waiting:
            step = waiting.pop(0)
            send(step.decider, step.aggregate_id, step.message)

    for number, id in enumerate(payments):
        fee = a_fee(1000 * (number + 1))
        told = FeeRequested(**{**vars(fee), "fee_id": an_id("fee", number)})
        send(payment, id, told)
        send(payment, id, JoinBasket(BASKET_ID, told.amount_fils))
    amounts = {id: 1000 * (number + 1) for number, id in enumerate(payments)}
    send(basket, BASKET_ID, GatherBasket(an_id("payer"), amounts))
    said = {
        "page": PageOpened(BASKET_ID, "https://gateway.test/page", NOW),
        "no page": PageNotOpened(BASKET_ID),
        "paid": GatewayAnswered(BASKET_ID, CAPTURED, 6000, "ref", NOW),
        "paid another amount": GatewayAnswered(BASKET_ID, CAPTURED, 5999, "ref", NOW),
        "left": GatewayAnswered(BASKET_ID, "CANCELED", 0, "", NOW),
        "refunded": RefundConfirmed(BASKET_ID, "ref"),
    }
    for doing in doings:
        if isinstance(doing, str):
            send(basket, BASKET_ID, said[doing])
        else:
            send(payment, payments[doing[0]], doing[1])
    tell_all()
    of_basket = lives["basket", BASKET_ID]
    if of_basket.state.is_undecided:
        send(basket, BASKET_ID, said["left"])
        tell_all()
    has_paid = of_basket.state.status is Status.CAPTURED
    for number, id in enumerate(payments):
        attempt = lives["payment", id].state.attempts[attempt_id_in(BASKET_ID, id)]
        kept_or_owed = {AttemptStatus.CAPTURED, AttemptStatus.REFUND_DUE}
        assert (attempt.status in kept_or_owed) is has_paid, f"payment {number}"
        assert (attempt.status is AttemptStatus.FAILED) is not has_paid
    assert sum(books.values()) == 0
    assert books["baskets"] == 0
    assert books["gateway"] == (6000 if has_paid else 0) + of_basket.state.taken_fils * (
        of_basket.state.status is Status.REFUND_DUE
    )


def test_effects_of_a_basket_are_done_once_and_while_they_are_due() -> None:
    bank, numbers = Bank(), count(1)

    def do(name: str, life: Life) -> Send:
        handler = effects.handler(name)
        assert handler is not None
        job = Job(id=an_id("job", next(numbers)), key=BASKET_ID, attempts=1, first_due_at=NOW, now=NOW)
        available = {"_": None, "effect": None, "job": job, "state": life.state, "gateway": bank}
        sent: Send = result_of(handler.perform(**{name: available[name] for name in handler.parameters}))
        return sent

    life = a_basket()
    opened = do("OpenBasketPage", life)
    assert bank.payments == {BASKET_ID: BASKET_ID}
    life.send(opened.message)
    bank.pay(BASKET_ID, 1)
    life.send(do("InquireBasket", life).message)
    assert [due.amount_fils for due in life.of(RefundDue)] == [1]
    life.send(do("RefundBasket", life).message)
    assert life.state.status is Status.REFUNDED
    assert [fils for _, fils in bank.given_back.values()] == [1]
    for name in ("OpenBasketPage", "InquireBasket", "RefundBasket"):
        handler = effects.handler(name)
        assert handler is not None
        assert handler.due is not None
        assert not handler.due(OpenBasketPage(), life.state)
