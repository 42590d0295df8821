"""The relay on a real Kafka: nothing lost, each key in order, whoever writes and whoever dies."""

import asyncio
import contextlib
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pydantic_core import from_json

from shared.contracts.topics import Topic
from shared.messaging.brokers import Brokers
from shared.messaging.consumer import Consumer
from shared.messaging.relay import Relay
from shared.messaging.standing import compare
from shared.store.pool import NotConfirmed, connect, open_pool
from shared.store.recover import plan, take_back
from shared.store.replay import verify_states
from tests.conftest import Servers
from tests.integration.kit.conftest import MakeToyshop, Toyshop
from tests.integration.kit.replaying import following, send
from tests.integration.kit.toy import Close, Deposit, Moved, Open
from tests.resilience.faults.proxy import Proxy

A_TICK = """
insert into event_log (id, type, schema_version, aggregate, aggregate_id, sequence, data, recorded_at,
                       correlation_id, actor)
values ($1, 'toys.account.ticked', 1, 'account', $1, 1, '{}', now(), $1, 'test')
"""


@pytest.fixture
async def published(shop: Toyshop, servers: Servers) -> Toyshop:
    """A shop whose topics exist."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka)
    await admin.start()
    service = shop.toys.service
    topics = [service.events, *service.reads, *(snapshot.topic for snapshot in service.snapshots)]
    await admin.create_topics([NewTopic(topic.name, topic.partitions, 1) for topic in topics])
    await admin.close()
    await asyncio.sleep(0.2)
    return shop


@contextlib.asynccontextmanager
async def relaying(shop: Toyshop, servers: Servers, *, dsn: str | None = None) -> AsyncIterator[None]:
    stop = asyncio.Event()
    relay = Relay(shop.shell, dsn=dsn or shop.dsn, brokers=Brokers(bootstrap=servers.kafka), poll_seconds=0.01)
    task = asyncio.create_task(relay.run(stop))
    try:
        yield
    finally:
        stop.set()
        shop.shell.outbox_bell.ring()
        await task


async def all_published(shop: Toyshop) -> None:
    while await shop.pool.fetchval("select count(*) from outbox"):
        await asyncio.sleep(0.02)


async def records_of(topic: Topic, servers: Servers) -> list[ConsumerRecord[bytes, bytes]]:
    consumer = AIOKafkaConsumer(bootstrap_servers=servers.kafka, auto_offset_reset="earliest")
    await consumer.start()
    parts = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
    consumer.assign(parts)
    ends = await consumer.end_offsets(parts)
    records: list[ConsumerRecord[bytes, bytes]] = []
    while sum([await consumer.position(part) for part in parts]) < sum(ends.values()):
        for found in (await consumer.getmany(timeout_ms=200)).values():
            records.extend(found)
    await consumer.stop()
    return records


def header(record: ConsumerRecord[bytes, bytes], name: str) -> str:
    return str(dict(record.headers)[name].decode())


def in_order(records: list[ConsumerRecord[bytes, bytes]]) -> bool:
    """Whether each key's first arrivals come in the order of their sequences, without a gap."""
    seen: dict[bytes, int] = defaultdict(int)
    for record in records:
        sequence = int(header(record, "ce_sequence"))
        if sequence > seen[record.key] + 1:
            return False
        seen[record.key] = max(sequence, seen[record.key])
    return True


async def test_a_log_that_knows_less_than_its_topic_publishes_nothing_until_it_knows_all_again(
    published: Toyshop, servers: Servers
) -> None:
    shop, brokers, account = published, Brokers(bootstrap=servers.kafka), uuid4()
    topic = shop.toys.service.events
    for amount in (1, 2, 3):
        await shop.shell.handle(shop.toys.account.send(account, Deposit(amount)))
    async with relaying(shop, servers):
        await all_published(shop)
    owner = await connect(shop.owner_dsn, application="tests")
    ids = [row["id"] for row in await owner.fetch("select id from event_log order by sequence")]
    for table in ("event_log", "seals", "accounts", "movements"):  # as a restored database would have it
        await owner.execute(f"delete from {table}")
    await shop.shell.handle(shop.toys.account.send(uuid4(), Deposit(5)))
    before = len(await records_of(topic, servers))
    async with relaying(shop, servers):
        await asyncio.sleep(1.5)
    assert len(await records_of(topic, servers)) == before
    assert await shop.pool.fetchval("select count(*) from confirmed") == 0
    with pytest.raises(NotConfirmed):
        await open_pool(shop.dsn, application="tests", only_confirmed=True)
    found = await compare(owner, topic, brokers)
    assert [one["id"] for one in found.missing] == [str(id) for id in ids] and found.contradicting == []
    assert await take_back(shop.shell, await plan(shop.shell, found.missing)) == 3
    again = await owner.fetch("select id from event_log where aggregate_id = $1 order by sequence", account)
    assert [row["id"] for row in again] == ids
    assert (await verify_states(shop.shell)).differing == []
    async with relaying(shop, servers):
        await all_published(shop)
    await owner.close()
    assert in_order(await records_of(topic, servers))
    pool = await open_pool(shop.dsn, application="tests", only_confirmed=True)
    await pool.close()


async def test_two_writers_and_late_committers_lose_no_event_and_keep_each_keys_order(
    published: Toyshop, make_toyshop: MakeToyshop, servers: Servers
) -> None:
    other, accounts = await make_toyshop(like=published), [uuid4() for _ in range(4)]
    choose = random.Random(7)

    async def write(one: Toyshop) -> None:
        for _ in range(150):
            await one.shell.handle(one.toys.account.send(choose.choice(accounts), Deposit(1)))

    async def commit_late() -> None:
        """Takes sequence numbers of the outbox early and commits them long after others."""
        for number in range(20):
            async with published.pool.acquire() as connection, connection.transaction():
                id = UUID(int=number + 1)
                await connection.execute(A_TICK, id)
                await connection.execute(
                    "insert into outbox (aggregate, aggregate_id, sequence) values ('account', $1, 1)", id
                )
                await asyncio.sleep(choose.random() * 0.05)

    async with relaying(published, servers):
        await asyncio.gather(write(published), write(other), write(published), commit_late())
        await all_published(published)
    records = await records_of(published.toys.service.events, servers)
    log = await published.pool.fetch("select id from event_log")
    assert {header(record, "ce_id") for record in records} == {str(row["id"]) for row in log}
    assert len(records) == len(log) == 470
    assert in_order(records)


async def test_a_relay_whose_database_falls_silent_looks_for_it_anew(
    published: Toyshop, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when its machine is gone: no connection ends, and no answer comes."""
    monkeypatch.setattr("shared.messaging.relay.NO_ANSWER_SECONDS", 1.0)
    place, account_id = urlsplit(published.dsn), uuid4()
    proxy = Proxy(lambda: (str(place.hostname), place.port or 0))
    await proxy.start()
    login = place.netloc.rpartition("@")[0]
    through = urlunsplit(place._replace(netloc=f"{login}@127.0.0.1:{proxy.port}"))
    async with relaying(published, servers, dsn=through):
        await published.shell.handle(published.toys.account.send(account_id, Deposit(1)))
        await all_published(published)
        proxy.silence()
        await published.shell.handle(published.toys.account.send(account_id, Deposit(1)))
        async with asyncio.timeout(20):  # the server lets go of the lock after ten silent seconds
            await all_published(published)
    await proxy.stop()


async def test_a_second_relay_takes_over_when_the_leader_is_gone(
    published: Toyshop, make_toyshop: MakeToyshop, servers: Servers
) -> None:
    other, account_id = await make_toyshop(like=published), uuid4()
    async with relaying(published, servers), relaying(other, servers):
        for _ in range(20):
            await published.shell.handle(published.toys.account.send(account_id, Deposit(1)))
        await all_published(published)
        admin = await asyncpg.connect(servers.postgres)
        leaders = "select pid from pg_stat_activity where datname = $1 and application_name = 'afaq-toys-relay'"
        database = published.dsn.rpartition("/")[2]
        for row in await admin.fetch(leaders, database):
            await admin.execute("select pg_terminate_backend($1)", row["pid"])
        for _ in range(20):
            await other.shell.handle(other.toys.account.send(account_id, Deposit(1)))
        await all_published(published)
        await admin.close()
    records = await records_of(published.toys.service.events, servers)
    assert in_order(records)
    assert len({header(record, "ce_id") for record in records}) == 40


async def test_what_is_published_is_the_log_without_what_is_private(published: Toyshop, servers: Servers) -> None:
    account_id = uuid4()
    await published.shell.handle(published.toys.account.send(account_id, Open(uuid4(), note="canary-note")))
    async with relaying(published, servers):
        await all_published(published)
    (record,) = await records_of(published.toys.service.events, servers)
    row = await published.pool.fetchrow("select data from event_log where aggregate_id = $1", account_id)
    assert row is not None
    assert from_json(record.value or b"") == row["data"]
    assert b"canary" not in (record.value or b"") + b"".join(value for _, value in record.headers)
    assert record.key == str(account_id).encode()


async def test_a_snapshot_tells_the_newest_state_and_a_tombstone_that_there_is_none(
    published: Toyshop, servers: Servers
) -> None:
    account_id = uuid4()
    send = published.toys.account.send
    await published.shell.handle(send(account_id, Deposit(5)))
    await published.shell.handle(send(account_id, Deposit(6)))
    async with relaying(published, servers):
        await all_published(published)
        await published.shell.handle(send(account_id, Close()))
        await all_published(published)
    first, second, last = await records_of(published.toys.service.snapshots[0].topic, servers)
    assert from_json(first.value or b"") == from_json(second.value or b"") == {"balance": 11}
    assert (last.value, header(last, "ce_type"), header(last, "ce_sequence")) == (None, "toys.account.gone", "3")


async def test_events_go_through_kafka_once_and_what_is_not_an_event_is_passed_over(
    published: Toyshop, servers: Servers
) -> None:
    """The consumer on its own group: a record that is no event, the same event twice, then more of its key."""
    from aiokafka import AIOKafkaProducer

    from shared.contracts.envelope import headers_of
    from shared.contracts.personal import codec_of
    from shared.kernel.ids import new_id

    key, account_id, topic = uuid4(), uuid4(), published.toys.movers.name

    def headers(sequence: int, event: Moved, id: UUID) -> list[tuple[str, bytes]]:
        row = {
            "id": id,
            "type": event.type,
            "schema_version": event.version,
            "aggregate_id": key,
            "sequence": sequence,
            "recorded_at": published.clock.now(),
            "correlation_id": key,
            "causation_id": None,
            "actor": "platform",
            "on_behalf_of": None,
            "traceparent": None,
        }
        return headers_of(row, source="/others")

    async with AIOKafkaProducer(bootstrap_servers=servers.kafka) as producer:
        await producer.send_and_wait(topic, b"not an event", key=b"nonsense")
        for sequence in (1, 2, 3):
            event, id = Moved(account_id=account_id, amount=10 ** (sequence - 1)), new_id()
            data = codec_of(Moved).store(event, key, None).data
            from pydantic_core import to_json

            for _ in range(2):
                await producer.send_and_wait(
                    topic, to_json(data), key=str(key).encode(), headers=headers(sequence, event, id)
                )
    consumer = Consumer(published.shell, brokers=Brokers(bootstrap=servers.kafka))
    await consumer.start()
    while (await published.account(account_id)).balance < 111:
        await asyncio.sleep(0.02)
    lags = await consumer.lags()
    await consumer.stop()
    assert (await published.account(account_id)).balance == 111
    assert sum(lag for _, _, lag in lags) == 0 and len(lags) == 4


async def test_a_large_batch_is_followed_in_the_order_of_each_key(published: Toyshop, servers: Servers) -> None:
    """More than is followed in one transaction, of many keys that come in turn."""
    from aiokafka import AIOKafkaProducer

    movers = [(uuid4(), uuid4()) for _ in range(20)]
    async with AIOKafkaProducer(bootstrap_servers=servers.kafka) as producer:
        for sequence in range(1, 21):
            sends = (
                send(producer, published.toys.movers, Moved(account_id=account_id, amount=sequence), key, sequence)
                for key, account_id in movers
            )
            await asyncio.gather(*sends)
    async with following(published.shell, servers):
        for _, account_id in movers:
            while (await published.account(account_id)).balance < sum(range(1, 21)):
                await asyncio.sleep(0.02)
    for _, account_id in movers:
        told = await published.pool.fetch(
            "select data from event_log where aggregate_id = $1 order by sequence", account_id
        )
        assert [event["data"]["amount"] for event in told] == list(range(1, 21))


async def test_an_end_in_the_middle_of_a_batch_brings_it_again_and_changes_nothing(
    published: Toyshop, servers: Servers
) -> None:
    """What was published and not deleted, because the process died between, is published again with the same ids."""
    account_id = uuid4()
    await published.shell.handle(published.toys.account.send(account_id, Deposit(5)))
    rows = await published.pool.fetch("select * from outbox order by seq")
    async with relaying(published, servers):
        await all_published(published)
        for row in rows:
            await published.pool.execute(
                "insert into outbox (aggregate, aggregate_id, sequence) values ($1, $2, $3)",
                row["aggregate"],
                row["aggregate_id"],
                row["sequence"],
            )
        await all_published(published)
    records = await records_of(published.toys.service.events, servers)
    assert len(records) == 2
    assert len({header(record, "ce_id") for record in records}) == 1
