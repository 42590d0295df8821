"""A payment of one fee: asked for, attempted at a gateway, captured, and given back where it was not due.

The browser's return and the gateway's callback are only hints; what counts is what the gateway says when it is asked
(`GatewayAnswered`). Money that comes too late, twice, or in another amount is never lost: it is booked and given back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from shared.contracts.payments import (
    PaymentAttempted,
    PaymentCancelled,
    PaymentCaptured,
    PaymentCapturedUnasked,
    PaymentExpired,
    PaymentFailed,
    PaymentPageOpened,
    PaymentRequested,
    PaymentRevised,
    RefundDue,
    RefundMade,
    RefundStuck,
)
from shared.contracts.personal import Private, SubjectId
from shared.functions import Decider
from shared.kernel.errors import Refused
from shared.kernel.ids import derive_id
from shared.kernel.text import LocalizedText

CAPTURED = "CAPTURED"  # the gateway's only word for money taken
NO_PAGE = "NO PAGE"
MAX_ATTEMPTS = 20


class Status(StrEnum):
    """Where a payment stands."""

    UNKNOWN = "unknown"
    REQUESTED = "requested"
    CAPTURED = "captured"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class AttemptStatus(StrEnum):
    """Where an attempt stands; `started` and `open` wait for the gateway."""

    STARTED = "started"
    OPEN = "open"
    CAPTURED = "captured"
    FAILED = "failed"
    REFUND_DUE = "refund_due"
    REFUNDED = "refunded"


TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.UNKNOWN: frozenset({Status.REQUESTED}),
    Status.REQUESTED: frozenset({Status.CAPTURED, Status.EXPIRED, Status.CANCELLED}),
    Status.CAPTURED: frozenset(),
    Status.EXPIRED: frozenset(),
    Status.CANCELLED: frozenset(),
}


@dataclass(frozen=True)
class Attempt:
    """One visit to the gateway; `basket_id`: it is made for several payments together."""

    id: UUID
    number: int
    status: AttemptStatus
    amount_fils: int
    result: str | None = None
    shares: Mapping[str, int] = field(default_factory=dict)
    basket_id: UUID | None = None

    @property
    def at_gateway(self) -> UUID:
        """What the gateway knows the visit by."""
        return self.basket_id or self.id

    @property
    def is_undecided(self) -> bool:
        """Whether the payer may still be at it."""
        return self.status in (AttemptStatus.STARTED, AttemptStatus.OPEN)

    @property
    def is_to_be_asked_about(self) -> bool:
        """Whether the gateway has still to say how it went: also where it has not answered with a page."""
        return self.is_undecided or (self.status is AttemptStatus.FAILED and self.result == NO_PAGE)


NOBODY = UUID(int=0)


@dataclass(frozen=True)
class Payment:
    """A fee, and what was done to pay it."""

    status: Status = Status.UNKNOWN
    fee_id: UUID = NOBODY
    for_id: UUID = NOBODY
    payer_id: SubjectId = NOBODY
    agency: str = ""
    amount_fils: int = 0
    description: LocalizedText | None = None
    due_by: datetime | None = None
    shares: Mapping[str, int] = field(default_factory=dict)
    attempts: Mapping[UUID, Attempt] = field(default_factory=dict)
    page_url: Private[str | None] = None

    @property
    def undecided(self) -> Attempt | None:
        """The attempt that the gateway has still to decide."""
        return next((attempt for attempt in self.attempts.values() if attempt.is_undecided), None)


@dataclass(frozen=True)
class StartAttempt:
    """A command of the payer. While an attempt is undecided it is gone on with, so that nobody pays twice unknowing."""

    attempt_id: UUID


@dataclass(frozen=True)
class JoinBasket:
    """A command of the payer: this is to be paid together with others, if it is this amount."""

    basket_id: UUID
    amount_fils: int


@dataclass(frozen=True)
class FeeRequested:
    """A request waits for a fee."""

    fee_id: UUID
    for_id: UUID
    payer_id: UUID
    agency: str
    amount_fils: int
    description: LocalizedText
    due_by: datetime
    shares: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class FeeRevised:
    """The fee comes to another amount by now."""

    amount_fils: int
    shares: Mapping[str, int]


@dataclass(frozen=True)
class FeeNoLongerDue:
    """The request has ended, or does not want this payment: what was taken for it is given back."""


@dataclass(frozen=True)
class TimeToPayOver:
    """The fee's `due_by` has come."""


@dataclass(frozen=True)
class PageOpened:
    """The gateway has given a page."""

    attempt_id: UUID
    page_url: str
    opened_at: datetime


@dataclass(frozen=True)
class PageNotOpened:
    """The gateway has given no page in time."""

    attempt_id: UUID


@dataclass(frozen=True)
class GatewayAnswered:
    """What the gateway says of an attempt when it is asked; final."""

    attempt_id: UUID
    result: str
    amount_fils: int
    reference: str
    answered_at: datetime


@dataclass(frozen=True)
class RefundConfirmed:
    """The gateway has given an attempt's money back."""

    attempt_id: UUID
    reference: str


@dataclass(frozen=True)
class RefundNotConfirmed:
    """The gateway has not, in all the time that we tried."""

    attempt_id: UUID


Message = (
    StartAttempt
    | JoinBasket
    | FeeRequested
    | FeeRevised
    | FeeNoLongerDue
    | TimeToPayOver
    | PageOpened
    | PageNotOpened
    | GatewayAnswered
    | RefundConfirmed
    | RefundNotConfirmed
)
Event = (
    PaymentRequested
    | PaymentRevised
    | PaymentAttempted
    | PaymentPageOpened
    | PaymentFailed
    | PaymentCaptured
    | PaymentCapturedUnasked
    | PaymentExpired
    | PaymentCancelled
    | RefundDue
    | RefundMade
    | RefundStuck
)


def payment_id_for(fee_id: UUID) -> UUID:
    """A fee has one payment."""
    return derive_id("payment", fee_id)


def attempt_id_in(basket_id: UUID, payment_id: UUID) -> UUID:
    """A payment has one attempt in a basket."""
    return derive_id("attempt-in-basket", basket_id, payment_id)


def refund_id_for(attempt_id: UUID) -> UUID:
    """An attempt has one refund."""
    return derive_id("refund", attempt_id)


def decide(state: Payment, message: Message) -> Sequence[Event]:
    """The rules of a payment."""
    match message:
        case StartAttempt():
            return start_attempt(state, message)
        case JoinBasket():
            return join_basket(state, message)
        case FeeRequested():
            return [] if state.status is not Status.UNKNOWN else [request_fee(message)]
        case FeeRevised():
            return revise(state, message)
        case FeeNoLongerDue():
            return give_up(state)
        case TimeToPayOver():
            return [PaymentExpired(fee_id=state.fee_id, for_id=state.for_id)] if is_open(state) else []
        case PageOpened():
            return open_page(state, message)
        case PageNotOpened(attempt_id):
            is_started = attempt_in(state, attempt_id, AttemptStatus.STARTED) is not None
            return [PaymentFailed(attempt_id=attempt_id, result=NO_PAGE)] if is_started else []
        case GatewayAnswered():
            return settle(state, message)
        case RefundConfirmed() | RefundNotConfirmed():
            return end_refund(state, message)
        case _:
            assert_never(message)


def is_open(state: Payment) -> bool:
    """Whether the fee is still to be paid."""
    return state.status is Status.REQUESTED


def attempt_in(state: Payment, attempt_id: UUID, *statuses: AttemptStatus) -> Attempt | None:
    """The attempt of this id, if it stands at one of these."""
    attempt = state.attempts.get(attempt_id)
    return attempt if attempt is not None and attempt.status in statuses else None


def request_fee(notice: FeeRequested) -> PaymentRequested:
    """A payment begins with its fee."""
    return PaymentRequested(
        fee_id=notice.fee_id,
        for_id=notice.for_id,
        payer_id=notice.payer_id,
        agency=notice.agency,
        amount_fils=notice.amount_fils,
        description=notice.description,
        due_by=notice.due_by,
        shares=dict(notice.shares),
    )


def revise(state: Payment, notice: FeeRevised) -> Sequence[PaymentRevised]:
    """What has not been paid has a new amount."""
    if not is_open(state) or notice.amount_fils == state.amount_fils:
        return []
    return [
        PaymentRevised(
            payer_id=state.payer_id,
            amount_fils=notice.amount_fils,
            was_fils=state.amount_fils,
            shares=dict(notice.shares),
        )
    ]


def start_attempt(state: Payment, command: StartAttempt) -> Sequence[Event]:
    """A new attempt, unless one is under way."""
    if not is_open(state):
        raise Refused("payment-not-open", {"status": state.status})
    if state.undecided is not None and state.undecided.basket_id is not None:
        raise Refused("payment-in-basket", {"basket_id": str(state.undecided.basket_id)})
    if state.undecided is not None or command.attempt_id in state.attempts:
        return []
    return [new_attempt(state, command.attempt_id)]


def join_basket(state: Payment, command: JoinBasket) -> Sequence[Event]:
    """A new attempt, which the basket makes. Nobody is charged another amount than the one that they were shown."""
    attempt_id = attempt_id_in(command.basket_id, payment_id_for(state.fee_id))
    if attempt_id in state.attempts:
        return []
    if not is_open(state):
        raise Refused("payment-not-open", {"status": state.status})
    if state.undecided is not None:
        raise Refused("payment-under-way", {"payment_id": str(payment_id_for(state.fee_id))})
    if command.amount_fils != state.amount_fils:
        raise Refused("payment-amount-changed", {"amount_fils": state.amount_fils})
    return [new_attempt(state, attempt_id, command.basket_id)]


def new_attempt(state: Payment, attempt_id: UUID, basket_id: UUID | None = None) -> PaymentAttempted:
    """The next attempt."""
    if len(state.attempts) >= MAX_ATTEMPTS:
        raise Refused("payment-too-many-attempts")
    return PaymentAttempted(
        attempt_id=attempt_id,
        number=len(state.attempts) + 1,
        amount_fils=state.amount_fils,
        shares=dict(state.shares),
        basket_id=basket_id,
    )


def open_page(state: Payment, notice: PageOpened) -> Sequence[Event]:
    """The payer can go to the gateway's page."""
    attempt = attempt_in(state, notice.attempt_id, AttemptStatus.STARTED)
    if attempt is None:
        return []
    return [
        PaymentPageOpened(
            attempt_id=attempt.id, payer_id=state.payer_id, opened_at=notice.opened_at, page_url=notice.page_url
        )
    ]


def settle(state: Payment, notice: GatewayAnswered) -> Sequence[Event]:
    """The gateway's word ends an attempt, once; money counts also where the attempt was thought to have failed."""
    if notice.result != CAPTURED:
        undecided = attempt_in(state, notice.attempt_id, AttemptStatus.STARTED, AttemptStatus.OPEN)
        return [PaymentFailed(attempt_id=undecided.id, result=notice.result)] if undecided else []
    attempt = attempt_in(state, notice.attempt_id, AttemptStatus.STARTED, AttemptStatus.OPEN, AttemptStatus.FAILED)
    if attempt is None:
        return []
    if is_open(state) and notice.amount_fils == attempt.amount_fils:
        return [
            PaymentCaptured(
                attempt_id=attempt.id,
                fee_id=state.fee_id,
                for_id=state.for_id,
                payer_id=state.payer_id,
                agency=state.agency,
                amount_fils=notice.amount_fils,
                captured_at=notice.answered_at,
                gateway_reference=notice.reference,
                shares=dict(attempt.shares),
                basket_id=attempt.basket_id,
            )
        ]
    why = "not-due" if notice.amount_fils == attempt.amount_fils else "amount-differs"
    unasked = PaymentCapturedUnasked(
        attempt_id=attempt.id,
        payer_id=state.payer_id,
        agency=state.agency,
        amount_fils=notice.amount_fils,
        captured_at=notice.answered_at,
        gateway_reference=notice.reference,
        why=why,
        basket_id=attempt.basket_id,
    )
    return [unasked, refund(state, attempt.id, notice.amount_fils, why, unasked=True)]


def give_up(state: Payment) -> Sequence[Event]:
    """The fee is not due any more: an open payment is closed, a captured one given back."""
    if is_open(state):
        return [PaymentCancelled(fee_id=state.fee_id, for_id=state.for_id)]
    captured = [attempt for attempt in state.attempts.values() if attempt.status is AttemptStatus.CAPTURED]
    return [refund(state, attempt.id, attempt.amount_fils, "not-due") for attempt in captured]


def refund(state: Payment, attempt_id: UUID, amount_fils: int, why: str, *, unasked: bool = False) -> RefundDue:
    """What an attempt has taken is to be given back; an attempt has one refund."""
    return RefundDue(
        refund_id=refund_id_for(attempt_id),
        attempt_id=attempt_id,
        payer_id=state.payer_id,
        agency=state.agency,
        amount_fils=amount_fils,
        unasked=unasked,
        why=why,
        shares={} if unasked else dict(state.attempts[attempt_id].shares),
    )


def end_refund(state: Payment, notice: RefundConfirmed | RefundNotConfirmed) -> Sequence[Event]:
    """A refund that is due is made, or left to an operator."""
    attempt = state.attempts.get(notice.attempt_id)
    if attempt is None or attempt.status is not AttemptStatus.REFUND_DUE:
        return []
    return [refund_ended(notice, state.payer_id, attempt.amount_fils)]


def refund_ended(
    notice: RefundConfirmed | RefundNotConfirmed, payer_id: UUID, amount_fils: int
) -> RefundMade | RefundStuck:
    """What became of the refund of an attempt, or of a basket, which is its own attempt."""
    refund_id = refund_id_for(notice.attempt_id)
    if isinstance(notice, RefundNotConfirmed):
        return RefundStuck(refund_id=refund_id, attempt_id=notice.attempt_id, amount_fils=amount_fils)
    return RefundMade(
        refund_id=refund_id,
        attempt_id=notice.attempt_id,
        payer_id=payer_id,
        amount_fils=amount_fils,
        gateway_reference=notice.reference,
    )


def evolve(state: Payment, event: Event) -> Payment:
    """A payment after an event."""
    match event:
        case PaymentRequested():
            return Payment(
                status=Status.REQUESTED,
                fee_id=event.fee_id,
                for_id=event.for_id,
                payer_id=event.payer_id,
                agency=event.agency,
                amount_fils=event.amount_fils,
                description=event.description,
                due_by=event.due_by,
                shares=event.shares,
            )
        case PaymentRevised():
            return replace(state, amount_fils=event.amount_fils, shares=event.shares)
        case PaymentAttempted():
            attempt = Attempt(
                event.attempt_id,
                event.number,
                AttemptStatus.STARTED,
                event.amount_fils,
                shares=event.shares,
                basket_id=event.basket_id,
            )
            return replace(state, attempts={**state.attempts, attempt.id: attempt}, page_url=None)
        case PaymentPageOpened():
            return with_attempt(replace(state, page_url=event.page_url), event.attempt_id, AttemptStatus.OPEN)
        case PaymentFailed():
            return with_attempt(state, event.attempt_id, AttemptStatus.FAILED, result=event.result)
        case PaymentCaptured():
            paid = replace(state, status=Status.CAPTURED)
            return with_attempt(paid, event.attempt_id, AttemptStatus.CAPTURED, result=CAPTURED)
        case PaymentCapturedUnasked():
            status, amount = AttemptStatus.CAPTURED, event.amount_fils
            return with_attempt(state, event.attempt_id, status, result=CAPTURED, amount_fils=amount)
        case PaymentExpired():
            return replace(state, status=Status.EXPIRED)
        case PaymentCancelled():
            return replace(state, status=Status.CANCELLED)
        case RefundDue():
            return with_attempt(state, event.attempt_id, AttemptStatus.REFUND_DUE)
        case RefundMade():
            return with_attempt(state, event.attempt_id, AttemptStatus.REFUNDED)
        case RefundStuck():
            return state
        case _:
            assert_never(event)


def with_attempt(
    state: Payment,
    attempt_id: UUID,
    status: AttemptStatus,
    *,
    result: str | None = None,
    amount_fils: int | None = None,
) -> Payment:
    """The payment with one attempt moved on; a page whose attempt has ended is of no use any more."""
    before = state.attempts[attempt_id]
    amount = before.amount_fils if amount_fils is None else amount_fils
    after = replace(before, status=status, result=result or before.result, amount_fils=amount)
    page_url = None if before.is_undecided and not after.is_undecided else state.page_url
    return replace(state, attempts={**state.attempts, attempt_id: after}, page_url=page_url)


payment = Decider("payment", initial=Payment(), decide=decide, evolve=evolve, shape=3)
