"""Processes that seem dead and come back: a relay that leads still, a consumer that has lost its group."""

import asyncio
import random
import signal

import pytest

from afaq.local.ports import claim_ports
from tests.resilience.faults.faults import standing_still
from tests.resilience.faults.stricken import Stricken
from tests.resilience.faults.support import under_load
from tests.support import another_process

STOPPED_SECONDS = 20
"""At least; longer than a member of a group may be silent, and than a transaction may be idle."""


@pytest.mark.timeout(600)
async def test_a_second_process_goes_on_while_the_first_stands_still_and_survives_its_return(
    stricken: Stricken,
) -> None:
    port = claim_ports(stricken.directory / "more-ports.json", "second")["second"]
    async with (
        under_load(stricken, "one of two processes of requests stands still") as load,
        another_process(stricken, "requests", "all", port) as other,
    ):
        stricken.more_urls["requests"] = (f"http://127.0.0.1:{port}",)
        async with standing_still(stricken, "requests"):
            seconds = await load.until_one_more()
            stricken.tell(f"the other process had the next licence issued after {seconds:.1f} s")
            await asyncio.sleep(max(0, STOPPED_SECONDS - seconds))
        await load.until_one_more()
        del stricken.more_urls["requests"]
        other.send_signal(signal.SIGTERM)
        assert await other.wait() == 0


@pytest.mark.chaos
@pytest.mark.timeout(600)
async def test_workers_that_join_and_leave_in_the_middle_of_a_batch_change_nothing(stricken: Stricken) -> None:
    choose = random.Random(11)
    port = claim_ports(stricken.directory / "more-ports.json", "second")["second"]
    async with under_load(stricken, "workers join and leave") as load:
        for way in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
            with stricken.strike(f"a second worker of payments joins, and leaves by {way.name}"):
                async with another_process(stricken, "payments", "worker", port) as process:
                    await asyncio.sleep(choose.uniform(0.5, 1.5))
                    process.send_signal(way)
                    await process.wait()
        await load.until_one_more()
