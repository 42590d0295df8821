"""Faults one after another and two at a time, as a seed has them, under load: whatever comes, the promises hold.

`AFAQ_CHAOS_SECONDS` is for how long, `AFAQ_CHAOS_SEED` which faults; both are printed, with every fault and its time.
"""

import asyncio
import os
import random
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.resilience.faults.faults import FAULTS, Fault, switch_gateway
from tests.resilience.faults.load import Load
from tests.resilience.faults.stricken import Stricken
from tests.resilience.faults.support import PATIENCE_SECONDS, assert_clean

SECONDS = float(os.environ.get("AFAQ_CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("AFAQ_CHAOS_SEED", "1"))
PER_SECOND = 3
TOGETHER = 0.25
"""So often a second fault strikes at the same time."""
INQUIRED_AFTER = timedelta(minutes=3)


def faults_of(choose: random.Random) -> Iterator[Fault]:
    """All faults in random order, again and again: none is left out for long."""
    while True:
        yield from choose.sample(FAULTS, len(FAULTS))


@pytest.mark.timeout(SECONDS + 2 * PATIENCE_SECONDS + 180)
async def test_whatever_comes_every_promise_is_kept(stricken: Stricken) -> None:
    print(f"chaos: AFAQ_CHAOS_SEED={SEED} AFAQ_CHAOS_SECONDS={SECONDS:.0f}")
    choose = random.Random(SEED)
    coming = faults_of(choose)
    async with Load(stricken, per_second=PER_SECOND, name=f"chaos-{SEED}") as load:
        await load.until_one_more()
        ends_at = time.monotonic() + SECONDS
        while time.monotonic() < ends_at:
            count = 2 if choose.random() < TOGETHER else 1
            one_each = [random.Random(choose.random()) for _ in range(count)]
            await asyncio.gather(*(next(coming)(stricken, own) for own in one_each))
            await asyncio.sleep(choose.uniform(0.5, 3))
        for proxy in stricken.proxies.values():
            proxy.heal()
        await switch_gateway(stricken)
        await stricken.until_ready()
        stricken.tell("the faults are over")
        seconds = await load.until_one_more()
        stricken.tell(f"the next licence was issued {seconds:.1f} s after the last of them")
        await load.stop()
        stricken.clock.advance(INQUIRED_AFTER)
        await load.all_done(within_seconds=PATIENCE_SECONDS)
    load.report()
    await assert_clean(stricken)
