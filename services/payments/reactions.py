"""What events bring about in payments."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from services.payments.domain.payment import (
    CAPTURED,
    FeeNoLongerDue,
    FeeRequested,
    FeeRevised,
    GatewayAnswered,
    TimeToPayOver,
    attempt_id_in,
    payment,
    payment_id_for,
)
from services.payments.domain.payout import AccountNamed, NoLongerOwed, Owed, payout
from services.payments.effects import (
    InquireAttempt,
    InquireBasket,
    OpenBasketPage,
    OpenPage,
    RefundAttempt,
    RefundBasket,
    SendPayout,
)
from shared.contracts.event import Recorded
from shared.contracts.identity import PersonErased
from shared.contracts.payments import (
    BasketCaptured,
    BasketFailed,
    BasketGathered,
    PaymentAttempted,
    PaymentRequested,
    PayoutAccountNamed,
    PayoutReady,
    PayoutStuck,
    RefundDue,
    RefundStuck,
)
from shared.contracts.requests import (
    RequestExpired,
    RequestFeeDue,
    RequestFeeRevised,
    RequestInstalmentDue,
    RequestPaymentNotNeeded,
    RequestPayoutDue,
    RequestRejected,
    RequestWithdrawn,
)
from shared.functions import Perform, Reactions, Step, erase, for_each, perform

INQUIRE_AFTER = timedelta(minutes=3)
"""An attempt of which nothing was heard is inquired about then, when no page can be opened for it any more."""
ONE_DAY = timedelta(days=1)

reactions = Reactions()


@reactions.on(RequestFeeDue)
def ask_for_the_fee(event: Recorded[RequestFeeDue]) -> Iterator[Step]:
    """A fee that is due has a payment."""
    fee = event.data
    notice = FeeRequested(
        fee_id=fee.fee_id,
        for_id=event.aggregate_id,
        payer_id=fee.payer_id,
        agency=fee.agency,
        amount_fils=fee.amount_fils,
        description=fee.description,
        due_by=fee.due_by,
        shares=fee.shares,
    )
    yield payment.send(payment_id_for(fee.fee_id), notice)


@reactions.on(RequestFeeRevised)
def revise_the_fee(event: Recorded[RequestFeeRevised]) -> Iterator[Step]:
    """It has grown, or a day of grace was not over."""
    fee = event.data
    yield payment.send(payment_id_for(fee.fee_id), FeeRevised(fee.amount_fils, fee.shares))


@reactions.on(RequestPayoutDue, RequestInstalmentDue)
def owe_a_payout(event: Recorded[RequestPayoutDue | RequestInstalmentDue]) -> Iterator[Step]:
    """A person is owed an amount."""
    due = event.data
    notice = Owed(event.aggregate_id, due.payee_id, due.agency, due.amount_fils, due.description, since=event.sequence)
    yield payout.send(due.payout_id, notice)


@reactions.on(PayoutAccountNamed)
def pay_to_the_account(event: Recorded[PayoutAccountNamed]) -> Iterator[Step]:
    """What has waited for an account is paid."""
    person_id = event.aggregate_id
    yield for_each("payouts", by="payee_id", equals=person_id, decider=payout, message=AccountNamed(event.data.number))


@reactions.on(PayoutReady)
def have_it_paid(event: Recorded[PayoutReady]) -> Iterator[Step]:
    """The bank is told."""
    yield perform(SendPayout(event.data.number), key=event.aggregate_id)


@reactions.on(PayoutStuck)
def try_to_pay_again(event: Recorded[PayoutStuck]) -> Iterator[Step]:
    """What is owed is never given up."""
    yield perform(SendPayout(event.data.number), key=event.aggregate_id, at=event.time + ONE_DAY)


@reactions.on(PaymentRequested)
def expire_when_time_is_over(event: Recorded[PaymentRequested]) -> Iterator[Step]:
    """A payment has its time."""
    yield payment.send(event.aggregate_id, TimeToPayOver(), at=event.data.due_by)


@reactions.on(RequestWithdrawn, RequestRejected, RequestExpired)
def give_up_what_is_due(event: Recorded[RequestWithdrawn | RequestRejected | RequestExpired]) -> Iterator[Step]:
    """A request that has ended without its service does not keep the fee, and pays nobody what it has owed."""
    for fee_id in event.data.fee_ids:
        yield payment.send(payment_id_for(fee_id), FeeNoLongerDue())
    over = NoLongerOwed(before=event.sequence)
    yield for_each("payouts", by="for_id", equals=event.aggregate_id, decider=payout, message=over)


@reactions.on(RequestPaymentNotNeeded)
def give_back_what_was_not_needed(event: Recorded[RequestPaymentNotNeeded]) -> Iterator[Step]:
    """The request had ended when the payment came."""
    yield payment.send(event.data.payment_id, FeeNoLongerDue())


@reactions.on(PaymentAttempted)
def open_the_page(event: Recorded[PaymentAttempted]) -> Iterator[Step]:
    """The gateway is asked for its page; and no attempt is forgotten: it is asked about until the answer is known."""
    attempt_id = event.data.attempt_id
    if event.data.basket_id is not None:
        return  # the basket has a page for all
    yield perform(OpenPage(attempt_id), lane=attempt_id)
    yield perform(InquireAttempt(attempt_id), at=event.time + INQUIRE_AFTER, lane=attempt_id)


@reactions.on(BasketGathered)
def open_one_page(event: Recorded[BasketGathered]) -> Iterator[Step]:
    """As for an attempt."""
    yield perform(OpenBasketPage(), lane=event.aggregate_id)
    yield perform(InquireBasket(), at=event.time + INQUIRE_AFTER, lane=event.aggregate_id)


@reactions.on(BasketCaptured)
def tell_each_that_it_is_paid(event: Recorded[BasketCaptured]) -> Iterator[Step]:
    """All at once; a payment that is not due any more gives its part back."""
    paid = event.data
    for payment_id, amount_fils in paid.payments.items():
        attempt_id = attempt_id_in(event.aggregate_id, payment_id)
        notice = GatewayAnswered(attempt_id, CAPTURED, amount_fils, paid.gateway_reference, paid.captured_at)
        yield payment.send(payment_id, notice)


@reactions.on(BasketFailed)
def tell_each_that_it_is_not_paid(event: Recorded[BasketFailed]) -> Iterator[Step]:
    """So that it can be paid in another way."""
    for payment_id in event.data.payments:
        attempt_id = attempt_id_in(event.aggregate_id, payment_id)
        yield payment.send(payment_id, GatewayAnswered(attempt_id, event.data.result, 0, "", event.time))


@reactions.on(RefundDue)
def give_back(event: Recorded[RefundDue]) -> Iterator[Step]:
    """The gateway is told to give the money back."""
    yield refund(event, at=None)


@reactions.on(RefundStuck)
def try_to_give_back_again(event: Recorded[RefundStuck]) -> Iterator[Step]:
    """What is owed is never given up: operators see the event, and the gateway is asked again every day."""
    yield refund(event, at=event.time + ONE_DAY)


def refund(event: Recorded[RefundDue] | Recorded[RefundStuck], at: datetime | None) -> Perform:
    """Of an attempt, or of a basket, which is its own attempt."""
    attempt_id = event.data.attempt_id
    if attempt_id == event.aggregate_id:
        return perform(RefundBasket(), lane=attempt_id, at=at)
    return perform(RefundAttempt(attempt_id), lane=attempt_id, at=at)


@reactions.on(PersonErased)
def destroy_the_key(event: Recorded[PersonErased]) -> Iterator[Step]:
    """What is sealed about the payer is unreadable from here on."""
    yield erase(event.aggregate_id)
