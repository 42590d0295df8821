"""The gateway's rules: an attempt ends once, a refund happens once, and the ledger knows before anybody is told.

Nothing here awaits. Each method checks, writes its record and takes it in, with nothing in between, so requests
that come at once see each other's outcome.
"""

from collections.abc import Callable
from datetime import datetime

from simulators.clock import Clock
from simulators.knet import slips
from simulators.knet.attempt import Attempt, evolve
from simulators.knet.cards import Result, result_of
from simulators.knet.pipe import TransactionKey
from simulators.knet.purchase import Purchase
from simulators.knet.records import (
    CallbackSent,
    InitRepeated,
    PaymentDecided,
    PaymentInitiated,
    Record,
    RefundMade,
)
from simulators.knet.refusals import RefusalCode, RefusalError
from simulators.ledger import Ledger


class UnknownPaymentError(LookupError):
    """No attempt has this payment id."""


class Gateway:
    """All attempts, kept in a ledger that a restart reads back."""

    def __init__(self, ledger: Ledger[Record], clock: Clock) -> None:
        """Take in everything that the ledger remembers."""
        self._ledger = ledger
        self._clock = clock
        self._attempts: dict[str, Attempt] = {}
        self._payment_ids_by_track_id: dict[str, str] = {}
        self._payment_ids_by_tran_id: dict[str, str] = {}
        self._refunds: dict[str, RefundMade] = {}
        for record in ledger.read():
            self._take_in(record)

    def attempts(self) -> list[Attempt]:
        """Every attempt, oldest first."""
        return list(self._attempts.values())

    def attempt(self, payment_id: str) -> Attempt:
        """One attempt, its time limit applied; raises UnknownPaymentError."""
        if payment_id not in self._attempts:
            raise UnknownPaymentError(payment_id)
        return self._lapse(self._attempts[payment_id])

    def initiate(self, purchase: Purchase) -> Attempt:
        """Open a page for an attempt. Asked again for the same one, answer the same page."""
        known_id = self._payment_ids_by_track_id.get(purchase.track_id)
        if known_id is None and purchase.track_id not in self._refunds:
            return self._open(purchase)
        if known_id is None or self._attempts[known_id].amount_fils != purchase.amount_fils:
            raise RefusalError(RefusalCode.TRACK_ID_TAKEN, "trackid belongs to another payment or refund")
        self._write(InitRepeated(payment_id=known_id, at=self._clock()))
        return self._attempts[known_id]

    def pay(self, payment_id: str, card: str, pin: str, *, extra_fils: int = 0) -> bool:
        """Decide an attempt by a card; False when it was decided before, and the first result stands.

        Raises UnknownCardError, which decides nothing.
        """
        return self._decide(payment_id, lambda: result_of(card, pin), extra_fils)

    def cancel(self, payment_id: str) -> bool:
        """The customer gave up; False when the attempt was decided before."""
        return self._decide(payment_id, lambda: Result.CANCELLED)

    def note_callback(self, payment_id: str, *, delivered: bool, redirect_url: str | None) -> None:
        """Remember that the merchant was told, or could not be."""
        self._write(
            CallbackSent(payment_id=payment_id, at=self._clock(), delivered=delivered, redirect_url=redirect_url)
        )

    def inquire(self, key: TransactionKey, amount_fils: int) -> Attempt:
        """The attempt that a merchant asks about; it must know the amount, as it would of its own attempt."""
        attempt = self._find(key)
        if attempt.amount_fils != amount_fils:
            raise RefusalError(RefusalCode.AMOUNT_DIFFERS, "amt is not the attempt's amount")
        return attempt

    def refund(self, key: TransactionKey, refund_track_id: str, amount_fils: int) -> tuple[Attempt, RefundMade]:
        """Give money back. The same refund asked for again gets the first answer, and no more money."""
        attempt = self._find(key)
        if first := self._refunds.get(refund_track_id):
            return attempt, _same_refund(first, attempt, amount_fils)
        self._check_refund(attempt, refund_track_id, amount_fils)
        now = self._clock()
        refund = RefundMade(
            payment_id=attempt.payment_id,
            at=now,
            refund_track_id=refund_track_id,
            amount_fils=amount_fils,
            slip=slips.slip_of(Result.CAPTURED, now),
        )
        self._write(refund, durable=True)
        return self._attempts[attempt.payment_id], refund

    def _open(self, purchase: Purchase) -> Attempt:
        payment_id = slips.payment_id()
        self._write(
            PaymentInitiated(
                payment_id=payment_id,
                at=self._clock(),
                track_id=purchase.track_id,
                amount_fils=purchase.amount_fils,
                language=purchase.language,
                response_url=purchase.response_url,
                error_url=purchase.error_url,
                user_fields=purchase.user_fields,
            )
        )
        return self._attempts[payment_id]

    def _decide(self, payment_id: str, choose: Callable[[], Result], extra_fils: int = 0) -> bool:
        attempt = self.attempt(payment_id)
        if attempt.decided is not None:
            return False
        result = choose()
        extra_fils = extra_fils if result is Result.CAPTURED else 0
        self._write_decision(attempt, result, self._clock(), extra_fils)
        return True

    def _lapse(self, attempt: Attempt) -> Attempt:
        """Write the lapse down when it is first seen: a merchant once told TIMEDOUT is never charged for it later."""
        now = self._clock()
        if not attempt.has_lapsed(now):
            return attempt
        self._write_decision(attempt, Result.TIMEDOUT, now)
        return self._attempts[attempt.payment_id]

    def _write_decision(self, attempt: Attempt, result: Result, now: datetime, extra_fils: int = 0) -> None:
        slip = slips.slip_of(result, now)
        decided = PaymentDecided(payment_id=attempt.payment_id, at=now, result=result, slip=slip, extra_fils=extra_fils)
        self._write(decided, durable=True)

    def _find(self, key: TransactionKey) -> Attempt:
        index = self._payment_ids_by_track_id if key.is_track_id else self._payment_ids_by_tran_id
        if (payment_id := index.get(key.text)) is None:
            raise RefusalError(RefusalCode.TRANSACTION_UNKNOWN, "no such transaction")
        return self.attempt(payment_id)

    def _check_refund(self, attempt: Attempt, refund_track_id: str, amount_fils: int) -> None:
        if refund_track_id in self._payment_ids_by_track_id:
            raise RefusalError(RefusalCode.TRACK_ID_TAKEN, "a refund needs a trackid of its own")
        if attempt.captured_at is None:
            raise RefusalError(RefusalCode.NOT_REFUNDABLE, "nothing was captured")
        if amount_fils > attempt.refundable_fils:
            raise RefusalError(RefusalCode.REFUND_TOO_LARGE, "more than what is left of the capture")

    def _write(self, record: Record, *, durable: bool = False) -> None:
        self._ledger.append(record, durable=durable)
        self._take_in(record)

    def _take_in(self, record: Record) -> None:
        self._attempts[record.payment_id] = evolve(self._attempts.get(record.payment_id), record)
        match record:
            case PaymentInitiated():
                self._payment_ids_by_track_id[record.track_id] = record.payment_id
            case PaymentDecided() if record.slip.tran_id:
                self._payment_ids_by_tran_id[record.slip.tran_id] = record.payment_id
            case RefundMade():
                self._refunds[record.refund_track_id] = record
            case _:
                pass


def _same_refund(first: RefundMade, attempt: Attempt, amount_fils: int) -> RefundMade:
    if first.payment_id != attempt.payment_id or first.amount_fils != amount_fils:
        raise RefusalError(RefusalCode.TRACK_ID_TAKEN, "trackid belongs to another refund")
    return first
