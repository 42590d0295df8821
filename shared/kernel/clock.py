"""The time of the domain: aware, UTC, and movable for a whole stack of processes in tests and demonstrations."""

import os
import time
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

KUWAIT = ZoneInfo("Asia/Kuwait")
"""Where days begin and end for people: UTC+3, without summer time."""

OFFSET_FILE_VARIABLE = "AFAQ_CLOCK_OFFSET_FILE"
_LOOK_AGAIN_SECONDS = 0.2


def a_month_after(instant: datetime) -> datetime:
    """The same time of the same day of the next month in Kuwait, or of its last day where it is shorter; in UTC."""
    local = instant.astimezone(KUWAIT)
    year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
    day = min(local.day, monthrange(year, month)[1])
    return local.replace(year=year, month=month, day=day).astimezone(UTC)


class Clock(Protocol):
    """What tells the time to the shell and to the API."""

    def now(self) -> datetime:
        """The instant it is, aware, in UTC."""
        ...


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """The instant it is, aware, in UTC."""
        return datetime.now(UTC)


class MovableClock:
    """The machine's time and the offset in a file that all processes of a local stack share."""

    def __init__(self, offset_file: Path) -> None:
        self._file = offset_file
        self._offset = timedelta()
        self._looked_at = -_LOOK_AGAIN_SECONDS

    def now(self) -> datetime:
        """The instant it is for this stack, aware, in UTC; a move is seen within 0.2 s."""
        if time.monotonic() - self._looked_at >= _LOOK_AGAIN_SECONDS:
            self._offset = read_offset(self._file)
            self._looked_at = time.monotonic()
        return datetime.now(UTC) + self._offset

    def advance(self, by: timedelta) -> None:
        """Moves the stack's time; only forwards, because nothing in the field runs backwards."""
        if by < timedelta():
            raise ValueError("a stack's clock moves forwards only")
        self._offset = read_offset(self._file) + by
        replacement = self._file.with_suffix(".new")
        replacement.write_text(str(self._offset.total_seconds()))
        replacement.replace(self._file)


def read_offset(file: Path) -> timedelta:
    """The offset kept in `file`; none where the file is not there."""
    try:
        return timedelta(seconds=float(file.read_text()))
    except FileNotFoundError:
        return timedelta()


def the_clock() -> Clock:
    """The clock of this process: movable only where a local stack names an offset file."""
    offset_file = os.environ.get(OFFSET_FILE_VARIABLE)
    return MovableClock(Path(offset_file)) if offset_file else SystemClock()
