"""Load: an open loop whose arrivals wait for nobody, and a closed one that finds the most."""

import asyncio
import time
from collections.abc import Awaitable, Callable

Act = Callable[[int, float], Awaitable[None]]
"""What is done once: its number, and the instant at which it was to begin."""


async def open_loop(act: Act, *, rate: float, seconds: float, begins_at: float) -> list[asyncio.Task[None]]:
    """Begins an act every 1/rate seconds, whether or not those before it have ended; returns when all have begun.

    An act is given the instant at which it should have begun, from which its latency is counted: what the generator
    itself was late counts against the system, and a system that stalls is not asked less (no coordinated omission).
    """
    tasks = []
    for number in range(round(rate * seconds)):
        due = begins_at + number / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(_run(act, number, due)))
    return tasks


async def closed_loop(act: Callable[[int], Awaitable[None]], *, workers: int, seconds: float) -> None:
    """So many workers, each beginning anew as soon as it is done, for so long."""
    ends_at = time.perf_counter() + seconds

    async def work(number: int) -> None:
        while time.perf_counter() < ends_at:
            await act(number)

    await asyncio.gather(*(work(number) for number in range(workers)))


async def _run(act: Act, number: int, due: float) -> None:
    await act(number, due)


async def all_ended(tasks: list[asyncio.Task[None]], *, within_seconds: float) -> int:
    """Waits for the acts; how many have not ended in time, which end now."""
    if not tasks:
        return 0
    _, late = await asyncio.wait(tasks, timeout=within_seconds)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    return len(late)
