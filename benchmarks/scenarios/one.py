"""One transaction at a time, alone: what the machine itself takes when nobody else is there."""

import time

from benchmarks import gate
from benchmarks.crowd import Crowd, gathered
from benchmarks.figures import Sample, distribution, latencies
from benchmarks.journey import Ends
from benchmarks.lab import Lab
from benchmarks.measure import CPU_OF_SERVERS, cpu_ms, of_servers, stages_of
from benchmarks.platform import running
from benchmarks.scenarios.scenario import Scenario

WARM_UP = 20
AFAQ = "afaq"


async def run(lab: Lab) -> list[Sample]:
    """Each round on fresh servers."""
    samples = []
    for round in range(1, lab.options.rounds + 1):
        async with (
            lab.servers(AFAQ) as servers,
            running(servers) as platform,
            gathered(lab, platform, AFAQ) as crowd,
        ):
            samples.append(await _measure(lab, crowd, round))
            samples[-1].problems += await platform.violations()
    return samples


async def _measure(lab: Lab, crowd: Crowd, round: int) -> Sample:
    for number in range(WARM_UP):
        await crowd.make(number)
    accounts = crowd.platform.accounts()
    before, made = accounts.read(), list[tuple[float, Ends]]()
    ends_at = time.perf_counter() + lab.options.seconds
    while time.perf_counter() < ends_at:
        begun = time.perf_counter()
        made.append((begun, await crowd.make(WARM_UP + len(made))))
    used = accounts.read().since(before)
    sample = Sample(AFAQ, round, {"transactions": float(len(made))})
    sample.figures |= latencies([ends.last - begun for begun, ends in made])
    sample.figures |= latencies([ends.submitted - begun for begun, ends in made], "submit ") | stages_of(made)
    sample.cpu_ms = cpu_ms(used, len(made))
    sample.figures[CPU_OF_SERVERS] = of_servers(sample.cpu_ms)
    sample.noise += gate.check_noise(used)
    sample.curves["latency"] = distribution([ends.last - begun for begun, ends in made])
    return sample


SCENARIO = Scenario(
    name="one",
    question="How long does one transaction take when it is alone, with people who act at once?",
    piece="transaction",
    run=run,
)
