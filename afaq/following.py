"""Follows the events of all services on Kafka, as a developer reads them: in order per key, without a group."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic_core import from_json

from afaq.access import brokers_here
from shared.contracts.topics import TOPICS


@dataclass(frozen=True)
class Seen:
    """An event as it stands on its topic."""

    type: str
    subject: str
    sequence: int
    time: datetime
    correlation_id: str
    data: Mapping[str, Any]


class Following:
    """Reads all event topics; ends only when told to, or with what was newest at the start if `until_now`."""

    def __init__(self, *, from_start: bool, until_now: bool) -> None:
        self._until_now = until_now
        begin = "earliest" if from_start else "latest"
        self._consumer = AIOKafkaConsumer(**brokers_here().client_options, auto_offset_reset=begin)

    async def __aenter__(self) -> AsyncIterator[Seen]:
        """Begins to follow."""
        await self._consumer.start()
        topics = [topic for topic in TOPICS if not topic.compacted and topic.owner != "platform"]
        parts = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
        self._consumer.assign(parts)
        for part in parts:  # what is newest is what is newest now, not when somebody first looks
            await self._consumer.position(part)
        return self._events(parts)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lets go."""
        await self._consumer.stop()

    async def _events(self, parts: list[TopicPartition]) -> AsyncIterator[Seen]:
        ends = await self._consumer.end_offsets(parts)
        while not self._until_now or any([await self._consumer.position(part) < ends[part] for part in parts]):
            for records in (await self._consumer.getmany(timeout_ms=300)).values():
                for record in records:
                    yield _seen(record)


def matches(event: Seen, *, type: str | None, person: str | None, request: str | None, transactions: set[str]) -> bool:
    """Whether an event is asked for; transactions that the request belongs to are learnt on the way."""
    named = {event.subject, *(str(value) for value in event.data.values())}
    if request is not None and request in named:
        transactions.add(event.correlation_id)
    is_of_type = type is None or event.type.startswith(type)
    is_of_person = person is None or person in named
    is_of_request = request is None or event.correlation_id in transactions
    return is_of_type and is_of_person and is_of_request


def _seen(record: Any) -> Seen:
    headers = {name: value.decode() for name, value in record.headers}
    return Seen(
        type=headers["ce_type"],
        subject=headers["ce_subject"],
        sequence=int(headers["ce_sequence"]),
        time=datetime.fromisoformat(headers["ce_time"]),
        correlation_id=headers["ce_correlationid"],
        data=from_json(record.value or b"{}"),
    )
