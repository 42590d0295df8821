"""Runs the bare pipeline: five processes, as many as the product has for a transaction."""

import contextlib
import json
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import asyncpg

from afaq.local.ports import claim_ports
from afaq.local.processes import Program, Supervisor
from benchmarks.bare.step import SCHEMA
from benchmarks.cpu import Accounts
from benchmarks.journey import Ends, Journey, new_session, watch_transactions
from benchmarks.platform import answers
from benchmarks.servers import Servers
from shared.messaging.brokers import Brokers
from shared.messaging.topics import create_topics

ROLES = ("identity", "requests", "payments", "notifications", "simulators")
COMMITS = {"requests": 7, "payments": 4, "notifications": 4}
"""Of a transaction, in each database."""


@dataclass
class Pipeline:
    """A running bare pipeline."""

    servers: Servers
    supervisor: Supervisor
    dsns: Mapping[str, str]
    journey: Journey
    made: int = 0

    def accounts(self) -> Accounts:
        """The groups whose CPU time is counted."""
        return Accounts({**self.servers.roots, **self.supervisor.pids})

    async def make(self, _: int) -> Ends:
        """One transaction."""
        ends = await self.journey.make("nobody")
        self.made += 1
        return ends

    async def check(self) -> list[str]:
        """What is wrong: rows that are not there, or too many."""
        found = []
        for role, commits in COMMITS.items():
            rows = await self._rows(role)
            if rows != commits * self.made:
                found.append(f"{rows} rows of {role} where {commits * self.made} were expected")
        return found

    async def _rows(self, role: str) -> int:
        connection = await asyncpg.connect(self.dsns[role])
        try:
            return int(await connection.fetchval("select count(*) from log"))
        finally:
            await connection.close()


@contextlib.asynccontextmanager
async def bare_pipeline(servers: Servers) -> AsyncIterator[Pipeline]:
    """The bare pipeline on these servers, until the end of the block."""
    await create_topics(Brokers(bootstrap=servers.bootstrap))
    dsns = {role: await step_database(servers, role) for role in ROLES}
    ports = claim_ports(servers.directory / "ports.json", *ROLES)
    urls = {role: f"http://127.0.0.1:{port}" for role, port in ports.items()}
    programs = [_program(role, ports[role], dsns[role], servers.bootstrap, urls) for role in ROLES]
    supervisor = Supervisor(programs, servers.directory, echo=False)
    await supervisor.start()
    watch = watch_transactions(servers.bootstrap)
    try:
        await supervisor.wait_ready(60)
        await watch.start()
        async with new_session() as session:
            yield Pipeline(servers, supervisor, dsns, Journey(urls, session, watch, "nobody"))
    finally:
        await watch.stop()
        await supervisor.stop()


@contextlib.asynccontextmanager
async def bare_process(servers: Servers) -> AsyncIterator[tuple[str, Supervisor]]:
    """One process of it that answers and commits, without a broker: its address, and who watches it."""
    ports = claim_ports(servers.directory / "ports.json", "requests")
    urls = {"requests": f"http://127.0.0.1:{ports['requests']}"}
    dsn = await step_database(servers, "requests")
    supervisor = Supervisor([_program("requests", ports["requests"], dsn, "", urls)], servers.directory, echo=False)
    await supervisor.start()
    try:
        await supervisor.wait_ready(60)
        yield urls["requests"], supervisor
    finally:
        await supervisor.stop()


async def step_database(servers: Servers, role: str) -> str:
    """A database for bare steps."""
    dsn = await servers.create_database(f"bench_{role}")
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(SCHEMA)
    finally:
        await connection.close()
    return dsn


def _program(role: str, port: int, dsn: str, bootstrap: str, urls: Mapping[str, str]) -> Program:
    command = [sys.executable, "-m", "benchmarks.bare", role, str(port), dsn, bootstrap, json.dumps(urls)]
    return Program(role, command, {}, lambda: answers(urls[role]))
