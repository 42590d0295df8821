"""Puts a consumer group back on its topics: to their start, or to an instant. What is known already inboxes drop."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.contracts.topics import Topic
from shared.functions import Service
from shared.messaging.brokers import Brokers
from shared.messaging.consumer import group_of


class GroupIsAtWork(Exception):
    """A process of the group runs, and would go on where it is."""


@dataclass(frozen=True)
class Move:
    """A partition, where its group stands, and where it is put: never further than it stands.

    None: it stands nowhere, and would begin with the start of the partition anyway.
    """

    topic: str
    partition: int
    stands_at: int | None
    goes_to: int

    @property
    def records(self) -> int:
        """How many places it is put back."""
        return 0 if self.stands_at is None else self.stands_at - self.goes_to


async def move_group(
    group: str, topics: Sequence[Topic], brokers: Brokers, *, since: datetime | None = None, dry_run: bool = False
) -> list[Move]:
    """Puts a group back to the first record at or after an instant in each partition, or to the start of all.

    A group is never put forward: it would miss what it has not read. No effect is repeated by a service: its inbox
    drops what it knows, and what it has missed is dealt with as when it first came.
    Raises GroupIsAtWork while a process is a member of the group, unless nothing is to be changed.
    """
    parts = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
    consumer = AIOKafkaConsumer(**brokers.client_options, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(parts)
        moves = await _moves(consumer, parts, since)
        if not dry_run:
            await _commit(consumer, moves)
    finally:
        await consumer.stop()
    return moves


async def rewind(service: Service, brokers: Brokers) -> int:
    """Puts a service's group to the start of every topic that it reads; returns how many partitions that is.

    For a database that was restored from a backup: Kafka remembers a later place than the restored inbox.
    Raises GroupIsAtWork.
    """
    return len(await move_group(group_of(service), service.reads, brokers))


async def _moves(consumer: AIOKafkaConsumer, parts: Sequence[TopicPartition], since: datetime | None) -> list[Move]:
    starts = await consumer.beginning_offsets(parts)
    goals = starts
    if since is not None:
        ends = await consumer.end_offsets(parts)
        found = await consumer.offsets_for_times(dict.fromkeys(parts, int(since.timestamp() * 1000)))
        goals = {part: ends[part] if found[part] is None else found[part].offset for part in parts}
    moves = []
    for part in parts:
        at = await consumer.committed(part)
        goal = starts[part] if at is None else min(at, goals[part])
        moves.append(Move(part.topic, part.partition, at, goal))
    return moves


async def _commit(consumer: AIOKafkaConsumer, moves: Sequence[Move]) -> None:
    try:
        await consumer.commit({TopicPartition(move.topic, move.partition): move.goes_to for move in moves})
    except KafkaError as error:
        raise GroupIsAtWork(type(error).__name__) from None
