"""A projection's table is computed again beside live work: the same rows, no effect, and nothing of it if it fails."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from shared.contracts.event import Recorded
from shared.functions import Projections, Row
from shared.kernel.errors import Refused
from shared.messaging.brokers import Brokers
from shared.messaging.consumer import Consumer
from shared.store.rebuild import RebuildRefused, prospect
from shared.store.replay import verify_states
from tests.conftest import Servers
from tests.integration.kit.conftest import APP, MakeToyshop
from tests.integration.kit.replaying import (
    TABLES,
    PersonGone,
    Replaying,
    replaying,
    send,
    shell_of,
)
from tests.integration.kit.toy import Close, Deposit, Deposited, Open, OwnerGone, Seen, Withdraw

CANARY = "canary-note"


@pytest.fixture
async def shop(make_toyshop: MakeToyshop, servers: Servers) -> Replaying:
    return await replaying(make_toyshop, servers)


async def an_account(shop: Replaying, *amounts: int, owner: UUID | None = None, note: str = "a secret") -> UUID:
    id, send_to = uuid4(), shop.shop.toys.account.send
    await shop.shell.handle(send_to(id, Open(owner or uuid4(), note)), *(send_to(id, Deposit(a)) for a in amounts))
    return id


async def live_work(shop: Replaying, seed: int, owners: list[UUID]) -> None:
    """Opens, uses and closes accounts until it is cancelled."""
    choose, accounts, send_to = random.Random(seed), [await an_account(shop, 1)], shop.shop.toys.account.send
    while True:
        lot, id = choose.random(), choose.choice(accounts)
        with suppress(Refused):
            if lot < 0.2:
                accounts.append(await an_account(shop, choose.randint(1, 99), owner=choose.choice(owners)))
            elif lot < 0.25 and len(accounts) > 1:
                accounts.remove(id)
                await shop.shell.handle(send_to(id, Close()))
            else:
                await shop.shell.handle(
                    *(
                        send_to(id, choose.choice((Deposit, Withdraw))(choose.randint(1, 9)))
                        for _ in range(choose.randint(1, 3))
                    )
                )


async def foreign_work(shop: Replaying, owners: list[UUID]) -> None:
    """People are seen, and some are gone, until it is cancelled."""
    choose, sequences = random.Random(5), dict[UUID, int]()
    movers, persons = shop.service.reads
    async with AIOKafkaProducer(bootstrap_servers=shop.servers.kafka) as producer:
        while True:
            person = choose.choice(list(sequences) or [uuid4()]) if choose.random() < 0.7 else uuid4()
            sequences[person] = sequences.get(person, 0) + 1
            await send(producer, persons, Seen(place=f"place {choose.random()}"), person, sequences[person])
            if choose.random() < 0.1:
                await followed(shop, person, sequences.pop(person))
                await send(producer, movers, OwnerGone(), person, 1)
            if choose.random() < 0.02 and owners:
                await send(producer, movers, OwnerGone(), owners.pop(), 1)


async def followed(shop: Replaying, key: UUID, sequence: int) -> None:
    text = "select 1 from inbox where topic = $1 and key = $2 and sequence >= $3"
    while not await shop.shop.pool.fetchval(text, shop.service.reads[1].name, key, sequence):
        await asyncio.sleep(0.005)


@asynccontextmanager
async def busy(*shops: Replaying) -> AsyncIterator[None]:
    """Live work of several processes, and of other services."""
    owners = [uuid4() for _ in range(300)]
    consumer = Consumer(shops[0].shell, brokers=Brokers(bootstrap=shops[0].servers.kafka))
    await consumer.start()
    tasks = [asyncio.create_task(live_work(shop, seed, owners[100:])) for seed, shop in enumerate(shops * 4)]
    tasks.append(asyncio.create_task(foreign_work(shops[0], owners[:100])))
    try:
        yield
        assert not any(task.done() for task in tasks), [task for task in tasks if task.done()]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while sum(lag for _, _, lag in await consumer.lags()):
            await asyncio.sleep(0.02)
        await consumer.stop()
        for shop in shops:
            await shop.shell.drain()


async def test_every_table_is_rebuilt_under_live_work_to_the_rows_that_it_had(
    shop: Replaying, make_toyshop: MakeToyshop, servers: Servers
) -> None:
    other = await replaying(make_toyshop, servers, like=shop)
    async with busy(shop, other):
        await asyncio.sleep(1)
        for _ in range(3):
            for table in TABLES:
                await shop.rebuild(table)
                await asyncio.sleep(0.1)
    for table in TABLES:
        assert await shop.rows(table) != []
        assert await shop.differences(table) == []
    assert await shop.shop.jobs_in("parked") == []
    assert (await verify_states(shop.shell)).differing == []
    assert shop.shop.toys.greeter.calls == other.shop.toys.greeter.calls == []


async def test_a_broken_table_is_repaired(shop: Replaying) -> None:
    for _ in range(20):
        await an_account(shop, 5, 7)
    await shop.shop.pool.execute("update movements set amount = amount + 1 where amount = 5")
    await shop.shop.pool.execute("delete from movements where amount = 7")
    await shop.shop.pool.execute("insert into movements select gen_random_uuid(), gen_random_uuid(), 1")
    assert await shop.differences("movements") != []
    done = await shop.rebuild("movements")
    assert await shop.differences("movements") == []
    assert done.rows == 40


async def test_what_a_rebuild_would_do_is_told_and_not_done(shop: Replaying) -> None:
    await an_account(shop, 5, 7)
    await shop.shop.pool.execute("delete from movements where amount = 7")
    before = await shop.everything()
    found = await prospect(shop.shell, "movements")
    assert found.rows == 1
    assert found.events >= 2
    assert found.topics == [topic.name for topic in shop.service.reads]
    assert await shop.everything() == before
    for table in ("accounts", "event_log", "no_such_table"):
        with pytest.raises(RebuildRefused):
            await prospect(shop.shell, table)


async def test_rows_of_another_services_events_are_computed_from_its_topics(shop: Replaying) -> None:
    movers, persons = shop.service.reads
    here, gone = uuid4(), uuid4()
    for sequence, place in enumerate(("home", "work"), start=1):
        await shop.happens(persons, Seen(place=place), here, sequence)
    await shop.happens(persons, Seen(place="home"), gone, 1)
    await shop.happens(movers, OwnerGone(), gone, 1)
    await shop.publish(persons, Seen(place="far"), here, 3)  # is on its topic, and not followed here yet
    await shop.shop.pool.execute("delete from whereabouts")
    await shop.rebuild("whereabouts")
    assert await shop.rows("whereabouts") == [{"person_id": here, "place": "work"}]
    assert await shop.differences("whereabouts") == []


async def test_what_comes_twice_on_a_topic_counts_once(shop: Replaying) -> None:
    _, persons = shop.service.reads
    person = uuid4()
    for sequence in (1, 2, 1, 2, 1):
        await shop.happens(persons, Seen(place=f"place {sequence}"), person, sequence)
    await shop.rebuild("whereabouts")
    assert await shop.rows("whereabouts") == [{"person_id": person, "place": "place 2"}]


async def test_an_erased_person_does_not_come_back(shop: Replaying) -> None:
    movers, persons = shop.service.reads
    owner = uuid4()
    await an_account(shop, 5, owner=owner, note=CANARY)
    await shop.happens(persons, Seen(place=CANARY), owner, 1)
    await shop.happens(movers, OwnerGone(), owner, 1)
    await an_account(shop, 5)
    for table in TABLES:
        await shop.rebuild(table)
        assert await shop.differences(table) == []
    assert CANARY not in str(await shop.everything())


async def test_a_person_who_is_erased_during_a_rebuild_does_not_come_back(shop: Replaying) -> None:
    movers, _ = shop.service.reads
    owners = [uuid4() for _ in range(60)]
    for owner in owners:
        await an_account(shop, 5, owner=owner, note=CANARY)

    async def erase_them() -> None:
        for owner in owners:
            await shop.happens(movers, OwnerGone(), owner, 1)

    erasing = asyncio.create_task(erase_them())
    while not erasing.done():
        await shop.rebuild("tallies")
    await erasing
    assert await shop.differences("tallies") == []
    assert CANARY not in str(await shop.everything())


async def test_who_is_gone_from_a_compacted_topic_stays_gone(shop: Replaying) -> None:
    _, persons = shop.service.reads
    here, gone = uuid4(), uuid4()
    await shop.happens(persons, Seen(place="home"), here, 1)
    work = shop.shop.work(PersonGone(), gone, 3, topic=persons)  # its records were compacted away long ago
    await shop.shell.process([work])
    await shop.shop.pool.execute("insert into whereabouts values ($1, 'left behind')", gone)
    await shop.rebuild("whereabouts")
    assert await shop.rows("whereabouts") == [{"person_id": here, "place": "home"}]


async def test_the_new_table_has_the_keys_indexes_options_and_grants_of_the_old(shop: Replaying) -> None:
    text = """
        select array(select indexdef from pg_indexes where tablename = 'tallies' order by 1) as indexes,
               array(select conname || pg_get_constraintdef(oid) from pg_constraint
                     where conrelid = 'tallies'::regclass order by 1) as constraints,
               (select reloptions::text || relacl::text || relowner
                from pg_class where oid = 'tallies'::regclass) as rest,
               array(select attname || attgenerated::text from pg_attribute
                     where attrelid = 'tallies'::regclass and attnum > 0 order by attnum) as columns,
               'tallies'::regclass::oid as id
    """
    await an_account(shop, 5)
    before = dict(await shop.shop.pool.fetchrow(text) or {})
    for _ in range(2):
        await shop.rebuild("tallies")
    after = dict(await shop.shop.pool.fetchrow(text) or {})
    assert before.pop("id") != after.pop("id")
    assert before == after and APP in before["rest"]


@pytest.mark.parametrize("table", ["limits", "accounts", "event_log", "jobs", "subject_keys", "no_such_table"])
async def test_what_is_no_projection_is_not_rebuilt(shop: Replaying, table: str) -> None:
    await an_account(shop, 5)
    await shop.shop.pool.execute("insert into limits values ($1, 5)", uuid4())
    before = await shop.everything()
    with pytest.raises(RebuildRefused):
        await shop.rebuild(table)
    assert await shop.everything() == before


async def test_a_topic_that_has_lost_events_does_not_take_rows_along(shop: Replaying) -> None:
    movers, persons = shop.service.reads
    person = uuid4()
    await shop.happens(persons, Seen(place="home"), person, 1)
    await shop.shell.process([shop.shop.work(OwnerGone(), uuid4(), 1, topic=movers)])  # never published
    with pytest.raises(RebuildRefused, match="lacks what was followed of 1 keys"):
        await shop.rebuild("whereabouts")
    assert len(await shop.rows("whereabouts")) == 1


async def test_a_projection_that_fails_changes_nothing_unless_it_is_passed_over(shop: Replaying) -> None:
    for amount in (5, 13):
        await an_account(shop, amount)
    projections = Projections()

    @projections.on(Deposited)
    def superstitious(event: Recorded[Deposited]) -> list[Row]:
        if event.data.amount == 13:
            raise ValueError("unlucky")
        return [Row("movements", {"event_id": event.id, "account_id": event.aggregate_id, "amount": event.data.amount})]

    good, shop.shell = shop.shell, await shell_of(shop.shop, projections)
    before = await shop.everything()
    with pytest.raises(RebuildRefused, match=r"1 events cannot be projected: toys.account.deposited .*superstitious"):
        await shop.rebuild("movements")
    assert await shop.everything() == before
    done = await shop.rebuild("movements", pass_over=True)
    assert (done.rows, len(done.passed_over)) == (1, 1)
    shop.shell = good
    await shop.rebuild("movements")
    assert await shop.differences("movements") == []


async def test_a_rebuild_that_dies_leaves_the_table_and_is_begun_again(shop: Replaying) -> None:
    for _ in range(10):
        await an_account(shop, 5)
    before = await shop.everything()

    def die(_: int) -> None:
        raise RuntimeError("dies here")

    with pytest.raises(RuntimeError):
        await shop.rebuild("movements", progress=die)
    assert await shop.everything() == before
    owner = await asyncpg.connect(shop.shop.owner_dsn)
    await owner.execute("create table movements_rebuilt (left_behind int)")  # as a process that was killed leaves it
    await owner.close()
    await shop.rebuild("movements")
    assert await shop.everything() == before


async def test_a_table_is_rebuilt_once_at_a_time(shop: Replaying) -> None:
    for _ in range(10):
        await an_account(shop, 5)
    results = await asyncio.gather(*(shop.rebuild("movements") for _ in range(3)), return_exceptions=True)
    assert any(not isinstance(result, Exception) for result in results)
    assert all(isinstance(result, RebuildRefused) for result in results if isinstance(result, Exception))
    assert await shop.differences("movements") == []


async def test_a_swap_waits_for_who_uses_the_table_and_holds_nobody_up_for_long(shop: Replaying) -> None:
    await an_account(shop, 5)
    async with shop.shop.pool.acquire() as reader:
        reading = reader.transaction()
        await reading.start()
        await reader.fetch("select 1 from movements")
        rebuilding = asyncio.create_task(shop.rebuild("movements"))
        for _ in range(20):
            await asyncio.wait_for(an_account(shop, 7), 2)
        assert not rebuilding.done()
        await reading.rollback()
    done = await rebuilding
    assert await shop.differences("movements") == [] and done.rows == 21


async def test_events_of_late_committers_are_not_missed(shop: Replaying) -> None:
    """A transaction takes its place of the log early and commits it while a rebuild is running."""
    await an_account(shop, 5)
    id, account = uuid4(), uuid4()
    async with shop.shop.pool.acquire() as late:
        transaction = late.transaction()
        await transaction.start()
        await late.execute(
            """insert into event_log (id, type, schema_version, aggregate, aggregate_id, sequence, data, recorded_at,
                                      correlation_id, actor)
               values ($1, 'toys.account.deposited', 1, 'account', $2, 1, '{"amount": 3}', now(), $2, 'test')""",
            id,
            account,
        )
        await an_account(shop, 7)
        rebuilding = asyncio.create_task(shop.rebuild("movements"))
        await asyncio.sleep(0.5)
        for table in ("movements", "movements_twin"):
            await late.execute(f"insert into {table} values ($1, $2, 3)", id, account)
        await transaction.commit()
    await rebuilding
    assert await shop.differences("movements") == []
    assert await shop.shop.pool.fetchval("select amount from movements where event_id = $1", id) == 3
