"""One worker follows a topic; each event brings one command about. By hand: `getmany` and the same statements."""

import asyncpg

from benchmarks import gate
from benchmarks.figures import Sample
from benchmarks.lab import Lab
from benchmarks.measure import CPU_OF_SERVERS
from benchmarks.probe.by_hand import ring
from benchmarks.probe.running import prepare, work
from benchmarks.scenarios.scenario import Ratio, Scenario

KIT, BY_HAND = "consumer", "by hand"
BELLS = 2000


async def run(lab: Lab) -> list[Sample]:
    """Both in turn, on fresh servers."""
    samples, count = [], lab.options.events
    for round in range(1, lab.options.rounds + 1):
        for system, what in ((KIT, "consume"), (BY_HAND, "consume-by-hand")):
            async with lab.servers(system) as servers:
                dsn = await prepare(servers)
                await ring(servers.bootstrap, BELLS, count)
                sample = await work(servers, what, dsn, count, system=system, round=round)
                sample.problems += await _check(dsn, count)
                samples.append(sample)
    return samples


async def _check(dsn: str, count: int) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        logged = await connection.fetchval("select count(*) from event_log")
        counted = await connection.fetchval("select sum((state ->> 'count')::bigint)::bigint from counters")
    finally:
        await connection.close()
    return gate.check_counts({"events": logged, "counted": counted}, {"events": count, "counted": count})


SCENARIO = Scenario(
    name="consume",
    question="How fast does one worker follow another service, with a command for each event?",
    piece="event",
    run=run,
    ratios=[Ratio(KIT, BY_HAND, "per second"), Ratio(KIT, BY_HAND, CPU_OF_SERVERS)],
)
