"""Tells the people whom a benchmark plays when to act, by following the topics: nobody asks again and again."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic_core import from_json

from shared.contracts.topics import Topic

Happening = tuple[str, str]
"""A kind of event, and the id of what it is about."""


class Watch:
    """Follows topics from now on.

    `kinds`: the event types that somebody waits for, each with the field of its data that names what it is about; "" is
    the record's own key. `purpose`: where an event has one, it has to be this.
    """

    def __init__(
        self, bootstrap: str, topics: Sequence[Topic], kinds: Mapping[str, str], *, purpose: str | None = None
    ) -> None:
        self._consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, fetch_max_wait_ms=100)
        self._topics = topics
        self._kinds = kinds
        self._purpose = purpose
        self._waiting: dict[Happening, asyncio.Future[str]] = {}
        self._following: asyncio.Task[None] | None = None
        self.counts: Counter[str] = Counter()

    async def start(self) -> None:
        """Begins with what comes after this call."""
        await self._consumer.start()
        parts = [TopicPartition(topic.name, number) for topic in self._topics for number in range(topic.partitions)]
        self._consumer.assign(parts)
        await self._consumer.seek_to_end()
        for part in parts:
            await self._consumer.position(part)
        self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Ends it."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        await self._consumer.stop()

    async def happened(self, kind: str, about: str) -> str:
        """The key of the event of this kind about this thing, once it has come; it may have come already."""
        try:
            return await self._future((kind, about))
        finally:
            self._waiting.pop((kind, about), None)

    def _future(self, what: Happening) -> asyncio.Future[str]:
        if what not in self._waiting:
            self._waiting[what] = asyncio.get_running_loop().create_future()
        return self._waiting[what]

    async def _follow(self) -> None:
        while True:
            for records in (await self._consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    self._note(record)

    def _note(self, record: Any) -> None:
        kind = next(value.decode() for name, value in record.headers if name == "ce_type")
        self.counts[kind] += 1
        field = self._kinds.get(kind)
        if field is None:
            return
        key = about = record.key.decode()
        if field:
            data = from_json(record.value)
            if self._purpose is not None and data.get("purpose", self._purpose) != self._purpose:
                return
            about = data[field]
        future = self._future((kind, about))
        if not future.done():
            future.set_result(key)
