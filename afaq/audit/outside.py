"""Topics and ledgers of a deployment: Kafka, and the simulators where they stand for those outside."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import aiohttp
from aiokafka import AIOKafkaConsumer, TopicPartition

from afaq.audit.evidence import Ledgers, Published
from shared.contracts.envelope import MalformedEnvelope, envelope_of
from shared.contracts.topics import Topic
from shared.messaging.brokers import Brokers
from shared.messaging.relay import SEAL_HEADER


class Deployment:
    """Implements `Outside` by a Kafka, and by the simulators at `simulators` if there are any."""

    def __init__(self, brokers: Brokers, simulators: str | None) -> None:
        self._brokers = brokers
        self._simulators = simulators

    async def records(self, topics: Iterable[Topic]) -> Mapping[str, Sequence[Published]]:
        """All records of the topics up to their ends at this moment; what is no event of ours is passed over."""
        consumer = AIOKafkaConsumer(
            **self._brokers.client_options, auto_offset_reset="earliest", isolation_level="read_committed"
        )
        await consumer.start()
        try:
            parts = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
            found: dict[str, list[Published]] = {part.topic: [] for part in parts}
            consumer.assign(parts)
            ends = await consumer.end_offsets(parts)
            while any([await consumer.position(part) < ends[part] for part in parts]):
                for part, records in (await consumer.getmany(timeout_ms=300, max_records=10_000)).items():
                    known = (published_in(record) for record in records if record.offset < ends[part])
                    found[part.topic].extend(record for record in known if record is not None)
            return found
        finally:
            await consumer.stop()

    async def ledgers(self) -> Ledgers:
        """The ledgers of the gateway, of the companies that send short messages, and of the mail server."""
        if self._simulators is None:
            return Ledgers()
        async with aiohttp.ClientSession(base_url=f"{self._simulators}/", raise_for_status=True) as session:
            gateway, sms, mail = [await _json(session, f"{name}/ledger") for name in ("knet", "sms", "mail")]
            bank = await _json(session, "bank/ledger")
        return Ledgers(gateway["attempts"], bank["payments"], sms["messages"], mail)


def published_in(record: Any) -> Published | None:
    """A record as evidence; None where it is not an event."""
    try:
        envelope = envelope_of(record.key, record.headers, record.value)
    except MalformedEnvelope:
        return None
    seal = next((value.decode() for name, value in record.headers if name == SEAL_HEADER), None)
    return Published(
        topic=record.topic,
        key=UUID(envelope["key"]),
        id=UUID(envelope["id"]),
        type=envelope["type"],
        sequence=envelope["sequence"],
        time=datetime.fromisoformat(envelope["time"]),
        data=envelope["data"],
        seal=seal,
        envelope=envelope,
    )


async def _json(session: aiohttp.ClientSession, path: str) -> Any:
    async with session.get(path) as response:
        return await response.json()
