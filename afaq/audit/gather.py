"""Reads the evidence: each database in one snapshot, then the topics, so that these hold at least as much."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import to_json

from afaq.audit.evidence import (
    Differing,
    Evidence,
    JobRow,
    Ledgers,
    Logged,
    Published,
    SealRow,
    ServiceEvidence,
    StateRow,
    Unpublished,
)
from shared.contracts.envelope import UnknownSchemaVersion, event_in
from shared.contracts.event import Event, Recorded
from shared.contracts.topics import Topic
from shared.functions import Row
from shared.store.log import read_all
from shared.store.replay import verify_states
from shared.store.seal import Seal
from shared.store.shell import Shell
from shared.store.statements import Statements
from shared.store.types import AnyConnection

SQL = Statements(Path(__file__).parent / "sql")
PAGE = 5000
ROWS_OF = "rows of "
KIT_TABLES = {
    *("event_log", "seals", "outbox", "inbox", "jobs", "circuits", "idempotency_keys", "subject_keys"),
    *("aggregates", "migrations", "confirmed", "recovered_events"),
}


class Outside(Protocol):
    """Where topics and ledgers are read."""

    async def records(self, topics: Iterable[Topic]) -> Mapping[str, Sequence[Published]]:
        """All records of the topics, in the order of their partitions and offsets."""
        ...

    async def ledgers(self) -> Ledgers:
        """What was really charged and sent."""
        ...


async def gather(shells: Mapping[str, Shell], outside: Outside, acknowledged: frozenset[UUID]) -> Evidence:
    """The evidence of a platform at this moment."""
    opened = {name: await _Database.read(shell) for name, shell in shells.items()}
    topics = await outside.records({topic for database in opened.values() for topic in database.topics})
    services = {name: await database.evidence(topics) for name, database in opened.items()}
    return Evidence(services, topics, await outside.ledgers(), acknowledged)


class _Database:
    """One service's database as it was in one snapshot."""

    def __init__(self, shell: Shell, log: Sequence[Any], tables: Mapping[str, Sequence[Any]]) -> None:
        self._shell = shell
        self._service = shell.service
        self._log = log
        self._tables = tables

    @classmethod
    async def read(cls, shell: Shell) -> "_Database":
        async with shell.parts.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            tables = {name: await connection.fetch(SQL[name]) for name in ("outbox", "inbox", "jobs", "seals")}
            tables["open_circuits"] = await connection.fetch(SQL["open_circuits"])
            for decider in shell.service.deciders:
                tables[decider.name] = await connection.fetch(SQL["states"].format(table=decider.table))
            for table in _projected(shell):
                tables[ROWS_OF + table] = await connection.fetch(SQL["rows"].format(table=table))
            return cls(shell, await connection.fetch(SQL["log"]), tables)

    @property
    def topics(self) -> set[Topic]:
        """The topics that it writes and reads."""
        snapshots = {snapshot.topic for snapshot in self._service.snapshots}
        return {self._service.events, *snapshots, *self._service.reads}

    async def evidence(self, topics: Mapping[str, Sequence[Published]]) -> ServiceEvidence:
        """The database as evidence; its projections are made again of its log and of what was on the topics."""
        compared = await verify_states(self._shell)
        inbox = {(row["topic"], row["key"]): row["sequence"] for row in self._tables["inbox"]}
        return ServiceEvidence(
            log=[_logged(row) for row in self._log],
            states={
                decider.name: {row["id"]: StateRow(row["version"], row["state"]) for row in self._tables[decider.name]}
                for decider in self._service.deciders
            },
            outbox=[
                Unpublished(row["aggregate_id"], row["sequence"], row["waits_seconds"])
                for row in self._tables["outbox"]
            ],
            inbox=inbox,
            jobs=[JobRow(**dict(row)) for row in self._tables["jobs"]],
            open_circuits=frozenset(row["target"] for row in self._tables["open_circuits"]),
            seals=[SealRow(Seal(row["number"], bytes(row["hash"])), row["seqs"]) for row in self._tables["seals"]],
            folded=compared.aggregates,
            misfolded=compared.differing,
            projections=await self._projections(topics, inbox),
            rows={
                name.removeprefix(ROWS_OF): [row["row"] for row in rows]
                for name, rows in self._tables.items()
                if name.startswith(ROWS_OF)
            },
            reads=[topic.name for topic in self._service.reads],
            events=self._service.events.name,
            snapshots={snapshot.decider.name: snapshot.topic.name for snapshot in self._service.snapshots},
            now=self._shell.parts.clock.now(),
        )

    async def _projections(
        self, topics: Mapping[str, Sequence[Published]], inbox: Mapping[tuple[str, UUID], int]
    ) -> list[Differing]:
        made = _Rows(self._shell.parts.primary_keys)
        async with self._shell.parts.pool.acquire() as connection:
            for start in range(0, len(self._log), PAGE):
                page = self._log[start : start + PAGE]
                for event in await read_all(connection, self._shell.parts.keyring, page):
                    self._project(event, made)
            for topic in self._service.reads:
                for event in self._followed(topics[topic.name], inbox):
                    self._project(event, made)
            return [await self._differing(connection, table, rows) for table, rows in sorted(made.tables.items())]

    def _project(self, event: Recorded[Event], made: "_Rows") -> None:
        for project in self._service.projections.of(type(event.data)):
            for step in project(event):
                made.take(step)

    def _followed(
        self, records: Sequence[Published], inbox: Mapping[tuple[str, UUID], int]
    ) -> Iterable[Recorded[Event]]:
        """The events of a topic that this service has followed, each once."""
        seen: dict[UUID, int] = defaultdict(int)
        for record in records:
            reached = inbox.get((record.topic, record.key), 0)
            if seen[record.key] < record.sequence <= reached and self._service.cares_for(record.type):
                seen[record.key] = record.sequence
                try:
                    event = event_in(record.envelope)
                except (UnknownSchemaVersion, ValidationError):  # it was parked, and then given up
                    continue
                yield event

    async def _differing(
        self, connection: AnyConnection, table: str, rows: Mapping[tuple[str, ...], Mapping[str, Any]]
    ) -> Differing:
        key = self._shell.parts.primary_keys[table]
        typed = await connection.fetch(SQL["typed_rows"].format(table=table), to_json(list(rows.values())))
        expected = {_key_of(row["row"], key): row["row"] for row in typed}
        stored = {_key_of(row["row"], key): row["row"] for row in self._tables[ROWS_OF + table]}
        given = {_key_of(row, key): set(row) for row in rows.values()}
        wrong = list(expected.keys() ^ stored.keys())
        for found in expected.keys() & stored.keys():
            columns = given.get(found, set(expected[found]))
            if any(expected[found][column] != stored[found][column] for column in columns):
                wrong.append(found)
        return Differing(table, len(stored), [" ".join(found) for found in sorted(wrong)])


class _Rows:
    """Rows of projections, put together in memory as the database would."""

    def __init__(self, primary_keys: Mapping[str, tuple[str, ...]]) -> None:
        self._primary_keys = primary_keys
        self.tables: dict[str, dict[tuple[str, ...], dict[str, Any]]] = defaultdict(dict)

    def take(self, step: Any) -> None:
        rows = self.tables[step.table]
        if isinstance(step, Row):
            key = _key_of(step.values, self._primary_keys[step.table])
            rows.setdefault(key, {}).update(step.values)
        else:
            gone = [key for key, row in rows.items() if str(row.get(step.by)) == str(step.equals)]
            for key in gone:
                del rows[key]


def _projected(shell: Shell) -> list[str]:
    """The tables that projections may write: those that are neither the kit's own nor aggregates'."""
    own = {decider.table for decider in shell.service.deciders}
    return sorted(set(shell.parts.primary_keys) - own - KIT_TABLES)


def _key_of(values: Mapping[str, Any], columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(values[column]) for column in columns)


def _logged(row: Any) -> Logged:
    return Logged(
        seq=row["seq"],
        id=row["id"],
        type=row["type"],
        aggregate=row["aggregate"],
        aggregate_id=row["aggregate_id"],
        sequence=row["sequence"],
        data=row["data"],
        causation_id=row["causation_id"],
        recorded_at=row["recorded_at"],
        digest=bytes(row["digest"]),
    )
