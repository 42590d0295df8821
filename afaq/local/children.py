"""Servers as child processes: each in a session of its own, ending with us, and found again after a crash of ours.

A session of its own keeps the terminal's Ctrl-C away from them, so that we can stop them in order. On Linux the
kernel ends a child when its parent dies; elsewhere a child of a killed parent goes on until `stop_leftovers` of the
next start finds it.
"""

import asyncio
import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from afaq.local.errors import StackError
from afaq.local.unprivileged import Account

POLL_SECONDS = 0.02
LOG_BYTES = 10_000_000
PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True)
class Patience:
    """A way to end a process: the signal, and how long it may take before the next, harder one."""

    signal: signal.Signals
    seconds: float


def end_with_parent(with_signal: signal.Signals) -> Callable[[], None] | None:
    """A `preexec_fn` by which the kernel sends the child that signal when the parent ends; None where there is none.

    "The parent" is the thread that starts the child: start children from one that lives as long as they should.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # here, because a forked child should do as little as it can
    parent = os.getpid()

    def ask_the_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0)
        if os.getppid() != parent:  # it has died before the request
            os._exit(1)

    return ask_the_kernel


def launch(
    command: Sequence[str | Path],
    *,
    directory: Path,
    log: Path,
    end: signal.Signals,
    account: Account | None = None,
) -> subprocess.Popen[bytes]:
    """Starts a server in `directory`, its output appended to `log`; it gets the signal `end` when we die.

    It sees none of our environment, so nothing that somebody has exported for another PostgreSQL or Java changes it.
    """
    _keep_short(log)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=directory,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=end_with_parent(end),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


async def ended(process: subprocess.Popen[bytes], *, within_seconds: float) -> bool:
    """Waits for the end of the process; whether it came in time."""
    give_up_at = time.monotonic() + within_seconds
    while process.poll() is None:
        if time.monotonic() > give_up_at:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True


async def ended_well(process: subprocess.Popen[bytes], *, within_seconds: float) -> bool:
    """Waits for a tool; whether it did its work in time. It runs no longer after this, also when we are cancelled."""
    try:
        return await ended(process, within_seconds=within_seconds) and process.returncode == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


async def stop(process: subprocess.Popen[bytes], *ways: Patience) -> None:
    """Ends the process in the gentlest of the given ways that works, SIGKILL being the last resort."""
    for way in (*ways, Patience(signal.SIGKILL, 60)):
        process.send_signal(way.signal)
        if await ended(process, within_seconds=way.seconds):
            return


async def stop_leftovers(program: str, directory: Path, *ways: Patience, leader: int | None = None) -> bool:
    """Ends what an owner that is gone left running in `directory`; whether there was anything.

    `leader` is the process whose end ends the others; without one each gets the signals. Call it as the directory's
    owner only. Raises `StackError` when something outlives all ways.
    """
    found = running_in(directory, program)
    if not found:
        return False
    for way in (*ways, Patience(signal.SIGKILL, 10)):
        for pid in [leader] if leader in found else found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, way.signal)
        found = await _still_running_in(directory, program, after_seconds=way.seconds)
        if not found:
            return True
    raise StackError(f"An earlier {program} still runs in {directory} as process {found[0]}; end it and start again.")


def running_in(directory: Path, program: str) -> list[int]:
    """The processes of that program which work in `directory`, whoever started them; zombies don't count."""
    if sys.platform == "linux":
        return [pid for pid in _all_pids() if _works_in(pid, directory, program)]
    listing = subprocess.run(["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=True).stdout
    pattern = re.compile(rf"\s*(\d+)\s+\S*\b{re.escape(program)}\b.*{re.escape(str(directory))}")
    return [int(match[1]) for line in listing.splitlines() if (match := pattern.match(line))]


def last_line(log: Path) -> str:
    """The last thing that a server said, for an error message; the frames of a Java stack trace say nothing."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").split("\n")]
    return next((line for line in reversed(lines) if line and not line.startswith(("at ", "... "))), "it said nothing")


def in_silence(text: str) -> None:
    """What to do with the progress of a server when nobody listens."""


async def _still_running_in(directory: Path, program: str, *, after_seconds: float) -> list[int]:
    give_up_at = time.monotonic() + after_seconds
    while (found := running_in(directory, program)) and time.monotonic() < give_up_at:
        await asyncio.sleep(POLL_SECONDS)
    return found


def _all_pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())


def _works_in(pid: int, directory: Path, program: str) -> bool:
    try:
        executable = Path(f"/proc/{pid}/exe").readlink().name.removesuffix(" (deleted)")
        return executable == program and Path(f"/proc/{pid}/cwd").readlink() == directory
    except OSError:  # it has just ended, is a zombie, or belongs to somebody else
        return False


def _keep_short(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
