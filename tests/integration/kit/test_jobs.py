"""Jobs: timers, effects with their leases, attempts and circuits, and what happens when a process dies."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared.store.job_runner import CONCURRENT_EFFECTS, EFFECTS, LEASE_SECONDS, TRANSACTIONAL, JobRunner
from shared.store.work import Work
from tests.integration.kit.conftest import MakeToyshop, Toyshop
from tests.integration.kit.toy import Close, Deposit, Greet, Open

DISK_FULL = """
create function disk_full() returns trigger language plpgsql as
$$ begin raise exception 'no room' using errcode = '53100'; end $$;
create trigger disk_full before insert on event_log for each statement execute function disk_full();
"""


async def opened(shop: Toyshop, *, run: bool = False) -> UUID:
    """An account whose greeting is due."""
    account_id = uuid4()
    await shop.shell.handle(shop.toys.account.send(account_id, Open(uuid4())))
    claimed = await shop.jobs._claim(TRANSACTIONAL, 100)
    await shop.jobs._do(claimed)
    if run:
        await shop.run_jobs()
    return account_id


async def lose_the_lease(shop: Toyshop) -> None:
    await shop.pool.execute("update jobs set leased_until = now() - interval '1 second'")


async def test_a_timer_comes_when_its_time_has_come(shop: Toyshop) -> None:
    account_id = await opened(shop, run=True)
    shop.clock.advance(days=360)
    await shop.run_jobs()
    assert (await shop.account(account_id)).ticks == 0
    shop.clock.advance(days=10)
    await shop.run_jobs()
    assert (await shop.account(account_id)).ticks == 1


async def test_an_effect_its_result_and_its_end_are_one_commit(shop: Toyshop) -> None:
    account_id = await opened(shop, run=True)
    assert (await shop.account(account_id)).greeted_by == "the greeter"
    assert len(shop.toys.greeter.calls) == 1
    assert await shop.pool.fetchval("select count(*) from jobs where kind = 'effect'") == 0


async def test_an_effect_whose_process_dies_before_the_record_is_repeated_with_the_same_key(shop: Toyshop) -> None:
    account_id = await opened(shop)
    (job,) = await shop.jobs._claim(EFFECTS, 10)
    await shop.toys.greeter.greet(job.id)  # done outside, and then the process dies
    assert await shop.jobs._claim(EFFECTS, 10) == []
    await lose_the_lease(shop)
    await shop.run_jobs()
    assert shop.toys.greeter.calls == [job.id, job.id]
    assert (await shop.account(account_id)).greeted_by == "the greeter"


async def test_who_has_lost_the_lease_can_record_nothing(shop: Toyshop) -> None:
    account_id = await opened(shop)
    (job,) = await shop.jobs._claim(EFFECTS, 10)
    await lose_the_lease(shop)
    await shop.run_jobs()
    events = len(await shop.shell.history(account_id))
    from shared.store.jobs import origin_of

    with pytest.raises(Exception, match="ended, by another"):
        await shop.shell.process(
            [Work(origin_of(job), sends=[shop.toys.account.send(account_id, Deposit(1))], job=job)]
        )
    assert len(await shop.shell.history(account_id)) == events


async def test_an_effect_that_is_not_due_any_more_is_not_done(shop: Toyshop) -> None:
    account_id = await opened(shop)
    await shop.shell.handle(shop.toys.account.send(account_id, Close()))
    await shop.run_jobs()
    assert shop.toys.greeter.calls == []
    assert await shop.pool.fetchval("select count(*) from jobs where kind = 'effect'") == 0


async def test_a_failing_effect_is_tried_again_later_and_later(shop: Toyshop) -> None:
    await opened(shop)
    shop.toys.greeter.mood = "ill"
    waits = []
    for _ in range(4):
        await shop.run_jobs()
        run_at = await shop.pool.fetchval("select run_at from jobs where kind = 'effect'")
        waits.append((run_at - shop.clock.now()).total_seconds())
        shop.clock.advance(seconds=waits[-1])
    assert waits == [1, 2, 4, 8]


async def test_an_exhausted_effect_gives_the_notice_that_follows(shop: Toyshop) -> None:
    account_id = await opened(shop)
    shop.toys.greeter.mood = "ill"
    await shop.run_jobs()
    shop.clock.advance(hours=2)
    await shop.run_jobs()
    assert (await shop.account(account_id)).greeted_by == "nobody"


async def test_the_circuit_of_a_failing_target_opens_and_one_probe_goes_first(shop: Toyshop) -> None:
    for _ in range(20):
        await opened(shop)
    shop.toys.greeter.mood = "ill"
    await shop.run_jobs()
    assert len(shop.toys.greeter.calls) == 20  # they were claimed together, before any had failed
    shop.clock.advance(minutes=1)
    await shop.run_jobs()
    assert len(shop.toys.greeter.calls) == 20  # open: nothing is claimed
    await shop.pool.execute("update circuits set open_until = now() - interval '1 second'")
    probes = await shop.jobs._claim(EFFECTS, 100)
    assert len(probes) == 1
    shop.toys.greeter.mood = "well"
    await shop.jobs._do(probes)
    await shop.run_jobs()
    assert len(shop.toys.greeter.calls) == 40
    assert await shop.pool.fetchval("select count(*) from circuits") == 0


async def test_effects_of_one_aggregate_are_done_one_after_the_other_others_side_by_side(shop: Toyshop) -> None:
    for _ in range(5):
        await opened(shop)
    columns = "kind, name, lane, key, place, payload, origin, first_due_at, run_at"
    await shop.pool.execute(
        f"insert into jobs (id, {columns}) select $1, {columns} from jobs where kind = 'effect' limit 1", uuid4()
    )
    claimed = await shop.jobs._claim(EFFECTS, 100)
    assert len(claimed) == 5
    await shop.jobs._do(claimed)
    assert shop.toys.greeter.most_running > 1
    await shop.run_jobs()
    assert len(shop.toys.greeter.calls) == 6


async def test_however_many_slow_effects_hold_all_slots_an_urgent_one_is_done_at_once(shop: Toyshop) -> None:
    for _ in range(CONCURRENT_EFFECTS + 40):
        await opened(shop)
    shop.toys.greeter.mood = "slow"
    stop = asyncio.Event()
    worker = asyncio.create_task(shop.jobs.run(stop))
    while shop.toys.greeter.running < CONCURRENT_EFFECTS:
        await asyncio.sleep(0.01)
    shop.toys.greeter.mood = "well"
    account_id = uuid4()
    await shop.shell.handle(shop.toys.account.send(account_id, Open(uuid4())), urgent=True)
    async with asyncio.timeout(5):
        while (await shop.account(account_id)).greeted_by is None:
            await asyncio.sleep(0.01)
    assert len(shop.toys.greeter.calls) == CONCURRENT_EFFECTS + 1
    for effect in shop.jobs.running:
        effect.cancel()
    worker.cancel()
    await asyncio.gather(worker, *shop.jobs.running, return_exceptions=True)


async def test_two_workers_never_do_the_same_job(shop: Toyshop, make_toyshop: MakeToyshop) -> None:
    other = await make_toyshop(like=shop)
    accounts = [uuid4() for _ in range(60)]
    await asyncio.gather(*(shop.shell.handle(shop.toys.account.send(id, Open(uuid4()))) for id in accounts))
    stop = asyncio.Event()
    workers = [asyncio.create_task(one.jobs.run(stop)) for one in (shop, other)]
    while await shop.pool.fetchval("select count(*) from jobs where run_at <= $1", shop.clock.now()):
        await asyncio.sleep(0.02)
    stop.set()
    await asyncio.gather(*workers)
    calls = shop.toys.greeter.calls + ([] if other.toys is shop.toys else other.toys.greeter.calls)
    assert len(calls) == len(set(calls)) == 60
    for id in accounts:
        assert [event.sequence for event in await shop.shell.history(id)] == [1, 2, 3]


async def test_a_job_that_kills_its_process_again_and_again_is_parked(shop: Toyshop) -> None:
    await opened(shop, run=True)
    shop.clock.advance(days=370)
    for _ in range(5):
        assert len(await shop.jobs._claim(TRANSACTIONAL, 10)) == 1  # the process dies here
        await lose_the_lease(shop)
    await shop.run_jobs()
    (parked,) = await shop.jobs_in("parked")
    assert parked["reason"] == "exhausted"


async def test_a_waiting_person_has_their_jobs_done_at_once(shop: Toyshop) -> None:
    account_id = uuid4()
    await shop.shell.handle(shop.toys.account.send(account_id, Open(uuid4())))
    assert await shop.jobs.perform_now(account_id)
    assert (await shop.account(account_id)).greeted_by == "the greeter"


async def test_a_waiting_person_waits_for_whoever_has_claimed_their_job(shop: Toyshop) -> None:
    account_id = await opened(shop)
    claimed = await shop.jobs._claim(EFFECTS, 10)
    waiting = asyncio.create_task(shop.jobs.perform_now(account_id))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await shop.jobs._do(claimed)
    assert await waiting


async def test_news_from_outside_make_a_pending_effect_due(shop: Toyshop) -> None:
    account_id = await opened(shop)
    shop.toys.greeter.mood = "ill"
    await shop.run_jobs()
    shop.toys.greeter.mood = "well"
    await shop.run_jobs()
    assert (await shop.account(account_id)).greeted_by is None
    await shop.shell.hasten(Greet, account_id)
    await shop.run_jobs()
    assert (await shop.account(account_id)).greeted_by == "the greeter"


async def test_a_lease_outlives_the_longest_effect() -> None:
    from shared.store.job_runner import EFFECT_TIMEOUT_SECONDS

    assert LEASE_SECONDS > 2 * EFFECT_TIMEOUT_SECONDS


async def test_an_instance_that_is_started_again_takes_back_its_own_claims_only(shop: Toyshop) -> None:
    for _ in range(2):
        await opened(shop)
    one, other = (JobRunner(shop.shell, poll_seconds=0.02, instance=name) for name in ("one", "other"))
    (mine,), (theirs,) = await one._claim(EFFECTS, 1), await other._claim(EFFECTS, 1)
    again = JobRunner(shop.shell, poll_seconds=0.02, instance="one")
    await again.take_back()
    assert [job.id for job in await again._claim(EFFECTS, 10)] == [mine.id]
    assert mine.id != theirs.id


async def test_what_an_effect_did_is_recorded_when_the_database_is_back_and_not_done_again(shop: Toyshop) -> None:
    account_id = await opened(shop)
    owner = await asyncpg.connect(shop.owner_dsn)
    await owner.execute(DISK_FULL)
    doing = asyncio.create_task(shop.jobs._do(await shop.jobs._claim(EFFECTS, 10)))
    while not shop.toys.greeter.calls:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    assert not doing.done()
    await owner.execute("drop trigger disk_full on event_log")
    await owner.close()
    await asyncio.wait_for(doing, 10)
    assert (await shop.account(account_id)).greeted_by == "the greeter"
    assert len(shop.toys.greeter.calls) == 1
