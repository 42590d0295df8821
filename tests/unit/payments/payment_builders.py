"""Builders of payments: messages, and payments in every state."""

from collections.abc import Mapping
from uuid import UUID

from services.payments.domain.payment import (
    CAPTURED,
    TRANSITIONS,
    FeeNoLongerDue,
    FeeRequested,
    GatewayAnswered,
    JoinBasket,
    PageNotOpened,
    PageOpened,
    Payment,
    RefundConfirmed,
    RefundNotConfirmed,
    StartAttempt,
    TimeToPayOver,
    payment,
)
from tests.unit.builders import NOW, Life, a_text, an_id

AMOUNT_FILS = 10_000
FIRST, SECOND = an_id("first attempt"), an_id("second attempt")
PAYMENT_ID = an_id("payment")


def a_fee(amount_fils: int = AMOUNT_FILS) -> FeeRequested:
    """The fee of one request."""
    return FeeRequested(
        fee_id=an_id("fee"),
        for_id=an_id("request"),
        payer_id=an_id("payer"),
        agency="moi-traffic",
        amount_fils=amount_fils,
        description=a_text("A fee", "رسم"),
        due_by=NOW,
    )


def a_page(attempt_id: UUID = FIRST) -> PageOpened:
    """The gateway's page of an attempt."""
    return PageOpened(attempt_id, f"https://gateway.test/{attempt_id}", NOW)


def an_answer(attempt_id: UUID = FIRST, result: str = CAPTURED, amount_fils: int = AMOUNT_FILS) -> GatewayAnswered:
    """What the gateway says of an attempt."""
    return GatewayAnswered(attempt_id, result, amount_fils, f"ref-{attempt_id}", NOW)


def a_payment(*messages: object) -> Life:
    """A payment of a fee that was asked for, and what has happened since."""
    life = Life(payment, transitions=TRANSITIONS)
    life.send(a_fee(), *messages)
    return life


def payments_in_every_state() -> Mapping[str, Payment]:
    """A payment in each status, with attempts in each status."""
    start, page, paid = StartAttempt(FIRST), a_page(), an_answer()
    failed, other_amount = an_answer(result="NOT CAPTURED"), an_answer(amount_fils=1)
    cancel, expire, refunded = FeeNoLongerDue(), TimeToPayOver(), RefundConfirmed(FIRST, "ref")
    lives = {
        "requested": a_payment(),
        "requested, attempt started": a_payment(start),
        "requested, attempt open": a_payment(start, page),
        "requested, attempt failed": a_payment(start, page, failed),
        "requested, no page": a_payment(start, PageNotOpened(FIRST)),
        "requested, in a basket": a_payment(JoinBasket(an_id("basket"), AMOUNT_FILS)),
        "requested, refund due": a_payment(start, page, other_amount),
        "requested, refunded": a_payment(start, page, other_amount, refunded),
        "requested, second attempt open": a_payment(start, page, failed, StartAttempt(SECOND), a_page(SECOND)),
        "captured": a_payment(start, page, paid),
        "captured at the second attempt": a_payment(start, failed, StartAttempt(SECOND), an_answer(SECOND)),
        "captured, refund due": a_payment(start, page, paid, cancel),
        "captured, refund stuck": a_payment(start, page, paid, cancel, RefundNotConfirmed(FIRST)),
        "captured, refunded": a_payment(start, page, paid, cancel, refunded),
        "expired": a_payment(expire),
        "expired, attempt started": a_payment(start, expire),
        "expired, attempt open": a_payment(start, page, expire),
        "expired, refund due": a_payment(start, page, expire, paid),
        "expired, refunded": a_payment(start, page, expire, paid, refunded),
        "cancelled": a_payment(cancel),
        "cancelled, attempt open": a_payment(start, page, cancel),
        "cancelled, refund due": a_payment(start, page, cancel, paid),
    }
    return {"absent": Payment(), **{name: life.state for name, life in lives.items()}}
