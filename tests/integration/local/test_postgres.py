"""The embedded PostgreSQL: its data survive, and nothing that a crash leaves behind is in its way."""

import asyncio
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio

from afaq.local.lock import AlreadyRunning, owner_of
from afaq.local.postgres import Postgres


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_postgres(new_directory: Callable[[], Path]) -> AsyncIterator[Postgres]:
    """For tests that only look."""
    server = Postgres(new_directory())
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def postgres(directory: Path) -> AsyncIterator[Postgres]:
    server = Postgres(directory)
    await server.start()
    yield server
    await server.stop()


async def ask(postgres: Postgres, query: str) -> object:
    connection = await asyncpg.connect(postgres.dsn)
    try:
        answer: object = await connection.fetchval(query)
        return answer
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("password_encryption", "scram-sha-256"),
        ("server_encoding", "UTF8"),
        ("server_version", "18.6"),
    ],
)
async def test_runs_as_in_production(shared_postgres: Postgres, setting: str, value: str) -> None:
    assert await ask(shared_postgres, f"show {setting}") == value


async def test_refuses_a_wrong_password(shared_postgres: Postgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(shared_postgres.dsn, password="guessed")


async def test_knows_letters_alike_on_every_machine(shared_postgres: Postgres) -> None:
    assert await ask(shared_postgres, "select upper('é') || ('أ' < 'ب')::text") == "Étrue"


async def test_the_password_is_for_its_user_only(postgres: Postgres, directory: Path) -> None:
    assert stat.S_IMODE((directory / "password").stat().st_mode) == 0o600
    assert urlsplit(postgres.dsn).password == (directory / "password").read_text()


async def test_data_and_address_survive_a_restart(postgres: Postgres) -> None:
    dsn = postgres.dsn
    await ask(postgres, "create table kept as select 7 as number")
    await postgres.stop()
    await postgres.start()
    assert await ask(postgres, "select number from kept") == 7
    assert postgres.dsn == dsn


async def test_takes_another_port_when_its_own_is_taken(postgres: Postgres) -> None:
    former = urlsplit(postgres.dsn).port
    await postgres.stop()
    with socket.create_server(("127.0.0.1", former or 0)):
        await postgres.start()
    assert urlsplit(postgres.dsn).port != former


async def test_a_second_owner_is_refused(postgres: Postgres, directory: Path) -> None:
    with pytest.raises(AlreadyRunning) as refusal:
        await Postgres(directory).start()
    assert refusal.value.pid == os.getpid()
    assert await ask(postgres, "select true")


async def test_stopped_it_owns_nothing_and_stops_again_without_a_word(postgres: Postgres, directory: Path) -> None:
    await postgres.stop()
    await postgres.stop()
    assert postgres.pid is None
    assert owner_of(directory) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a parent-death signal")
async def test_ends_with_its_killed_owner(
    directory: Path,
    leave_behind: Callable[..., int],
    is_running: Callable[[int], bool],
    wait_until: Callable[[Callable[[], bool]], None],
) -> None:
    pid = leave_behind("postgres", directory, unobserved=False)
    wait_until(lambda: not is_running(pid))


async def test_stops_what_a_killed_owner_left_running(
    directory: Path, leave_behind: Callable[..., int], is_running: Callable[[int], bool]
) -> None:
    pid = leave_behind("postgres", directory, unobserved=True)
    assert is_running(pid)
    said: list[str] = []
    postgres = Postgres(directory, said.append)
    await postgres.start()
    assert not is_running(pid)
    assert "stopped the PostgreSQL that an earlier run left behind" in said
    assert await ask(postgres, "select true")
    await postgres.stop()


async def test_a_stale_pid_file_that_names_somebody_else_hurts_nobody(postgres: Postgres, directory: Path) -> None:
    await postgres.stop()
    owner = (directory / "data").stat()
    with subprocess.Popen(["sleep", "600"], user=owner.st_uid, extra_groups=[] if os.geteuid() == 0 else None) as other:
        (directory / "data" / "postmaster.pid").write_text(f"{other.pid}\n{directory / 'data'}\n")
        await postgres.start()
        assert await ask(postgres, "select true")
        assert other.poll() is None
        other.kill()


async def test_a_broken_start_says_why_and_leaves_nothing(postgres: Postgres, directory: Path) -> None:
    await postgres.stop()
    (directory / "data" / "global" / "pg_control").unlink()
    with pytest.raises(Exception, match=r"PostgreSQL did not start: .*pg_control.* \(see .*server\.log\)\."):
        await postgres.start()
    assert owner_of(directory) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts it as somebody else")
async def test_started_by_root_in_a_place_of_roots_own_it_keeps_its_data_elsewhere() -> None:
    with tempfile.TemporaryDirectory() as hidden:
        said: list[str] = []
        postgres = Postgres(Path(hidden) / "postgres", said.append)
        await postgres.start()
        await ask(postgres, "create table kept as select 7 as number")
        await postgres.stop()
        await postgres.start()
        assert await ask(postgres, "select number from kept") == 7
        await postgres.stop()
        elsewhere = (Path(hidden) / "postgres" / "elsewhere").resolve()
        assert any(str(elsewhere) in line for line in said)
        shutil.rmtree(elsewhere)


async def test_a_cancelled_start_leaves_nothing_running(directory: Path) -> None:
    postgres = Postgres(directory)
    starting = asyncio.create_task(postgres.start())
    await asyncio.sleep(0.1)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert owner_of(directory) is None
    assert postgres.pid is None
