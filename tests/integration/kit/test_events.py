"""Foreign and own events: once, in order, waiting where something is missing, parked where something is wrong."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared.contracts.envelope import UnknownSchemaVersion
from shared.contracts.personal import ERASED
from shared.messaging.brokers import Brokers
from shared.messaging.consumer import Consumer, ParkingWatch
from shared.store.foreign import foreign_work
from shared.store.statements import SQL
from shared.store.work import Deferred, Done
from tests.integration.kit.conftest import MakeToyshop, Toyshop
from tests.integration.kit.toy import Close, Deposit, Ignored, Moved, MovedOtherwise, Open, OwnerGone, Pass, Seen


async def retry_all(shop: Toyshop) -> None:
    await shop.pool.execute(SQL["retry_parked"], None, None, shop.clock.now())
    await shop.run_jobs()


async def test_an_event_that_comes_again_has_its_effect_once(shop: Toyshop) -> None:
    key, account_id = uuid4(), uuid4()
    work = shop.work(Moved(account_id=account_id, amount=5), key, 1)
    await shop.follow(work)
    assert (await shop.follow(work))[0] == Done(duplicate=True)
    assert (await shop.follow(work, work))[1] == Done(duplicate=True)
    assert (await shop.account(account_id)).balance == 5


async def test_an_event_that_means_nothing_here_still_takes_its_place(shop: Toyshop) -> None:
    key, account_id = uuid4(), uuid4()
    await shop.follow(
        shop.work(Ignored(), key, 1),
        shop.work(Moved(account_id=account_id, amount=5), key, 2),
        shop.work(Ignored(), key, 3),
    )
    assert await shop.pool.fetchval("select sequence from inbox where key = $1", key) == 3
    assert (await shop.account(account_id)).balance == 5


async def test_a_gap_is_an_alarm_and_its_key_waits_until_the_missing_event_comes(shop: Toyshop) -> None:
    key, other, account_id = uuid4(), uuid4(), uuid4()
    first, second, third, fourth = (shop.work(Moved(account_id=account_id, amount=10**n), key, n + 1) for n in range(4))
    outcomes = await shop.follow(first, third, fourth, shop.work(Moved(account_id=other, amount=1), other, 1))
    assert [type(outcome) for outcome in outcomes] == [Done, Deferred, Deferred, Done]
    assert [(job["reason"], job["state"]) for job in await shop.pool.fetch("select * from jobs order by seq")] == [
        ("gap", "parked"),
        ("behind", "live"),
    ]
    await shop.run_jobs()
    assert (await shop.account(account_id)).balance == 1
    await shop.follow(second)
    await shop.run_jobs()
    assert (await shop.account(account_id)).balance == 1111
    assert await shop.pool.fetchval("select sequence from inbox where key = $1", key) == 4


async def test_a_snapshot_counts_if_it_is_newer_and_has_gaps_by_nature(shop: Toyshop) -> None:
    person = uuid4()
    topic = shop.toys.persons
    await shop.follow(
        shop.work(Seen(place="Hawalli"), person, 4, topic=topic), shop.work(Seen(place="Jahra"), person, 9, topic=topic)
    )
    assert (await shop.follow(shop.work(Seen(place="Ahmadi"), person, 7, topic=topic)))[0] == Done(duplicate=True)
    assert await shop.pool.fetchval("select place from whereabouts where person_id = $1", person) == "Jahra"


async def test_poison_parks_its_key_only_and_retry_drains_it_in_order(shop: Toyshop) -> None:
    key, other, account_id = uuid4(), uuid4(), uuid4()
    poison = shop.work(Moved(account_id=account_id, amount=1, mood="poison"), key, 1)
    behind = [shop.work(Moved(account_id=account_id, amount=10**n), key, n + 1) for n in range(1, 4)]
    outcomes = await shop.follow(poison, *behind, shop.work(Moved(account_id=other, amount=1), other, 1))
    assert isinstance(outcomes[0], Deferred) and outcomes[0].parked
    assert isinstance(outcomes[-1], Done)
    await shop.follow(shop.work(Moved(account_id=account_id, amount=10_000), key, 5))
    await shop.run_jobs()
    assert (await shop.account(account_id)).balance == 0
    mended = "update jobs set payload = jsonb_set(payload, '{data,mood}', '\"well\"') where state = 'parked'"
    await shop.pool.execute(mended)
    await retry_all(shop)
    assert (await shop.account(account_id)).balance == 11_111
    amounts = [event.data.amount for event in await shop.shell.history(account_id)]  # type: ignore[attr-defined]
    assert amounts == [1, 10, 100, 1000, 10_000]
    assert await shop.pool.fetchval("select count(*) from jobs where kind = 'foreign_event'") == 0


async def rename_events(shop: Toyshop, account_id: UUID, *, old: str, new: str) -> None:
    """What has happened to an account is of a type that this code does not know; or of one that it knows again."""
    owner = await asyncpg.connect(shop.owner_dsn)
    await owner.execute("update event_log set type = $3 where aggregate_id = $1 and type = $2", account_id, old, new)
    await owner.execute("update accounts set shape = 99 where id = $1", account_id)
    await owner.close()


async def test_what_newer_code_has_written_waits_for_it_and_holds_up_nobody_else(shop: Toyshop) -> None:
    account_id, other, known, newer = uuid4(), uuid4(), "toys.account.deposited", "toys.account.deposited_otherwise"
    await shop.shell.handle(shop.toys.account.send(account_id, Deposit(1)))
    await rename_events(shop, account_id, old=known, new=newer)
    outcomes = await shop.follow(
        shop.work(Moved(account_id=account_id, amount=5), account_id, 1),
        shop.work(Moved(account_id=other, amount=7), other, 1),
    )
    assert isinstance(outcomes[0], Deferred) and outcomes[0].reason == "unknown-version"
    assert (await shop.account(other)).balance == 7
    with pytest.raises(UnknownSchemaVersion):
        await shop.shell.handle(shop.toys.account.send(account_id, Deposit(1)))
    await rename_events(shop, account_id, old=newer, new=known)
    await shop.pool.execute(SQL["retry_parked"], None, "unknown-version", shop.clock.now())  # as a process that starts
    await shop.run_jobs()
    assert (await shop.account(account_id)).balance == 6


async def test_where_poison_was_raised_is_told_without_what_it_was_raised_about(shop: Toyshop) -> None:
    key = uuid4()
    await shop.follow(shop.work(Moved(account_id=uuid4(), amount=1, mood="poison"), key, 1))
    (parked,) = await shop.jobs_in("parked")
    assert parked["error"].startswith("ValueError: toy.py:") and parked["error"].endswith("in move")


async def test_what_is_behind_a_discarded_event_goes_on(shop: Toyshop) -> None:
    key, account_id = uuid4(), uuid4()
    await shop.follow(
        shop.work(Moved(account_id=account_id, amount=1, mood="poison"), key, 1),
        shop.work(Moved(account_id=account_id, amount=7), key, 2),
    )
    (parked,) = await shop.jobs_in("parked")
    assert await shop.pool.fetchval(SQL["discard_parked"], parked["id"]) == 1
    await shop.run_jobs()
    assert (await shop.account(account_id)).balance == 7


async def test_what_the_database_refuses_is_parked_alone(shop: Toyshop) -> None:
    too_much, others = uuid4(), [uuid4() for _ in range(5)]
    outcomes = await shop.follow(
        shop.work(Moved(account_id=too_much, amount=1_000_000), too_much, 1),
        *(shop.work(Moved(account_id=other, amount=1), other, 1) for other in others),
    )
    assert [isinstance(outcome, Deferred) for outcome in outcomes] == [True, False, False, False, False, False]


async def test_an_event_waits_for_what_another_topic_has_still_to_bring(shop: Toyshop) -> None:
    key, account_id = uuid4(), uuid4()
    needs = shop.work(Moved(account_id=account_id, amount=5, mood="needs a limit"), key, 1)
    outcomes = await shop.follow(needs, shop.work(Moved(account_id=account_id, amount=70), key, 2))
    reasons = [(outcome.reason, outcome.parked) for outcome in outcomes if isinstance(outcome, Deferred)]
    assert reasons == [("not-yet", False), ("behind", False)]
    await shop.run_jobs()
    assert (await shop.account(account_id)).balance == 0
    await shop.pool.execute("insert into limits values ($1, 9)", account_id)
    shop.clock.advance(seconds=5)
    await shop.run_jobs()
    assert [event.data.amount for event in await shop.shell.history(account_id)] == [5, 70]  # type: ignore[attr-defined]


async def test_what_has_waited_for_ten_minutes_is_parked(shop: Toyshop) -> None:
    key = uuid4()
    await shop.follow(shop.work(Moved(account_id=uuid4(), amount=5, mood="needs a limit"), key, 1))
    for _ in range(130):
        shop.clock.advance(seconds=5)
        await shop.run_jobs()
    (parked,) = await shop.jobs_in("parked")
    assert parked["reason"] == "not-yet"


async def test_an_unknown_version_is_parked_and_done_when_newer_code_starts(shop: Toyshop) -> None:
    key, account_id = uuid4(), uuid4()
    work = shop.work(Moved(account_id=account_id, amount=5), key, 1)
    assert work.foreign is not None
    newer = {**work.foreign.envelope, "version": 99}
    await shop.follow(foreign_work(shop.toys.service, shop.toys.movers, newer))
    (parked,) = await shop.jobs_in("parked")
    assert parked["reason"] == "unknown-version"
    await shop.pool.execute("update jobs set payload = jsonb_set(payload, '{version}', '1')")  # newer code knows it
    await shop.pool.execute(SQL["retry_parked"], None, "unknown-version", shop.clock.now())
    await shop.run_jobs()
    assert (await shop.account(account_id)).balance == 5


async def test_a_version_that_is_known_but_not_cared_for_is_no_trouble(shop: Toyshop) -> None:
    key = uuid4()
    (outcome,) = await shop.follow(shop.work(MovedOtherwise(account=uuid4(), fils=1), key, 1))
    assert isinstance(outcome, Done)


async def test_own_events_of_an_aggregate_are_reacted_to_in_their_order(shop: Toyshop) -> None:
    account_id = uuid4()
    await shop.shell.handle(shop.toys.account.send(account_id, Open(uuid4())))
    await shop.run_jobs()
    kinds = [event.data.type.rpartition(".")[2] for event in await shop.shell.history(account_id)]
    assert kinds == ["opened", "greeted", "deposited"]


async def test_what_an_own_event_brings_about_is_in_its_commit(shop: Toyshop) -> None:
    one, other = uuid4(), uuid4()
    await shop.shell.handle(shop.toys.account.send(one, Pass(other, 5)))
    assert ((await shop.account(one)).balance, (await shop.account(other)).balance) == (-5, 5)
    assert await shop.pool.fetchval("select count(*) from jobs") == 0
    (passed,), (deposited,) = await shop.shell.history(one), await shop.shell.history(other)
    assert deposited.origin.causation_id == passed.id
    assert deposited.origin.correlation_id == passed.origin.correlation_id


async def test_where_somebody_else_holds_the_other_aggregate_a_job_waits_for_it(shop: Toyshop) -> None:
    one, other = uuid4(), uuid4()
    await shop.shell.handle(shop.toys.account.send(other, Deposit(1)))
    async with shop.pool.acquire() as holder, holder.transaction():
        await holder.execute("select from accounts where id = $1 for update", other)
        async with asyncio.timeout(5):
            await shop.shell.handle(shop.toys.account.send(one, Pass(other, 5)))
        assert await shop.pool.fetchval("select kind from jobs where key = $1", one) == "event"
    await shop.run_jobs()
    assert (await shop.account(other)).balance == 6


async def test_two_that_pass_money_to_each_other_all_the_time_never_wait_in_a_ring(
    shop: Toyshop, make_toyshop: MakeToyshop
) -> None:
    second, one, other = await make_toyshop(like=shop), uuid4(), uuid4()
    for id in (one, other):
        await shop.shell.handle(shop.toys.account.send(id, Deposit(100)))
    passes = [(shop, one, other), (second, other, one)] * 20
    await asyncio.gather(*(at.shell.handle(at.toys.account.send(giver, Pass(to, 1))) for at, giver, to in passes))
    await shop.run_jobs()
    assert ((await shop.account(one)).balance, (await shop.account(other)).balance) == (100, 100)
    assert await shop.pool.fetchval("select deadlocks from pg_stat_database where datname = current_database()") == 0


async def test_a_reaction_that_fails_is_parked_and_neither_refuses_its_command_nor_is_overtaken(shop: Toyshop) -> None:
    one, other = uuid4(), uuid4()
    await shop.shell.handle(shop.toys.account.send(one, Pass(other, 13)))
    await shop.run_jobs()
    await shop.shell.handle(shop.toys.account.send(one, Pass(other, 5)))
    await shop.run_jobs()
    (parked,) = await shop.jobs_in("parked")
    assert (parked["key"], parked["reason"], parked["payload"]) == (one, "poison", {"sequence": 1})
    assert await shop.pool.fetchval("select payload ->> 'sequence' from jobs where state = 'live'") == "2"
    assert (await shop.account(one)).balance == -18
    assert await shop.shell.history(other) == []


async def test_no_chain_of_own_events_makes_a_commit_without_an_end(
    shop: Toyshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.store.batch.OWN_EVENTS_AT_ONCE", 2)
    one, others = uuid4(), [uuid4() for _ in range(5)]
    await shop.shell.handle(*(shop.toys.account.send(one, Pass(other, 1)) for other in others))
    assert [len(await shop.shell.history(other)) for other in others] == [1, 1, 0, 0, 0]
    await shop.run_jobs()
    assert [len(await shop.shell.history(other)) for other in others] == [1, 1, 1, 1, 1]


async def test_a_walk_reaches_every_row_in_pages(shop: Toyshop) -> None:
    owner, accounts = uuid4(), [uuid4() for _ in range(1203)]
    for start in range(0, len(accounts), 100):
        await shop.shell.handle(*(shop.toys.account.send(id, Open(owner)) for id in accounts[start : start + 100]))
    await shop.pool.execute("delete from jobs")
    await shop.follow(shop.work(OwnerGone(), owner, 1))
    pages = 0
    while claimed := await shop.jobs._claim(("walk",), 1):
        await shop.jobs._do(claimed)
        pages += 1
    assert pages == 3
    assert await shop.pool.fetchval("select count(*) from accounts where (state ->> 'is_closed')::bool") == 1203


async def test_an_erased_persons_data_cannot_be_read_any_more_nor_be_written_again(shop: Toyshop) -> None:
    owner, account_id = uuid4(), uuid4()
    await shop.shell.handle(shop.toys.account.send(account_id, Open(owner, note="canary-note")))
    assert (await shop.account(account_id)).note == "canary-note"
    stored = await shop.pool.fetchval("select concat(l::text, a::text) from event_log l, accounts a")
    assert "canary-note" not in stored
    await shop.follow(shop.work(OwnerGone(), owner, 1))
    assert (await shop.account(account_id)).note is ERASED
    assert (await shop.shell.history(account_id))[0].data.note is ERASED  # type: ignore[attr-defined]
    late = uuid4()
    await shop.shell.handle(shop.toys.account.send(late, Open(owner, note="canary-note")))
    assert (await shop.account(late)).note is ERASED


async def test_of_two_consumers_that_both_believe_to_own_a_key_one_takes_each_event(
    shop: Toyshop, make_toyshop: MakeToyshop
) -> None:
    other, key, account_id = await make_toyshop(like=shop), uuid4(), uuid4()
    events = [Moved(account_id=account_id, amount=1) for _ in range(30)]
    ids = [uuid4() for _ in events]

    async def follow_all(one: Toyshop) -> None:
        for sequence, (event, id) in enumerate(zip(events, ids, strict=True), start=1):
            await one.follow(one.work(event, key, sequence, id=id))

    await asyncio.gather(follow_all(shop), follow_all(other))
    await shop.run_jobs()
    assert (await shop.account(account_id)).balance == 30
    assert await shop.jobs_in("parked") == []


async def test_a_batch_in_which_one_event_writes_what_the_next_reads_sees_it(shop: Toyshop) -> None:
    """`whereabouts` is written by a projection; the account is changed by two events of one batch."""
    account_id, one, two = uuid4(), uuid4(), uuid4()
    await shop.follow(
        shop.work(Moved(account_id=account_id, amount=5), one, 1),
        shop.work(Moved(account_id=account_id, amount=6), two, 1),
    )
    await shop.shell.handle(shop.toys.account.send(account_id, Deposit(1)), shop.toys.account.send(account_id, Close()))
    state = await shop.account(account_id)
    assert (state.balance, state.is_closed) == (12, True)


def test_too_many_parked_events_within_a_minute_are_a_bad_release() -> None:
    watch = ParkingWatch()
    assert not watch.note(300, 10)
    assert not watch.note(300, 9)  # below twenty nothing is said of the release
    assert watch.note(10, 20)
    assert watch.suspicious


@pytest.mark.parametrize("version", [1, 99])
async def test_versions_of_a_newer_release_are_no_bad_release_and_poison_is(shop: Toyshop, version: int) -> None:
    poison = Moved(account_id=uuid4(), amount=5, mood="poison")
    foreign = [work.foreign for _ in range(30) if (work := shop.work(poison, uuid4(), 1)).foreign]
    told = [{**one.envelope, "version": version} for one in foreign]
    consumer = Consumer(shop.shell, brokers=Brokers(bootstrap="nowhere"))
    outcomes = await shop.shell.process([foreign_work(shop.toys.service, shop.toys.movers, one) for one in told])
    consumer._note(outcomes)
    assert len(await shop.jobs_in("parked")) == 30
    assert consumer.paused == (version == 1)


def test_single_parked_events_among_many_are_not() -> None:
    watch = ParkingWatch()
    for _ in range(100):
        assert not watch.note(500, 1)
