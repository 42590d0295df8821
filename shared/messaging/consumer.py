"""Follows the other services: batches of their events through the shell, then the offsets (ADR 5)."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence

import structlog
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.security import BaseSecurity, SASLScram512

from shared.contracts.envelope import MalformedEnvelope, envelope_of
from shared.functions import Service
from shared.kernel.crash_points import crash_point
from shared.messaging.brokers import Brokers
from shared.observability import metrics
from shared.store.faults import is_transient
from shared.store.foreign import foreign_work
from shared.store.shell import Shell
from shared.store.tempo import Tempo
from shared.store.work import Deferred, Outcome, Work

MAX_RECORDS = 500
FETCH_WAIT_MS = 200
WATCH_SECONDS = 60.0
SUSPICIOUS_PARKED = 20
SUSPICIOUS_SHARE = 0.05
ENOUGH_TO_SHARE = 100

_log = structlog.get_logger()


def group_of(service: Service) -> str:
    """The consumer group of a service's workers."""
    return f"afaq.{service.name}"


class Consumer:
    """One member of the service's consumer group.

    An offset is committed only after the commit of what its record brought about; a record that comes again is dropped
    by the inbox. A record that is not an event of ours has no key to wait for: it is logged and passed over.
    `instance`: a name by which a member that is started again after a crash has its place at once; without one the
    group waits for the end of the dead one's session.
    """

    def __init__(self, shell: Shell, *, brokers: Brokers, instance: str | None = None) -> None:
        self._shell = shell
        self._broker = KafkaBroker(
            brokers.servers,
            security=_security(brokers),
            client_id=f"afaq-{shell.service.name}",
            logger=None,  # it would log the text of exceptions, which may quote personal data
            apply_types=False,
            graceful_timeout=10,
        )
        self._topics = {topic.name: topic for topic in shell.service.reads}
        self._watch = ParkingWatch()
        self._tempo = Tempo()
        subscriber = self._broker.subscriber(
            *(topic.name for topic in shell.service.reads),
            group_id=group_of(shell.service),
            group_instance_id=instance,
            batch=True,
            max_records=MAX_RECORDS,
            batch_timeout_ms=FETCH_WAIT_MS,
            fetch_max_wait_ms=500,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.NACK_ON_ERROR,
            no_reply=True,
            decoder=_undecoded,
        )
        self._subscriber = subscriber
        subscriber(self._follow)

    @property
    def paused(self) -> bool:
        """Whether too much was parked to go on: the release is bad, not the events."""
        return self._watch.suspicious

    async def start(self) -> None:
        """Joins the group; tries again until the brokers are there."""
        while True:
            try:
                return await self._broker.start()
            except (KafkaError, OSError) as error:
                _log.warning("the consumer waits for Kafka", fault=type(error).__name__)
                await self._broker.stop()
                await asyncio.sleep(1)

    async def stop(self) -> None:
        """Leaves the group after the batch in hand, also with a name: only who comes back from a crash keeps its place.

        aiokafka leaves nothing that has a name, and others would wait for the end of its session.
        """
        if self._subscriber.consumer is not None:
            self._subscriber.consumer._coordinator._group_instance_id = None  # noqa: SLF001 there is no other way
        await self._broker.stop()

    async def lags(self) -> list[tuple[str, int, int]]:
        """(topic, partition, records not yet fetched) of the partitions that this member has."""
        consumer = self._subscriber.consumer
        if consumer is None:
            return []
        return [
            (part.topic, part.partition, max(0, (consumer.highwater(part) or 0) - await consumer.position(part)))
            for part in consumer.assignment()
        ]

    async def _follow(self, records: Sequence[ConsumerRecord]) -> None:
        while self.paused:
            metrics.CONSUMER_PAUSED.labels(self._shell.service.name).set(1)
            await asyncio.sleep(1)
        works = [work for record in records if (work := self._work(record))]
        async with asyncio.TaskGroup() as tasks:
            shares = [tasks.create_task(self._process(share)) for share in _shares(works)]
        for share in shares:
            self._note(share.result())
        crash_point("after_commit_before_offsets")
        self._tempo.done(len(works))
        await self._tempo.gather()

    def _work(self, record: ConsumerRecord) -> Work | None:
        try:
            envelope = envelope_of(record.key, record.headers, record.value)
        except MalformedEnvelope as error:
            where = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
            _log.error("a record is not an event and is passed over", problem=str(error), **where)
            return None
        return foreign_work(self._shell.service, self._topics[record.topic], envelope)

    async def _process(self, works: Sequence[Work]) -> dict[Work, Outcome]:
        """Until the database has taken it: a batch is never given back, because a nack comes again at once."""
        delay = 0.1
        while True:
            try:
                return await self._shell.process(works)
            except Exception as error:
                if not is_transient(error):
                    raise
                _log.warning("events wait for the database", fault=type(error).__name__, events=len(works))
                await asyncio.sleep(delay)
                delay = min(5.0, delay * 2)

    def _note(self, outcomes: dict[Work, Outcome]) -> None:
        parked = [(w, o) for w, o in outcomes.items() if isinstance(o, Deferred) and o.parked]
        for work, outcome in parked:
            assert work.foreign is not None
            _log.error(
                "an event is parked, and its key waits",
                topic=work.foreign.topic.name,
                type=work.foreign.envelope["type"],
                id=work.foreign.envelope["id"],
                reason=outcome.reason,
                error=outcome.error,
            )
        # while releases roll, or after going back, an unknown version is expected: it waits for newer code by itself
        misunderstood = [outcome for _, outcome in parked if outcome.reason != "unknown-version"]
        if self._watch.note(len(outcomes), len(misunderstood)):
            _log.critical(
                "the consumer pauses: more than 5 % of the last minute's events were parked, which is a bad release; "
                f"roll back or mend, restart, then `afaq parked retry {self._shell.service.name} --all`"
            )


class ParkingWatch:
    """Whether so much is being parked that going on would park everything."""

    def __init__(self) -> None:
        self.suspicious = False
        self._noted: deque[tuple[float, int, int]] = deque()

    def note(self, handled: int, parked: int) -> bool:
        """Counts a batch; tells whether it has just become too much."""
        now = time.monotonic()
        self._noted.append((now, handled, parked))
        while self._noted[0][0] < now - WATCH_SECONDS:
            self._noted.popleft()
        all_handled = sum(count for _, count, _ in self._noted)
        all_parked = sum(count for _, _, count in self._noted)
        was = self.suspicious
        self.suspicious = was or (all_parked >= SUSPICIOUS_PARKED and all_parked > SUSPICIOUS_SHARE * all_handled)
        return self.suspicious and not was


def _shares(works: Sequence[Work]) -> Sequence[Sequence[Work]]:
    """A large batch in two, a key's works in one of them and in order: one is decided while the other is written."""
    if len(works) < ENOUGH_TO_SHARE:
        return [works]
    shares: tuple[list[Work], list[Work]] = ([], [])
    for work in works:
        assert work.foreign is not None
        shares[work.foreign.key.int % 2].append(work)
    return shares


def _security(brokers: Brokers) -> BaseSecurity:
    """FastStream's own words for what all other clients are given."""
    tls = brokers.tls
    if brokers.username is None or brokers.password is None:
        return BaseSecurity(ssl_context=tls, use_ssl=tls is not None)
    return SASLScram512(brokers.username, brokers.password.get_secret_value(), ssl_context=tls, use_ssl=True)


async def _undecoded(message: KafkaMessage) -> Sequence[ConsumerRecord]:
    """The records as they are: our envelope is read per record, so that one bad record is not the whole batch's."""
    return message.raw_message
