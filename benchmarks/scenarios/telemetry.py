"""What traces cost: the same transactions with none, with the default share, and with all of them traced."""

from benchmarks.figures import Sample
from benchmarks.lab import Lab
from benchmarks.measure import CPU_OF_SERVERS
from benchmarks.platform import SAMPLED_SHARE
from benchmarks.scenarios.scenario import Ratio, Scenario
from benchmarks.scenarios.transaction import afaq

NONE, SOME, EVERY = "no traces", f"traces of {SAMPLED_SHARE:.0%}", "every trace"
SHARES = {NONE: 0.0, SOME: SAMPLED_SHARE, EVERY: 1.0}


async def run(lab: Lab) -> list[Sample]:
    """All three in turn; each round begins with another, so that none is always the first."""
    samples, systems = [], list(SHARES)
    for round in range(1, lab.options.rounds + 1):
        for place in range(len(systems)):
            system = systems[(place + round - 1) % len(systems)]
            samples.append(await afaq(lab, round, system=system, sampled_share=SHARES[system]))
    return samples


SCENARIO = Scenario(
    name="telemetry",
    question="What do traces cost?",
    piece="transaction",
    run=run,
    ratios=[Ratio(SOME, NONE, CPU_OF_SERVERS), Ratio(EVERY, NONE, CPU_OF_SERVERS)],
)
