"""What replays are tried on: the toy service with tables written twice, so that one of each pair can be rebuilt."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pydantic_core import to_json

from shared.contracts.envelope import headers_of
from shared.contracts.event import Event, Recorded
from shared.contracts.personal import Erased, codec_of
from shared.contracts.topics import Topic
from shared.functions import Delete, Projections, Row, Service
from shared.kernel.clock import the_clock
from shared.kernel.ids import new_id
from shared.messaging.brokers import Brokers
from shared.messaging.consumer import Consumer
from shared.messaging.topic_pages import TopicPages
from shared.store.job_runner import EFFECTS, TRANSACTIONAL, JobRunner
from shared.store.keyring import KeyRing
from shared.store.rebuild import Rebuilt, rebuild, topics_needed
from shared.store.shell import Shell
from tests.conftest import Servers
from tests.integration.kit.conftest import APP, MASTER_KEY, MakeToyshop, Toyshop
from tests.integration.kit.toy import Closed, Deposited, Opened, OwnerGone, Seen, Withdrawn

TABLES = ("tallies", "movements", "whereabouts")
SCHEMA = f"""
create table tallies (
    account_id uuid primary key, owner_id uuid, note text, last_amount bigint check (last_amount > 0),
    counted int generated always as (coalesce(length(note), 0)) stored
) with (fillfactor = 85);
create index tallies_by_owner on tallies (owner_id) where note is not null;
{"".join(f"create table {name}_twin (like {name} including all);" for name in TABLES)}
grant select, insert, update, delete on all tables in schema public to {APP};
revoke update, delete, truncate on event_log from {APP};
"""


class PersonGone(Event, type="others.person.gone"):
    """The tombstone of a foreign snapshot."""


@dataclass
class Replaying:
    """A shop whose projections are written twice: to each table, and to its twin that nobody rebuilds."""

    shop: Toyshop
    shell: Shell
    servers: Servers

    @property
    def service(self) -> Service:
        return self.shell.service

    async def rebuild(self, table: str, **how: Any) -> Rebuilt:
        async with TopicPages(topics_needed(self.service), Brokers(bootstrap=self.servers.kafka)) as pages:
            return await rebuild(self.shell, table, owner_dsn=self.shop.owner_dsn, topics=pages, **how)

    async def differences(self, table: str) -> list[asyncpg.Record]:
        """The rows that only one of the pair has."""
        one, other = f"select * from {table}", f"select * from {table}_twin"
        return await self.shop.pool.fetch(f"({one} except {other}) union all ({other} except {one})")

    async def rows(self, table: str) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.shop.pool.fetch(f"select * from {table} t order by t::text")]

    async def everything(self) -> dict[str, list[str]]:
        """All rows of all tables, as text."""
        tables = await self.shop.pool.fetch("select tablename from pg_tables where schemaname = 'public'")
        found: dict[str, list[str]] = {}
        for name in sorted(table["tablename"] for table in tables):
            rows = await self.shop.pool.fetch(f'select t::text as text from "{name}" t order by 1')
            found[name] = [row["text"] for row in rows]
        return found

    async def run_jobs(self) -> None:
        """Does what is due, and what follows from it, until nothing is."""
        runner = JobRunner(self.shell, poll_seconds=0.01)
        while claimed := await runner._claim(TRANSACTIONAL + EFFECTS, 100):
            await runner._do(claimed)

    async def publish(self, topic: Topic, event: Event, key: UUID, sequence: int) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.servers.kafka) as producer:
            await send(producer, topic, event, key, sequence)

    async def happens(self, topic: Topic, event: Event, key: UUID, sequence: int) -> None:
        """A foreign event is published, and followed here."""
        await self.publish(topic, event, key, sequence)
        work = self.shop.work(event, key, sequence, topic=topic)
        await self.shell.process([work])


async def send(producer: AIOKafkaProducer, topic: Topic, event: Event, key: UUID, sequence: int) -> None:
    row = {
        "id": new_id(),
        "type": event.type,
        "schema_version": event.version,
        "aggregate_id": key,
        "sequence": sequence,
        "recorded_at": datetime.now(UTC),
        "correlation_id": key,
        "causation_id": None,
        "actor": "platform",
        "on_behalf_of": None,
        "traceparent": None,
    }
    data = to_json(codec_of(type(event)).store(event, key, None).data)
    await producer.send_and_wait(topic.name, data, key=str(key).encode(), headers=headers_of(row, source="/others"))


@asynccontextmanager
async def following(shell: Shell, servers: Servers) -> AsyncIterator[Consumer]:
    """A consumer at work."""
    consumer = Consumer(shell, brokers=Brokers(bootstrap=servers.kafka))
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def replaying(make_toyshop: MakeToyshop, servers: Servers, *, like: Replaying | None = None) -> Replaying:
    """A shop of its own, with topics; `like`: another process of the same."""
    shop = await make_toyshop(like=None if like is None else like.shop)
    if like is None:
        owner = await asyncpg.connect(shop.owner_dsn)
        await owner.execute(SCHEMA)
        await owner.close()
        await _create_topics(shop.toys.service, servers)
    return Replaying(shop, await shell_of(shop, projections_twice()), servers)


async def shell_of(shop: Toyshop, projections: Projections) -> Shell:
    service = replace(shop.toys.service, projections=projections)
    return await Shell.open(service, shop.pool, KeyRing(MASTER_KEY), the_clock())


def projections_twice() -> Projections:
    """Rows of one event, of several events of an aggregate, and rows that another service's event deletes."""
    projections = Projections()

    def both(row: Row | Delete) -> Iterator[Row | Delete]:
        yield from (row, replace(row, table=f"{row.table}_twin"))

    @projections.on(Opened)
    def opened(event: Recorded[Opened]) -> Iterator[Row | Delete]:
        note = None if isinstance(event.data.note, Erased) else event.data.note
        yield from both(
            Row("tallies", {"account_id": event.aggregate_id, "owner_id": event.data.owner_id, "note": note})
        )

    @projections.on(Deposited, Withdrawn)
    def moved(event: Recorded[Deposited | Withdrawn]) -> Iterator[Row | Delete]:
        known = {"account_id": event.aggregate_id}
        yield from both(Row("movements", {"event_id": event.id, **known, "amount": event.data.amount}))
        if event.sequence > 1:  # the first of an account tells whose it is, and only then is there a row
            yield from both(Row("tallies", {**known, "last_amount": event.data.amount}))

    @projections.on(Closed)
    def closed(event: Recorded[Closed]) -> Iterator[Row | Delete]:
        yield from both(Delete("tallies", "account_id", event.aggregate_id))

    @projections.on(Seen)
    def seen(event: Recorded[Seen]) -> Iterator[Row | Delete]:
        yield from both(Row("whereabouts", {"person_id": event.aggregate_id, "place": event.data.place}))

    @projections.on(OwnerGone, PersonGone)
    def gone(event: Recorded[OwnerGone | PersonGone]) -> Iterator[Row | Delete]:
        yield from both(Delete("whereabouts", "person_id", event.aggregate_id))
        yield from both(Delete("tallies", "owner_id", event.aggregate_id))

    return projections


async def _create_topics(service: Service, servers: Servers) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka)
    await admin.start()
    topics = [service.events, *service.reads, *(snapshot.topic for snapshot in service.snapshots)]
    await admin.create_topics([NewTopic(topic.name, topic.partitions, 1) for topic in topics])
    while not {topic.name for topic in topics} <= set(await admin.list_topics()):
        pass
    await admin.close()
