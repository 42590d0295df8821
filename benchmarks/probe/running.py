"""Runs a piece of the probe's work in a process of its own, on a database and topics that are made for it."""

import asyncio
import sys
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks import gate
from benchmarks.cpu import Accounts
from benchmarks.figures import Sample
from benchmarks.measure import CPU_OF_SERVERS, cpu_ms, of_servers
from benchmarks.probe.service import BELLS, EVENTS, NAME, SCHEMA
from benchmarks.servers import Servers
from shared.contracts.topics import Topic
from shared.store.migrate import migrate


async def prepare(servers: Servers) -> str:
    """The probe's database and topics; the database's address."""
    dsn = await servers.create_database(f"bench_{NAME}")
    await migrate(dsn, NAME, Path("no-such-folder"), app_role="postgres")
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(SCHEMA)
    finally:
        await connection.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic.name, topic.partitions, 1) for topic in (BELLS, EVENTS)])
    await admin.close()
    return dsn


async def work(servers: Servers, what: str, dsn: str, count: int, *, system: str, round: int) -> Sample:
    """Has the work done; its rate, and CPU time by group."""
    command = [sys.executable, "-m", "benchmarks.probe", what, dsn, servers.bootstrap, str(count)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert process.stdin is not None and process.stdout is not None
    await process.stdout.readline()
    accounts = Accounts({**servers.roots, "process": process.pid})
    before = accounts.read()
    process.stdin.write(b"\n")
    took = float(await process.stdout.readline())
    used = accounts.read().since(before)
    await process.wait()
    sample = Sample(system, round, {"per second": count / took, "seconds": took})
    sample.cpu_ms = cpu_ms(used, count)
    sample.noise += gate.check_noise(used)
    sample.figures[CPU_OF_SERVERS] = of_servers(sample.cpu_ms)
    return sample


async def records_on(servers: Servers, topic: Topic) -> int:
    """How many records a topic has."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers.bootstrap)
    await consumer.start()
    try:
        parts = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        consumer.assign(parts)
        return sum((await consumer.end_offsets(parts)).values())
    finally:
        await consumer.stop()
