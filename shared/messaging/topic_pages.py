"""Topics read from their start without a group: for what is computed again from the other services' events."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from shared.contracts.envelope import MalformedEnvelope, envelope_of
from shared.contracts.topics import Topic
from shared.messaging.brokers import Brokers
from shared.store.sources import Source, Timed
from shared.store.work import Foreign

PAGE = 2000
PATIENCE_SECONDS = 30.0


class TopicsUnreadable(Exception):
    """Kafka did not give what its topics hold. The text says where."""


class TopicPages:
    """Implements `Topics`: `async with TopicPages(topics, brokers) as pages`."""

    def __init__(self, topics: Sequence[Topic], brokers: Brokers) -> None:
        self._parts = {TopicPartition(t.name, number): t for t in topics for number in range(t.partitions)}
        self._brokers = brokers
        self._consumer: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> "TopicPages":
        """Begins at the start of every partition."""
        if self._parts:
            self._consumer = AIOKafkaConsumer(
                **self._brokers.client_options, auto_offset_reset="earliest", fetch_max_wait_ms=50
            )
            await self._consumer.start()
            self._consumer.assign(list(self._parts))
            await self._consumer.seek_to_beginning()  # aiokafka's `stop` fails where nothing was asked for before it
        return self

    async def __aexit__(self, *_: object) -> None:
        """Lets go."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def round(self) -> Sequence[Source]:
        """A source a partition, up to what is newest now."""
        consumer = self._consumer
        if consumer is None:
            return ()
        try:
            ends = await consumer.end_offsets(list(self._parts))
        except KafkaError as error:
            raise TopicsUnreadable(f"{type(error).__name__}: are all topics there? (`afaq topics`)") from None
        return [_Partition(consumer, part, topic, ends[part]) for part, topic in self._parts.items()]


class _Partition:
    def __init__(self, consumer: AIOKafkaConsumer, part: TopicPartition, topic: Topic, end: int) -> None:
        self._consumer = consumer
        self._part = part
        self._topic = topic
        self._end = end

    async def page(self) -> Sequence[Timed]:
        """The next records that are events; what is none is passed over, as it was when it came."""
        since = time.monotonic()
        while await self._consumer.position(self._part) < self._end:
            found = await self._consumer.getmany(self._part, timeout_ms=100, max_records=PAGE)
            if events := [event for record in found.get(self._part, ()) if (event := self._event(record))]:
                return events
            if found:
                since = time.monotonic()
            elif time.monotonic() - since > PATIENCE_SECONDS:
                raise TopicsUnreadable(f"{self._part.topic}, partition {self._part.partition}, gives nothing more.")
            await asyncio.sleep(0)
        return ()

    def _event(self, record: "ConsumerRecord[bytes, bytes]") -> Timed | None:
        try:
            envelope = envelope_of(record.key, record.headers, record.value)
        except MalformedEnvelope:
            return None
        foreign = Foreign(self._topic, UUID(envelope["key"]), envelope["sequence"], envelope)
        return datetime.fromisoformat(envelope["time"]), foreign
