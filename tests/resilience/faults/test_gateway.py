"""A gateway that charges and says nothing, speaks twice or late, or lies about the amount: each fee is paid once."""

import asyncio
from datetime import timedelta

import pytest

from tests.resilience.faults.faults import GATEWAY_TROUBLES, switch_gateway
from tests.resilience.faults.load import Load
from tests.resilience.faults.stricken import Stricken
from tests.resilience.faults.support import PATIENCE_SECONDS, assert_clean

INQUIRED_AFTER = timedelta(minutes=3)
"""No attempt stays unknown for longer."""


@pytest.mark.timeout(600)
async def test_whatever_the_gateway_does_each_fee_is_paid_once(stricken: Stricken) -> None:
    async with Load(stricken, per_second=3, name="gateway in trouble") as load:
        for trouble in GATEWAY_TROUBLES:
            with stricken.strike(f"gateway: {trouble}"):
                await switch_gateway(stricken, **trouble)
                await asyncio.sleep(1.5)
        await switch_gateway(stricken)
        await load.until_one_more()
        await load.stop()
        await asyncio.sleep(1)
        stricken.clock.advance(INQUIRED_AFTER)
        await load.all_done(within_seconds=PATIENCE_SECONDS)
    load.report()
    await assert_clean(stricken)
