"""Kafka in memory: partitions, producers whose acknowledgements may be lost, groups that rebalance."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from aiokafka.errors import KafkaError

from shared.contracts.topics import TOPICS
from shared.messaging.consumer import Consumer
from tests.simulation.clockwork import CURRENT
from tests.simulation.faults import Faults

if TYPE_CHECKING:
    from tests.simulation.process import Process

FETCH_WAIT_SECONDS = 0.1
PARTITIONS = {topic.name: topic.partitions for topic in TOPICS}
Partition = tuple[str, int]


@dataclass(frozen=True)
class Record:
    """As much of a consumer's record as the product looks at."""

    topic: str
    partition: int
    offset: int
    key: bytes
    headers: Sequence[tuple[str, bytes]]
    value: bytes | None


class Broker:
    """All topics; `heard` is called with each record."""

    def __init__(self, faults: Faults, heard: Callable[[Record], None]) -> None:
        self.faults = faults
        self.heard = heard
        self.logs: dict[Partition, list[Record]] = defaultdict(list)
        self.groups: dict[str, Group] = {}

    def append(self, topic: str, key: bytes, headers: Sequence[tuple[str, bytes]], value: bytes | None) -> None:
        """One record more."""
        partition = topic, UUID(key.decode()).int % PARTITIONS[topic]
        log = self.logs[partition]
        record = Record(topic, partition[1], len(log), key, headers, value)
        log.append(record)
        for group in self.groups.values():
            group.news.set()
        self.heard(record)

    def group(self, service: str, topics: Sequence[str]) -> "Group":
        """The consumer group of a service."""
        return self.groups.setdefault(service, Group(self, topics))


class Group:
    """A consumer group: which member has which partition, and how far each is committed."""

    def __init__(self, broker: Broker, topics: Sequence[str]) -> None:
        self.broker = broker
        self.partitions = [(topic, number) for topic in topics for number in range(PARTITIONS[topic])]
        self.members: list[Process] = []
        self.committed: dict[Partition, int] = defaultdict(int)
        self.generation = 0
        self.news = asyncio.Event()

    def join(self, process: "Process") -> None:
        """A member more, if it is none yet: everything is dealt out anew."""
        if process not in self.members:
            self.members.append(process)
            self.generation += 1
            self.news.set()

    def leave(self, process: "Process") -> None:
        """A member less."""
        if process in self.members:
            self.members.remove(process)
            self.generation += 1
            self.news.set()

    def assigned(self, process: "Process") -> list[Partition]:
        """The partitions of a member."""
        if process not in self.members:
            return []
        place = self.members.index(process)
        return self.partitions[place :: len(self.members)]

    def is_read(self) -> bool:
        """Whether everything is committed."""
        return all(self.committed[part] >= len(self.broker.logs[part]) for part in self.partitions)


async def follow(consumer: Consumer, group: Group, process: "Process", faults: Faults) -> None:
    """What FastStream and aiokafka do for a member: batches in order, offsets after them, now and then some again."""
    generation, positions = -1, dict[Partition, int]()
    while True:
        if generation != group.generation:
            generation = group.generation
            positions = {part: group.committed[part] for part in group.assigned(process)}
        batch, ahead = _fetch(group.broker, positions, faults)
        if not batch:
            if all(position >= len(group.broker.logs[part]) for part, position in positions.items()):
                group.news.clear()
                await group.news.wait()
                await asyncio.sleep(faults.chance.random() * FETCH_WAIT_SECONDS)
            continue
        await faults.step()
        await consumer._follow(batch)
        await faults.step()
        if generation == group.generation:  # else the commit is refused: the group has moved on
            positions = ahead
            group.committed.update(ahead)


def _fetch(
    broker: Broker, positions: dict[Partition, int], faults: Faults
) -> tuple[list[Record], dict[Partition, int]]:
    batch: list[Record] = []
    ahead = dict(positions)
    for part, position in positions.items():
        begin = position
        if faults.strikes(faults.rates.redelivery, "redelivery"):
            begin = max(0, position - faults.chance.randint(1, 20))
        records = broker.logs[part][begin : position + faults.chance.randint(1, 60)]
        batch.extend(records)
        ahead[part] = position + max(0, begin + len(records) - position)
    return batch, ahead


class Producer:
    """A producer: sends in order; after a fault all that follows fails, and what was sent may be there or not."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._faults = broker.faults
        self._is_broken = False
        self._last: asyncio.Task[None] | None = None
        self._process = CURRENT.get()

    async def send(
        self, topic: str, value: bytes | None, *, key: bytes, headers: Sequence[tuple[str, bytes]]
    ) -> "asyncio.Future[None]":
        """A future that is done when the broker has acknowledged it."""
        self._last = asyncio.create_task(self._send(self._last, topic, key, headers, value))
        return self._last

    async def stop(self) -> None:
        """Waits for what is on its way."""
        if self._last is not None:
            await asyncio.wait({self._last})

    async def _send(
        self,
        before: "asyncio.Task[None] | None",
        topic: str,
        key: bytes,
        headers: Sequence[tuple[str, bytes]],
        value: bytes | None,
    ) -> None:
        if before is not None:
            await asyncio.wait({before})
        else:
            await self._faults.step()
        if self._is_broken:
            raise KafkaError("the producer has failed before")
        is_fault = self._faults.strikes(self._faults.rates.send_fault, "failed send")
        if not is_fault or self._faults.chance.random() < 0.5:
            self._broker.append(topic, key, headers, value)
        if is_fault:
            self._is_broken = True
            raise KafkaError("no acknowledgement")
