"""Persons and transactions for tests of the running platform."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, TypeAlias

import aiohttp
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from afaq.demo.client import Api
from shared.contracts.topics import TOPICS, Topic
from shared.kernel.civil_id import synthetic_civil_id
from tests.conftest import RunningStack

Record: TypeAlias = "ConsumerRecord[bytes, bytes]"
SERVICE = "driving-licence-renewal"
SUBMISSION = {"service_id": SERVICE, "form": {"delivery": "digital"}}
_serials = count(5001)


@dataclass(frozen=True)
class Person:
    """Somebody who is registered and signed in."""

    id: str
    civil_id: str
    token: str


async def a_person(api: Api, **changes: Any) -> Person:
    """A new person who may renew their licence, which ended so long ago that it is not offered any more."""
    now, civil_id = datetime.now(UTC), None
    while civil_id is None:
        civil_id = synthetic_civil_id(date(1901, 2, 3), next(_serials))
    form = {
        "civil_id": civil_id,
        "name": {"ar": "اسم تجريبي", "en": "A Test Name"},
        "residence": "citizen",
        "facts": {
            "driving_licence_expires_on": {
                "value": (now.date() - timedelta(days=100)).isoformat(),
                "source": "moi-traffic",
                "as_of": now.isoformat(),
            },
            "unpaid_traffic_fines_fils": {"value": 0, "source": "moi-traffic", "as_of": now.isoformat()},
            "sees_well_enough": {"value": True, "source": "moh-centres", "as_of": now.isoformat()},
        },
    } | changes
    registrar = await api.sign_in(role="registrar")
    registered = await api.post("identity", "/persons", form, registrar)
    token = await api.sign_in(civil_id=civil_id)
    await api.until(lambda: _is_eligible(api, token), "knowledge of the person in requests")
    return Person(registered["id"], civil_id, token)


async def _is_eligible(api: Api, token: str) -> bool:
    found = await api.get("requests", "/eligibility", token)
    return any(service["service_id"] == SERVICE and service["eligible"] == "yes" for service in found)


async def submit(api: Api, person: Person, *, key: str | None = None) -> Any:
    """A request of the person."""
    return await api.post("requests", "/requests", SUBMISSION, person.token, key=key)


async def pay(api: Api, person: Person, request: Any) -> None:
    """The fee is asked for and paid on the hosted page."""
    path = f"/payments/{request['payment_id']}"
    await api.until(lambda: api.find("payments", path, person.token), "payment")
    await api.post("payments", f"{path}/attempts", None, person.token)

    async def page() -> Any:
        return (await api.get("payments", path, person.token))["page_url"]

    await api.pay_on_hosted_page(await api.until(page, "page"))


async def approve(api: Api, request: Any) -> None:
    """The officer agrees."""
    officer = await api.sign_in(role="officer:moi-traffic")

    async def task() -> Any:
        tasks = (await api.get("requests", "/tasks?limit=100", officer))["items"]
        return next((task for task in tasks if task["request_id"] == request["id"]), None)

    found = await api.until(task, "task")
    await api.post("requests", f"/tasks/{found['id']}/decision", {"decision": "approve"}, officer)


async def until_status(api: Api, person: Person, request: Any, status: str) -> Any:
    """The request, once it has come so far."""

    async def look() -> Any:
        found = await api.get("requests", f"/requests/{request['id']}", person.token)
        return found if found["status"] == status else None

    return await api.until(look, f"status {status}")


async def renewed(api: Api, person: Person) -> Any:
    """A renewal from its submission to its end."""
    request = await submit(api, person)
    await pay(api, person, request)
    await approve(api, request)
    return await until_status(api, person, request, "fulfilled")


async def gateway_attempts(platform: RunningStack, payment: Any) -> list[Any]:
    """What the gateway's own ledger says of a payment's attempts."""
    ids = {attempt["id"] for attempt in payment["attempts"]}
    async with aiohttp.request("GET", f"{platform.endpoints.urls['simulators']}/knet/ledger") as response:
        ledger = await response.json()
    return [attempt for attempt in ledger["attempts"] if attempt["trackid"] in ids]


async def everything_on(platform: RunningStack, *topics: Topic) -> list[Record]:
    """Every record of these topics, or of all."""
    consumer = AIOKafkaConsumer(bootstrap_servers=platform.endpoints.kafka, auto_offset_reset="earliest")
    await consumer.start()
    parts = [TopicPartition(topic.name, number) for topic in topics or TOPICS for number in range(topic.partitions)]
    consumer.assign(parts)
    ends = await consumer.end_offsets(parts)
    records: list[Record] = []
    while any([await consumer.position(part) < ends[part] for part in parts]):
        for found in (await consumer.getmany(timeout_ms=200)).values():
            records.extend(found)
    await consumer.stop()
    return records


def header(record: Record, name: str) -> str:
    """A header's text."""
    return str(dict(record.headers)[name].decode())


@asynccontextmanager
async def another_process(
    platform: RunningStack, name: str, role: str, port: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    """One more process of a service beside the one that runs; killed at the end if it has not ended."""
    import os
    import sys

    env = {**os.environ, **platform.stack.environments[name], f"AFAQ_{name.upper()}_PORT": str(port)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "afaq", name, "--role", role, env=env, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await _until_ready(port)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _until_ready(port: int) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(30):
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}/health/ready") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


def as_text(record: Record) -> str:
    """A record whole, with key and headers."""
    headers = json.dumps([(name, value.decode("utf-8", "replace")) for name, value in record.headers])
    return f"{(record.key or b'').decode()} {headers} {(record.value or b'').decode()}"
