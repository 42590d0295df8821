"""The ledger file."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from simulators.ledger import Ledger

TEXTS: TypeAdapter[str] = TypeAdapter(str)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "when-missing" / "ledger.jsonl"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger[str]]:
    ledger = Ledger(path, TEXTS)
    yield ledger
    ledger.close()


def test_records_come_back_in_order(path: Path, ledger: Ledger[str]) -> None:
    ledger.append("one")
    ledger.append("two\nlines and عربي", durable=True)
    assert Ledger(path, TEXTS).read() == ledger.read() == ["one", "two\nlines and عربي"]


def test_a_torn_last_line_is_dropped_and_writing_goes_on(path: Path, ledger: Ledger[str]) -> None:
    ledger.append("whole")
    with path.open("ab") as file:
        file.write(b'"half')
    after_crash = Ledger(path, TEXTS)
    after_crash.append("next")
    assert after_crash.read() == ["whole", "next"]


def test_a_broken_line_within_is_an_error(path: Path, ledger: Ledger[str]) -> None:
    with path.open("ab") as file:
        file.write(b"{broken\n")
    with pytest.raises(ValidationError):
        ledger.read()


def test_a_failed_write_leaves_no_trace(path: Path, ledger: Ledger[str], monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.append("whole")

    def disk_full(_file: int) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", disk_full)
        with pytest.raises(OSError, match="no space"):
            ledger.append("lost", durable=True)
    ledger.append("next")
    assert Ledger(path, TEXTS).read() == ["whole", "next"]


@pytest.mark.usefixtures("ledger")
def test_others_cannot_read_the_file(path: Path) -> None:
    assert path.stat().st_mode & 0o077 == 0
