"""The same transactions on an empty store, and on one that has kept a million: nothing may get dearer with age."""

import asyncio

from benchmarks.crowd import gathered
from benchmarks.figures import P50, P99, Sample
from benchmarks.lab import Lab
from benchmarks.measure import CPU_OF_SERVERS, Pace
from benchmarks.platform import running
from benchmarks.scenarios.scenario import Ratio, Scenario
from benchmarks.stored import store_copies

EMPTY, FILLED = "empty store", "filled store"
SETTLED_SECONDS = 2.0


async def run(lab: Lab) -> list[Sample]:
    """Both in turn, on fresh servers."""
    samples = []
    for round in range(1, lab.options.rounds + 1):
        samples += [await _measure(lab, round, EMPTY, stored=0), await _measure(lab, round, FILLED, lab.options.stored)]
    return samples


async def _measure(lab: Lab, round: int, system: str, stored: int) -> Sample:
    options = lab.options
    async with lab.servers(system) as servers, running(servers) as platform:
        rows = 0
        if stored:
            async with gathered(lab, platform, system, people=1) as first:
                await first.make(0)
                await asyncio.sleep(SETTLED_SECONDS)  # the last messages of the one that is copied
            rows = await store_copies(platform, stored, lab.say)
        async with gathered(lab, platform, system, skip=1 if stored else 0) as crowd:
            pace = Pace(options.rate, options.warm_up_seconds, options.seconds)
            sample = await crowd.measure(system, round, pace)
            sample.problems += [] if stored else await platform.violations()  # copies keep no promises
        sample.figures["rows stored before"] = float(rows)
        return sample


SCENARIO = Scenario(
    name="growth",
    question="Does a transaction cost more when very many are stored already?",
    piece="transaction",
    run=run,
    ratios=[Ratio(FILLED, EMPTY, CPU_OF_SERVERS), Ratio(FILLED, EMPTY, P50), Ratio(FILLED, EMPTY, P99)],
)
