"""An append-only file of JSON lines that outlives the process that wrote it."""

import os
from pathlib import Path
from typing import Generic, TypeVar

import structlog
from pydantic import TypeAdapter

log = structlog.stdlib.get_logger()

RecordT = TypeVar("RecordT")


class Ledger(Generic[RecordT]):
    """Records of one kind, in the order in which they were written. One process writes it at a time.

    `append` blocks the caller, on purpose: the rule that a ledger's owner checks and the line that it then writes
    must have nothing in between, else two requests at once could both pass the check.
    """

    def __init__(self, path: Path, record: TypeAdapter[RecordT]) -> None:
        """Open the file, made when it is missing, and drop what a crash left half written at its end."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._record = record
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = self._whole_lines()
        self._truncate()
        _sync_directory(path.parent)

    def read(self) -> list[RecordT]:
        """Every record; a line that cannot be understood is an error, because money may hang on it."""
        return [self._record.validate_json(line) for line in self._path.read_bytes().splitlines()]

    def append(self, record: RecordT, *, durable: bool = False) -> None:
        """Write one record: seen by later readers on return, and safe from a loss of power when `durable`."""
        line = self._record.dump_json(record) + b"\n"
        try:
            _write_all(self._file, line)
            if durable:
                os.fsync(self._file)
        except OSError:
            # The caller will believe that nothing was written, so nothing may be.
            self._truncate()
            raise
        self._size += len(line)

    def close(self) -> None:
        """Make everything durable and let go of the file."""
        os.fsync(self._file)
        os.close(self._file)

    def _whole_lines(self) -> int:
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            log.warning("ledger_torn_line_dropped", ledger=self._path.name, bytes_dropped=len(content) - whole)
        return whole

    def _truncate(self) -> None:
        os.ftruncate(self._file, self._size)


def _write_all(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]


def _sync_directory(directory: Path) -> None:
    """A new file's name is durable only once its directory is."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
