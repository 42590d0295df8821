import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.kernel.clock import OFFSET_FILE_VARIABLE, MovableClock, SystemClock, read_offset, the_clock

AN_HOUR = timedelta(hours=1)


@pytest.fixture
def offset_file(tmp_path: Path) -> Path:
    """Where a stack keeps the offset of its clock."""
    return tmp_path / "clock"


def ahead(clock: MovableClock) -> timedelta:
    """How far a clock is ahead of the machine's."""
    return clock.now() - datetime.now(UTC)


def is_about(found: timedelta, expected: timedelta) -> bool:
    """Whether they differ by no more than the time between two readings."""
    return abs(found - expected) < timedelta(seconds=30)


def test_times_are_aware_and_in_utc(offset_file: Path) -> None:
    for clock in (SystemClock(), MovableClock(offset_file)):
        assert clock.now().utcoffset() == timedelta()


def test_a_clock_that_was_not_moved_tells_the_machines_time(offset_file: Path) -> None:
    assert is_about(ahead(MovableClock(offset_file)), timedelta())


def test_moves_add_up(offset_file: Path) -> None:
    clock = MovableClock(offset_file)
    clock.advance(AN_HOUR)
    clock.advance(2 * AN_HOUR)
    assert is_about(ahead(clock), 3 * AN_HOUR)
    assert read_offset(offset_file) == 3 * AN_HOUR


def test_a_clock_moves_forwards_only(offset_file: Path) -> None:
    clock = MovableClock(offset_file)
    clock.advance(AN_HOUR)
    with pytest.raises(ValueError, match="forwards"):
        clock.advance(-timedelta(microseconds=1))
    assert is_about(ahead(clock), AN_HOUR)


def test_another_process_sees_a_move(offset_file: Path) -> None:
    mine, theirs = MovableClock(offset_file), MovableClock(offset_file)
    assert is_about(ahead(theirs), timedelta())
    mine.advance(24 * AN_HOUR)
    deadline = time.monotonic() + 10
    while ahead(theirs) < AN_HOUR and time.monotonic() < deadline:
        time.sleep(0.01)
    assert is_about(ahead(theirs), 24 * AN_HOUR)


def test_moves_of_two_processes_add_up(offset_file: Path) -> None:
    mine, theirs = MovableClock(offset_file), MovableClock(offset_file)
    mine.advance(AN_HOUR)
    theirs.advance(AN_HOUR)
    assert is_about(ahead(MovableClock(offset_file)), 2 * AN_HOUR)


def test_only_a_stack_that_names_an_offset_file_has_a_movable_clock(
    offset_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(OFFSET_FILE_VARIABLE, raising=False)
    assert isinstance(the_clock(), SystemClock)
    monkeypatch.setenv(OFFSET_FILE_VARIABLE, str(offset_file))
    assert isinstance(the_clock(), MovableClock)
