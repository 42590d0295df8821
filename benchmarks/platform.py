"""The product: the whole local stack on a run's own servers, with traces sampled as in production."""

import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

import aiohttp
import asyncpg

from afaq.audit.local import audit_stack
from afaq.local.stack import KAFKA_VARIABLE, POSTGRES_VARIABLE, Endpoints, Stack
from afaq.services import NAMES
from benchmarks.cpu import Accounts
from benchmarks.servers import Servers

LONG_SECONDS = "3600"  # nobody has to sign in again while it is measured
QUIET_WITHIN_SECONDS = 60.0
SAMPLED_SHARE = 0.05  # the default of the settings; the local stack samples everything


@dataclass(frozen=True)
class Platform:
    """A running product."""

    servers: Servers
    stack: Stack
    endpoints: Endpoints

    @property
    def urls(self) -> Mapping[str, str]:
        """Where everything listens."""
        return self.endpoints.urls

    def accounts(self) -> Accounts:
        """The groups whose CPU time is counted."""
        assert self.stack.supervisor is not None
        return Accounts({**self.servers.roots, **self.stack.supervisor.pids})

    async def fetchval(self, service: str, query: str, *arguments: object) -> int:
        """A number out of a service's database."""
        connection = await asyncpg.connect(self.endpoints.dsns[service].owner)
        try:
            return int(await connection.fetchval(query, *arguments))
        finally:
            await connection.close()

    async def events_by_type(self) -> dict[str, int]:
        """How many events of each type are recorded, in all services."""
        found: dict[str, int] = {}
        for name in NAMES:
            connection = await asyncpg.connect(self.endpoints.dsns[name].owner)
            try:
                rows = await connection.fetch("select type, count(*) from event_log group by type")
            finally:
                await connection.close()
            found |= {row["type"]: row["count"] for row in rows}
        return found

    async def violations(self) -> list[str]:
        """What the auditor finds once all is quiet."""
        return (await audit_stack(self.stack, self.endpoints, patience_seconds=QUIET_WITHIN_SECONDS)).violations

    async def left_over(self) -> list[str]:
        """What should not be there when all is done: what is not published, and what is parked."""
        found = []
        for name in NAMES:
            outbox = await self.fetchval(name, "select count(*) from outbox")
            parked = await self.fetchval(name, "select count(*) from jobs where state = 'parked'")
            found += [f"{outbox} unpublished events in {name}"] if outbox else []
            found += [f"{parked} parked jobs in {name}"] if parked else []
        return found


@contextlib.asynccontextmanager
async def running(servers: Servers, *, sampled_share: float = SAMPLED_SHARE) -> AsyncIterator[Platform]:
    """The product on these servers, until the end of the block."""
    extra = {name: {"AFAQ_TRACES_SAMPLED_SHARE": str(sampled_share)} for name in NAMES}
    extra["identity"]["AFAQ_IDENTITY_TOKEN_LIFETIME_SECONDS"] = LONG_SECONDS
    directory = servers.directory / "stack"
    directory.mkdir()
    with _given(servers):
        stack = Stack(directory, say=lambda _: None, echo=False, extra=extra)
        endpoints = await stack.start()
    try:
        yield Platform(servers, stack, endpoints)
    finally:
        await stack.stop()


async def answers(url: str) -> bool:
    """Whether there is an answer, and a good one."""
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        async with aiohttp.request("GET", url) as response:
            return response.status == 200
    return False


@contextlib.contextmanager
def _given(servers: Servers) -> Iterator[None]:
    """The stack takes servers that are there from its environment."""
    given = {POSTGRES_VARIABLE: servers.dsn, KAFKA_VARIABLE: servers.bootstrap}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
