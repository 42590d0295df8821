"""One attempt at one payment, built from its records."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from simulators.knet.cards import Result
from simulators.knet.records import (
    CallbackSent,
    InitRepeated,
    PaymentDecided,
    PaymentInitiated,
    Record,
    RefundMade,
)

PAGE_LIFE = timedelta(minutes=15)


@dataclass(frozen=True)
class Attempt:
    """An attempt as it stands now; `decided` is None while its page waits for a card."""

    initiated: PaymentInitiated
    init_count: int = 1
    decided: PaymentDecided | None = None
    callbacks: tuple[CallbackSent, ...] = ()
    refunds: tuple[RefundMade, ...] = ()

    @property
    def payment_id(self) -> str:
        """The gateway's number of the attempt."""
        return self.initiated.payment_id

    @property
    def track_id(self) -> str:
        """The merchant's number of the attempt."""
        return self.initiated.track_id

    @property
    def amount_fils(self) -> int:
        """What the page asks for."""
        return self.initiated.amount_fils

    @property
    def final_fils(self) -> int:
        """What the attempt is about once it has ended: what a capture took."""
        return self.amount_fils + (self.decided.extra_fils if self.decided else 0)

    @property
    def status(self) -> str:
        """The result's word, or INITIATED while there is none."""
        return self.decided.result if self.decided else "INITIATED"

    @property
    def captured_at(self) -> datetime | None:
        """When the money was taken, if it was."""
        return self.decided.at if self.decided and self.decided.result is Result.CAPTURED else None

    @property
    def refundable_fils(self) -> int:
        """What was captured and has not gone back yet."""
        captured_fils = self.final_fils if self.captured_at else 0
        return captured_fils - sum(refund.amount_fils for refund in self.refunds)

    @property
    def return_url(self) -> str:
        """Where the browser belongs: to the place that the merchant named in its answer, else to errorURL."""
        named = (callback.redirect_url for callback in self.callbacks if callback.redirect_url)
        return next(named, self.initiated.error_url)

    def has_lapsed(self, now: datetime) -> bool:
        """Whether the page's time ran out with nobody having paid."""
        return self.decided is None and now - self.initiated.at >= PAGE_LIFE


def evolve(attempt: Attempt | None, record: Record) -> Attempt:
    """The attempt after one more record of it."""
    if isinstance(record, PaymentInitiated):
        return Attempt(initiated=record)
    if attempt is None:
        raise ValueError(f"the ledger has a {record.kind} of a payment that it never saw initiated")
    match record:
        case InitRepeated():
            return replace(attempt, init_count=attempt.init_count + 1)
        case PaymentDecided():
            # Decided twice would be charged twice: a ledger that says so is not to be built upon.
            if attempt.decided is not None:
                raise ValueError("the ledger has two decisions of one payment")
            return replace(attempt, decided=record)
        case CallbackSent():
            return replace(attempt, callbacks=(*attempt.callbacks, record))
        case RefundMade():
            return replace(attempt, refunds=(*attempt.refunds, record))
        case _:
            assert_never(record)
