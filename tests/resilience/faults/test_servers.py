"""The database and the broker die and come back, and everybody goes on by themselves."""

import random

import pytest

from tests.resilience.faults import faults
from tests.resilience.faults.stricken import Stricken
from tests.resilience.faults.support import under_load


@pytest.mark.timeout(600)
async def test_a_database_and_a_broker_that_die_lose_nothing(stricken: Stricken) -> None:
    choose = random.Random(3)
    async with under_load(stricken, "servers die") as load:
        for fault in (faults.postgres_killed, faults.kafka_killed, faults.kafka_stopped):
            await fault(stricken, choose)
            seconds = await load.until_one_more()
            stricken.tell(f"the next licence was issued {seconds:.1f} s after it")
