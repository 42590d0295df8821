"""One owner at a time for a data directory, and what that owner runs there.

`python -m afaq.local.lock DIRECTORY` ends with 1, and says who it is, while a process owns it or one below it.
"""

import fcntl
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from afaq.local.errors import StackError

# A look at the lock holds it for a moment: an owner that meets one waits this long before it gives up.
PATIENCE_SECONDS = 0.3


class AlreadyRunning(StackError):
    """Another process owns the directory.

    `pid` is that process, `description` what it said of itself with `DirectoryLock.describe` (empty when nothing).
    """

    def __init__(self, pid: int, description: Mapping[str, object]) -> None:
        super().__init__(f"It runs already, as process {pid}; stop that one first.")
        self.pid = pid
        self.description = description


@dataclass(frozen=True)
class Owner:
    """The living process that owns a directory, and its own description of what it runs."""

    pid: int
    description: Mapping[str, object]


class DirectoryLock:
    """The ownership of `directory`, which lasts until `release` or the end of the process, however it ends.

    The lock is `flock` on the file `lock`, so a crash never leaves it behind. What the owner says of itself is in
    `stack.json`, readable by its own user only, because addresses may hold passwords.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file: int | None = None

    def acquire(self) -> None:
        """Becomes the owner, making the directory where it lacks. Raises `AlreadyRunning` when another process is."""
        self._directory.mkdir(parents=True, exist_ok=True)
        file = _open(self._directory)
        if not _lock(file):
            os.close(file)
            raise AlreadyRunning(_pid(self._directory), _description(self._directory))
        self._file = file
        _stack_file(self._directory).unlink(missing_ok=True)  # a crashed owner's
        os.truncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)

    def describe(self, description: Mapping[str, object]) -> None:
        """Says what runs here (addresses, ports): anything JSON can hold. Whole or not at all for its readers."""
        draft = self._directory / "stack.json.new"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(dict(description), indent=2, ensure_ascii=False), encoding="utf-8")
        draft.replace(_stack_file(self._directory))

    def release(self) -> None:
        """Gives the directory free; harmless when it is not owned."""
        if self._file is None:
            return
        _stack_file(self._directory).unlink(missing_ok=True)
        os.close(self._file)  # the file itself stays: removing it would let two owners lock two different files
        self._file = None


def owner_of(directory: Path) -> Owner | None:
    """The process that owns `directory` now, or None. What a dead owner left behind counts for nothing."""
    if not _lock_file(directory).exists():
        return None
    file = _open(directory)
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return Owner(_pid(directory), _description(directory))
    finally:
        os.close(file)
    return None


def _lock_file(directory: Path) -> Path:
    return directory / "lock"


def _stack_file(directory: Path) -> Path:
    return directory / "stack.json"


def _open(directory: Path) -> int:
    try:
        return os.open(_lock_file(directory), os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError as error:
        raise StackError(f"{directory} belongs to another user; use another directory, or be that user.") from error


def _lock(file: int) -> bool:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                return False
            time.sleep(0.02)
        else:
            return True


def _pid(directory: Path) -> int:
    text = _lock_file(directory).read_text(encoding="ascii").strip()
    return int(text) if text else 0  # an owner in the instant between its lock and its line


def _description(directory: Path) -> Mapping[str, object]:
    try:
        description: Mapping[str, object] = json.loads(_stack_file(directory).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return description


if __name__ == "__main__":
    for lock in sorted(Path(sys.argv[1]).rglob("lock")):
        if owner := owner_of(lock.parent):
            sys.exit(f"{lock.parent} is in use by process {owner.pid}; stop that one first.")
