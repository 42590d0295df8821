"""Measures transactions at a constant arrival rate: latencies from the intended start, and CPU time by group."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import aiohttp

from benchmarks import gate
from benchmarks.cpu import LOAD, OTHERS, Accounts, Usage
from benchmarks.figures import Sample, distribution, latencies, percentile
from benchmarks.journey import STAGES, Ends, Failed
from benchmarks.load import all_ended, open_loop
from benchmarks.servers import Servers

PATIENCE_SECONDS = 120.0
IDLE_SECONDS = 5.0
KEPT_SHARE, ALWAYS_IN_HAND = 0.97, 2
"""A rate is kept where so much of it is done within the measured time."""
CPU_OF_SERVERS = "CPU ms of the servers"
OUTSIDE = (LOAD, OTHERS, "simulators", "sign-in")
Make = Callable[[int], Awaitable[Ends]]


@dataclass
class Record:
    """Every transaction of a run: when it was to begin, and when its stages had ended."""

    made: list[tuple[float, Ends]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Pace:
    """So many arrivals a second, first for a while that is not counted."""

    rate: float
    warm_up_seconds: float
    seconds: float


async def measure(
    system: str, round: int, make: Make, pace: Pace, *, accounts: Accounts, servers: Servers
) -> tuple[Sample, Record]:
    """One round of one system; the round is void where errors or the load generator say so."""
    idle = await _used_in(accounts, IDLE_SECONDS)
    record = Record()

    async def act(number: int, due: float) -> None:
        try:
            record.made.append((due, await make(number)))
        except (Failed, aiohttp.ClientError, OSError) as error:
            record.errors.append(str(error) or type(error).__name__)

    begins_at = time.perf_counter() + 0.1
    loop = asyncio.create_task(
        open_loop(act, rate=pace.rate, seconds=pace.warm_up_seconds + pace.seconds, begins_at=begins_at)
    )
    await asyncio.sleep(begins_at + pace.warm_up_seconds - time.perf_counter())
    window_began, before, work_before = time.perf_counter(), accounts.read(), await servers.work()
    await asyncio.sleep(max(0, begins_at + pace.warm_up_seconds + pace.seconds - time.perf_counter()))
    window_ended, used, work = time.perf_counter(), accounts.read().since(before), await servers.work()
    late = await all_ended(await loop, within_seconds=PATIENCE_SECONDS)
    record.errors += ["not done in time"] * late
    done = [ends for _, ends in record.made if window_began <= ends.last < window_ended]
    asked = [(due, ends) for due, ends in record.made if window_began <= due < window_ended]
    sample = Sample(system, round, _figures(done, asked, used, idle, pace))
    if done:
        sample.cpu_ms = cpu_ms(used, len(done))
        sample.figures[CPU_OF_SERVERS] = of_servers(sample.cpu_ms)
        sample.figures |= work.per(len(done), work_before)
    sample.curves["latency"] = distribution([ends.last - due for due, ends in asked])
    sample.problems += gate.check_errors(len(record.errors), len(record.made) + len(record.errors))
    sample.problems += gate.check_load(used)
    sample.noise += gate.check_noise(used)
    sample.notes += sorted(set(record.errors))[:3]
    return sample, record


def cpu_ms(used: Usage, pieces: int) -> dict[str, float]:
    """CPU time by group and piece of work."""
    return {group: 1000 * seconds / pieces for group, seconds in used.seconds.items() if group != OTHERS}


def of_servers(by_group: Mapping[str, float]) -> float:
    """Without those who play the outside: load generator, bank and sign-in."""
    return sum(value for group, value in by_group.items() if group not in OUTSIDE)


async def _used_in(accounts: Accounts, seconds: float) -> Usage:
    before = accounts.read()
    await asyncio.sleep(seconds)
    return accounts.read().since(before)


def _figures(
    done: list[Ends], asked: list[tuple[float, Ends]], used: Usage, idle: Usage, pace: Pace
) -> dict[str, float]:
    rate = len(done) / used.at
    ours = sum(seconds for group, seconds in used.seconds.items() if group != OTHERS)
    figures = {
        "asked per second": pace.rate,
        "done per second": rate,
        **latencies([ends.last - due for due, ends in asked]),
        **latencies([ends.submitted - due for due, ends in asked], "submit "),
        "cores used": ours / used.at,
        "cores used when idle": sum(s for group, s in idle.seconds.items() if group != OTHERS) / idle.at,
    }
    return figures | stages_of(asked)


def stages_of(asked: list[tuple[float, Ends]]) -> dict[str, float]:
    """The median of what each stage took, counted from the end of the one before."""
    figures = {}
    for number, stage in enumerate(STAGES):
        took = sorted(ends.instants[number] - (ends.instants[number - 1] if number else due) for due, ends in asked)
        if took:
            figures[f"{stage} p50 ms"] = 1000 * percentile(took, 0.5)
    return figures


def is_kept(sample: Sample, pace: Pace) -> bool:
    """Whether the system has done what it was asked; a few are always in hand at the window's ends."""
    done = sample.figures["done per second"] * pace.seconds
    return done >= KEPT_SHARE * pace.rate * pace.seconds - ALWAYS_IN_HAND
