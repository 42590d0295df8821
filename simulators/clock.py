"""Time, as a thing that is handed in."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

Clock = Callable[[], datetime]

KUWAIT = timezone(timedelta(hours=3), "Asia/Kuwait")
"""Without daylight saving time."""


def utc_now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)
