"""Reads the evidence: each database in one snapshot, then the topics, so that these hold at least as much.

A store of years takes longer than a statement may: everything is read by cursors, a page at a time.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
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
from shared.store.types import AnyConnection, Record

SQL = Statements(Path(__file__).parent / "sql")
PAGE = 1000
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
    """One service's database: `stored` is what it held in one snapshot, `made` the rows that its log projects."""

    def __init__(self, shell: Shell, stored: ServiceEvidence, made: "_Made") -> None:
        self._shell = shell
        self._service = shell.service
        self._stored = stored
        self._made = made

    @classmethod
    async def read(cls, shell: Shell) -> "_Database":
        made = _Made(shell)
        async with shell.parts.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            return cls(shell, await _stored(shell, connection, made), made)

    @property
    def topics(self) -> set[Topic]:
        """The topics that it writes and reads."""
        snapshots = {snapshot.topic for snapshot in self._service.snapshots}
        return {self._service.events, *snapshots, *self._service.reads}

    async def evidence(self, topics: Mapping[str, Sequence[Published]]) -> ServiceEvidence:
        """The database as evidence, beside what folding makes of its log, and projecting of it and of the topics."""
        compared = await verify_states(self._shell)
        for topic in self._service.reads:
            for event in self._followed(topics[topic.name]):
                self._made.project(event)
        async with self._shell.parts.pool.acquire() as connection:
            differing = [await self._differing(connection, table) for table in sorted(self._made.tables)]
        return replace(self._stored, folded=compared.aggregates, misfolded=compared.differing, projections=differing)

    def _followed(self, records: Sequence[Published]) -> Iterable[Recorded[Event]]:
        """The events of a topic that this service has followed, each once."""
        seen: dict[UUID, int] = defaultdict(int)
        for record in records:
            reached = self._stored.inbox.get((record.topic, record.key), 0)
            if seen[record.key] < record.sequence <= reached and self._service.cares_for(record.type):
                seen[record.key] = record.sequence
                try:
                    event = event_in(record.envelope)
                except (UnknownSchemaVersion, ValidationError):  # it was parked, and then given up
                    continue
                yield event

    async def _differing(self, connection: AnyConnection, table: str) -> Differing:
        key, made = self._shell.parts.primary_keys[table], list(self._made.tables[table].values())
        expected = {_key_of(row, key): row for row in await _typed(connection, table, made)}
        stored = {_key_of(row, key): row for row in self._stored.rows[table]}
        given = {_key_of(row, key): set(row) for row in made}
        wrong = list(expected.keys() ^ stored.keys())
        for found in expected.keys() & stored.keys():
            columns = given.get(found, set(expected[found]))
            if any(expected[found][column] != stored[found][column] for column in columns):
                wrong.append(found)
        return Differing(table, len(stored), [" ".join(found) for found in sorted(wrong)])


class _Made:
    """Rows that a service's projections make, put together in memory as the database would."""

    def __init__(self, shell: Shell) -> None:
        self._projections = shell.service.projections
        self._primary_keys = shell.parts.primary_keys
        self.tables: dict[str, dict[tuple[str, ...], dict[str, Any]]] = defaultdict(dict)

    def project(self, event: Recorded[Event]) -> None:
        for project in self._projections.of(type(event.data)):
            for step in project(event):
                self._take(step)

    def _take(self, step: Any) -> None:
        rows = self.tables[step.table]
        if isinstance(step, Row):
            key = _key_of(step.values, self._primary_keys[step.table])
            rows.setdefault(key, {}).update(step.values)
        else:
            gone = [key for key, row in rows.items() if str(row.get(step.by)) == str(step.equals)]
            for key in gone:
                del rows[key]


async def _stored(shell: Shell, connection: AnyConnection, made: _Made) -> ServiceEvidence:
    """What the database holds; nothing is folded or compared yet."""
    service = shell.service
    return ServiceEvidence(
        log=await _log(shell, connection, made),
        states={
            decider.name: {
                row["id"]: StateRow(row["version"], row["state"])
                async for row in _rows(connection, SQL["states"].format(table=decider.table))
            }
            for decider in service.deciders
        },
        outbox=[
            Unpublished(row["aggregate_id"], row["sequence"], row["waits_seconds"])
            async for row in _rows(connection, SQL["outbox"])
        ],
        inbox={(row["topic"], row["key"]): row["sequence"] async for row in _rows(connection, SQL["inbox"])},
        jobs=[JobRow(**dict(row)) async for row in _rows(connection, SQL["jobs"])],
        open_circuits=frozenset([row["target"] async for row in _rows(connection, SQL["open_circuits"])]),
        seals=[
            SealRow(Seal(row["number"], bytes(row["hash"])), row["seqs"])
            async for row in _rows(connection, SQL["seals"])
        ],
        folded=0,
        misfolded=(),
        projections=(),
        rows={
            table: [row["row"] async for row in _rows(connection, SQL["rows"].format(table=table))]
            for table in _projected(shell)
        },
        reads=[topic.name for topic in service.reads],
        events=service.events.name,
        snapshots={snapshot.decider.name: snapshot.topic.name for snapshot in service.snapshots},
        now=shell.parts.clock.now(),
    )


async def _log(shell: Shell, connection: AnyConnection, made: _Made) -> list[Logged]:
    """The log. A page is projected while it is there: what is sealed is not kept."""
    log: list[Logged] = []
    async for page in _pages(connection, SQL["log"]):
        log += map(_logged, page)
        for event in await read_all(connection, shell.parts.keyring, page):
            made.project(event)
    return log


async def _rows(connection: AnyConnection, statement: str) -> AsyncIterator[Record]:
    async for page in _pages(connection, statement):
        for row in page:
            yield row


async def _pages(connection: AnyConnection, statement: str) -> AsyncIterator[list[Record]]:
    cursor = await connection.cursor(statement)
    while page := await cursor.fetch(PAGE):
        yield page


async def _typed(connection: AnyConnection, table: str, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Rows as the table would hold them."""
    statement, typed = SQL["typed_rows"].format(table=table), list[Mapping[str, Any]]()
    for start in range(0, len(rows), PAGE):
        page = await connection.fetch(statement, to_json(rows[start : start + PAGE]))
        typed += [row["row"] for row in page]
    return typed


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
