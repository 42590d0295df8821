"""Developers' replays: written out, published again, read again by a group. None makes an effect, a job or an event."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pydantic_core import from_json, to_json

from shared.contracts.event import Recorded, event_class
from shared.contracts.personal import ERASED
from shared.functions import Decider, Effect, Effects, Projections, Reactions, Row, Service, Step, fold, perform
from shared.kernel.clock import the_clock
from shared.messaging.brokers import Brokers
from shared.messaging.consumer import Consumer, group_of
from shared.messaging.redrive import NotPublished, redrive, redrive_snapshots
from shared.messaging.relay import SEAL_HEADER, Relay
from shared.messaging.rewind import GroupIsAtWork, move_group
from shared.store.chosen import Choice, count, export
from shared.store.job_runner import JobRunner
from shared.store.keyring import KeyRing
from shared.store.replay import verify_states
from shared.store.shell import Shell
from tests.conftest import Servers
from tests.integration.kit.conftest import MASTER_KEY, MakeToyshop
from tests.integration.kit.replaying import TABLES, Replaying, following, replaying
from tests.integration.kit.test_relay import header, in_order, records_of
from tests.integration.kit.toy import Account, Close, Deposit, Deposited, Moved, Open, OwnerGone, Seen, Tick, Withdraw


@dataclass(frozen=True)
class Told(Effect):
    amount: int


@dataclass
class Watcher:
    """Another service that follows the shop's events: it keeps amounts, counts in an account, and does an effect."""

    shell: Shell
    told: list[int]

    async def do_jobs(self) -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(JobRunner(self.shell, poll_seconds=0.01).run(stop))
        while await self.shell.parts.pool.fetchval("select count(*) from jobs where run_at <= now()"):
            await asyncio.sleep(0.02)
        stop.set()
        await running

    async def follow_all(self, servers: Servers) -> None:
        """Follows until nothing is left on the topics, whatever its group had read before."""
        async with following(self.shell, servers):
            await everything_read(self.shell.service, servers)

    async def everything(self) -> dict[str, list[str]]:
        found = {}
        for name in ("accounts", "event_log", "outbox", "inbox", "jobs", "movements", "idempotency_keys"):
            rows = await self.shell.parts.pool.fetch(f"select t::text as text from {name} t order by 1")
            found[name] = [row["text"] for row in rows]
        return found


async def everything_read(service: Service, servers: Servers) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=servers.kafka, group_id=group_of(service), enable_auto_commit=False)
    await consumer.start()
    parts = [TopicPartition(topic.name, number) for topic in service.reads for number in range(topic.partitions)]
    consumer.assign(parts)
    ends = await consumer.end_offsets(parts)
    async with asyncio.timeout(60):
        while any([(await consumer.committed(part) or 0) < end for part, end in ends.items()]):
            await asyncio.sleep(0.05)
    await consumer.stop()


@pytest.fixture
async def shop(make_toyshop: MakeToyshop, servers: Servers) -> Replaying:
    return await replaying(make_toyshop, servers)


@pytest.fixture
async def watcher(shop: Replaying, make_toyshop: MakeToyshop) -> Watcher:
    base, told = await make_toyshop(), list[int]()
    reactions, projections, effects = Reactions(), Projections(), Effects()
    account: Decider[Account, Any, Any, Any] = base.toys.account

    @reactions.on(Deposited)
    def tell(event: Recorded[Deposited]) -> Iterator[Step]:
        yield account.send(event.aggregate_id, Tick())
        yield perform(Told(event.data.amount))

    @projections.on(Deposited)
    def keep(event: Recorded[Deposited]) -> Iterator[Row]:
        values = {"event_id": event.id, "account_id": event.aggregate_id, "amount": event.data.amount}
        yield Row("movements", values)

    @effects.on(Told)
    async def do_tell(effect: Told) -> None:
        told.append(effect.amount)

    service = Service(
        name=base.toys.service.events.name,
        events=base.toys.service.events,
        deciders=(account,),
        reactions=reactions,
        projections=projections,
        effects=effects,
        reads=(shop.service.events,),
    )
    return Watcher(await Shell.open(service, base.pool, KeyRing(MASTER_KEY), the_clock()), told)


@asynccontextmanager
async def relaying(shop: Replaying) -> AsyncIterator[None]:
    stop = asyncio.Event()
    relay = Relay(shop.shell, dsn=shop.shop.dsn, brokers=Brokers(bootstrap=shop.servers.kafka), poll_seconds=0.01)
    task = asyncio.create_task(relay.run(stop))
    try:
        yield
        while await shop.shop.pool.fetchval("select count(*) from outbox"):
            await asyncio.sleep(0.02)
    finally:
        stop.set()
        await task


async def some_accounts(shop: Replaying, number: int = 20) -> list[UUID]:
    ids, send_to = [uuid4() for _ in range(number)], shop.shop.toys.account.send
    for id in ids:
        await shop.shell.handle(send_to(id, Open(uuid4(), "canary-note")), send_to(id, Deposit(5)))
        await shop.shell.handle(send_to(id, Withdraw(2)), actor=f"citizen/{id}")
    return ids


async def exported(shop: Replaying, choice: Choice | None = None, **how: Any) -> list[dict[str, Any]]:
    return [event async for event in export(shop.shell, choice or Choice(), **how)]


# written out


async def test_what_is_written_out_folds_to_the_states_that_are_there(shop: Replaying) -> None:
    ids = await some_accounts(shop)
    lines = [to_json(event) for event in await exported(shop, with_personal_data=True)]
    by_id: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        event = from_json(line)
        by_id.setdefault(event["subject"], []).append(event)
    for id in ids:
        events = by_id[str(id)]
        assert [event["sequence"] for event in events] == [1, 2, 3]
        datas = [_read(event) for event in events]
        assert fold(shop.shop.toys.account, *datas) == await shop.shop.account(id)
    assert len(lines) == 60


def _read(event: dict[str, Any]) -> Any:
    cls = event_class(event["type"], event["schemaversion"])
    assert cls is not None
    return cls.model_validate(event["data"])


async def test_personal_data_are_written_out_only_when_asked_for_and_never_of_the_erased(shop: Replaying) -> None:
    ids = await some_accounts(shop, 2)
    owner = (await shop.shop.account(ids[0])).owner_id
    assert "canary-note" not in str(await exported(shop))
    await shop.shell.process([shop.shop.work(OwnerGone(), owner, 1)])
    texts = [str(event) for event in await exported(shop, with_personal_data=True)]
    assert [str(ids[1]) in text for text in texts if "canary-note" in text] == [True]


async def test_what_is_written_out_is_what_is_published(shop: Replaying) -> None:
    await some_accounts(shop, 3)
    async with relaying(shop):
        pass
    published = {header(r, "ce_id"): r for r in await records_of(shop.service.events, shop.servers)}
    events = await exported(shop)
    assert len(published) == len(events) == 9
    for event in events:
        record = published[event["id"]]
        assert event["data"] == from_json(record.value or b"")
        told = {name: str(value) for name, value in event.items()}
        for name, value in record.headers:
            if name.startswith("ce_") and name != SEAL_HEADER:
                assert told[name.removeprefix("ce_")] == value.decode()


async def test_events_are_chosen_by_time_type_id_and_person(shop: Replaying) -> None:
    one, _ = await some_accounts(shop, 2)
    between = datetime.now(UTC)
    await some_accounts(shop, 1)
    everything = await exported(shop)
    assert [event["id"] for event in everything] == [str(row["id"]) for row in await shop.shop.pool.fetch(
        "select id from event_log order by seq")]  # fmt: skip
    assert len(await exported(shop, Choice(before=between))) == 6
    assert len(await exported(shop, Choice(since=between))) == 3
    assert {event["type"] for event in await exported(shop, Choice(type="toys.account.w"))} == {
        "toys.account.withdrawn"
    }
    ids = [UUID(event["id"]) for event in everything[:2]]
    assert await exported(shop, Choice(ids=ids)) == everything[:2]
    owner = (await shop.shop.account(one)).owner_id
    assert [event["type"] for event in await exported(shop, person=owner)] == ["toys.account.opened"]
    assert len(await exported(shop, person=one)) == 3
    assert await count(shop.shell, Choice(before=between)) == {
        "toys.account.deposited": 2, "toys.account.opened": 2, "toys.account.withdrawn": 2,
    }  # fmt: skip


# published again


async def test_what_is_published_again_is_the_same_and_changes_nothing_anywhere(
    shop: Replaying, watcher: Watcher
) -> None:
    await some_accounts(shop)
    async with relaying(shop):
        pass
    await watcher.follow_all(shop.servers)
    await watcher.do_jobs()
    told, before, of_shop = list(watcher.told), await watcher.everything(), await shop.everything()
    assert len(told) == 20
    first = await records_of(shop.service.events, shop.servers)
    async with relaying(shop):
        assert await redrive(shop.shell, Choice(), Brokers(bootstrap=shop.servers.kafka)) == 60
        assert (
            await redrive(shop.shell, Choice(type="toys.account.deposited"), Brokers(bootstrap=shop.servers.kafka))
            == 20
        )
    await watcher.follow_all(shop.servers)
    await watcher.do_jobs()
    assert watcher.told == told
    assert await watcher.everything() == before
    assert await shop.everything() == of_shop
    records = await records_of(shop.service.events, shop.servers)
    assert len(records) == 140
    assert in_order(records)
    assert {_content(record) for record in records} == {_content(record) for record in first}
    assert shop.shop.toys.greeter.calls == []


def _content(record: Any) -> tuple[object, ...]:
    return (
        record.key,
        record.value,
        tuple(pair for pair in record.headers if pair[0] not in ("traceparent", SEAL_HEADER)),
    )


async def test_a_lost_topic_is_filled_again_and_who_follows_anew_gets_all(shop: Replaying, watcher: Watcher) -> None:
    await some_accounts(shop)
    async with relaying(shop):
        pass
    admin = AIOKafkaAdminClient(bootstrap_servers=shop.servers.kafka)
    await admin.start()
    topics = [shop.service.events, shop.service.snapshots[0].topic]
    await admin.delete_topics([topic.name for topic in topics])
    while {topic.name for topic in topics} & set(await admin.list_topics()):
        await asyncio.sleep(0.05)
    await admin.create_topics([NewTopic(topic.name, topic.partitions, 1) for topic in topics])
    while not {topic.name for topic in topics} <= set(await admin.list_topics()):
        await asyncio.sleep(0.05)
    await admin.close()
    async with relaying(shop):
        assert await redrive(shop.shell, Choice(), Brokers(bootstrap=shop.servers.kafka)) == 60
        assert await redrive_snapshots(shop.shell) == 20
    await watcher.follow_all(shop.servers)
    await watcher.do_jobs()
    assert len(watcher.told) == 20
    snapshots = await records_of(topics[1], shop.servers)
    assert {from_json(record.value or b"")["balance"] for record in snapshots} == {3} and len(snapshots) == 20


async def test_publishing_again_beside_live_work_keeps_each_keys_order(shop: Replaying, watcher: Watcher) -> None:
    ids, send_to = await some_accounts(shop), shop.shop.toys.account.send
    async with relaying(shop), following(watcher.shell, shop.servers):
        working = asyncio.gather(*(shop.shell.handle(send_to(id, Deposit(1))) for id in ids * 5))
        await redrive(shop.shell, Choice(), Brokers(bootstrap=shop.servers.kafka))
        await working
        await redrive(shop.shell, Choice(), Brokers(bootstrap=shop.servers.kafka))
    await watcher.follow_all(shop.servers)
    assert in_order(await records_of(shop.service.events, shop.servers))
    rows = await watcher.shell.parts.pool.fetch("select state, reason from jobs where state = 'parked'")
    assert rows == []
    assert await watcher.shell.parts.pool.fetchval("select count(*) from movements") == 120


async def test_snapshots_wait_for_a_relay_and_it_is_said_so(shop: Replaying) -> None:
    await some_accounts(shop, 2)
    async with relaying(shop):
        pass
    with pytest.raises(NotPublished, match="no relay is at work"):
        await redrive_snapshots(shop.shell, patience_seconds=0.2)
    async with relaying(shop):
        pass
    records = await records_of(shop.service.snapshots[0].topic, shop.servers)
    assert {(header(record, "ce_subject"), header(record, "ce_sequence")) for record in records} == {
        (str(row["id"]), "3") for row in await shop.shop.pool.fetch("select id from accounts")
    }


async def test_what_the_relay_has_still_to_publish_is_left_to_it(shop: Replaying) -> None:
    await some_accounts(shop, 2)
    assert await redrive(shop.shell, Choice(), Brokers(bootstrap=shop.servers.kafka)) == 0
    assert await records_of(shop.service.events, shop.servers) == []


# read again


async def test_a_group_is_put_back_to_an_instant_or_to_the_start_and_never_forward(
    shop: Replaying, watcher: Watcher
) -> None:
    servers, service = shop.servers, watcher.shell.service
    await some_accounts(shop)
    async with relaying(shop):
        pass
    await asyncio.sleep(0.05)
    between = datetime.now(UTC)
    await asyncio.sleep(0.05)
    await some_accounts(shop, 10)
    async with relaying(shop):
        pass
    move = _mover(service, servers)
    assert [one.goes_to for one in await move()] == [0, 0, 0]
    await watcher.follow_all(servers)
    with_dry_run = await move(dry_run=True)
    assert sum(one.records for one in with_dry_run) == 90
    assert sum(one.records for one in await move(since=between, dry_run=True)) == 30
    assert sum(one.records for one in await move(since=datetime.now(UTC) + timedelta(hours=1))) == 0
    assert sum(one.records for one in await move(since=between)) == 30
    assert sum(one.records for one in await move(since=between)) == 0
    assert sum(one.records for one in await move(dry_run=True)) == 60
    async with following(watcher.shell, servers):
        with pytest.raises(GroupIsAtWork):
            await move()


def _mover(service: Service, servers: Servers) -> Callable[..., Awaitable[Any]]:
    return lambda **how: move_group(group_of(service), service.reads, Brokers(bootstrap=servers.kafka), **how)


async def test_a_group_that_reads_again_changes_nothing(shop: Replaying, watcher: Watcher) -> None:
    await some_accounts(shop)
    async with relaying(shop):
        pass
    await watcher.follow_all(shop.servers)
    await watcher.do_jobs()
    told, before = list(watcher.told), await watcher.everything()
    moves = await _mover(watcher.shell.service, shop.servers)()
    assert sum(move.records for move in moves) == 60
    await watcher.follow_all(shop.servers)
    await watcher.do_jobs()
    assert (watcher.told, await watcher.everything()) == (told, before)


# no effect


async def test_no_replay_makes_an_effect_a_job_or_an_event(shop: Replaying, watcher: Watcher) -> None:
    """Whatever is due stays as it is: effects that wait, timers, own events, and events of other services."""
    movers, persons = shop.service.reads
    accounts, send_to = await some_accounts(shop), shop.shop.toys.account.send
    for sequence, id in enumerate(accounts[:5], start=1):
        await shop.happens(movers, Moved(account_id=id, amount=3), accounts[0], sequence)
    await shop.happens(persons, Seen(place="home"), uuid4(), 1)
    await shop.run_jobs()
    done_before = list(shop.shop.toys.greeter.calls)
    assert len(done_before) == 20
    await some_accounts(shop, 5)  # what they bring about is due and waits
    await shop.shell.handle(send_to(accounts[-1], Close()))
    async with relaying(shop):
        pass
    await watcher.follow_all(shop.servers)
    before, of_watcher = await shop.everything(), await watcher.everything()
    assert before["jobs"] != [] and of_watcher["jobs"] != []

    assert (await verify_states(shop.shell)).differing == []
    for table in TABLES:
        await shop.rebuild(table)
    await exported(shop, with_personal_data=True)
    async with relaying(shop):
        await redrive(shop.shell, Choice(), Brokers(bootstrap=shop.servers.kafka))
        await redrive_snapshots(shop.shell)
    for service in (shop.service, watcher.shell.service):
        await move_group(group_of(service), service.reads, Brokers(bootstrap=shop.servers.kafka))
    consumer = Consumer(shop.shell, brokers=Brokers(bootstrap=shop.servers.kafka))
    await consumer.start()
    await everything_read(shop.service, shop.servers)
    await consumer.stop()
    await watcher.follow_all(shop.servers)

    assert shop.shop.toys.greeter.calls == done_before and watcher.told == []
    assert await shop.everything() == before
    assert await watcher.everything() == of_watcher
    await shop.run_jobs()
    assert len(shop.shop.toys.greeter.calls) == 25  # and what was due is done once, as if nothing had been


async def test_a_state_that_is_not_what_its_events_make_is_found_among_many_pages(
    shop: Replaying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.store.replay.PAGE", 7)
    accounts, told = await some_accounts(shop, 30), list[int]()
    long = accounts[4]
    for _ in range(20):  # longer than a page
        await shop.shell.handle(shop.shop.toys.account.send(long, Deposit(1)))
    found = await verify_states(shop.shell, told.append)
    assert (found.aggregates, found.events, found.differing) == (30, 110, [])
    assert told[-1] == 110
    await shop.shop.pool.execute(
        "update accounts set state = jsonb_set(state, '{balance}', '7') where id = any($1)", [long, accounts[9]]
    )
    assert set((await verify_states(shop.shell)).differing) == {long, accounts[9]}


async def test_the_erased_are_compared_as_far_as_can_be(shop: Replaying) -> None:
    (account,) = await some_accounts(shop, 1)
    await shop.shell.process([shop.shop.work(OwnerGone(), (await shop.shop.account(account)).owner_id, 1)])
    assert (await shop.shop.account(account)).note is ERASED
    assert (await verify_states(shop.shell)).differing == []


async def send_nonsense(servers: Servers, topic: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=servers.kafka) as producer:
        await producer.send_and_wait(topic, os.urandom(20), key=b"nonsense")


async def test_what_is_no_event_is_passed_over_by_a_rebuild(shop: Replaying) -> None:
    _, persons = shop.service.reads
    await send_nonsense(shop.servers, persons.name)
    await shop.happens(persons, Seen(place="home"), uuid4(), 1)
    await send_nonsense(shop.servers, persons.name)
    await shop.rebuild("whereabouts")
    assert len(await shop.rows("whereabouts")) == 1
