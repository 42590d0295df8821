"""A full outbox is drained: the relay reads, publishes, waits for the acknowledgements and deletes, batch by batch."""

import asyncpg

from benchmarks import gate
from benchmarks.figures import Sample
from benchmarks.lab import Lab
from benchmarks.measure import CPU_OF_SERVERS
from benchmarks.probe.by_hand import PADDING
from benchmarks.probe.running import prepare, records_on, work
from benchmarks.probe.service import EVENTS
from benchmarks.scenarios.scenario import Ratio, Scenario
from benchmarks.servers import Servers

RELAY, PRODUCER = "relay", "bare producer"
FILL = """
with made as (
    insert into event_log (id, type, schema_version, aggregate, aggregate_id, sequence, data, recorded_at,
                           correlation_id, actor)
    select gen_random_uuid(), 'probe.counter.counted', 1, 'counter', gen_random_uuid(), 1, $2::jsonb, now(),
           gen_random_uuid(), 'platform'
    from generate_series(1, $1)
    returning aggregate_id
)
insert into outbox (aggregate, aggregate_id, sequence) select 'counter', aggregate_id, 1 from made
"""


async def run(lab: Lab) -> list[Sample]:
    """Both in turn, on fresh servers."""
    samples, count = [], lab.options.events // 2
    for round in range(1, lab.options.rounds + 1):
        for system, what in ((RELAY, "relay"), (PRODUCER, "publish-by-hand")):
            async with lab.servers(system) as servers:
                dsn = await prepare(servers)
                if system == RELAY:
                    await _fill(dsn, count)
                    await servers.checkpoint()
                sample = await work(servers, what, dsn, count, system=system, round=round)
                sample.problems += await _check(servers, count)
                samples.append(sample)
    return samples


async def _fill(dsn: str, count: int) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(FILL, count, f'{{"padding": "{PADDING}"}}')
        await connection.execute("vacuum analyze event_log")
        await connection.execute("vacuum analyze outbox")
    finally:
        await connection.close()


async def _check(servers: Servers, count: int) -> list[str]:
    return gate.check_counts({"records": await records_on(servers, EVENTS)}, {"records": count})


SCENARIO = Scenario(
    name="relay",
    question="How fast is a full outbox published, and how fast could a producer alone be?",
    piece="event",
    run=run,
    ratios=[Ratio(RELAY, PRODUCER, "per second"), Ratio(RELAY, PRODUCER, CPU_OF_SERVERS)],
)
