"""Rows that payments reads: the ledger.

A transfer is one row with a debit and a credit account, so it cannot be unbalanced; balances are sums. Accounts:
`gateway` (what the bank owes us), `agency:<id>` (an agency's revenue), `unasked` (taken without being due) and
`refunds_due` (owed to payers).
"""

from collections.abc import Iterator
from uuid import UUID

from shared.contracts.event import Recorded
from shared.contracts.payments import PaymentCaptured, PaymentCapturedUnasked, RefundDue, RefundMade
from shared.functions import Projections, Row
from shared.kernel.ids import derive_id
from shared.store.access_keys import follow_access_keys

projections = Projections()
follow_access_keys(projections)


@projections.on(PaymentCaptured)
def book_capture(event: Recorded[PaymentCaptured]) -> Iterator[Row]:
    """The bank owes us, the agency has earned."""
    yield transfer(event, "capture", event.data.attempt_id, "gateway", f"agency:{event.data.agency}")


@projections.on(PaymentCapturedUnasked)
def book_unasked_capture(event: Recorded[PaymentCapturedUnasked]) -> Iterator[Row]:
    """The bank owes us what nobody has earned."""
    yield transfer(event, "capture", event.data.attempt_id, "gateway", "unasked")


@projections.on(RefundDue)
def book_refund_due(event: Recorded[RefundDue]) -> Iterator[Row]:
    """We owe the payer: out of the agency's revenue, or what was never earned."""
    source = "unasked" if event.data.unasked else f"agency:{event.data.agency}"
    yield transfer(event, "refund-due", event.data.attempt_id, source, "refunds_due")


@projections.on(RefundMade)
def book_refund_made(event: Recorded[RefundMade]) -> Iterator[Row]:
    """The bank has paid the payer for us."""
    yield transfer(event, "refund-made", event.data.attempt_id, "refunds_due", "gateway")


def transfer(
    event: Recorded[PaymentCaptured | PaymentCapturedUnasked | RefundDue | RefundMade],
    kind: str,
    attempt_id: UUID,
    debit: str,
    credit: str,
) -> Row:
    """One transfer; its id follows from what it books, so that it is booked once."""
    return Row(
        "transfers",
        {
            "id": derive_id("transfer", kind, attempt_id),
            "payment_id": event.aggregate_id,
            "kind": kind,
            "debit": debit,
            "credit": credit,
            "amount_fils": event.data.amount_fils,
            "booked_at": event.time,
        },
    )
