"""The floor's shape: one HTTP accept brings about four commits in three services and three messages; by the kit, and
with the same commits and messages by hand. As many as 64 connections can ask for, until the last note is told.
"""

import asyncio
import contextlib
import itertools
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from afaq.local.ports import claim_ports
from afaq.local.processes import Program, Supervisor
from benchmarks import gate
from benchmarks.bare.running import step_database
from benchmarks.chain.services import ROLES, TABLES, TOPICS
from benchmarks.cpu import Accounts
from benchmarks.figures import Sample, latencies
from benchmarks.lab import Lab
from benchmarks.load import closed_loop
from benchmarks.measure import CPU_OF_SERVERS, cpu_ms, of_servers
from benchmarks.platform import answers
from benchmarks.scenarios.scenario import Ratio, Scenario
from benchmarks.servers import Servers
from benchmarks.wire import Wire
from shared.store.migrate import migrate

KIT, BY_HAND = "kit", "by-hand"
CONNECTIONS, WARM_UP_SHARE, PATIENCE_SECONDS = 64, 0.2, 120.0
TOLD = {KIT: "select count(*) from event_log", BY_HAND: "select count(*) from log"}


async def run(lab: Lab) -> list[Sample]:
    """Both in turn, each on fresh servers."""
    samples = []
    for round in range(1, lab.options.rounds + 1):
        for kind in (KIT, BY_HAND):
            async with lab.servers(kind) as servers, _chain(servers, kind) as (url, dsn, accounts):
                samples.append(await _measure(lab, kind, round, url, dsn, accounts))
    return samples


@contextlib.asynccontextmanager
async def _chain(servers: Servers, kind: str) -> AsyncIterator[tuple[str, str, Accounts]]:
    """The three processes: where to ask, the database in which the notes are, and whose CPU time is counted."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic.name, topic.partitions, 1) for topic in TOPICS.values()])
    await admin.close()
    dsns = {role: await _database(servers, kind, role) for role in ROLES}
    ports = claim_ports(servers.directory / "ports.json", *ROLES)
    urls = {role: f"http://127.0.0.1:{port}" for role, port in ports.items()}
    programs = [_program(kind, role, ports[role], dsns[role], servers.bootstrap) for role in ROLES]
    supervisor = Supervisor(programs, servers.directory, echo=False)
    await supervisor.start()
    try:
        await supervisor.wait_ready(60)
        yield urls["asks"], dsns["tells"], Accounts({**servers.roots, **supervisor.pids})
    finally:
        await supervisor.stop()


def _program(kind: str, role: str, port: int, dsn: str, bootstrap: str) -> Program:
    command = [sys.executable, "-m", "benchmarks.chain", kind, role, str(port), dsn, bootstrap]
    return Program(role, command, {}, lambda: answers(f"http://127.0.0.1:{port}"))


async def _database(servers: Servers, kind: str, role: str) -> str:
    if kind == BY_HAND:
        return await step_database(servers, role)
    dsn = await servers.create_database(f"bench_{role}")
    await migrate(dsn, role, Path("no-such-folder"), app_role="postgres")
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f"create table {TABLES[role]} (like aggregates including all) with (fillfactor = 85)")
    finally:
        await connection.close()
    return dsn


async def _measure(lab: Lab, kind: str, round: int, url: str, dsn: str, accounts: Accounts) -> Sample:
    seconds, took, refused = lab.options.seconds, list[float](), itertools.count()
    wires = [Wire(url) for _ in range(CONNECTIONS)]

    async def ask(number: int) -> None:
        began = time.perf_counter()
        status, _, _ = await wires[number].post("/", b"{}", {})
        if status == 202:
            took.append(time.perf_counter() - began)
        else:
            next(refused)

    await closed_loop(ask, workers=CONNECTIONS, seconds=seconds * WARM_UP_SHARE)
    before_it = len(took)
    connection = await asyncpg.connect(dsn)
    await _told(connection, kind, before_it)
    before, began = accounts.read(), time.perf_counter()
    await closed_loop(ask, workers=CONNECTIONS, seconds=seconds)
    told = await _told(connection, kind, len(took))
    used, through = accounts.read().since(before), time.perf_counter() - began
    await connection.close()
    for wire in wires:
        wire.close()
    asked = len(took) - before_it
    sample = Sample(kind, round, {"per second": asked / through, **latencies(took[before_it:], "accept ")})
    sample.cpu_ms = cpu_ms(used, asked)
    sample.figures[CPU_OF_SERVERS] = of_servers(sample.cpu_ms)
    sample.problems += gate.check_counts({"notes": told}, {"notes": len(took)})
    sample.problems += gate.check_errors(next(refused), len(took)) + gate.check_load(used)
    sample.noise += gate.check_noise(used)
    return sample


async def _told(connection: "asyncpg.Connection[asyncpg.Record]", kind: str, wanted: int) -> int:
    """How many notes are told, once it is all of them or it was waited for too long."""
    gives_up_at = time.perf_counter() + PATIENCE_SECONDS
    while (told := int(await connection.fetchval(TOLD[kind]))) < wanted and time.perf_counter() < gives_up_at:
        await asyncio.sleep(0.05)
    return told


SCENARIO = Scenario(
    name="pipeline",
    question="How much does the kit carry with no behaviour: an accept, three services, four commits, three messages?",
    piece="case",
    run=run,
    ratios=[Ratio(KIT, BY_HAND, "per second"), Ratio(KIT, BY_HAND, CPU_OF_SERVERS)],
)
