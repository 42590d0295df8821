"""The same without containers: processes of the last release beside those of this one, on the same servers."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from afaq.demo.birth import be_born, register_parents
from afaq.demo.client import Api
from afaq.demo.people import the_parents
from afaq.local.ports import claim_ports
from afaq.local.processes import Supervisor
from afaq.local.stack import Endpoints, Stack
from afaq.services import NAMES
from services.requests.seed import read_definitions
from tests.resilience.faults.load import Load
from tests.resilience.faults.stricken import Stricken
from tests.resilience.faults.support import assert_clean, parked
from tests.upgrade.test_upgrade import COUPLES, NEW_IN_THIS, a_paid_fine, is_later, owes_nothing

THIS = Path(__file__).parents[2]
LAST_RELEASE = os.environ.get("AFAQ_LAST_RELEASE") or (THIS / "deploy/last-release").read_text().strip()
PER_SECOND = float(os.environ.get("AFAQ_UPGRADE_PER_SECOND", "0.5"))
READY_SECONDS = 240.0
OUTSIDE = ("simulators", "sign-in")
FIRST = (("identity", 0), ("notifications", 0), ("requests", 1), ("payments", 1))
THEN = (("requests", 0), ("payments", 0))
"""What people are at all the time is there twice: its second process is replaced first."""


class Releases(Stack):
    """A stack whose services are started by hand, two processes each, from one release's code or the other's."""

    def __init__(self, directory: Path) -> None:
        lifetime = {"AFAQ_IDENTITY_TOKEN_LIFETIME_SECONDS": "3600"}
        super().__init__(directory, say=print, echo=False, extra={"identity": lifetime})
        ports = claim_ports(directory / "second-ports.json", *NAMES)
        self.seconds = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        self.running: dict[tuple[str, int], asyncio.subprocess.Process] = {}

    async def _run_processes(self, endpoints: Endpoints) -> None:
        programs = [program for program in self._programs(endpoints) if program.name in OUTSIDE]
        self.supervisor = Supervisor(programs, self._directory, say=self._say, echo=False)
        await self.supervisor.start()
        await self.supervisor.wait_ready(READY_SECONDS)

    async def replace(self, code: Path, name: str, number: int, endpoints: Endpoints, more: Mapping[str, str]) -> None:
        """Ends one process of a service in order, and starts another in its place; returns when that is ready."""
        await self.end(name, number)
        url = self.seconds[name] if number else endpoints.urls[name]
        env = {
            **self.environments[name],
            **more,
            "AFAQ_INSTANCE": f"{name}-{number}",
            f"AFAQ_{name.upper()}_PORT": url.rpartition(":")[2],
        }
        command = [sys.executable, "-m", "afaq", name, "--role", "all"]
        with (self._directory / f"{name}-{number}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command, env=_of(code, env), cwd=code, stdout=log, stderr=log
            )
        self.running[name, number] = process
        async with asyncio.timeout(READY_SECONDS):
            while not await _is_ready(url):
                assert process.returncode is None, f"{name} has ended: see {self._directory}"
                await asyncio.sleep(0.2)

    async def end(self, name: str, number: int) -> None:
        """Ends one process in order."""
        process = self.running.pop((name, number), None)
        if process is not None:
            process.terminate()
            assert await process.wait() == 0

    async def migrate(self, code: Path, endpoints: Endpoints, *options: str) -> str:
        """`afaq migrate` of a release."""
        dsns = endpoints.dsns
        env = {f"AFAQ_{name.upper()}_POSTGRES_DSN": dsns[name].app for name in NAMES}
        env |= {f"AFAQ_{name.upper()}_OWNER_DSN": dsns[name].owner for name in NAMES}
        command = [sys.executable, "-m", "afaq", "migrate", *options]
        process = await asyncio.create_subprocess_exec(
            *command, env=_of(code, env), cwd=code, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        assert process.returncode == 0
        return said.decode().strip().replace("\n", "; ")


def _of(code: Path, env: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **env, "PYTHONPATH": str(code)}


async def _is_ready(url: str) -> bool:
    try:
        async with asyncio.timeout(3), aiohttp.request("GET", f"{url}/health/ready") as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


@pytest.fixture
def last(tmp_path: Path) -> Path:
    """The code of the last release."""
    archive = subprocess.run(
        ["git", "archive", LAST_RELEASE, "afaq", "services", "shared"], cwd=THIS, capture_output=True, check=False
    )
    if archive.returncode:
        pytest.skip(f"{LAST_RELEASE}, the last release, is not in this checkout's history")
    folder = tmp_path / "last"
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return folder


@pytest.fixture
async def releases(tmp_path: Path, last: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stricken]:
    """Servers as the last release has migrated them, and none of its processes yet."""
    monkeypatch.setattr("afaq.demo.client.PATIENCE_SECONDS", READY_SECONDS)
    monkeypatch.setattr("afaq.local.stack.migrations_of", lambda name: last / "services" / name / "migrations")
    folder = tmp_path / "stack"
    folder.mkdir()
    stack = Releases(folder)
    endpoints = await stack.start()
    connector = aiohttp.TCPConnector(keepalive_timeout=3)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        more: dict[str, tuple[str, ...]] = {name: (stack.seconds[name],) for name, number in FIRST if number}
        yield Stricken(endpoints, folder, stack, Api(endpoints.urls, session), {}, more_urls=more)
    for name, number in list(stack.running):
        await stack.end(name, number)
    await stack.stop()


@pytest.mark.chaos
@pytest.mark.timeout(1800)
async def test_a_release_comes_goes_back_and_comes_again_under_load(releases: Stricken, last: Path) -> None:
    stack, began = releases.stack, time.monotonic()
    assert isinstance(stack, Releases)

    def tell(what: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {what}", flush=True)

    async def replaced(code: Path, name: str, number: int, *, publishes_seed: str = "false") -> None:
        seed = {"AFAQ_REQUESTS_PUBLISHES_SEED": publishes_seed}
        await stack.replace(code, name, number, releases.endpoints, seed)

    async def roll(code: Path, called: str) -> None:
        for batch in (FIRST, THEN):
            since = time.monotonic()
            await asyncio.gather(*(replaced(code, *one) for one in batch))
            parts = ", ".join(f"{name}-{number}" for name, number in batch)
            tell(f"{parts}: of the {called} release after {time.monotonic() - since:.0f} s")
        tell(f"parked: {await parked(releases) or 'nothing'}")

    async def a_birth() -> None:
        people, urls = the_parents(next(COUPLES)), releases.endpoints.urls
        told: Any = await be_born(
            releases.api, urls, await register_parents(releases.api, people), people, lambda _: None
        )
        assert {message.channel.partition(" by ")[0] for message in told} == {"inbox", "SMS", "mail"}
        tell("a birth, and all that follows")

    await asyncio.gather(*(replaced(last, *one, publishes_seed="true") for one in (*FIRST, *THEN)))
    tell("the last release runs")
    async with Load(releases, per_second=PER_SECOND, name="upgrade") as load:
        tell(f"a licence after {await load.until_one_more():.0f} s")
        await a_birth()
        tell(f"expanded: {await stack.migrate(THIS, releases.endpoints)}")
        await load.until_one_more()
        await roll(THIS, "new")
        await a_birth()
        await roll(last, "last")
        await a_birth()
        await roll(THIS, "new")
        assert await parked(releases) == [], "what old processes could not read has gone on by itself"
        await replaced(THIS, "requests", 1, publishes_seed="true")
        offered = {service["id"]: service for service in await releases.api.get("requests", "/catalogue")}
        assert offered[NEW_IN_THIS]["version"] == next(
            found.version for found in read_definitions() if found.id == NEW_IN_THIS
        )
        tell(f"published: {len(offered)} services")
        await a_newer_event(releases, lambda code: replaced(code, "identity", 0), last, tell)
        tell(f"contracted: {await stack.migrate(THIS, releases.endpoints, '--contract')}")
        tell(f"a licence after {await load.until_one_more():.0f} s")
        await a_birth()
        await load.all_done(within_seconds=READY_SECONDS)
    load.report()
    assert {answer: count for answer, count in load.answers.items() if not is_later(answer)} == {}
    await assert_clean(releases)


async def a_newer_event(
    releases: Stricken, identity_is_of: Callable[[Path], Awaitable[None]], last: Path, tell: Callable[[str], None]
) -> None:
    """An event in a version that the last release does not know waits for this one, and nothing else does."""
    await identity_is_of(last)
    driver = await a_paid_fine(releases.api)
    await releases.api.until(lambda: parked(releases), "event that the last release cannot read")
    assert not await owes_nothing(releases.api, driver)
    tell(f"identity of the last release, and fines are paid; parked: {'; '.join(await parked(releases))}")
    await identity_is_of(THIS)
    await releases.api.until(lambda: owes_nothing(releases.api, driver), "fines that are paid")
    assert await parked(releases) == []
    tell("identity of the new release; the register knows that they are paid, parked: nothing")
