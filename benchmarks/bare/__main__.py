"""One process of the bare pipeline: `python -m benchmarks.bare ROLE PORT DSN BOOTSTRAP URLS`, URLS a JSON object."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import uvicorn
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pydantic_core import from_json, to_json

from benchmarks.bare.step import PADDING, STEP
from shared.kernel.ids import new_id
from shared.store.types import Pool

TOPIC = {"requests": "requests.events", "payments": "payments.events", "notifications": "notifications.events"}
READS = {"requests": ("payments",), "payments": ("requests",), "notifications": ("requests", "payments")}
TOLD = {
    "requests.request.submitted": "request-submitted",
    "requests.request.fee_due": "fee-due",
    "payments.payment.captured": "payment-captured",
    "requests.document.issued": "document-issued",
}
"""Of which events people are told, and for which purpose."""
Answer = tuple[int, Mapping[str, str], dict[str, Any]]


class Part:
    """A service, as far as it has a database and topics."""

    def __init__(self, role: str, pool: Pool, producer: AIOKafkaProducer | None, urls: Mapping[str, str]) -> None:
        self._role = role
        self._pool = pool
        self._producer = producer
        self._urls = urls
        self._http = aiohttp.ClientSession()
        self._background: set[asyncio.Task[None]] = set()

    async def answer(self, method: str, path: str) -> Answer:
        """What a call comes to."""
        match [self._role, method, *path.strip("/").split("/")]:
            case ["requests", "POST", "requests"]:
                id = str(new_id())
                await self._step(id, "requests.request.submitted", "requests.request.fee_due")
                return 202, {}, {"id": id, "payment_id": id}
            case ["requests", "POST", "tasks", id, "decision"]:
                await self._step(id, "requests.task.decided")
                self._later(self._issue(id))
                return 200, {}, {}
            case ["payments", "POST", "payments", id, "attempts"]:
                await self._step(id, "payments.payment.attempted")
                page_url = (await self._call(f"{self._urls['simulators']}/init/{id}"))["url"]
                await self._step(id, "payments.payment.page_opened")
                return 201, {}, {"page_url": page_url}
            case ["payments", "POST", "callback", id]:
                await self._call(f"{self._urls['simulators']}/inquiry/{id}")
                await self._step(id, "payments.payment.captured")
                return 200, {}, {}
            case ["simulators", "POST", "init" | "inquiry", id]:
                return 200, {}, {"url": f"{self._urls['simulators']}/pay/{id}"}
            case ["simulators", "POST", "pay", id]:
                await self._call(f"{self._urls['payments']}/callback/{id}")
                return 303, {"location": f"{self._urls['payments']}/return"}, {}
            case _:
                return 200, {}, {}

    async def follow(self, kind: str, about: str) -> None:
        """What an event of another service brings about."""
        match self._role, kind:
            case "payments", "requests.request.fee_due":
                await self._step(about, "payments.payment.requested")
            case "requests", "payments.payment.captured":
                await self._step(about, "requests.request.fee_paid", "requests.request.task_due")
                await self._step(about, "requests.task.opened")
            case "notifications", _ if kind in TOLD:
                told = ("notifications.delivery.requested", "notifications.delivery.delivered")
                await self._step(about, *told, id=str(new_id()), purpose=TOLD[kind])
            case _:
                pass

    async def _issue(self, id: str) -> None:
        await self._step(id, "requests.request.approved", "requests.request.document_due")
        await self._step(id, "requests.document.issued")
        await self._step(id, "requests.request.fulfilled")

    async def _step(self, about: str, *kinds: str, id: str | None = None, purpose: str | None = None) -> None:
        """One commit, and then its messages."""
        told = {} if purpose is None else {"purpose": purpose}
        body = to_json({"request_id": about, "about_id": about, **told, "padding": PADDING})
        await self._pool.execute(STEP, new_id(), UUID(id or about), kinds[0], body.decode())
        for kind in kinds if self._producer else ():
            key, headers = about.encode(), [("ce_type", kind.encode())]
            assert self._producer is not None
            await self._producer.send(TOPIC[self._role], body, key=key, headers=headers)

    async def _call(self, url: str) -> dict[str, str]:
        async with self._http.post(url, allow_redirects=False) as response:
            answer: dict[str, str] = from_json(await response.read())
            return answer

    def _later(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def follow_topics(part: Part, role: str, bootstrap: str) -> None:
    """Reads the other services' topics for ever, and commits after each batch."""
    topics = [TOPIC[other] for other in READS[role]]
    group = f"bare.{role}"
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
    await consumer.start()
    while True:
        batch = await consumer.getmany(timeout_ms=1000, max_records=500)
        records = [record for of_one in batch.values() for record in of_one]
        if records:
            await asyncio.gather(*(part.follow(_kind(record), record.key.decode()) for record in records))
            await consumer.commit()


def _kind(record: Any) -> str:
    kind: bytes = record.headers[0][1]
    return kind.decode()


def app_of(part: Part) -> Callable[..., Awaitable[None]]:
    """A plain ASGI application."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        status, headers, answer = await part.answer(scope["method"], scope["path"])
        body = to_json(answer)
        fields = {**headers, "content-type": "application/json", "content-length": str(len(body))}
        pairs = [(name.encode(), value.encode()) for name, value in fields.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": body})

    return app


async def _keep_the_session(_: Any) -> None:
    """As the product does: a round trip less."""


async def main(role: str, port: str, dsn: str, bootstrap: str, urls: str) -> None:
    """Serves until it is ended; without a broker it only commits."""
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=10, reset=_keep_the_session)
    producer, following = None, None
    if bootstrap:
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=1)
        await producer.start()
    part = Part(role, pool, producer, json.loads(urls))
    if bootstrap and role in READS:
        following = asyncio.create_task(follow_topics(part, role, bootstrap))
    config = uvicorn.Config(app_of(part), port=int(port), log_config=None, access_log=False, lifespan="off")
    await uvicorn.Server(config).serve()
    if following is not None:
        following.cancel()
    if producer is not None:
        await producer.stop()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
