"""Publishes events of the log again as they are: same ids, headers and keys, in the order of their recording.

What the relay has still to publish is left to it, so that a key's order on the topic stays: a consumer sees what it
knows, and drops it, or what it has missed. Nothing is written, decided or performed here. Snapshots go by the relay
alone: on a compacted topic the last one counts, and only the relay knows which that is.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.contracts.envelope import headers_of
from shared.messaging.brokers import Brokers
from shared.store.chosen import Choice, patient
from shared.store.replay import Progress, silent
from shared.store.shell import Shell
from shared.store.statements import SQL, for_table
from shared.store.types import Record

PAGE = 500
TRIES = 5
ACKNOWLEDGED_WITHIN_SECONDS = 10.0
PATIENCE_SECONDS = 30.0
_POLL_SECONDS = 0.02


class NotPublished(Exception):
    """Kafka takes nothing, or no relay is at work. The text says which."""


async def redrive(shell: Shell, choice: Choice, brokers: Brokers, progress: Progress = silent) -> int:
    """Publishes the chosen events of the own log on their topic again; returns how many. Raises NotPublished."""
    publisher, place, done = _Publisher(shell, brokers), 0, 0
    end = await shell.parts.pool.fetchval(SQL["log_end"])
    try:
        while rows := await _page(shell, choice, place, end):
            await publisher.publish(rows)
            place, done = rows[-1]["seq"], done + len(rows)
            progress(done)
    finally:
        await publisher.discard()
    return done


async def redrive_snapshots(
    shell: Shell, progress: Progress = silent, *, patience_seconds: float = PATIENCE_SECONDS
) -> int:
    """Has the relay publish the newest state of every aggregate again that has snapshots; returns how many.

    A snapshot has no id that lasts; its sequence tells readers what they know already.
    Raises NotPublished where no relay is at work: what was put into the outbox is published as soon as one is.
    """
    done = 0
    for snapshot in shell.service.snapshots:
        text, last = for_table("redrive_snapshots", snapshot.decider.table), UUID(int=0)
        while (row := await shell.parts.pool.fetchrow(text, snapshot.decider.name, last, PAGE)) and row["events"]:
            await _relayed(shell, row["outbox_place"], patience_seconds)
            last, done = row["last_id"], done + row["events"]
            progress(done)
    return done


async def _page(shell: Shell, choice: Choice, place: int, end: int) -> Sequence[Record]:
    async with shell.parts.pool.acquire() as connection, connection.transaction(readonly=True):
        await patient(connection)
        return await connection.fetch(SQL["redrive_page"], *choice.arguments, place, end, PAGE, timeout=None)


async def _relayed(shell: Shell, place: int, patience_seconds: float) -> None:
    """Waits until all of the outbox up to a place is published."""
    least, since = None, time.monotonic()
    while left := await shell.parts.pool.fetchval(SQL["outbox_up_to"], place):
        if least is None or left < least:
            least, since = left, time.monotonic()
        elif time.monotonic() - since > patience_seconds:
            raise NotPublished(f"no relay is at work: start a worker of {shell.service.name}")
        await asyncio.sleep(_POLL_SECONDS)


class _Publisher:
    """Sends batches in order; after any failure the same batch again by a new producer, as the relay does (ADR 5)."""

    def __init__(self, shell: Shell, brokers: Brokers) -> None:
        self._topic = shell.service.events.name
        self._source = f"/afaq/{shell.service.name}"
        self._brokers = brokers
        self._producer: AIOKafkaProducer | None = None

    async def publish(self, rows: Sequence[Record]) -> None:
        """Returns when Kafka has acknowledged all of them."""
        for attempt in range(1, TRIES + 1):
            try:
                async with asyncio.timeout(ACKNOWLEDGED_WITHIN_SECONDS):
                    producer = await self._started()
                    await asyncio.gather(*[await self._send(producer, row) for row in rows])
                return
            except (KafkaError, OSError, TimeoutError) as error:
                await self.discard()
                if attempt == TRIES:
                    raise NotPublished(f"Kafka takes nothing: {type(error).__name__}") from None
                await asyncio.sleep(0.5 * attempt)

    async def discard(self) -> None:
        """Ends the producer, whatever state it is in."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(producer.stop(), 5)

    async def _send(self, producer: AIOKafkaProducer, row: Record) -> "asyncio.Future[object]":
        headers = headers_of(row, source=self._source)
        key, value = str(row["aggregate_id"]).encode(), row["data"].encode()
        sent: asyncio.Future[object] = await producer.send(self._topic, value, key=key, headers=headers)
        return sent

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = AIOKafkaProducer(
                **self._brokers.client_options,
                acks="all",
                enable_idempotence=True,
                linger_ms=1,
                request_timeout_ms=5_000,
                client_id="afaq-redrive",
            )
            await self._producer.start()
        return self._producer
