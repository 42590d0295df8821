"""One piece of work in a process of its own: `python -m benchmarks.probe WORK DSN BOOTSTRAP COUNT`.

It says `ready`, begins when it reads a line, and ends by saying how many seconds it took.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable

import uvloop

from benchmarks.probe.by_hand import consume_by_hand, publish_by_hand
from benchmarks.probe.service import service
from shared.kernel.clock import the_clock
from shared.messaging.brokers import Brokers
from shared.messaging.consumer import Consumer
from shared.messaging.relay import Relay
from shared.store.keyring import KeyRing
from shared.store.pool import open_pool
from shared.store.shell import Shell

POLL_SECONDS = 0.02
Begin = Callable[[], Awaitable[float]]
"""Waits for the word, and gives the instant at which the work began."""


async def relay(dsn: str, bootstrap: str, count: int, begin: Begin) -> float:
    """The kit's relay drains an outbox."""
    pool = await open_pool(dsn, application="afaq-probe")
    shell = await Shell.open(service, pool, KeyRing(bytes(32)), the_clock())
    stop = asyncio.Event()
    began = await begin()
    task = asyncio.create_task(
        Relay(shell, dsn=dsn, brokers=Brokers(bootstrap=bootstrap), poll_seconds=POLL_SECONDS).run(stop)
    )
    while await pool.fetchval("select exists (select from outbox)"):
        await asyncio.sleep(0.05)
    took = time.perf_counter() - began
    stop.set()
    shell.outbox_bell.ring()
    await task
    return took


async def consume(dsn: str, bootstrap: str, count: int, begin: Begin) -> float:
    """The kit's consumer follows a topic; each event brings a command about."""
    pool = await open_pool(dsn, application="afaq-probe")
    shell = await Shell.open(service, pool, KeyRing(bytes(32)), the_clock())
    consumer = Consumer(shell, brokers=Brokers(bootstrap=bootstrap))
    began = await begin()
    await consumer.start()
    while (await pool.fetchval("select coalesce(sum(sequence), 0)::bigint from inbox")) < count:
        await asyncio.sleep(0.1)
    took = time.perf_counter() - began
    await consumer.stop()
    return took


WORKS = {"relay": relay, "consume": consume, "publish-by-hand": publish_by_hand, "consume-by-hand": consume_by_hand}


async def main(work: str, dsn: str, bootstrap: str, count: str) -> None:
    """Does one of the works."""

    async def begin() -> float:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        return time.perf_counter()

    print(await WORKS[work](dsn, bootstrap, int(count), begin), flush=True)


if __name__ == "__main__":
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that has just begun has no coordinator yet
    uvloop.run(main(*sys.argv[1:]))
