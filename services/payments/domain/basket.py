"""A basket: several fees paid with one visit to the gateway, all or none.

Each fee's payment has an attempt of its own that waits for the basket; what the gateway says of the whole is said to
each. One visit is one basket: where it ends without money, the payer gathers another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from services.payments.domain.payment import (
    CAPTURED,
    NO_PAGE,
    NOBODY,
    GatewayAnswered,
    PageNotOpened,
    PageOpened,
    RefundConfirmed,
    RefundNotConfirmed,
    refund_ended,
    refund_id_for,
)
from shared.contracts.payments import (
    BasketCaptured,
    BasketFailed,
    BasketGathered,
    BasketPageOpened,
    PaymentCapturedUnasked,
    RefundDue,
    RefundMade,
    RefundStuck,
)
from shared.contracts.personal import Private, SubjectId
from shared.functions import Decider

AMOUNT_DIFFERS = "AMOUNT DIFFERS"


class Status(StrEnum):
    """Where a basket stands; `started` and `open` wait for the gateway."""

    UNKNOWN = "unknown"
    STARTED = "started"
    OPEN = "open"
    CAPTURED = "captured"
    FAILED = "failed"
    REFUND_DUE = "refund_due"
    REFUNDED = "refunded"


TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.UNKNOWN: frozenset({Status.STARTED}),
    Status.STARTED: frozenset({Status.OPEN, Status.CAPTURED, Status.FAILED}),
    Status.OPEN: frozenset({Status.CAPTURED, Status.FAILED}),
    Status.CAPTURED: frozenset(),
    Status.FAILED: frozenset({Status.REFUND_DUE}),
    Status.REFUND_DUE: frozenset({Status.REFUNDED}),
    Status.REFUNDED: frozenset(),
}


@dataclass(frozen=True)
class Basket:
    """What is paid together, by whom: `payments` has the amount of each; `taken_fils` is what the gateway took."""

    status: Status = Status.UNKNOWN
    payer_id: SubjectId = NOBODY
    payments: Mapping[UUID, int] = field(default_factory=dict)
    page_url: Private[str | None] = None
    result: str | None = None
    taken_fils: int = 0

    @property
    def amount_fils(self) -> int:
        """What is to be paid."""
        return sum(self.payments.values())

    @property
    def is_undecided(self) -> bool:
        """Whether the payer may still be at it."""
        return self.status in (Status.STARTED, Status.OPEN)

    @property
    def is_to_be_asked_about(self) -> bool:
        """Whether the gateway has still to say how it went: also where it has not answered with a page."""
        return self.is_undecided or (self.status is Status.FAILED and self.result == NO_PAGE)


@dataclass(frozen=True)
class GatherBasket:
    """A command of the payer."""

    payer_id: UUID
    payments: Mapping[UUID, int]


Message = GatherBasket | PageOpened | PageNotOpened | GatewayAnswered | RefundConfirmed | RefundNotConfirmed
Event = (
    BasketGathered
    | BasketPageOpened
    | BasketFailed
    | BasketCaptured
    | PaymentCapturedUnasked
    | RefundDue
    | RefundMade
    | RefundStuck
)


def decide(state: Basket, message: Message) -> Sequence[Event]:
    """The rules of a basket. The gateway knows it by its id: it is an attempt of its own."""
    match message:
        case GatherBasket(payer_id, payments):
            is_new = state.status is Status.UNKNOWN
            return [BasketGathered(payer_id=payer_id, payments=dict(payments))] if is_new else []
        case PageOpened(_, page_url, opened_at):
            if state.status is not Status.STARTED:
                return []
            return [BasketPageOpened(payer_id=state.payer_id, opened_at=opened_at, page_url=page_url)]
        case PageNotOpened():
            return fail(state, NO_PAGE) if state.status is Status.STARTED else []
        case GatewayAnswered():
            return settle(state, message)
        case RefundConfirmed() | RefundNotConfirmed():
            is_due = state.status is Status.REFUND_DUE
            return [refund_ended(message, state.payer_id, state.taken_fils)] if is_due else []
        case _:
            assert_never(message)


def fail(state: Basket, result: str) -> Sequence[BasketFailed]:
    """The visit has ended without money, or with money that goes back."""
    return [BasketFailed(result=result, payments=list(state.payments))] if state.is_undecided else []


def settle(state: Basket, notice: GatewayAnswered) -> Sequence[Event]:
    """The gateway's word ends a basket, once. What it took is for all, or goes back whole."""
    if notice.result != CAPTURED:
        return fail(state, notice.result)
    if not state.is_to_be_asked_about:
        return []
    if state.is_undecided and notice.amount_fils == state.amount_fils:
        return [
            BasketCaptured(
                payer_id=state.payer_id,
                amount_fils=notice.amount_fils,
                captured_at=notice.answered_at,
                gateway_reference=notice.reference,
                payments=dict(state.payments),
            )
        ]
    why = "not-due" if notice.amount_fils == state.amount_fils else "amount-differs"
    unasked = PaymentCapturedUnasked(
        attempt_id=notice.attempt_id,
        payer_id=state.payer_id,
        agency="",
        amount_fils=notice.amount_fils,
        captured_at=notice.answered_at,
        gateway_reference=notice.reference,
        why=why,
    )
    due = RefundDue(
        refund_id=refund_id_for(notice.attempt_id),
        attempt_id=notice.attempt_id,
        payer_id=state.payer_id,
        agency="",
        amount_fils=notice.amount_fils,
        unasked=True,
        why=why,
    )
    return [*fail(state, AMOUNT_DIFFERS), unasked, due]


def evolve(state: Basket, event: Event) -> Basket:
    """A basket after an event."""
    match event:
        case BasketGathered():
            return Basket(Status.STARTED, event.payer_id, event.payments)
        case BasketPageOpened():
            return replace(state, status=Status.OPEN, page_url=event.page_url)
        case BasketFailed():
            return replace(state, status=Status.FAILED, result=event.result, page_url=None)
        case BasketCaptured():
            return replace(state, status=Status.CAPTURED, result=CAPTURED, taken_fils=event.amount_fils, page_url=None)
        case PaymentCapturedUnasked():
            return replace(state, result=CAPTURED, taken_fils=event.amount_fils)
        case RefundDue():
            return replace(state, status=Status.REFUND_DUE)
        case RefundMade():
            return replace(state, status=Status.REFUNDED)
        case RefundStuck():
            return state
        case _:
            assert_never(event)


basket = Decider("basket", initial=Basket(), decide=decide, evolve=evolve)
