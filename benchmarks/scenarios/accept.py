"""Submissions only, as many as 32 connections can send, and what an accept costs with nothing around it.

`api alone` is the same process of requests without its worker, and without the services that follow: what is left is
the cost of accepting. Its limits are a plain ASGI application with one insert, and that statement without HTTP.
"""

import asyncio
import itertools
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import asyncpg
from pydantic_core import to_json

from afaq.demo.renewal import SERVICE
from afaq.local.processes import Program, Supervisor
from benchmarks import gate
from benchmarks.bare.running import bare_process, step_database
from benchmarks.bare.step import PADDING, STEP
from benchmarks.cpu import Accounts
from benchmarks.figures import P50, P99, Sample, latencies
from benchmarks.journey import new_session
from benchmarks.lab import Lab
from benchmarks.load import closed_loop
from benchmarks.measure import CPU_OF_SERVERS, cpu_ms, of_servers
from benchmarks.people import sign_in_people
from benchmarks.platform import Platform, answers, running
from benchmarks.scenarios.scenario import Ratio, Scenario
from benchmarks.wire import Wire

WHOLE, API, BARE, STATEMENT = "afaq", "api alone", "bare ASGI", "bare statement"
CONNECTIONS, STATEMENTS_AT_ONCE, WARM_UP_SHARE = 32, 8, 0.2
BODY = to_json({"service_id": SERVICE, "form": {"delivery": "digital"}})
Post = Callable[[int], Awaitable[int]]


async def run(lab: Lab) -> list[Sample]:
    """All four in turn, each on fresh servers."""
    samples = []
    for round in range(1, lab.options.rounds + 1):
        samples += [await _afaq(lab, round), await _api(lab, round)]
        samples += [await _bare(lab, round), await _statement(lab, round)]
    return samples


async def _afaq(lab: Lab, round: int) -> Sample:
    async with lab.servers(WHOLE) as servers, running(servers) as platform:
        tokens = await _tokens(lab, platform)
        return await _submit(lab, platform, platform.accounts(), tokens, WHOLE, round)


async def _api(lab: Lab, round: int) -> Sample:
    async with lab.servers(API) as servers, running(servers) as platform:
        tokens = await _tokens(lab, platform)
        assert platform.stack.supervisor is not None
        await platform.stack.supervisor.stop()
        environment, url = platform.stack.environments["requests"], f"{platform.urls['requests']}/health/ready"
        command = [sys.executable, "-m", "afaq", "requests", "--role", "api"]
        alone = Supervisor(
            [Program("requests", command, environment, lambda: answers(url))], servers.directory / "alone", echo=False
        )
        await alone.start()
        try:
            await alone.wait_ready(60)
            accounts = Accounts({**servers.roots, **alone.pids})
            return await _submit(lab, platform, accounts, tokens, API, round)
        finally:
            await alone.stop()


async def _submit(
    lab: Lab, platform: Platform, accounts: Accounts, tokens: Sequence[str], system: str, round: int
) -> Sample:
    before = await platform.fetchval("requests", "select count(*) from requests")
    headers = [{"Authorization": f"Bearer {token}", "Content-Type": "application/json"} for token in tokens]
    numbers = itertools.count()

    async with _wires(platform.urls["requests"]) as wires:

        async def post(worker: int) -> int:
            whose = headers[next(numbers) % len(headers)]
            status, _, _ = await wires[worker].post("/requests", BODY, {**whose, "Idempotency-Key": uuid.uuid4().hex})
            return status

        sample, accepted = await _measure(lab, accounts, post, system, round, workers=CONNECTIONS)
    there = await platform.fetchval("requests", "select count(*) from requests") - before
    sample.problems += gate.check_counts({"requests": there}, {"requests": accepted})
    return sample


async def _bare(lab: Lab, round: int) -> Sample:
    async with lab.servers(BARE, kafka=False) as servers, bare_process(servers) as (url, supervisor):
        accounts = Accounts({**servers.roots, **supervisor.pids})
        async with _wires(url) as wires:

            async def post(worker: int) -> int:
                headers = {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
                return (await wires[worker].post("/requests", BODY, headers))[0]

            sample, _ = await _measure(lab, accounts, post, BARE, round, workers=CONNECTIONS)
    return sample


async def _statement(lab: Lab, round: int) -> Sample:
    """Here the load generator is what is measured, so that it has no limit to keep."""
    async with lab.servers(STATEMENT, kafka=False) as servers:
        dsn = await step_database(servers, "requests")
        connections = [await asyncpg.connect(dsn) for _ in range(STATEMENTS_AT_ONCE)]

        async def post(worker: int) -> int:
            await connections[worker].execute(
                STEP, uuid.uuid4(), uuid.uuid4(), "submitted", to_json({"padding": PADDING}).decode()
            )
            return 202

        accounts = Accounts(servers.roots)
        sample, _ = await _measure(lab, accounts, post, STATEMENT, round, workers=STATEMENTS_AT_ONCE)
        await asyncio.gather(*(connection.close() for connection in connections))
    sample.problems = [problem for problem in sample.problems if "load generator" not in problem]
    return sample


async def _measure(
    lab: Lab, accounts: Accounts, post: Post, system: str, round: int, *, workers: int
) -> tuple[Sample, int]:
    """The round, and how many were accepted in it and while it warmed up."""
    took, statuses = list[float](), list[int]()

    async def act(worker: int) -> None:
        began = time.perf_counter()
        statuses.append(await post(worker))
        took.append(time.perf_counter() - began)

    lab.say(f"  {system}: {workers} at once for {lab.options.seconds:g} s")
    await closed_loop(act, workers=workers, seconds=WARM_UP_SHARE * lab.options.seconds)
    warm, before = len(took), accounts.read()
    await closed_loop(act, workers=workers, seconds=lab.options.seconds)
    used, measured = accounts.read().since(before), took[warm:]
    sample = Sample(system, round, {"per second": len(measured) / used.at, **latencies(measured)})
    sample.cpu_ms = cpu_ms(used, len(measured))
    sample.figures[CPU_OF_SERVERS] = of_servers(sample.cpu_ms)
    refused = [status for status in statuses if status >= 300]
    sample.problems += gate.check_errors(len(refused), len(statuses)) + gate.check_load(used)
    sample.noise += gate.check_noise(used)
    sample.notes += [f"answered {status}" for status in sorted(set(refused))]
    return sample, len(statuses) - len(refused)


async def _tokens(lab: Lab, platform: Platform) -> list[str]:
    async with new_session() as session:
        return await sign_in_people(platform, session, lab.options.people)


@asynccontextmanager
async def _wires(url: str) -> AsyncIterator[list[Wire]]:
    wires = [Wire(url) for _ in range(CONNECTIONS)]
    try:
        yield wires
    finally:
        for wire in wires:
            wire.close()


SCENARIO = Scenario(
    name="accept",
    question="How many submissions are accepted a second, each safe before it is answered, and at which cost?",
    piece="request",
    run=run,
    ratios=[
        Ratio(API, BARE, "per second"),
        Ratio(API, STATEMENT, "per second"),
        Ratio(API, BARE, CPU_OF_SERVERS),
        Ratio(API, BARE, P50),
        Ratio(API, BARE, P99),
        Ratio(WHOLE, API, "per second"),
    ],
)
