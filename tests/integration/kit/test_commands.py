"""Commands: one commit for many, answers after it, refusals that change nothing, keys that repeat."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

import asyncpg
import pytest
from prometheus_client import REGISTRY
from pydantic import BaseModel

from shared.kernel.errors import Refused
from shared.store import batch
from shared.store.idempotency import admit_commands
from shared.store.parts import Parts
from shared.store.types import AnyConnection
from shared.store.work import Done, Idempotency, KeyReused, Outcome, StillRunning, Work
from tests.integration.kit.conftest import MakeToyshop, Toyshop
from tests.integration.kit.toy import Account, Break, Close, Deposit, Open, Withdraw


class Balance(BaseModel):
    id: UUID
    balance: int

    @staticmethod
    def of(id: UUID, state: Account) -> "Balance":
        return Balance(id=id, balance=state.balance)


def a_key(*, body: str = "00", id: UUID | None = None, caller: UUID | None = None) -> Idempotency:
    return Idempotency(id or uuid4(), body, caller or uuid4(), 202)


async def test_what_is_answered_is_committed_with_its_event_outbox_row_and_what_it_brings_about(shop: Toyshop) -> None:
    account_id = uuid4()
    await shop.shell.handle(shop.toys.account.send(account_id, Open(uuid4())))
    assert (await shop.account(account_id)).owner_id != UUID(int=0)
    assert await shop.pool.fetchval("select count(*) from event_log where aggregate_id = $1", account_id) == 1
    assert (
        await shop.pool.fetchval("select count(*) from outbox where aggregate_id = $1", account_id) == 2
    )  # + snapshot
    kinds = await shop.pool.fetch("select kind from jobs where key = $1 order by kind", account_id)
    assert [row["kind"] for row in kinds] == ["effect", "message"]


async def test_commands_that_come_together_share_commits(shop: Toyshop) -> None:
    before = REGISTRY.get_sample_value("afaq_commit_seconds_count", {"service": "toys"}) or 0
    await asyncio.gather(*(shop.shell.handle(shop.toys.account.send(uuid4(), Deposit(1))) for _ in range(200)))
    commits = (REGISTRY.get_sample_value("afaq_commit_seconds_count", {"service": "toys"}) or 0) - before
    assert commits <= 20
    assert await shop.pool.fetchval("select count(*) from event_log") == 200


async def test_concurrent_commands_to_one_aggregate_see_each_other(shop: Toyshop) -> None:
    account_id = uuid4()
    await shop.shell.handle(shop.toys.account.send(account_id, Deposit(10)))
    results = await asyncio.gather(
        *(shop.shell.handle(shop.toys.account.send(account_id, Withdraw(3))) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(result, Refused) for result in results) == 2
    assert (await shop.account(account_id)).balance == 1
    sequences = await shop.pool.fetch("select sequence from event_log where aggregate_id = $1 order by 1", account_id)
    assert [row["sequence"] for row in sequences] == [1, 2, 3, 4]


async def test_two_processes_making_the_same_aggregate_at_once_lose_nothing(
    shop: Toyshop, make_toyshop: MakeToyshop
) -> None:
    other = await make_toyshop(like=shop)
    account_id = uuid4()
    await asyncio.gather(
        *(one.shell.handle(one.toys.account.send(account_id, Deposit(1))) for one in (shop, other) * 20)
    )
    assert (await shop.account(account_id)).balance == 40


async def test_a_group_does_not_wait_for_an_aggregate_that_somebody_holds(shop: Toyshop) -> None:
    held, free = uuid4(), [uuid4() for _ in range(10)]
    await shop.shell.handle(shop.toys.account.send(held, Deposit(1)))
    async with shop.pool.acquire() as holder:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("select 1 from accounts where id = $1 for update", held)
        waiting = asyncio.gather(
            *(shop.shell.handle(shop.toys.account.send(id, Deposit(1))) for id in (held, held, *free))
        )
        while await shop.pool.fetchval("select count(*) from accounts where id = any($1)", free) < len(free):
            await asyncio.sleep(0.01)
        assert not waiting.done()
        await transaction.rollback()
    await waiting
    assert (await shop.account(held)).balance == 3


async def test_a_refused_command_changes_nothing_and_spoils_nobody_elses(shop: Toyshop) -> None:
    poor, rich = uuid4(), uuid4()
    results = await asyncio.gather(
        shop.shell.handle(shop.toys.account.send(poor, Withdraw(5))),
        shop.shell.handle(shop.toys.account.send(rich, Deposit(5))),
        shop.shell.handle(shop.toys.account.send(poor, Break())),
        return_exceptions=True,
    )
    assert isinstance(results[0], Refused) and isinstance(results[2], ValueError)
    assert (await shop.account(rich)).balance == 5
    assert await shop.pool.fetchval("select count(*) from event_log where aggregate_id = $1", poor) == 0


async def test_a_row_that_the_database_refuses_fails_alone_in_its_group(shop: Toyshop) -> None:
    too_much = shop.shell.handle(shop.toys.account.send(uuid4(), Deposit(1_000_000)))
    others = [shop.shell.handle(shop.toys.account.send(uuid4(), Deposit(1))) for _ in range(5)]
    results = await asyncio.gather(too_much, *others, return_exceptions=True)
    assert isinstance(results[0], asyncpg.CheckViolationError)
    assert not any(isinstance(result, Exception) for result in results[1:])


async def test_several_aggregates_are_changed_all_or_none(shop: Toyshop) -> None:
    one, two = uuid4(), uuid4()
    with pytest.raises(Refused):
        await shop.shell.handle(shop.toys.account.send(one, Deposit(5)), shop.toys.account.send(two, Withdraw(5)))
    assert (await shop.account(one)).balance == 0
    await shop.shell.handle(shop.toys.account.send(one, Deposit(5)), shop.toys.account.send(two, Deposit(7)))
    assert ((await shop.account(one)).balance, (await shop.account(two)).balance) == (5, 7)


async def test_the_same_key_and_body_get_the_first_answer_whatever_has_happened_since(shop: Toyshop) -> None:
    account_id, key = uuid4(), a_key()
    deposit = shop.toys.account.send(account_id, Deposit(5))
    first = await shop.shell.handle(deposit, key=key, answer=Balance.of)
    await shop.shell.handle(deposit)
    again = await shop.shell.handle(deposit, key=key, answer=Balance.of)
    assert (again.body, again.status, again.replayed) == (first.body, 202, True)
    assert (await shop.account(account_id)).balance == 10


async def test_the_same_key_with_another_body_is_refused(shop: Toyshop) -> None:
    key, caller = uuid4(), uuid4()
    deposit = shop.toys.account.send(uuid4(), Deposit(5))
    await shop.shell.handle(deposit, key=a_key(id=key, caller=caller), answer=Balance.of)
    with pytest.raises(KeyReused):
        await shop.shell.handle(deposit, key=a_key(id=key, caller=caller, body="ff"), answer=Balance.of)


async def test_the_same_key_at_the_same_time_is_done_once(shop: Toyshop, make_toyshop: MakeToyshop) -> None:
    other, account_id, key = await make_toyshop(like=shop), uuid4(), a_key()
    results = await asyncio.gather(
        *(
            one.shell.handle(one.toys.account.send(account_id, Deposit(5)), key=key, answer=Balance.of)
            for one in (shop, other) * 5
        ),
        return_exceptions=True,
    )
    assert (await shop.account(account_id)).balance == 5
    assert all(isinstance(result, StillRunning) or getattr(result, "body", None) for result in results)
    assert sum(isinstance(result, Done) and not result.replayed for result in results) == 1


async def test_an_answer_that_is_committed_while_its_key_is_asked_for_is_not_taken_for_a_refusal(
    shop: Toyshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first has taken all there was: whoever repeats it is told so, and not that there is nothing left."""
    account_id, key = uuid4(), a_key()
    await shop.shell.handle(shop.toys.account.send(account_id, Deposit(5)))
    asked = shop.toys.account.send(account_id, Withdraw(5))
    first = await shop.shell.handle(asked, key=key, answer=Balance.of)
    looks: list[int] = []

    async def admit_too_early(parts: Parts, connection: AnyConnection, works: Sequence[Work]) -> dict[Work, Outcome]:
        looks.append(len(works))
        return {} if len(looks) == 1 else await admit_commands(parts, connection, works)

    monkeypatch.setattr(batch, "admit_commands", admit_too_early)
    again = await shop.shell.handle(asked, key=key, answer=Balance.of)
    assert (again.body, again.replayed) == (first.body, True)
    assert len(looks) == 2
    assert (await shop.account(account_id)).balance == 0


async def test_a_refusal_is_not_kept_so_the_key_can_be_used_when_things_have_changed(shop: Toyshop) -> None:
    account_id, key = uuid4(), a_key()
    withdraw = shop.toys.account.send(account_id, Withdraw(5))
    with pytest.raises(Refused):
        await shop.shell.handle(withdraw, key=key, answer=Balance.of)
    await shop.shell.handle(shop.toys.account.send(account_id, Deposit(5)))
    done = await shop.shell.handle(withdraw, key=key, answer=Balance.of)
    assert not done.replayed


async def test_a_kept_answer_is_sealed_with_the_callers_key(shop: Toyshop) -> None:
    key = a_key()
    await shop.shell.handle(shop.toys.account.send(uuid4(), Deposit(987_654)), key=key, answer=Balance.of)
    kept = await shop.pool.fetchval("select answer from idempotency_keys where id = $1", key.id)
    assert kept and "987654" not in kept


async def test_a_decision_and_the_change_of_what_it_relies_on_never_both_win(shop: Toyshop) -> None:
    """A death and a submit in the same instant, in small: the limit falls while a withdrawal is being decided."""
    owner, account_id = uuid4(), uuid4()
    await shop.pool.execute("insert into limits values ($1, 100)", owner)
    await shop.shell.handle(
        shop.toys.account.send(account_id, Open(owner)), shop.toys.account.send(account_id, Deposit(50))
    )
    async with shop.pool.acquire() as changer:
        transaction = changer.transaction()
        await transaction.start()
        await changer.execute("update limits set most = 10 where owner_id = $1", owner)
        withdrawing = asyncio.create_task(shop.shell.handle(shop.toys.account.send(account_id, Withdraw(50))))
        await asyncio.sleep(0.1)
        assert not withdrawing.done()  # it waits for the change to be decided
        await transaction.commit()
    with pytest.raises(Refused, match="over-limit"):
        await withdrawing


async def test_events_say_who_did_it_for_whom_and_to_which_transaction_they_belong(shop: Toyshop) -> None:
    account_id = uuid4()
    first = shop.toys.account.send(account_id, Open(uuid4()))
    await shop.shell.handle(first, actor="citizen/1", on_behalf_of="person/2")
    await shop.shell.handle(shop.toys.account.send(account_id, Deposit(1)), actor="registrar/3")
    opened, deposited = await shop.shell.history(account_id)
    assert (opened.origin.actor, opened.origin.on_behalf_of) == ("citizen/1", "person/2")
    assert deposited.origin.actor == "registrar/3"
    assert opened.origin.correlation_id == deposited.origin.correlation_id


async def test_a_state_of_another_shape_is_folded_again_from_the_log(shop: Toyshop, make_toyshop: MakeToyshop) -> None:
    account_id = uuid4()
    await shop.shell.handle(shop.toys.account.send(account_id, Deposit(7)))
    await shop.pool.execute("update accounts set state = '{\"old\": true}' where id = $1", account_id)
    newer = await make_toyshop(like=shop, shape=2)
    await newer.shell.handle(newer.toys.account.send(account_id, Withdraw(3)))
    assert (await newer.account(account_id)).balance == 4
    assert await shop.pool.fetchval("select shape from accounts where id = $1", account_id) == 2


async def test_a_closed_account_is_published_as_a_snapshot_once_more(shop: Toyshop) -> None:
    account_id = uuid4()
    await shop.shell.handle(shop.toys.account.send(account_id, Open(uuid4())))
    await shop.shell.handle(shop.toys.account.send(account_id, Close()))
    rows = await shop.pool.fetch("select sequence from outbox where aggregate_id = $1 order by seq", account_id)
    assert [row["sequence"] for row in rows] == [1, None, 2, None]
