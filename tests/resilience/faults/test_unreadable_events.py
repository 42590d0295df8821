"""Events that nobody can read: parked with their cause, only their own key waits, and an operator decides."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from shared.contracts.requests import RequestFeeDue
from shared.contracts.topics import REQUESTS_EVENTS
from tests.resilience.faults.stricken import Stricken
from tests.resilience.faults.support import under_load

READERS = ("payments", "notifications")
"""Those who follow requests, and care for its fees."""
UNHEARD_OF = "requests.request.unheard_of"


class Stranger:
    """An aggregate that is on a topic only, because a test has put it there."""

    def __init__(self, platform: Stricken) -> None:
        self._platform = platform
        self._sequence = 0
        self.key = uuid4()
        platform.strangers.add(str(self.key))

    async def tells(self, type: str, *, version: int = 1, data: bytes = b"{}") -> None:
        """One more event of it."""
        self._sequence += 1
        id = str(uuid4())
        self._platform.strangers.add(id)
        headers = {
            "ce_id": id,
            "ce_type": type,
            "ce_time": datetime.now(UTC).isoformat(),
            "ce_sequence": str(self._sequence),
            "ce_correlationid": str(self.key),
            "ce_schemaversion": str(version),
        }
        await produce(self._platform, str(self.key).encode(), headers, data)

    async def place(self, reader: str) -> int:
        """How far a reader has followed it."""
        return int((await self._row(reader, "select coalesce(max(sequence), 0) from inbox where key = $1"))[0])

    async def until_parked(self, reader: str) -> Any:
        """The job that is parked for it."""
        parked = "select * from jobs where key = $1 and state = 'parked'"
        async with asyncio.timeout(600):
            while (found := await self._row(reader, parked)) is None:
                await asyncio.sleep(0.1)
        return found

    async def until_followed(self, reader: str, sequence: int) -> None:
        """Until a reader has come so far."""
        async with asyncio.timeout(600):
            while await self.place(reader) < sequence:
                await asyncio.sleep(0.1)

    async def _row(self, reader: str, query: str) -> Any:
        connection = await asyncpg.connect(self._platform.endpoints.dsns[reader].app)
        try:
            return await connection.fetchrow(query, self.key)
        finally:
            await connection.close()


async def produce(platform: Stricken, key: bytes | None, headers: dict[str, str], value: bytes) -> None:
    """Puts a record on the topic of requests, as no service would."""
    producer = AIOKafkaProducer(bootstrap_servers=platform.endpoints.kafka)
    await producer.start()
    try:
        encoded = [(name, text.encode()) for name, text in headers.items()]
        await producer.send_and_wait(REQUESTS_EVENTS.name, value, key=key, headers=encoded)
    finally:
        await producer.stop()


async def operator(platform: Stricken, what: str, reader: str, *arguments: str) -> None:
    """What an operator types."""
    command = [sys.executable, "-m", "afaq", "parked", what, reader, *arguments]
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **platform.stack.environments[reader]})
    assert await process.wait() == 0


@pytest.mark.timeout(600)
async def test_what_cannot_be_read_waits_alone_with_its_cause_until_an_operator_decides(stricken: Stricken) -> None:
    async with under_load(stricken, "poison") as load:
        poison, future = Stranger(stricken), Stranger(stricken)
        with stricken.strike("poison, an unknown version, and what is no event at all"):
            await poison.tells(RequestFeeDue.type, data=b'{"fee_id": "no id", "canary": "4111111111111111"}')
            await poison.tells(UNHEARD_OF)
            await future.tells(RequestFeeDue.type, version=99)
            await produce(stricken, None, {}, b"\x00 not an event")
            await produce(stricken, b"no id", {"ce_id": "neither"}, b"[" * 10_000)
        await load.until_one_more()
        await asyncio.gather(*(decide(stricken, reader, poison, future) for reader in READERS))


async def decide(platform: Stricken, reader: str, poison: Stranger, future: Stranger) -> None:
    """An operator tries it again, in vain, and gives it up: what is behind it goes on."""
    parked = [await stranger.until_parked(reader) for stranger in (poison, future)]
    assert [job["reason"] for job in parked] == ["poison", "unknown-version"]
    assert "ValidationError" in parked[0]["error"] and "4111" not in parked[0]["error"]
    assert await poison.place(reader) == 0, "what is behind it waits"
    await operator(platform, "retry", reader, str(parked[0]["id"]))
    again = await poison.until_parked(reader)
    assert (again["id"], again["reason"]) == (parked[0]["id"], "poison")
    await asyncio.gather(
        *(operator(platform, "discard", reader, str(job["id"]), "--yes") for job in (again, parked[1]))
    )
    await poison.until_followed(reader, 2)
    await future.until_followed(reader, 1)
