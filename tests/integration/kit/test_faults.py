"""What is wrong with one thing is its own affair: nobody else waits, nothing hangs, and the process lives."""

import asyncio
from uuid import uuid4

import pytest
from pydantic import ValidationError

from shared.messaging.brokers import Brokers
from shared.messaging.relay import Relay
from shared.store.job_runner import EFFECTS, TRANSACTIONAL
from shared.store.work import Deferred, Done
from tests.integration.kit.conftest import MakeToyshop, Toyshop
from tests.integration.kit.toy import Close, Deposit, Moved, Open, OwnerGone, Seen

UNREADABLE = "update accounts set state = jsonb_set(state, '{balance}', '\"much\"') where id = $1"


async def test_what_the_database_cannot_even_store_is_parked_without_its_data(shop: Toyshop) -> None:
    person, account_id = uuid4(), uuid4()
    outcomes = await shop.follow(
        shop.work(Seen(place="a \x00 in a text"), person, 1, topic=shop.toys.persons),
        shop.work(Moved(account_id=account_id, amount=5), account_id, 1),
    )
    assert isinstance(outcomes[0], Deferred) and outcomes[0].parked
    assert isinstance(outcomes[1], Done)
    (parked,) = await shop.jobs_in("parked")
    assert parked["payload"]["data"] == {}


async def test_a_job_that_this_code_cannot_read_is_parked_and_the_others_are_done(shop: Toyshop) -> None:
    unreadable, account_id = uuid4(), uuid4()
    for id in (unreadable, account_id):
        await shop.shell.handle(shop.toys.account.send(id, Open(uuid4())))
    await shop.pool.execute("update jobs set name = 'FromTheFuture' where key = $1", unreadable)
    await shop.pool.execute(
        'update jobs set kind = \'message\', payload = \'{"decider": "account", "message": {}}\' where key = $1',
        unreadable,
    )
    await shop.run_jobs()
    (parked,) = await shop.jobs_in("parked")
    assert (parked["key"], parked["reason"]) == (unreadable, "unknown-version")
    assert (await shop.account(account_id)).greeted_by == "the greeter"


async def test_a_state_that_cannot_be_read_fails_its_own_command_only(shop: Toyshop) -> None:
    broken, others = uuid4(), [uuid4() for _ in range(5)]
    await shop.shell.handle(shop.toys.account.send(broken, Deposit(1)))
    await shop.pool.execute(UNREADABLE, broken)
    async with asyncio.timeout(10):
        results = await asyncio.gather(
            *(shop.shell.handle(shop.toys.account.send(id, Deposit(1))) for id in (broken, *others)),
            return_exceptions=True,
        )
    assert [isinstance(result, ValidationError) for result in results] == [True, False, False, False, False, False]


async def test_a_state_that_cannot_be_read_parks_its_own_event_only(shop: Toyshop) -> None:
    broken, other = uuid4(), uuid4()
    await shop.shell.handle(shop.toys.account.send(broken, Deposit(1)))
    await shop.pool.execute(UNREADABLE, broken)
    outcomes = await shop.follow(
        shop.work(Moved(account_id=broken, amount=5), broken, 1), shop.work(Moved(account_id=other, amount=5), other, 1)
    )
    assert isinstance(outcomes[0], Deferred) and outcomes[0].parked
    assert (await shop.account(other)).balance == 5


async def test_a_command_to_a_held_aggregate_that_cannot_be_read_ends(shop: Toyshop) -> None:
    broken = uuid4()
    await shop.shell.handle(shop.toys.account.send(broken, Deposit(1)))
    async with shop.pool.acquire() as holder:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute(UNREADABLE, broken)
        waiting = asyncio.create_task(shop.shell.handle(shop.toys.account.send(broken, Deposit(1))))
        await asyncio.sleep(0.1)
        await transaction.commit()
    with pytest.raises(ValidationError):
        await asyncio.wait_for(waiting, 10)


async def test_a_relay_ends_when_it_is_told_to_while_kafka_is_away(shop: Toyshop) -> None:
    await shop.shell.handle(shop.toys.account.send(uuid4(), Deposit(1)))
    stop = asyncio.Event()
    relay = Relay(shop.shell, dsn=shop.dsn, brokers=Brokers(bootstrap="127.0.0.1:9"), poll_seconds=0.01)
    running = asyncio.create_task(relay.run(stop))
    await asyncio.sleep(0.5)
    stop.set()
    await asyncio.wait_for(running, 9)
    assert await shop.pool.fetchval("select count(*) from outbox") == 2


async def test_an_event_that_fills_a_gap_and_has_to_wait_itself_goes_first(shop: Toyshop) -> None:
    key, account_id = uuid4(), uuid4()
    await shop.follow(shop.work(Moved(account_id=account_id, amount=70), key, 2))
    await shop.follow(shop.work(Moved(account_id=account_id, amount=5, mood="needs a limit"), key, 1))
    await shop.pool.execute("insert into limits values ($1, 9)", account_id)
    shop.clock.advance(seconds=1)
    await shop.run_jobs()
    assert [event.data.amount for event in await shop.shell.history(account_id)] == [5, 70]  # type: ignore[attr-defined]


async def test_a_walks_page_is_done_once_though_two_have_claimed_it(shop: Toyshop) -> None:
    owner = uuid4()
    accounts = [uuid4() for _ in range(501)]
    for start in range(0, len(accounts), 100):
        await shop.shell.handle(*(shop.toys.account.send(id, Open(owner)) for id in accounts[start : start + 100]))
    await shop.pool.execute("delete from jobs")
    await shop.follow(shop.work(OwnerGone(), owner, 1))
    slow = await shop.jobs._claim(("walk",), 1)
    await shop.pool.execute("update jobs set leased_until = now() - interval '1 second'")
    quick = await shop.jobs._claim(("walk",), 1)
    await shop.jobs._do(quick)
    with pytest.raises(Exception, match="another process"):
        await shop.jobs._do(slow)
    await shop.run_jobs()
    assert await shop.pool.fetchval("select count(*) from event_log where type like '%closed'") == 501


async def test_a_probe_that_was_not_needed_gives_its_turn_to_the_next(shop: Toyshop) -> None:
    accounts = [uuid4() for _ in range(3)]
    for id in accounts:
        await shop.shell.handle(shop.toys.account.send(id, Open(uuid4())))
    await shop.jobs._do(await shop.jobs._claim(TRANSACTIONAL, 10))
    await shop.pool.execute("insert into circuits values ('greeter', 9, now() - interval '1 second')")
    first = await shop.pool.fetchval("select key from jobs where kind = 'effect' order by run_at, seq limit 1")
    await shop.shell.handle(shop.toys.account.send(first, Close()))
    for _ in accounts:
        await shop.jobs._do(await shop.jobs._claim(EFFECTS, 10))
    assert await shop.pool.fetchval("select count(*) from circuits") == 0
    assert len(shop.toys.greeter.calls) == 2


async def test_a_hiccup_among_events_does_not_let_go_of_effects_that_are_running(
    shop: Toyshop, make_toyshop: MakeToyshop
) -> None:
    """One claim may hold both: what is given back is what was not begun."""
    account_id = uuid4()
    await shop.shell.handle(shop.toys.account.send(account_id, Open(uuid4())))
    await shop.jobs._do(await shop.jobs._claim(TRANSACTIONAL, 10))
    await shop.shell.handle(shop.toys.account.send(uuid4(), Open(uuid4())))
    claimed = await shop.jobs._claim(TRANSACTIONAL + EFFECTS, 10)
    others = [job for job in claimed if job.kind != "effect"]
    from shared.store.statements import SQL

    await shop.pool.execute(SQL["release_jobs"], [job.id for job in others], claimed[0].lease)
    other = await make_toyshop(like=shop)
    again = await other.jobs._claim(TRANSACTIONAL + EFFECTS, 10)
    assert {job.id for job in again} == {job.id for job in others}


async def test_what_a_personal_topic_says_of_somebody_waits_sealed(make_toyshop: MakeToyshop) -> None:
    shop = await make_toyshop(persons_are_personal=True)
    person = uuid4()
    await shop.follow(shop.work(Seen(place="poison-canary"), person, 1, topic=shop.toys.persons))
    (waiting,) = await shop.jobs_in("live")
    assert "canary" not in str(dict(waiting))
    await shop.pool.execute("insert into limits values ($1, 9)", person)
    shop.clock.advance(seconds=1)
    await shop.run_jobs()
    assert await shop.pool.fetchval("select place from whereabouts where person_id = $1", person) == "poison-canary"
