"""A disk that is full: writing stops, what was promised stays, and with room again everything goes on."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from afaq.demo.client import Api
from afaq.local.children import running_in
from tests.resilience.faults.stricken import Stricken, stricken_stack
from tests.resilience.faults.support import under_load

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it mounts a small disk"),
]
SIZE_MB = 800
FULL_SECONDS = 10


@pytest.fixture
def small_disk() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="afaq-small-", dir="/var/tmp"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=755", "tmpfs", folder], check=False)
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("needs root that may mount")
    yield folder
    subprocess.run(["umount", folder], check=True)
    folder.rmdir()


@pytest.fixture
async def on_small_disk(small_disk: Path, tmp_path: Path) -> AsyncIterator[Stricken]:
    """A platform whose database and broker share a small disk."""
    for server in ("postgres", "kafka"):
        (small_disk / server).mkdir()
        (tmp_path / server).symlink_to(small_disk / server)
    stack, proxies = await stricken_stack(tmp_path)
    endpoints = await stack.start()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield Stricken(endpoints, tmp_path, stack, Api(endpoints.urls, session), proxies)
    await stack.stop()
    for proxy in proxies.values():
        await proxy.stop()


def fill(disk: Path) -> Path:
    """Takes all the room that there is."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        try:
            while True:
                file.write(bytes(1_000_000))
                file.flush()
        except OSError:
            return ballast


async def start_what_has_died(platform: Stricken) -> list[str]:
    """As an init system does."""
    died = []
    if not running_in(platform.postgres._data, "postgres"):
        died.append("PostgreSQL")
        await platform.postgres.stop()
        await platform.postgres.start()
    assert platform.kafka.pid is not None
    if platform.kafka.pid not in running_in(platform.kafka._directory, "java"):
        died.append("Kafka")
        await platform.kafka.stop()
        await platform.kafka.start()
    return died


@pytest.mark.timeout(600)
async def test_a_full_disk_loses_nothing_that_was_promised(on_small_disk: Stricken, small_disk: Path) -> None:
    async with under_load(on_small_disk, "disk full") as load:
        with on_small_disk.strike(f"disk full for {FULL_SECONDS} s"):
            ballast = await asyncio.to_thread(fill, small_disk)
            await asyncio.sleep(FULL_SECONDS)
            accepted = len(load.accepted)
            ballast.unlink()
            died = await start_what_has_died(on_small_disk)
        free_mb = shutil.disk_usage(small_disk).free // 1_000_000
        print(f"{accepted} accepted by then; {', '.join(died) or 'nobody'} had died; {free_mb} MB free again")
        seconds = await load.until_one_more()
        print(f"the next licence was issued {seconds:.1f} s after it")
