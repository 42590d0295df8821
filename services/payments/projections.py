"""Rows that payments reads: the ledger.

A transfer is one row with a debit and a credit account, so it cannot be unbalanced; balances are sums. Accounts:
`gateway` (what the bank owes us for what it has taken), `baskets` (taken for several payments at once, until each is
told: a moment), `bank` (what it has paid for us), `agency:<id>` (an agency's
revenue), `unasked` (taken without being due), `refunds_due` (owed to payers) and `payouts_due` (owed to people).
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from shared.contracts.event import Recorded
from shared.contracts.payments import (
    BasketCaptured,
    PaymentCaptured,
    PaymentCapturedUnasked,
    PayoutCancelled,
    PayoutMade,
    PayoutRequested,
    RefundDue,
    RefundMade,
)
from shared.functions import Projections, Row
from shared.kernel.ids import derive_id
from shared.store.access_keys import follow_access_keys

projections = Projections()
follow_access_keys(projections)


@projections.on(BasketCaptured)
def book_basket(event: Recorded[BasketCaptured]) -> Iterator[Row]:
    """The bank owes us, and we owe it to the basket's payments."""
    yield transfer(event, "capture", event.aggregate_id, "gateway", "baskets", event.data.amount_fils)


@projections.on(PaymentCaptured)
def book_capture(event: Recorded[PaymentCaptured]) -> Iterator[Row]:
    """The bank owes us, each agency has earned its share."""
    for account, amount_fils, share in _earned(event.data):
        yield transfer(event, "capture", event.data.attempt_id, _taken_by(event.data), account, amount_fils, *share)


@projections.on(PaymentCapturedUnasked)
def book_unasked_capture(event: Recorded[PaymentCapturedUnasked]) -> Iterator[Row]:
    """The bank owes us what nobody has earned."""
    taken = event.data
    yield transfer(event, "capture", taken.attempt_id, _taken_by(taken), "unasked", taken.amount_fils)


@projections.on(RefundDue)
def book_refund_due(event: Recorded[RefundDue]) -> Iterator[Row]:
    """We owe the payer: out of the agencies' revenue, or what was never earned."""
    due = event.data
    for account, amount_fils, share in [("unasked", due.amount_fils, ())] if due.unasked else _earned(due):
        yield transfer(event, "refund-due", due.attempt_id, account, "refunds_due", amount_fils, *share)


@projections.on(RefundMade)
def book_refund_made(event: Recorded[RefundMade]) -> Iterator[Row]:
    """The bank has paid the payer for us."""
    yield transfer(event, "refund-made", event.data.attempt_id, "refunds_due", "gateway", event.data.amount_fils)


@projections.on(PayoutRequested)
def book_payout_due(event: Recorded[PayoutRequested]) -> Iterator[Row]:
    """The agency owes a person."""
    due = event.data
    yield transfer(event, "payout-due", event.aggregate_id, f"agency:{due.agency}", "payouts_due", due.amount_fils)


@projections.on(PayoutCancelled)
def book_payout_cancelled(event: Recorded[PayoutCancelled]) -> Iterator[Row]:
    """The agency owes it no more."""
    owed = event.data
    yield transfer(
        event, "payout-cancelled", event.aggregate_id, "payouts_due", f"agency:{owed.agency}", owed.amount_fils
    )


@projections.on(PayoutMade)
def book_payout_made(event: Recorded[PayoutMade]) -> Iterator[Row]:
    """The bank has paid the person for the agency."""
    yield transfer(event, "payout-made", event.aggregate_id, "payouts_due", "bank", event.data.amount_fils)


def _taken_by(of: PaymentCaptured | PaymentCapturedUnasked) -> str:
    return "gateway" if of.basket_id is None else "baskets"


def _earned(of: PaymentCaptured | RefundDue) -> list[tuple[str, int, tuple[str, ...]]]:
    """The accounts of those who have earned it, with their amounts, and what tells their shares apart."""
    if not of.shares:
        return [(f"agency:{of.agency}", of.amount_fils, ())]
    return [(f"agency:{agency}", amount_fils, (agency,)) for agency, amount_fils in of.shares.items()]


def transfer(
    event: Recorded[Any], kind: str, what: UUID, debit: str, credit: str, amount_fils: int, *share: str
) -> Row:
    """One transfer; its id follows from what it books, so that it is booked once."""
    return Row(
        "transfers",
        {
            "id": derive_id("transfer", kind, what, *share),
            "payment_id": event.aggregate_id,
            "kind": kind,
            "debit": debit,
            "credit": credit,
            "amount_fils": amount_fils,
            "booked_at": event.time,
        },
    )
