"""A toy service on a database of its own, cloned from a migrated template; Kafka where a test asks for it."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared.contracts.event import Event
from shared.contracts.personal import codec_of
from shared.contracts.topics import Topic
from shared.kernel.ids import new_id
from shared.store.foreign import foreign_work
from shared.store.job_runner import EFFECTS, TRANSACTIONAL, JobRunner
from shared.store.keyring import KeyRing
from shared.store.migrate import migrate
from shared.store.pool import open_pool
from shared.store.shell import Shell
from shared.store.types import Pool
from shared.store.work import Outcome, Work
from tests.conftest import Servers
from tests.integration.kit.toy import SCHEMA, Account, Toys, toys

TEMPLATE, OWNER, APP, PASSWORD = "toys_template", "toys_owner", "toys_app", "only-for-tests"
MASTER_KEY = os.urandom(32)


class TestClock:
    """A clock that stands still until it is moved."""

    __test__ = False

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, **by: float) -> None:
        self._now += timedelta(**by)


@dataclass
class Toyshop:
    """The toy service, running as far as a test makes it run."""

    toys: Toys
    shell: Shell
    jobs: JobRunner
    clock: TestClock
    pool: Pool
    dsn: str
    owner_dsn: str

    async def run_jobs(self, *, rounds: int = 50) -> None:
        """Does what is due, and what follows from it, until nothing is."""
        for _ in range(rounds):
            claimed = await self.jobs._claim(TRANSACTIONAL + EFFECTS, 100)
            if not claimed:
                return
            await self.jobs._do(claimed)
        raise AssertionError("there is always something to do")

    async def account(self, id: UUID) -> Account:
        loaded = await self.shell.state(self.toys.account, id)
        return Account() if loaded is None else loaded.state

    def work(
        self, event: Event, key: UUID, sequence: int, *, topic: Topic | None = None, id: UUID | None = None
    ) -> Work:
        """A foreign event as it would come from Kafka."""
        envelope = envelope_for(event, key, sequence, id=id, time=self.clock.now())
        return foreign_work(self.toys.service, topic or self.toys.movers, envelope)

    async def follow(self, *works: Work) -> list[Outcome]:
        outcomes = await self.shell.process(works)
        return [outcomes[work] for work in works]

    async def jobs_in(self, state: str) -> list[asyncpg.Record]:
        return await self.pool.fetch("select * from jobs where state = $1 order by seq", state)


def envelope_for(
    event: Event, key: UUID, sequence: int, *, id: UUID | None = None, time: datetime | None = None
) -> dict[str, Any]:
    return {
        "key": str(key),
        "id": str(id or new_id()),
        "type": event.type,
        "version": event.version,
        "sequence": sequence,
        "time": (time or datetime.now(UTC)).isoformat(),
        "correlation_id": str(key),
        "causation_id": None,
        "actor": "platform",
        "on_behalf_of": None,
        "traceparent": None,
        "data": codec_of(type(event)).store(event, key, None).data,
    }


@pytest.fixture(scope="session")
async def template(servers: Servers) -> Servers:
    """A migrated database to be cloned."""
    admin = await asyncpg.connect(servers.postgres)
    for role in (OWNER, APP):
        await admin.execute(f"create role {role} login password '{PASSWORD}'")
    await admin.execute(f"create database {TEMPLATE} owner {OWNER}")
    await admin.close()
    owner_dsn = dsn_for(servers, TEMPLATE, OWNER)
    connection = await asyncpg.connect(owner_dsn)
    await connection.execute(SCHEMA)
    await connection.close()
    await migrate(owner_dsn, "toys", Path("no-such-folder"), app_role=APP)
    return servers


def dsn_for(servers: Servers, database: str, role: str) -> str:
    host = servers.postgres.rpartition("@")[2].partition("/")[0]
    return f"postgresql://{role}:{PASSWORD}@{host}/{database}"


MakeToyshop = Callable[..., Awaitable[Toyshop]]


@pytest.fixture
async def make_toyshop(template: Servers) -> AsyncIterator[MakeToyshop]:
    """Makes shops; `like` gives another process's view of the same shop."""
    pools: list[Pool] = []
    databases: list[str] = []

    async def make(*, like: Toyshop | None = None, **how: Any) -> Toyshop:
        if like is None:
            name = f"toys_{uuid4().hex[:12]}"
            admin = await asyncpg.connect(template.postgres)
            await admin.execute(f"create database {name} template {TEMPLATE} owner {OWNER}")
            await admin.close()
            databases.append(name)
            made, clock = toys(name, **how), TestClock()
            dsn, owner_dsn = dsn_for(template, name, APP), dsn_for(template, name, OWNER)
        else:
            made, clock, dsn, owner_dsn = like.toys, like.clock, like.dsn, like.owner_dsn
            made = toys(made.service.events.name.partition(".")[0], **how) if how else made
        pool = await open_pool(dsn, application="toys", size=8)
        pools.append(pool)
        shell = await Shell.open(made.service, pool, KeyRing(MASTER_KEY), clock)
        return Toyshop(made, shell, JobRunner(shell, poll_seconds=0.02), clock, pool, dsn, owner_dsn)

    yield make
    for pool in pools:
        pool.terminate()
    admin = await asyncpg.connect(template.postgres)
    for name in databases:
        await admin.execute(f"drop database {name} with (force)")
    await admin.close()


@pytest.fixture
async def shop(make_toyshop: MakeToyshop) -> Toyshop:
    return await make_toyshop()


def sequence_of(records: Sequence[Any]) -> list[int]:
    return [record["sequence"] for record in records]
