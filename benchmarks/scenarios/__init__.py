"""The scenarios: one file each, with what it measures and against which limit."""

from benchmarks.scenarios import (
    accept,
    burst,
    consume,
    growth,
    hot_account,
    one,
    pipeline,
    queues,
    relay,
    replay,
    rules,
    telemetry,
    transaction,
)
from benchmarks.scenarios.scenario import Scenario

ALL: tuple[Scenario, ...] = (
    transaction.SCENARIO,
    one.SCENARIO,
    pipeline.SCENARIO,
    accept.SCENARIO,
    burst.SCENARIO,
    telemetry.SCENARIO,
    relay.SCENARIO,
    consume.SCENARIO,
    replay.SCENARIO,
    hot_account.SCENARIO,
    growth.SCENARIO,
    queues.SCENARIO,
    rules.SCENARIO,
)
