"""One process of a service: `api` answers HTTP, `worker` follows, reacts, performs and publishes, `all` does both."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import structlog
import uvicorn
from fastapi import APIRouter, FastAPI

from shared.functions import Service
from shared.kernel.clock import the_clock
from shared.kernel.waiting import pause
from shared.messaging.brokers import Brokers
from shared.messaging.consumer import Consumer
from shared.messaging.relay import Relay
from shared.messaging.standing import LogIsBehind, confirm
from shared.messaging.topic_pages import TopicsUnreadable
from shared.observability import metrics
from shared.observability.logging import start_logging
from shared.observability.tracing import start_tracing, stop_tracing
from shared.runtime.settings import ServiceSettings, key_bytes
from shared.store.faults import is_database_error
from shared.store.job_runner import JobRunner
from shared.store.keyring import KeyRing
from shared.store.pool import NotConfirmed, connect, open_pool
from shared.store.shell import Shell
from shared.store.statements import SQL
from shared.store.types import Pool
from shared.web.app import create_app
from shared.web.health import Health

POLL_SECONDS = {"all": 0.25, "worker": 0.02, "api": 0.02}
"""A worker beside its API is woken in the process, and polls only for timers and for other processes' work."""
GAUGES_SECONDS = 10.0
WAITS_SECONDS = 20.0
IDEMPOTENCY_KEYS_KEPT = timedelta(hours=48)

_log = structlog.get_logger()


class Role(StrEnum):
    """What a process of a service does."""

    API = "api"
    WORKER = "worker"
    ALL = "all"


@dataclass(frozen=True)
class Composition:
    """A service put together with its concrete parts. `begin` runs once its database is there, before it is ready;
    `equip` gives the app what its routes need; `end` lets go of what the parts hold. `measure` sets the gauges of what
    waits in the service: it is asked every `WAITS_SECONDS` in the one process whose relay leads.
    """

    service: Service
    settings: ServiceSettings
    router: APIRouter
    folder: Path
    begin: Callable[[Shell], Awaitable[None]] | None = None
    equip: Callable[[FastAPI], None] | None = None
    end: Callable[[], Awaitable[None]] | None = None
    measure: Callable[[Shell], Awaitable[None]] | None = None


async def run_process(composed: Composition, role: Role, brokers: Brokers | None) -> None:
    """Runs until SIGTERM or SIGINT, then ends in order: no new requests, running ones answered, batches ended.

    `brokers` are what a worker needs; the API never talks to Kafka.
    """
    settings, name = composed.settings, composed.service.name
    start_logging(name, level=settings.log_level)
    start_tracing(
        name,
        sampled_share=settings.traces_sampled_share,
        otlp_endpoint=None if settings.otlp_endpoint is None else str(settings.otlp_endpoint),
        file=settings.traces_file,
    )
    dsn = str(settings.postgres_dsn)
    pool = await _pool_when_there(dsn, composed.service, settings.postgres_pool_size, brokers)
    shell = await Shell.open(composed.service, pool, KeyRing(key_bytes(settings.master_key)), the_clock())
    jobs = JobRunner(shell, poll_seconds=POLL_SECONDS[role], instance=settings.instance)
    await jobs.take_back()
    health = Health(pool)
    if composed.begin is not None:
        await composed.begin(shell)
    # What older code could not read is tried again by this.
    await pool.execute(SQL["retry_parked"], None, "unknown-version", shell.parts.clock.now())
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    async with asyncio.TaskGroup() as tasks:
        if brokers is not None:
            relay = Relay(shell, dsn=dsn, brokers=brokers, poll_seconds=POLL_SECONDS[role])
            consumer = Consumer(shell, brokers=brokers, instance=settings.instance)
            health.consumer = consumer
            tasks.create_task(_follow(consumer, health, stop))
            tasks.create_task(jobs.run(stop))
            tasks.create_task(relay.run(stop))
            tasks.create_task(_measure(shell, consumer, stop))
            if composed.measure is not None:
                tasks.create_task(_measure_waits(shell, relay, composed.measure, stop))
        router = None if role is Role.WORKER else composed.router
        app = create_app(name, composed.folder, router, shell=shell, jobs=jobs, health=health, stop=stop)
        app.state.settings = settings
        if composed.equip is not None:
            composed.equip(app)
        tasks.create_task(_serve(app, settings, stop))
        _log.info("started", role=role.value, port=settings.port)
    await shell.drain()
    if composed.end is not None:
        await composed.end()
    await pool.close()
    await asyncio.to_thread(stop_tracing)
    _log.info("stopped", role=role.value)


async def _pool_when_there(dsn: str, service: Service, size: int, brokers: Brokers | None) -> Pool:
    """A pool of the database, once it is there, migrated, and knows what the service has published."""
    name, delay = service.name, 0.2
    while True:
        try:
            pool = await open_pool(dsn, application=f"afaq-{name}", size=size, only_confirmed=True)
            await pool.fetchval(SQL["ping"])
            return pool
        except NotConfirmed as error:
            _log.warning("waiting for the database to be compared with the topic", fault=str(error))
            if brokers is not None:
                await _compare(dsn, service, brokers)
            await asyncio.sleep(1)
        except Exception as error:
            if not is_database_error(error):
                raise
            _log.warning("waiting for the database and its migrations", fault=type(error).__name__)
            await asyncio.sleep(delay)
            delay = min(5.0, delay * 2)


async def _compare(dsn: str, service: Service, brokers: Brokers) -> None:
    """Lets everybody work on a database that has changed its place, if nothing was lost by it."""
    connection = await connect(dsn, application=f"afaq-{service.name}-compare")
    try:
        await confirm(connection, service.events, brokers)
    except TopicsUnreadable as error:
        _log.warning("the topic cannot be read", fault=str(error))
    except LogIsBehind:
        _log.critical("the topic holds events that the log does not know: run `afaq replay recover`")
    finally:
        await connection.close()


async def _follow(consumer: Consumer, health: Health, stop: asyncio.Event) -> None:
    starting = asyncio.create_task(consumer.start())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        await starting
        health.following = True
        await stopping
    else:
        starting.cancel()
    await consumer.stop()


async def _measure(shell: Shell, consumer: Consumer, stop: asyncio.Event) -> None:
    """Sets the gauges now and then, and forgets old idempotency keys."""
    name, pool = shell.service.name, shell.parts.pool
    while not stop.is_set():
        try:
            now = shell.parts.clock.now()
            await _set_gauges(name, pool, consumer, now)
            await pool.execute(SQL["forget_idempotency_keys"], now - IDEMPOTENCY_KEYS_KEPT)
        except Exception as error:  # what only measures ends no process
            _log.warning("the gauges could not be set", fault=type(error).__name__)
        await pause(stop, GAUGES_SECONDS)


async def _measure_waits(
    shell: Shell, relay: Relay, measure: Callable[[Shell], Awaitable[None]], stop: asyncio.Event
) -> None:
    """Has the service count what waits in it, while this is the process that does it for all."""
    while not stop.is_set():
        try:
            if relay.leads:
                await measure(shell)
            else:
                for gauge in metrics.OF_THE_LEADER:
                    gauge.clear()
        except Exception as error:  # what only measures ends no process
            _log.warning("what waits could not be counted", fault=type(error).__name__)
        await pause(stop, WAITS_SECONDS)


async def _set_gauges(name: str, pool: Pool, consumer: Consumer, now: datetime) -> None:
    outbox = await pool.fetchrow(SQL["outbox_gauges"])
    assert outbox is not None
    metrics.OUTBOX_DEPTH.labels(name).set(outbox["depth"])
    metrics.OUTBOX_OLDEST_SECONDS.labels(name).set(outbox["oldest_seconds"])
    metrics.JOBS.clear()
    for row in await pool.fetch(SQL["job_gauges"]):
        metrics.JOBS.labels(name, row["kind"], row["state"]).set(row["jobs"])
    for row in await pool.fetch(SQL["circuit_gauges"], now):
        metrics.CIRCUIT_OPEN.labels(name, row["target"]).set(row["is_open"])
    metrics.CONSUMER_LAG.clear()  # a partition may have gone to another worker
    for topic, partition, lag in await consumer.lags():
        metrics.CONSUMER_LAG.labels(name, topic, partition).set(lag)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the process ends in our order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(app: FastAPI, settings: ServiceSettings, stop: asyncio.Event) -> None:
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=5,
        lifespan="off",
        backlog=2048,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    stopping.cancel()
    await asyncio.wait({serving}, timeout=settings.leaving_seconds)
    server.should_exit = True
    await serving
