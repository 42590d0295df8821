"""A PostgreSQL and a Kafka of a run's own, as the local stack runs them: `fsync` and `synchronous_commit` on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from afaq.local.kafka import Kafka
from afaq.local.postgres import Postgres
from benchmarks.cpu import POSTGRES

KAFKA = "kafka"


@dataclass(frozen=True)
class Work:
    """What the database has done so far."""

    commits: int
    wal_syncs: int
    wal_bytes: int

    def per(self, count: int, earlier: "Work") -> dict[str, float]:
        """By piece of work, since an earlier instant."""
        return {
            "transactions in PostgreSQL": (self.commits - earlier.commits) / count,
            "WAL syncs": (self.wal_syncs - earlier.wal_syncs) / count,
            "WAL KB": (self.wal_bytes - earlier.wal_bytes) / count / 1000,
        }


class Servers:
    """Both servers; `directory` is theirs alone."""

    def __init__(self, directory: Path, *, with_kafka: bool) -> None:
        self.directory = directory
        self._postgres = Postgres(directory / "postgres")
        self._kafka = Kafka(directory / "kafka") if with_kafka else None

    async def start(self) -> None:
        """Starts them."""
        await self._postgres.start()
        if self._kafka is not None:
            await self._kafka.start()

    async def stop(self) -> None:
        """Ends them."""
        if self._kafka is not None:
            await self._kafka.stop()
        await self._postgres.stop()

    @property
    def dsn(self) -> str:
        """The superuser's address."""
        return self._postgres.dsn

    @property
    def bootstrap(self) -> str:
        """The broker's address."""
        assert self._kafka is not None
        return self._kafka.bootstrap

    @property
    def roots(self) -> Mapping[str, int]:
        """The processes by which their CPU time is counted."""
        kafka = self._kafka.pid if self._kafka else None
        found = {POSTGRES: self._postgres.pid, KAFKA: kafka}
        return {name: pid for name, pid in found.items() if pid is not None}

    async def work(self) -> Work:
        """What the database has done so far, a second late at most."""
        connection = await asyncpg.connect(self.dsn)
        try:
            commits = await connection.fetchval("select sum(xact_commit)::bigint from pg_stat_database")
            syncs = await connection.fetchval("select sum(fsyncs)::bigint from pg_stat_io where object = 'wal'")
            wal_bytes = await connection.fetchval("select wal_bytes::bigint from pg_stat_wal")
        finally:
            await connection.close()
        return Work(commits, syncs, wal_bytes)

    async def checkpoint(self) -> None:
        """What was filled in before is on the disk: no checkpoint for it falls into what is measured."""
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute("checkpoint")
        finally:
            await connection.close()

    async def create_database(self, name: str) -> str:
        """A database of this name; its address."""
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(f'create database "{name}"')
        finally:
            await connection.close()
        return self.dsn.rpartition("/")[0] + f"/{name}"
