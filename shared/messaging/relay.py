"""The relay: publishes the outbox in its order, and deletes what Kafka has acknowledged (ADR 5).

One leader a service, by a session's advisory lock. A batch is read, sent once, awaited within a limit of our own, and
deleted and sealed in one statement; on any failure the producer is thrown away, because an idempotent producer whose
batch has failed has spent its sequence numbers, and the batch is read again. So nothing is lost, a key's order is kept,
and at most one batch comes twice a failure.
"""

import asyncio
import contextlib
from typing import Any

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from pydantic_core import to_json

from shared.contracts.envelope import Headers, headers_of
from shared.contracts.topics import Topic
from shared.kernel.crash_points import crash_point
from shared.kernel.ids import new_id
from shared.kernel.waiting import pause
from shared.messaging.brokers import Brokers
from shared.messaging.standing import LogIsBehind, confirm
from shared.messaging.topic_pages import TopicsUnreadable
from shared.observability import metrics
from shared.observability.tracing import OpenSpan, SpanKind, is_sampled
from shared.store.bell import Listener
from shared.store.faults import is_database_error
from shared.store.pool import connect
from shared.store.seal import NO_SEAL, last_seal
from shared.store.shell import Shell
from shared.store.statements import SQL
from shared.store.states import read_state
from shared.store.tempo import Tempo
from shared.store.types import Connection, Record

BATCH_LIMIT = 500
PARTITION_BATCH_BYTES = 512 * 1024  # one request a partition; a broker takes 1 MiB by default
ACKNOWLEDGED_WITHIN_SECONDS = 8.0  # before PostgreSQL ends a silent session, and another leads
LEADER_LOCK = 7_051_001
SILENT_LIMIT = "10s"
"""A leader that is silent for so long stands still, or is on a machine that is gone: another leads."""
BEHIND_SECONDS = 10.0
"""So often a relay looks whether its log was recovered."""
NO_ANSWER_SECONDS = 15.0
"""A database that gives no answer for so long is on a machine that is gone, or its connection is: there is another."""
SEAL_HEADER = "ce_sealhash"
Message = tuple[str, bytes, bytes | None, Headers]

_log = structlog.get_logger()


class NotAcknowledged(Exception):
    """Kafka has not said of a whole batch that it has it; a database that gives no answer is another matter."""


class Relay:
    """Publishes what one service records, while it is the leader."""

    def __init__(self, shell: Shell, *, dsn: str, brokers: Brokers, poll_seconds: float) -> None:
        self._shell = shell
        self._service = shell.service
        self._dsn = dsn
        self._brokers = brokers
        self._poll_seconds = poll_seconds
        self._producer: AIOKafkaProducer | None = None
        self._seal = NO_SEAL
        self.leads = False
        """Whether this process publishes, and not another of its service."""

    async def run(self, stop: asyncio.Event) -> None:
        """Leads when it can, until `stop`; what is recorded by then and not published stays in the outbox."""
        while not stop.is_set():
            try:
                connection = await connect(
                    self._dsn,
                    application=f"afaq-{self._service.name}-relay",
                    command_timeout=NO_ANSWER_SECONDS,
                    idle_limit=SILENT_LIMIT,
                )
            except (OSError, asyncpg.PostgresError, TimeoutError):
                await asyncio.sleep(1)
                continue
            try:
                await self._lead(connection, stop)
            except Exception as error:
                if not is_database_error(error):
                    raise
                _log.warning("the relay has lost its database", fault=type(error).__name__)
                await asyncio.sleep(0.5)
            finally:
                self.leads = False
                connection.terminate()
        await self._discard_producer()

    async def _lead(self, connection: Connection, stop: asyncio.Event) -> None:
        while not await connection.fetchval("select pg_try_advisory_lock($1)", LEADER_LOCK):
            if stop.is_set():
                return
            await asyncio.sleep(0.5)
        if not await self._log_is_whole(connection, stop):
            return
        self._seal = await last_seal(connection)
        self.leads = True
        bell, tempo = Listener(self._shell.outbox_bell), Tempo()
        while not stop.is_set():
            try:
                await tempo.gather()
                published = await self._publish_batch(connection)
                tempo.done(published)
            except NotAcknowledged as error:
                # The batch is read again from the start: we may not be the leader any more, and a snapshot may be old.
                _log.warning("the relay sends a batch again", fault=type(error.__cause__ or error).__name__)
                await self._discard_producer()
                await asyncio.sleep(0.5)
                continue
            while published < BATCH_LIMIT and not stop.is_set():
                rung = await bell.wait(self._poll_seconds)
                if rung or await connection.fetchval(SQL["is_to_be_published"]):
                    break

    async def _log_is_whole(self, connection: Connection, stop: asyncio.Event) -> bool:
        """Whether the log knows what the topic holds: a restored one would publish other events by the same numbers."""
        behind = False
        try:
            async with asyncio.timeout(ACKNOWLEDGED_WITHIN_SECONDS):
                await confirm(connection, self._service.events, self._brokers)
        except (TopicsUnreadable, TimeoutError) as error:
            _log.warning("the relay waits for its topic", fault=type(error).__name__)
            await pause(stop, 1)
            return False
        except LogIsBehind:
            behind = True
            _log.critical(
                "the topic holds events that the log does not know: this database was restored, and nothing is "
                "published; stop the service and run `afaq replay recover`"
            )
        metrics.LOG_BEHIND.labels(self._service.name).set(behind)
        if behind:
            await pause(stop, BEHIND_SECONDS)
        return not behind

    async def _publish_batch(self, connection: Connection) -> int:
        now = asyncio.get_running_loop().time
        read_at = now()
        rows = await connection.fetch(SQL["relay_batch"], BATCH_LIMIT)
        if not rows:
            return 0
        logged = [row for row in rows if row["sequence"] is not None]
        seal = self._seal.next(bytes(row["digest"]) for row in logged) if logged else self._seal
        messages = [message for row in rows if (message := await self._message(connection, row))]
        crash_point("after_commit_before_publish")
        if now() - read_at > ACKNOWLEDGED_WITHIN_SECONDS:
            raise NotAcknowledged  # we stood still: another may lead by now, and have published what is newer
        await self._send(_sealed(messages, self._service.events.name, seal.hash) if logged else messages)
        crash_point("after_publish_before_delete")
        seqs, log_seqs = [row["seq"] for row in rows], [row["log_seq"] for row in logged]
        await connection.execute(SQL["relay_published"], seqs, seal.number, log_seqs, seal.hash)
        self._seal = seal
        metrics.PUBLISHED.labels(self._service.name).inc(len(rows))
        return len(rows)

    async def _message(self, connection: Connection, row: Record) -> Message | None:
        if row["sequence"] is not None:
            headers = headers_of(row, source=f"/afaq/{self._service.name}")
            return self._service.events.name, str(row["aggregate_id"]).encode(), row["data"].encode(), headers
        return await self._snapshot(connection, row)

    async def _snapshot(self, connection: Connection, row: Record) -> Message | None:
        """The newest state as it is now: of several waiting snapshots of an aggregate the first is new already."""
        decider = self._service.decider(row["aggregate"])
        snapshot = self._service.snapshot_of(decider)
        loaded = await read_state(self._shell.parts, connection, decider, row["aggregate_id"])
        if snapshot is None or loaded is None:
            return None
        data = snapshot.of(row["aggregate_id"], loaded.state)
        cls = snapshot.gone if data is None else type(data)
        headers = headers_of(self._snapshot_row(snapshot.topic, row, cls, loaded), source=f"/afaq/{self._service.name}")
        value = None if data is None else to_json(data)
        return snapshot.topic.name, str(row["aggregate_id"]).encode(), value, headers

    def _snapshot_row(self, topic: Topic, row: Record, cls: Any, loaded: Any) -> dict[str, Any]:
        return {
            "id": new_id(),
            "type": cls.type,
            "schema_version": cls.version,
            "aggregate_id": row["aggregate_id"],
            "recorded_at": self._shell.parts.clock.now(),
            "sequence": loaded.version,
            "correlation_id": loaded.correlation_id or row["aggregate_id"],
            "causation_id": None,
            "actor": "platform",
            "on_behalf_of": None,
            "traceparent": None,
        }

    async def _send(self, messages: list[Message]) -> None:
        spans: list[OpenSpan] = []
        try:
            async with asyncio.timeout(ACKNOWLEDGED_WITHIN_SECONDS):
                producer = await self._started_producer()
                futures = [
                    await producer.send(topic, value, key=key, headers=_traced(headers, spans))
                    for topic, key, value, headers in messages
                ]
                await asyncio.gather(*futures)
        except (KafkaError, TimeoutError) as error:
            raise NotAcknowledged from error
        finally:
            for published in spans:
                published.end()

    async def _started_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = AIOKafkaProducer(
                **self._brokers.client_options,
                acks="all",
                enable_idempotence=True,
                linger_ms=1,
                max_batch_size=PARTITION_BATCH_BYTES,
                request_timeout_ms=5_000,
                client_id=f"afaq-{self._service.name}-relay",
            )
            await self._producer.start()
        return self._producer

    async def _discard_producer(self) -> None:
        """Ends a producer for good: its `stop` flushes without limit and, cancelled, leaves the sender at work."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        with contextlib.suppress(Exception):
            await asyncio.wait_for(producer.stop(), 3)
            return
        with contextlib.suppress(Exception):
            await producer._sender.close()  # noqa: SLF001 there is no other way to end it
            await producer.client.close()


def _sealed(messages: list[Message], topic: str, seal: bytes) -> list[Message]:
    """The messages, with the seal on the last event: so the chain's head is kept outside of the database too."""
    last = max(position for position, message in enumerate(messages) if message[0] == topic)
    of, key, value, headers = messages[last]
    return [*messages[:last], (of, key, value, [*headers, (SEAL_HEADER, seal.hex().encode())]), *messages[last + 1 :]]


def _traced(headers: Headers, spans: list[OpenSpan]) -> Headers:
    """The headers, with the publication's own span as what consumers continue."""
    given = dict(headers)
    traceparent = given.get("traceparent", b"").decode()
    if not is_sampled(traceparent):
        return headers
    published = OpenSpan(f"publish {given['ce_type'].decode()}", traceparent, SpanKind.PRODUCER)
    spans.append(published)
    return [(name, published.traceparent.encode() if name == "traceparent" else value) for name, value in headers]
