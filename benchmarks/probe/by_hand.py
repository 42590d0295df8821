"""The limits of relay and consumer: the same messages and rows with nothing of the kit in between."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pydantic_core import from_json, to_json

from benchmarks.probe.service import BELLS, EVENTS
from shared.kernel.ids import new_id
from shared.store.pool import open_pool
from shared.store.statements import SQL, for_table, recording

BATCH = 500
PADDING = "x" * 560  # some 600 bytes of data, as an event of the product has
Begin = Callable[[], Awaitable[float]]


def headers(kind: str, id: UUID, about: UUID, sequence: int) -> list[tuple[str, bytes]]:
    """The headers of an event, as many as the product's has."""
    given: dict[str, object] = {
        "ce_specversion": "1.0",
        "ce_id": id,
        "ce_type": kind,
        "ce_source": "/afaq/bells",
        "ce_subject": about,
        "ce_time": "2026-01-01T00:00:00Z",
        "ce_sequence": sequence,
        "ce_correlationid": about,
        "ce_causationid": about,
        "ce_actor": "platform",
        "ce_schemaversion": 1,
        "content-type": "application/json",
        "traceparent": f"00-{about.hex}-{id.hex[:16]}-00",
        "correlation_id": id,
    }
    return [(name, str(value).encode()) for name, value in given.items()]


async def publish_by_hand(dsn: str, bootstrap: str, count: int, begin: Begin) -> float:
    """A producer as the relay's sends as many messages, batch by batch."""
    producer = _producer(bootstrap)
    await producer.start()
    body, began = to_json({"padding": PADDING}), await begin()
    for start in range(0, count, BATCH):
        sending = []
        for about in (new_id() for _ in range(min(BATCH, count - start))):
            given = headers("probe.counter.counted", about, about, 1)
            sending.append(await producer.send(EVENTS.name, body, key=str(about).encode(), headers=given))
        await asyncio.gather(*sending)
    took = time.perf_counter() - began
    await producer.stop()
    return took


async def ring(bootstrap: str, bells: int, count: int) -> None:
    """Publishes `count` events of so many bells."""
    producer = _producer(bootstrap)
    await producer.start()
    ids, body = [new_id() for _ in range(bells)], to_json({"padding": PADDING})
    for start in range(0, count, BATCH):
        sending = []
        for number in range(start, min(start + BATCH, count)):
            about = ids[number % bells]
            given = headers("bells.bell.rung", new_id(), about, 1 + number // bells)
            sending.append(await producer.send(BELLS.name, body, key=str(about).encode(), headers=given))
        await asyncio.gather(*sending)
    await producer.stop()


async def consume_by_hand(dsn: str, bootstrap: str, count: int, begin: Begin) -> float:
    """`getmany`, and the kit's own statements for the rows that the kit would write."""
    pool = await open_pool(dsn, application="afaq-probe")
    consumer = AIOKafkaConsumer(
        BELLS.name,
        bootstrap_servers=bootstrap,
        group_id="by-hand",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
    )
    began = await begin()
    await consumer.start()
    done = 0
    while done < count:
        found = await consumer.getmany(timeout_ms=200, max_records=BATCH)
        records = [record for of_one in found.values() for record in of_one]
        if records:
            async with pool.acquire() as connection, connection.transaction():
                await _write(connection, records)
            await consumer.commit()
            done += len(records)
    took = time.perf_counter() - began
    await consumer.stop()
    return took


async def _write(connection: Any, records: list[Any]) -> None:
    now = datetime.now(UTC).isoformat()
    told = [(record.key.decode(), int(dict(record.headers)["ce_sequence"])) for record in records]
    first, last = dict[str, int](), dict(told)
    for key, sequence in told:
        first.setdefault(key, sequence)
    ids = sorted(UUID(key) for key in last)
    await connection.fetch(SQL["inbox_positions"], [BELLS.name] * len(ids), ids)
    await connection.fetch(for_table("lock_states", "counters", subject="null::uuid"), ids)
    log = [
        {
            "position": position,
            "id": new_id(),
            "type": "probe.counter.counted",
            "schema_version": 1,
            "aggregate": "counter",
            "aggregate_id": key,
            "sequence": sequence,
            "data": from_json(record.value),
            "recorded_at": now,
            "correlation_id": key,
            "actor": "platform",
        }
        for position, (record, (key, sequence)) in enumerate(zip(records, told, strict=True))
    ]
    outbox = [{name: row[name] for name in ("position", "aggregate", "aggregate_id", "sequence")} for row in log]
    inbox = [
        {"topic": BELLS.name, "key": key, "before": first[key] - 1, "sequence": sequence}
        for key, sequence in last.items()
    ]
    states = [
        {
            "id": key,
            "version": sequence,
            "before": first[key] - 1,
            "shape": 1,
            "state": {"count": sequence},
            "correlation_id": key,
            "updated_at": now,
        }
        for key, sequence in last.items()
    ]
    text = recording((for_table("save_states", "counters"),), ())
    await connection.fetchrow(text, *(to_json(part) for part in (log, outbox, [], inbox, [], [], states)))


def _producer(bootstrap: str) -> AIOKafkaProducer:
    return AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=1)
