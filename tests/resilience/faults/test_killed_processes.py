"""Each service's process is killed at each step of its work, under load, and nothing that was promised is lost."""

import random
import signal

import pytest

from afaq.services import NAMES
from tests.resilience.faults.faults import until_struck
from tests.resilience.faults.stricken import Stricken
from tests.resilience.faults.support import under_load

REACHED = {
    "before_commit": ("notifications", "payments", "requests"),
    "after_commit_before_answer": ("payments", "requests"),
    "after_commit_before_offsets": ("notifications", "payments", "requests"),
    "after_commit_before_publish": ("notifications", "payments", "requests"),
    "after_publish_before_delete": ("notifications", "payments", "requests"),
    "after_claim_before_work": ("notifications", "payments", "requests"),
    "after_effect_before_record": ("notifications", "payments", "requests"),
}
"""Which services come to which point while licences are renewed."""


@pytest.mark.timeout(600)
async def test_processes_that_die_at_every_step_lose_nothing_and_do_nothing_twice(stricken: Stricken) -> None:
    async with under_load(stricken, "killed at every step"):
        for point, names in REACHED.items():
            with stricken.strike(f"{', '.join(names)} die {point}"):
                for name in names:
                    stricken.arm(name, point)
                for name in names:
                    await until_struck(stricken, name, within_seconds=30)
                await stricken.until_ready(*names)


@pytest.mark.chaos
@pytest.mark.timeout(600)
async def test_processes_that_are_killed_at_random_moments_lose_nothing(stricken: Stricken) -> None:
    choose = random.Random(7)
    async with under_load(stricken, "killed at random") as load:
        for name in choose.sample(NAMES, len(NAMES)):
            with stricken.strike(f"SIGKILL of {name}"):
                stricken.signal(name, signal.SIGKILL)
                await stricken.until_ready(name)
        await load.until_one_more()
