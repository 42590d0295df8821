"""Numbers of the kind that a bank gives out: drawn at random, so that nobody can count payments by them."""

import secrets
from datetime import datetime

from simulators.clock import KUWAIT
from simulators.knet.cards import Result
from simulators.knet.records import Slip

_SENT_TO_BANK = frozenset({Result.CAPTURED, Result.NOT_CAPTURED, Result.DECLINED, Result.RESTRICTED})


def payment_id() -> str:
    """A gateway's number of an attempt."""
    return _digits(18)


def slip_of(result: Result, at: datetime) -> Slip:
    """A slip for a result: empty when no bank was asked, without an authorisation when it said no."""
    if result not in _SENT_TO_BANK:
        return Slip()
    return Slip(
        tran_id=_digits(15),
        ref=_digits(12),
        auth=f"S{_digits(5)}" if result is Result.CAPTURED else "",
        postdate=at.astimezone(KUWAIT).strftime("%m%d"),
    )


def _digits(count: int) -> str:
    return str(secrets.randbelow(9) + 1) + "".join(str(secrets.randbelow(10)) for _ in range(count - 1))
