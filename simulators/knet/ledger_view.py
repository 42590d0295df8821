"""The ledger as an auditor reads it: what was really charged, to be compared with what a merchant believes."""

from pydantic import AwareDatetime, BaseModel

from simulators.knet.attempt import Attempt


class RefundView(BaseModel):
    """Money that went back."""

    trackid: str
    tranid: str
    amt_fils: int
    refunded_at: AwareDatetime


class AttemptView(BaseModel):
    """One attempt. `inits` counts PaymentInit calls, `callbacks_sent` every notification, heard or not."""

    trackid: str
    paymentid: str
    tranid: str
    amt_fils: int
    result: str
    initiated_at: AwareDatetime
    captured_at: AwareDatetime | None
    inits: int
    callbacks_sent: int
    callbacks_delivered: int
    refunds: list[RefundView]


class LedgerView(BaseModel):
    """Every attempt, oldest first."""

    simulator: bool = True
    attempts: list[AttemptView]


def ledger_view(attempts: list[Attempt]) -> LedgerView:
    """Show attempts to an auditor."""
    return LedgerView(attempts=[_attempt_view(attempt) for attempt in attempts])


def _attempt_view(attempt: Attempt) -> AttemptView:
    return AttemptView(
        trackid=attempt.track_id,
        paymentid=attempt.payment_id,
        tranid=attempt.decided.slip.tran_id if attempt.decided else "",
        amt_fils=attempt.final_fils,
        result=attempt.status,
        initiated_at=attempt.initiated.at,
        captured_at=attempt.captured_at,
        inits=attempt.init_count,
        callbacks_sent=len(attempt.callbacks),
        callbacks_delivered=sum(callback.delivered for callback in attempt.callbacks),
        refunds=[
            RefundView(
                trackid=refund.refund_track_id,
                tranid=refund.slip.tran_id,
                amt_fils=refund.amount_fils,
                refunded_at=refund.at,
            )
            for refund in attempt.refunds
        ],
    )
