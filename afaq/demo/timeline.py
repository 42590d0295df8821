"""Reads the topics as a developer would: counts every event, and tells those of one person as they happen."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer
from pydantic_core import from_json

from shared.contracts.topics import (
    IDENTITY_EVENTS,
    NOTIFICATIONS_EVENTS,
    PAYMENTS_EVENTS,
    REQUESTS_EVENTS,
)

TOPICS = (IDENTITY_EVENTS, REQUESTS_EVENTS, PAYMENTS_EVENTS, NOTIFICATIONS_EVENTS)
_ABOUT_A_PERSON = ("applicant_id", "payer_id", "person_id", "holder_id", "recipient_id")


class Timeline:
    """Follows the event topics until it is stopped."""

    def __init__(self, bootstrap: str, tell: Callable[[str, str, float], None]) -> None:
        self._consumer = AIOKafkaConsumer(
            *(topic.name for topic in TOPICS), bootstrap_servers=bootstrap, auto_offset_reset="earliest"
        )
        self._tell = tell
        self._task: asyncio.Task[None] | None = None
        self._person: str | None = None
        self._transactions: set[str] = set()
        self.counts: Counter[str] = Counter()

    async def start(self) -> None:
        """Begins to follow."""
        await self._consumer.start()
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Ends it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._consumer.stop()

    def watch(self, person_id: str | None) -> None:
        """Whose events are told from now on."""
        self._person = person_id

    async def _follow(self) -> None:
        async for record in self._consumer:
            headers = {name: value.decode() for name, value in record.headers}
            service, _, what = headers["ce_type"].partition(".")
            self.counts[service] += 1
            if self._is_told(headers, from_json(record.value or b"{}")):
                latency = datetime.now(UTC) - datetime.fromisoformat(headers["ce_time"])
                self._tell(service, what, latency.total_seconds() * 1000)

    def _is_told(self, headers: dict[str, str], data: dict[str, object]) -> bool:
        """Whether it is about the person, or belongs to a transaction of theirs."""
        if self._person is None:
            return False
        if self._person in (headers["ce_subject"], *(data.get(name) for name in _ABOUT_A_PERSON)):
            self._transactions.add(headers["ce_correlationid"])
        return headers["ce_correlationid"] in self._transactions
