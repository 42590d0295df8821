"""Where the lines of our programs go: a log file each, and one terminal for all."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TextIO

from afaq.local.log_lines import prefix, render

LINE_BYTES = 1_000_000
LOG_BYTES = 20_000_000


class Terminal:
    """Our standard output, shared by the programs line by line; in colour on a terminal unless NO_COLOR is set."""

    def __init__(self, names: Sequence[str]) -> None:
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        width = max(map(len, names), default=0)
        self._prefixes = {
            name: prefix(name, width=width, index=index, colour=self._colour) for index, name in enumerate(names)
        }

    def show(self, name: str, line: str) -> None:
        """Shows a line of the program `name`; for an entry of our own logs that is its compact form."""
        before = self._prefixes[name]
        text = "".join(f"{before}{part}\n" for part in render(line, colour=self._colour).split("\n"))
        with contextlib.suppress(BrokenPipeError):  # `| head` has seen enough; the programs go on
            sys.stdout.write(text)
            sys.stdout.flush()


class LogFile:
    """A file to which lines are appended as they come. Beyond 20 MB it begins anew, and <name>.1 is the former one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def write(self, line: str) -> None:
        """Appends a line, so that a reader of the file sees it at once."""
        if self._file is None or self._file.tell() > LOG_BYTES:
            self._open()
        print(line, file=self._file, flush=True)

    def close(self) -> None:
        """Closes the file; a later `write` opens it again."""
        if self._file:
            self._file.close()
            self._file = None

    def _open(self) -> None:
        self.close()
        if self._path.exists() and self._path.stat().st_size > LOG_BYTES:
            self._path.replace(f"{self._path}.1")
        self._file = self._path.open("a", encoding="utf-8", errors="backslashreplace")


async def lines_of(reader: asyncio.StreamReader) -> AsyncIterator[str]:
    """All that a program says, line by line. A line beyond a megabyte is cut, where `readline` would give up."""
    rest = b""
    while chunk := await reader.read(65_536):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > LINE_BYTES:
            lines, rest = [*lines, rest], b""
        for line in lines:
            yield _text(line)
    if rest:
        yield _text(rest)


def _text(line: bytes) -> str:
    return line.decode("utf-8", errors="replace").rstrip("\r")
