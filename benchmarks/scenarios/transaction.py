"""A whole transaction at a constant arrival rate, and the bare pipeline of the same messages and calls."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from benchmarks.bare.running import bare_pipeline
from benchmarks.crowd import gathered
from benchmarks.figures import P99, Points, Sample
from benchmarks.lab import Lab
from benchmarks.measure import Pace, is_kept, measure
from benchmarks.platform import SAMPLED_SHARE, running
from benchmarks.scenarios.scenario import Ratio, Scenario

AFAQ, BARE = "afaq", "bare pipeline"
MOST_P99_MS = 1000.0
CLOSE_ENOUGH, LEAST_RATE = 1.1, 1.0
At = Callable[[Pace], Awaitable[Sample]]


async def run(lab: Lab) -> list[Sample]:
    """Both systems in turn, each on fresh servers."""
    samples = []
    for round in range(1, lab.options.rounds + 1):
        samples += [await afaq(lab, round), await bare(lab, round)]
    return samples


async def afaq(lab: Lab, round: int, *, system: str = AFAQ, sampled_share: float = SAMPLED_SHARE) -> Sample:
    """The product."""
    async with (
        lab.servers(system) as servers,
        running(servers, sampled_share=sampled_share) as platform,
        gathered(lab, platform, system) as crowd,
    ):
        sample = await _paced(lab, lambda pace: crowd.measure(system, round, pace))
        sample.problems += await platform.violations()
        return sample


async def bare(lab: Lab, round: int) -> Sample:
    """Its limit."""
    async with lab.servers(BARE) as servers, bare_pipeline(servers) as pipeline:

        async def at(pace: Pace) -> Sample:
            accounts = pipeline.accounts()
            sample, record = await measure(BARE, round, pipeline.make, pace, accounts=accounts, servers=servers)
            sample.problems += [] if record.errors else await pipeline.check()
            return sample

        return await _paced(lab, at)


async def _paced(lab: Lab, at: At) -> Sample:
    """At the rate that was asked for, or at the highest that is kept."""
    options = lab.options
    pace = Pace(options.rate, options.warm_up_seconds, options.seconds)
    if options.find_max:
        return await _highest(lab, at, pace)
    lab.say(f"  {pace.rate:g} a second for {pace.warm_up_seconds:g} + {pace.seconds:g} s")
    return await at(pace)


async def _highest(lab: Lab, at: At, pace: Pace) -> Sample:
    """Doubles the rate until it is too much, then halves what is between; the round at the highest that was not."""
    kept, too_much, rate = 0.0, float("inf"), pace.rate
    best: Sample | None = None
    by_rate: Points = []
    while too_much > CLOSE_ENOUGH * kept:
        sample = await at(replace(pace, rate=rate))
        done, p99 = sample.figures["done per second"], sample.figures.get(P99, 1000 * pace.seconds)
        lab.say(f"  asked {rate:.1f}, done {done:.1f} a second, p99 {p99:.0f} ms {'; '.join(sample.problems)}")
        by_rate.append((rate, p99))
        if sample.is_valid and is_kept(sample, replace(pace, rate=rate)) and p99 <= MOST_P99_MS:
            kept, best = rate, sample
        else:
            too_much, best = rate, best or sample
        rate = 2 * kept if too_much == float("inf") else (kept + too_much) / 2
        if too_much < LEAST_RATE:
            break
    assert best is not None
    best.curves["p99 by rate"] = by_rate
    return best


SCENARIO = Scenario(
    name="transaction",
    question="What does a whole transaction cost and take, from the submission to the message in the inbox?",
    piece="transaction",
    run=run,
    ratios=[
        Ratio(AFAQ, BARE, "CPU ms of the servers"),
        Ratio(AFAQ, BARE, "p50 ms"),
        Ratio(AFAQ, BARE, "submit p99 ms"),
        Ratio(AFAQ, BARE, "done per second"),
    ],
)
