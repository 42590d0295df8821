"""What a database does at its worst, and what a network does between it and a service."""

import asyncio
import random

import pytest

from tests.resilience.faults import faults
from tests.resilience.faults.stricken import Stricken
from tests.resilience.faults.support import under_load


@pytest.mark.timeout(600)
async def test_commits_whose_answers_are_lost_are_neither_lost_nor_done_twice(stricken: Stricken) -> None:
    before = {name: proxy.lost_commits for name, proxy in stricken.proxies.items()}
    async with under_load(stricken, "answers of COMMIT lost") as load:
        for _ in range(3):
            await faults.commits_lost(stricken, random.Random(5))
        await load.until_one_more()
    lost = {name: proxy.lost_commits - before[name] for name, proxy in stricken.proxies.items()}
    assert all(lost[name] >= 3 for name in ("notifications", "payments", "requests")), lost


@pytest.mark.chaos
@pytest.mark.timeout(600)
async def test_a_network_that_is_slow_narrow_cut_reset_or_half_closed_holds_nobody_up_for_long(
    stricken: Stricken,
) -> None:
    choose = random.Random(8)
    async with under_load(stricken, "network to the databases") as load:
        for fault in (
            faults.database_slow,
            faults.database_throttled,
            faults.database_cut,
            faults.connections_reset,
            faults.connections_half_closed,
        ):
            await fault(stricken, choose)
            seconds = await load.until_one_more()
            stricken.tell(f"the next licence was issued {seconds:.1f} s after it")


@pytest.mark.timeout(600)
async def test_deadlocks_and_transactions_that_the_database_refuses_are_done_again(stricken: Stricken) -> None:
    async with under_load(stricken, "refused transactions") as load:
        broken = await faults.deadlocks(stricken, "requests")
        with stricken.strike("deadlocks in requests"):
            for _ in range(2):
                await faults.deadlock(stricken, "requests")
        for state in faults.TRANSIENT_STATES:
            with stricken.strike(f"SQLSTATE {state}"):
                async with faults.provoked(stricken, "requests", state), faults.provoked(stricken, "payments", state):
                    await asyncio.sleep(1.5)
        await load.until_one_more()
        assert await faults.deadlocks(stricken, "requests") >= broken + 1
