"""One process of the chain: `python -m benchmarks.chain KIND ROLE PORT DSN BOOTSTRAP`; KIND is `kit` or `by-hand`."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import uvicorn
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pydantic_core import to_json

from benchmarks.bare.step import PADDING, STEP
from benchmarks.chain.services import SERVICES, TOPICS, Ask, case
from shared.kernel.clock import the_clock
from shared.kernel.ids import new_id
from shared.messaging.brokers import Brokers
from shared.messaging.consumer import Consumer
from shared.messaging.relay import Relay
from shared.store.keyring import KeyRing
from shared.store.pool import open_pool
from shared.store.shell import Shell

POLL_SECONDS = 0.25
FOLLOWS = {"pays": ("asks", "asked"), "asks": ("pays", "paid"), "tells": ("asks", "granted")}
SAYS = {"pays": "paid", "asks": "granted", "tells": "told"}
Accept = Callable[[], Awaitable[None]]


async def kit(role: str, port: int, dsn: str, bootstrap: str) -> None:
    """A service on the kit; its commands come by a plain ASGI application."""
    shell = await Shell.open(
        SERVICES[role], await open_pool(dsn, application=f"afaq-{role}"), KeyRing(bytes(32)), the_clock()
    )
    consumer = Consumer(shell, brokers=Brokers(bootstrap=bootstrap))
    await consumer.start()

    async def accept() -> None:
        await shell.handle(case.send(new_id(), Ask(PADDING)))

    stop = asyncio.Event()
    relaying = asyncio.create_task(
        Relay(shell, dsn=dsn, brokers=Brokers(bootstrap=bootstrap), poll_seconds=POLL_SECONDS).run(stop)
    )
    await serve(port, accept)
    stop.set()
    await relaying


async def by_hand(role: str, port: int, dsn: str, bootstrap: str) -> None:
    """The same commits and messages with nothing around them."""
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=10)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=1)
    await producer.start()

    async def step(about: UUID, kind: str) -> None:
        body = to_json({"padding": PADDING})
        await pool.execute(STEP, new_id(), about, kind, body.decode())
        headers = [("ce_type", kind.encode())]
        await producer.send(TOPICS[role].name, body, key=str(about).encode(), headers=headers)

    async def accept() -> None:
        await step(new_id(), "asked")

    async def follow() -> None:
        of, kind = FOLLOWS[role]
        consumer = AIOKafkaConsumer(
            TOPICS[of].name, bootstrap_servers=bootstrap, group_id=role, auto_offset_reset="earliest"
        )
        await consumer.start()
        while True:
            found = await consumer.getmany(timeout_ms=500, max_records=500)
            records = [record for batch in found.values() for record in batch if record.headers[0][1] == kind.encode()]
            await asyncio.gather(*(step(UUID(record.key.decode()), SAYS[role]) for record in records))

    following = asyncio.create_task(follow())
    await serve(port, accept)
    following.cancel()
    await producer.stop()


async def serve(port: int, accept: Accept) -> None:
    """Answers POST with 202 after the commit, and all else with 200, until it is ended."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        is_command = scope["method"] == "POST"
        if is_command:
            await accept()
        status = 202 if is_command else 200
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"{}"})

    await uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, access_log=False, lifespan="off")).serve()


async def main(kind: str, role: str, port: str, dsn: str, bootstrap: str) -> None:
    """Serves until it is ended."""
    await {"kit": kit, "by-hand": by_hand}[kind](role, int(port), dsn, bootstrap)


if __name__ == "__main__":
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that has just begun has no coordinator yet
    uvloop.run(main(*sys.argv[1:]))
