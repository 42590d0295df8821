"""How a service's log and its topic stand to each other: after a restore either may know less than the other (ADR 24).

A log that is *behind* must not go on: it would number other events as those that the topic has already, and readers
would drop them. A topic that is behind is filled again from the log. Both are read from their newest ends backwards, as
far as they differ: an order that the relay keeps but for what is committed at the same time, hence whole pages.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.partitioner import DefaultPartitioner

from shared.contracts.envelope import MalformedEnvelope, envelope_of
from shared.contracts.topics import Topic
from shared.messaging.brokers import Brokers
from shared.messaging.topic_pages import TopicPages, TopicsUnreadable
from shared.store.statements import SQL
from shared.store.types import AnyConnection
from shared.store.work import Foreign

PAGE = 500
"""As many as the relay publishes at once: what is committed otherwise than it is numbered is no further apart."""
MOST_LACKING = 100_000
PATIENCE_SECONDS = 30.0
Envelope = Mapping[str, Any]
Place = tuple[UUID, int]


class LogIsBehind(Exception):
    """The topic holds events that the log does not know: the database was restored, and they are not taken back yet."""


@dataclass
class Standing:
    """What differs. All empty: the log and the topic know the same, or what is unpublished waits in the outbox.

    `missing`: events of the topic that the log has not, in the order of a partition; `contradicting`: those of them
    whose number the log has given to another event. `lacking`: how many published events of the log the topic has not
    (`MOST_LACKING` at most are counted), and `since` when the oldest of them was recorded.
    """

    missing: list[Envelope] = field(default_factory=list)
    contradicting: list[Envelope] = field(default_factory=list)
    lacking: int = 0
    since: datetime | None = None


async def compare(connection: AnyConnection, topic: Topic, brokers: Brokers) -> Standing:
    """Compares a service's log with its topic. Only reads. Raises TopicsUnreadable."""
    standing, newest = Standing(), dict[int, int]()
    async with _reading(topic, brokers) as pages:
        for number in range(topic.partitions):
            newest[number] = 0
            async for page in pages.backwards(number):
                places = await _known(connection, page)
                unknown = await _unknown(connection, page, places)
                standing.missing[:0] = unknown
                newest[number] = max([newest[number], *(seq for _, seq in places.values())])
                if not unknown:
                    break
    standing.missing = list({envelope["id"]: envelope for envelope in standing.missing}.values())
    taken = await _known(connection, standing.missing)
    standing.contradicting = [envelope for envelope in standing.missing if _place(envelope) in taken]
    await _count_lacking(connection, topic, newest, standing)
    return standing


async def confirm(connection: AnyConnection, topic: Topic, brokers: Brokers) -> None:
    """Confirms that the database may be worked on, as the newest page of each partition is known to its log.

    Raises LogIsBehind where it is not, and takes back what was confirmed before; TopicsUnreadable without Kafka.
    """
    async with _reading(topic, brokers) as pages:
        for number in range(topic.partitions):
            async for page in pages.backwards(number):
                if await _unknown(connection, page, await _known(connection, page)):
                    await connection.execute(SQL["doubt_database"])
                    raise LogIsBehind
                break
    await connection.execute(SQL["confirm_database"])


async def newest_snapshots(topics: Sequence[Topic], keys: Set[UUID], brokers: Brokers) -> dict[UUID, Envelope]:
    """The newest records of these keys on compacted topics. Reads all of them. Raises TopicsUnreadable."""
    found: dict[UUID, Envelope] = {}
    async with TopicPages(topics, brokers) as pages:
        for source in await pages.round():
            while page := await source.page():
                found |= {one.key: one.envelope for _, one in page if isinstance(one, Foreign) and one.key in keys}
    return found


async def _known(connection: AnyConnection, page: Sequence[Envelope]) -> dict[Place, tuple[UUID, int]]:
    """What the log has at the places of these events: the id, and the place in the log."""
    keys, sequences = [UUID(envelope["key"]) for envelope in page], [envelope["sequence"] for envelope in page]
    rows = await connection.fetch(SQL["known_events"], keys, sequences)
    return {(row["aggregate_id"], row["sequence"]): (row["id"], row["seq"]) for row in rows}


async def _unknown(
    connection: AnyConnection, page: Sequence[Envelope], known: Mapping[Place, tuple[UUID, int]]
) -> list[Envelope]:
    found = [envelope for envelope in page if known.get(_place(envelope), (None,))[0] != UUID(envelope["id"])]
    if not found:
        return []
    left = {row["id"] for row in await connection.fetch(SQL["left_behind"], [envelope["id"] for envelope in found])}
    return [envelope for envelope in found if UUID(envelope["id"]) not in left]


async def _count_lacking(
    connection: AnyConnection, topic: Topic, newest: Mapping[int, int], standing: Standing
) -> None:
    """Counts what is in the log behind the newest place of it that its partition holds."""
    before, parts, partition = 2**63 - 1, list(range(topic.partitions)), DefaultPartitioner()
    while standing.lacking < MOST_LACKING:
        rows = await connection.fetch(SQL["log_newest"], before, PAGE)
        lacking = [
            row
            for row in rows
            if not row["waits"] and row["seq"] > newest[partition(str(row["aggregate_id"]).encode(), parts, parts)]
        ]
        if not lacking:
            return
        standing.lacking += len(lacking)
        standing.since = min([row["recorded_at"] for row in lacking] + ([standing.since] if standing.since else []))
        before = rows[-1]["seq"]


def _place(envelope: Envelope) -> Place:
    return UUID(envelope["key"]), envelope["sequence"]


class _Pages:
    def __init__(self, consumer: AIOKafkaConsumer, topic: Topic, bounds: Mapping[int, tuple[int, int]]) -> None:
        self._consumer = consumer
        self._topic = topic
        self._bounds = bounds

    async def backwards(self, number: int) -> AsyncIterator[list[Envelope]]:
        """The events of a partition, a page at a time from its end; each page in its order."""
        begin, end = self._bounds[number]
        part = TopicPartition(self._topic.name, number)
        while end > begin:
            start = max(begin, end - PAGE)
            yield [envelope for record in await self._read(part, start, end) for envelope in _envelopes(record)]
            end = start

    async def _read(self, part: TopicPartition, start: int, end: int) -> list[Any]:
        others = self._consumer.assignment() - {part}
        self._consumer.pause(*others)
        self._consumer.resume(part)
        self._consumer.seek(part, start)
        records: list[Any] = []
        since = time.monotonic()
        while await self._consumer.position(part) < end:
            records += (await self._consumer.getmany(part, timeout_ms=100)).get(part, ())
            if time.monotonic() - since > PATIENCE_SECONDS:
                raise TopicsUnreadable(f"{part.topic}, partition {part.partition}, gives nothing more")
        return [record for record in records if record.offset < end]


def _envelopes(record: Any) -> Iterable[Envelope]:
    try:
        yield envelope_of(record.key, record.headers, record.value)
    except MalformedEnvelope:
        return


@asynccontextmanager
async def _reading(topic: Topic, brokers: Brokers) -> AsyncIterator[_Pages]:
    consumer = AIOKafkaConsumer(**brokers.client_options, auto_offset_reset="earliest", fetch_max_wait_ms=50)
    parts = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await consumer.start()
            consumer.assign(parts)
            begins, ends = await consumer.beginning_offsets(parts), await consumer.end_offsets(parts)
        yield _Pages(consumer, topic, {part.partition: (begins[part], ends[part]) for part in parts})
    except (KafkaError, OSError, TimeoutError) as error:
        raise TopicsUnreadable(f"{topic.name}: {type(error).__name__}: are all topics there? (`afaq topics`)") from None
    finally:
        await consumer.stop()
