"""Real servers for all tests but those in `unit/`: PostgreSQL and Kafka of the local stack, started once a run.

AFAQ_TEST_STACK=containers has them in containers instead, but for tests of the local stack and of the whole platform.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from afaq.demo.client import Api
from afaq.local.kafka import Kafka
from afaq.local.postgres import Postgres
from afaq.local.stack import Endpoints, Stack
from afaq.local.unprivileged import ELSEWHERE, remove_with_substitute
from afaq.services import NAMES
from shared.kernel.crash_points import VARIABLE as CRASH_FILE


@dataclass(frozen=True)
class Servers:
    """A PostgreSQL where tests may create databases, and a Kafka."""

    postgres: str
    kafka: str


@pytest.fixture(scope="session", autouse=True)
def no_data_left_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where root runs the tests, PostgreSQL's data lie outside of pytest's folders: they go with the run."""
    yield
    for link in list(tmp_path_factory.getbasetemp().rglob(ELSEWHERE)):
        remove_with_substitute(link.parent)


@pytest.fixture(scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """The servers that tests of single parts share; each test has a database and topics of its own."""
    if os.environ.get("AFAQ_TEST_STACK") == "containers":
        from tests.containers import servers_in_containers

        async with servers_in_containers() as (dsn, bootstrap):
            yield Servers(dsn, bootstrap)
        return
    folder = tmp_path_factory.mktemp("servers")
    postgres, kafka = Postgres(folder / "postgres"), Kafka(folder / "kafka")
    await asyncio.gather(postgres.start(), kafka.start())
    print(f"test servers: PostgreSQL and Kafka of the local stack, Kafka at {kafka.bootstrap}")
    yield Servers(postgres.dsn, kafka.bootstrap)
    await asyncio.gather(postgres.stop(), kafka.stop())


@dataclass(frozen=True)
class RunningStack:
    """The whole platform as `afaq up` runs it: four service processes and the simulators."""

    endpoints: Endpoints
    directory: Path
    stack: Stack
    api: Api

    def arm(self, service: str, point: str) -> None:
        """Has the next process of the service that comes to this point die there."""
        self.crash_file(service).write_text(point)

    def crash_file(self, service: str) -> Path:
        """The file that arms a service; it is gone once the process has died."""
        return self.directory / f"crash-{service}"


@pytest.fixture(scope="session")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningStack]:
    """One platform for all tests of it; each test brings its own persons and requests."""
    folder = tmp_path_factory.mktemp("platform")
    extra = {name: {CRASH_FILE: str(folder / f"crash-{name}")} for name in NAMES}
    sources = {"birth": ["moh-hospitals", "moh-registry"], "death": ["moh-registry", "moi-traffic"]}
    extra["identity"]["AFAQ_IDENTITY_LIFE_EVENT_SOURCES"] = json.dumps(sources)
    extra["identity"]["AFAQ_IDENTITY_TOKEN_LIFETIME_SECONDS"] = "3600"  # callers sign in once for a whole run
    stack = Stack(folder, say=print, echo=False, extra=extra)
    endpoints = await stack.start()
    connector = aiohttp.TCPConnector(keepalive_timeout=3)  # the servers close idle ones after 5 s
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield RunningStack(endpoints, folder, stack, Api(endpoints.urls, session))
    await stack.stop()
