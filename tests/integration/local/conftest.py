"""A folder for a server, and owners of servers that die without a word."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import afaq
from afaq.local.kafka_jars import KAFKA_VERSION, cache_folder, kafka_jars

OWNER = """
import asyncio, sys
from pathlib import Path
from afaq.local import children
from afaq.local.kafka import Kafka
from afaq.local.postgres import Postgres

async def own(kind, directory):
    server = {"kafka": Kafka, "postgres": Postgres}[kind](Path(directory))
    await server.start()
    print(server.pid, flush=True)
    await asyncio.Event().wait()

if sys.argv[3] == "unobserved":
    children.end_with_parent = lambda with_signal: None  # as where no kernel ends the children of a dead parent
asyncio.run(own(*sys.argv[1:3]))
"""


@pytest.fixture(scope="module")
def new_directory() -> Iterator[Callable[[], Path]]:
    """Folders that any user can reach, which `tmp_path` below root's own is not."""
    with tempfile.TemporaryDirectory(prefix="afaq-test-") as parent:
        Path(parent).chmod(0o755)
        numbers = iter(range(1000))
        yield lambda: Path(parent) / f"{next(numbers)}"


@pytest.fixture
def directory(new_directory: Callable[[], Path]) -> Path:
    return new_directory()


@pytest.fixture
def leave_behind() -> Callable[..., int]:
    """Starts a server in a process of its own, which is killed then; returns the server's process id.

    On Linux the server ends by itself, unless the owner is `unobserved`, as owners are on other systems.
    """

    def start_and_kill(kind: str, directory: Path, *, unobserved: bool) -> int:
        owner = subprocess.Popen(
            [sys.executable, "-c", OWNER, kind, str(directory), "unobserved" if unobserved else "observed"],
            cwd=Path(afaq.__file__).parents[1],
            stdout=subprocess.PIPE,
        )
        with owner:
            assert owner.stdout
            pid = int(owner.stdout.readline())
            owner.send_signal(signal.SIGKILL)
        return pid

    return start_and_kill


@pytest.fixture
def is_running() -> Callable[[int], bool]:
    """Whether the process lives. A zombie does not, and in a container it may stay one for ever."""

    def alive(pid: int) -> bool:
        try:
            os.kill(pid, 0)
            return sys.platform != "linux" or Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
        except (ProcessLookupError, FileNotFoundError):
            return False

    return alive


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Waits for a condition; the limit is only for what will never be."""

    def wait(condition: Callable[[], bool]) -> None:
        give_up_at = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < give_up_at, "it never became true"
            time.sleep(0.02)

    return wait


@pytest.fixture
def jar_cache(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of Kafka's jars in a cache of the test's own, filled from the user's."""
    kafka_jars(print)
    copy = shutil.copytree(cache_folder() / f"kafka-{KAFKA_VERSION}", directory / "cache" / f"kafka-{KAFKA_VERSION}")
    monkeypatch.setenv("AFAQ_CACHE_DIR", str(directory / "cache"))
    return copy
