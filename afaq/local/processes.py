"""Our own programs as child processes: started together, watched, started again when they die, stopped in order."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from afaq.local.children import end_with_parent, in_silence
from afaq.local.errors import StackError
from afaq.local.output import LogFile, Terminal, lines_of

FIRST_DELAY_SECONDS = 0.2
LAST_DELAY_SECONDS = 5.0
SETTLED_SECONDS = 10.0  # who lived longer is not one that dies at every start
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Program:
    """What to run under which name. `env` is added to our environment; `ready` says whether it serves already."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    ready: Callable[[], Awaitable[bool]]


class Supervisor:
    """Keeps programs running from `start` to `stop`.

    What they write goes to `directory`/logs/<name>.log, and with `echo` also to our standard output, each line behind
    its program's name. Without `echo`, `say` hears of restarts.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        directory: Path,
        *,
        echo: bool = True,
        say: Callable[[str], None] = in_silence,
    ) -> None:
        terminal = Terminal([program.name for program in programs]) if echo else None
        (directory / "logs").mkdir(parents=True, exist_ok=True)
        self._watched = {
            program.name: _Watched(program, directory / "logs" / f"{program.name}.log", terminal, say)
            for program in programs
        }

    @property
    def pids(self) -> Mapping[str, int]:
        """The process ids of the programs that run at this moment."""
        return {name: watched.pid for name, watched in self._watched.items() if watched.pid is not None}

    async def start(self) -> None:
        """Starts all. Raises what the system says when one cannot be executed at all; none runs then."""
        try:
            for watched in self._watched.values():
                await watched.start()
        except BaseException:
            await self.stop()
            raise

    async def wait_ready(self, timeout_seconds: float) -> None:
        """Returns once all programs say that they are ready; an exception counts as "not yet".

        Raises `StackError` naming those that are not after `timeout_seconds`, why, and where their logs are.
        """
        tasks = {asyncio.create_task(watched.until_ready()): watched for watched in self._watched.values()}
        try:
            _, late = await asyncio.wait(tasks, timeout=timeout_seconds)
        finally:
            for task in tasks:
                task.cancel()
        if late:
            reasons = "; ".join(sorted(tasks[task].why_not_ready for task in late))
            raise StackError(f"Not ready after {timeout_seconds:g} seconds: {reasons}.")

    async def stop(self, *, patience_seconds: float = STOP_SECONDS) -> Mapping[str, int]:
        """Asks all to end (SIGTERM), and kills those that have not when the patience is over, with their children.

        Returns once none is left: how each ended, a negative number being the signal.
        """
        codes = await asyncio.gather(*(watched.stop(patience_seconds) for watched in self._watched.values()))
        return {name: code for name, code in zip(self._watched, codes, strict=True) if code is not None}


class _Watched:
    """One program over all its lives."""

    def __init__(self, program: Program, log: Path, terminal: Terminal | None, say: Callable[[str], None]) -> None:
        self._program = program
        self._log_path = log
        self._log = LogFile(log)
        self._terminal = terminal
        self._say = say
        self._life: _Life | None = None
        self._watching: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._refusal = "it did not say so"

    @property
    def pid(self) -> int | None:
        return self._life.process.pid if self._life and self._life.process.returncode is None else None

    @property
    def why_not_ready(self) -> str:
        return f"{self._program.name} ({self._refusal}; its log is {self._log_path})"

    async def start(self) -> None:
        self._life = await _Life.begin(self._program)
        self._watching = asyncio.create_task(self._keep_running(self._life))

    async def until_ready(self) -> None:
        while not await self._is_ready():
            await asyncio.sleep(0.05)

    async def stop(self, patience_seconds: float) -> int | None:
        self._stopping.set()
        if self._life is None or self._watching is None:
            return None
        self._life.ask_to_end()
        _, late = await asyncio.wait({self._watching}, timeout=patience_seconds)
        if late:
            self._life.kill()
        await self._watching
        self._log.close()
        return self._life.process.returncode

    async def _is_ready(self) -> bool:
        try:
            return self.pid is not None and await self._program.ready()
        except Exception as error:  # a connection refused, reset, timed out: whatever its author uses to ask
            self._refusal = f"{type(error).__name__}: {error}"
            return False

    async def _keep_running(self, life: "_Life") -> None:
        delay = FIRST_DELAY_SECONDS
        while True:
            code = await life.live(self._carry)
            if self._stopping.is_set():
                return
            delay = FIRST_DELAY_SECONDS if life.seconds > SETTLED_SECONDS else delay
            self._note(f"{_how_it_ended(code)}; starting it again in {delay:g} s")
            if await self._stopped_within(delay):
                return
            delay = min(2 * delay, LAST_DELAY_SECONDS)
            try:
                life = self._life = await _Life.begin(self._program)
            except OSError as error:  # no memory, no more processes: the next round tries again
                self._note(f"could not be started: {error}")
            if self._stopping.is_set():  # since the look a moment ago, and `stop` asked only the former life
                life.ask_to_end()

    async def _stopped_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()

    def _carry(self, line: str) -> None:
        self._log.write(line)
        if self._terminal:
            self._terminal.show(self._program.name, line)

    def _note(self, text: str) -> None:
        self._carry(text)
        if self._terminal is None:
            self._say(f"{self._program.name} {text}")


class _Life:
    """One process of a program, from its beginning to the end of all that it started."""

    def __init__(
        self, process: asyncio.subprocess.Process, output: asyncio.StreamReader, pipe: asyncio.BaseTransport
    ) -> None:
        self.process = process
        self._output = output
        self._pipe = pipe
        self._began_at = time.monotonic()

    @classmethod
    async def begin(cls, program: Program) -> "_Life":
        """Starts the process. Its output comes by a pipe of ours: asyncio's own keeps `wait` from returning while a
        grandchild holds the other end.
        """
        read_end, write_end = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *program.command,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **program.env},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                start_new_session=True,
                preexec_fn=end_with_parent(signal.SIGKILL),  # nobody would be left to insist on a SIGTERM
            )
        except BaseException:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        output = asyncio.StreamReader()
        pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(output), os.fdopen(read_end, "rb")
        )
        return cls(process, output, pipe)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began_at

    async def live(self, carry: Callable[[str], None]) -> int:
        """Carries its lines until it has ended; what it leaves behind ends with it."""
        carrying = asyncio.create_task(self._carry_all(carry))
        code = await self.process.wait()
        self.kill()
        await asyncio.wait({carrying}, timeout=1)  # what is still in the pipe
        self._pipe.close()  # a grandchild that has left our group may hold the other end for ever
        await carrying
        return code

    def ask_to_end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter is macOS's word for a dead group
            os.killpg(self.process.pid, signal.SIGKILL)

    async def _carry_all(self, carry: Callable[[str], None]) -> None:
        async for line in lines_of(self._output):
            carry(line)


def _how_it_ended(code: int) -> str:
    return f"ended with {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"
