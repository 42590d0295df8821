"""Every aggregate is folded anew from the log and compared with its row, over real transactions; a table is computed
again from the log; and people go on meanwhile.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator

from afaq.access import open_shell
from afaq.services import NAMES
from benchmarks import gate
from benchmarks.cpu import LOAD
from benchmarks.crowd import Crowd, gathered
from benchmarks.figures import P50, P99, Sample
from benchmarks.lab import Lab
from benchmarks.load import closed_loop
from benchmarks.measure import Pace, cpu_ms
from benchmarks.platform import Platform, running
from benchmarks.scenarios.scenario import Ratio, Scenario
from shared.messaging.brokers import Brokers
from shared.messaging.topic_pages import TopicPages
from shared.store.rebuild import rebuild, topics_needed
from shared.store.replay import verify_states

AFAQ = "afaq"
AT_ONCE = 16
REBUILT, ITS_SERVICE = "transfers", "payments"
ALONE, BESIDE = "people alone", "people beside a rebuild"


async def run(lab: Lab) -> list[Sample]:
    """Transactions are made for the measured time; then each service's log is replayed, in this process; then people
    come at the rate that is asked for, alone and while a table is being rebuilt again and again, as gently as it can.
    """
    samples = []
    async with (
        lab.servers(AFAQ) as servers,
        running(servers) as platform,
        gathered(lab, platform, AFAQ) as crowd,
    ):
        made = 0

        async def make(_: int) -> None:
            nonlocal made
            made += 1
            await crowd.make(made)

        lab.say(f"  transactions, {AT_ONCE} at once, for {lab.options.seconds:g} s")
        await closed_loop(make, workers=AT_ONCE, seconds=lab.options.seconds)
        for round in range(1, lab.options.rounds + 1):
            samples += [await _replay(platform, name, round) for name in NAMES]
            samples.append(await _rebuild(platform, round))
            samples.append(await _people(lab, crowd, ALONE, round))
            async with _rebuilding(platform):
                samples.append(await _people(lab, crowd, BESIDE, round))
            samples[-1].noise.clear()  # the rebuild is who else uses the machine
    return samples


async def _people(lab: Lab, crowd: Crowd, system: str, round: int) -> Sample:
    options = lab.options
    lab.say(f"  {system}: {options.rate:g} a second for {options.warm_up_seconds:g} + {options.seconds:g} s")
    return await crowd.measure(system, round, Pace(options.rate, options.warm_up_seconds, options.seconds))


@contextlib.asynccontextmanager
async def _rebuilding(platform: Platform) -> AsyncIterator[None]:
    """`afaq replay rebuild`, as an operator types it, again and again; the last one is awaited."""
    owner = {f"AFAQ_{ITS_SERVICE.upper()}_OWNER_DSN": platform.endpoints.dsns[ITS_SERVICE].owner}
    environment = {**os.environ, **platform.stack.environments[ITS_SERVICE], **owner}
    command = (sys.executable, "-m", "afaq", "replay", "rebuild", REBUILT, "--service", ITS_SERVICE, "--yes")
    over = asyncio.Event()

    async def again_and_again() -> None:
        while not over.is_set():
            process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.DEVNULL)
            if await process.wait():
                raise RuntimeError("the rebuild has failed")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(again_and_again())
        yield
        over.set()


async def _rebuild(platform: Platform, round: int) -> Sample:
    """In this process and without rests: how fast it can be."""
    owner_dsn, brokers = platform.endpoints.dsns[ITS_SERVICE].owner, Brokers(bootstrap=platform.endpoints.kafka)
    async with (
        open_shell(ITS_SERVICE, platform.stack.environments[ITS_SERVICE]) as shell,
        TopicPages(topics_needed(shell.service), brokers) as pages,
    ):
        began = time.perf_counter()
        done = await rebuild(shell, REBUILT, owner_dsn=owner_dsn, topics=pages)
        took = time.perf_counter() - began
    figures = {"events per second": done.events / took, "events": float(done.events)}
    return Sample(f"rebuild of {REBUILT}", round, figures)


async def _replay(platform: Platform, name: str, round: int) -> Sample:
    async with open_shell(name, platform.stack.environments[name]) as shell:
        accounts = platform.accounts()
        before, began = accounts.read(), time.perf_counter()
        found = await verify_states(shell)
        took, used = time.perf_counter() - began, accounts.read().since(before)
    sample = Sample(name, round, {"events per second": found.events / took, "events": float(found.events)})
    sample.figures["aggregates per second"] = found.aggregates / took
    per_event = cpu_ms(used, max(1, found.events))
    sample.cpu_ms = {"replay": per_event.get(LOAD, 0), "postgres": per_event.get(f"postgres: {name}", 0)}
    sample.noise += gate.check_noise(used)
    sample.problems += [f"{len(found.differing)} aggregates differ"] if found.differing else []
    return sample


SCENARIO = Scenario(
    name="replay",
    question="How fast are all aggregates folded anew and compared, a table computed again, and who waits meanwhile?",
    piece="event",
    run=run,
    ratios=[Ratio(BESIDE, ALONE, P50), Ratio(BESIDE, ALONE, P99)],
)
