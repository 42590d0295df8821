"""Builders for the gateway's unit tests."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from simulators.knet.gateway import Gateway
from simulators.knet.purchase import Language, Purchase
from simulators.knet.records import RECORD, Record
from simulators.knet.terminal import Terminal
from simulators.ledger import Ledger

TERMINAL = Terminal("100001", "a-password", b"0123456789abcdef")


class TestClock:
    """A clock that a test sets."""

    __test__ = False

    def __init__(self) -> None:
        """Start late in the evening UTC, which is the next day in Kuwait."""
        self.now = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The instant that was set."""
        return self.now

    def pass_time(self, time: timedelta) -> None:
        """Let time pass."""
        self.now += time


def a_ledger(directory: Path) -> Ledger[Record]:
    """The gateway's ledger in a directory."""
    return Ledger(directory / "knet.jsonl", RECORD)


def a_gateway(directory: Path, clock: TestClock | None = None) -> Gateway:
    """A gateway on the ledger in a directory."""
    return Gateway(a_ledger(directory), clock or TestClock())


def a_purchase(track_id: str = "t-1", *, amount_fils: int = 10_000) -> Purchase:
    """A purchase that the gateway accepts."""
    return Purchase(
        track_id=track_id,
        amount_fils=amount_fils,
        language=Language.ARABIC,
        response_url="http://merchant.test/response",
        error_url="http://merchant.test/error",
        user_fields=("one", "", "", "", ""),
    )
