"""Does jobs: timers, walks, own and foreign events that had to wait, in batches; effects one by one side by side."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

import structlog

from shared.contracts.envelope import UnknownSchemaVersion
from shared.contracts.event import Event, Recorded
from shared.functions import EffectHandler, Job
from shared.kernel.crash_points import crash_point
from shared.kernel.errors import TryLater
from shared.observability import metrics
from shared.observability.tracing import SpanKind, span
from shared.store import jobs
from shared.store.bell import Listener
from shared.store.faults import is_conflict, is_database_error, is_transient
from shared.store.foreign import foreign_work
from shared.store.log import recorded, subject_if_known
from shared.store.shell import Shell
from shared.store.statements import SQL, for_table
from shared.store.tempo import Tempo
from shared.store.work import ClaimedJob, Deferred, PageDone, Work
from shared.store.writer import defer_job

TRANSACTIONAL = ("event", "foreign_event", "message", "walk")
EFFECTS = ("effect",)
URGENT, OTHERS, OF_KEY, ALL = "j.urgent", "not j.urgent", "j.key = $7", "true"
"""Conditions of the claim's statement, each with an index of its own."""
BATCH_LIMIT = 100
CONCURRENT_EFFECTS = 64
URGENT_EFFECTS = 16
"""So many more may run for people who wait at this moment, however many others do."""
LEASE_SECONDS = 60.0
SHORT_LEASE_SECONDS = 20.0
"""For what is one transaction: who loses it has done nothing, so that it need not outlast the slowest."""
EFFECT_TIMEOUT_SECONDS = 25.0
PAGE_ROWS = 500
SOON = timedelta(seconds=1)
"""What is due so soon is waited for: a job may be made while the question whether there is one is on its way."""
CIRCUIT_FAULTS = 5
CIRCUIT_OPEN_SECONDS = 10.0

Opened = Callable[[], Recorded[Event]]

_log = structlog.get_logger()


class Leases:
    """Ids of leases. Those of a named instance are in a range of their own, so that it finds its own again."""

    def __init__(self, instance: str | None) -> None:
        self.are_named = instance is not None
        self._own = sha256(instance.encode()).digest()[:8] if instance is not None else b""

    @property
    def range(self) -> tuple[UUID, UUID]:
        """The first and the last that this instance can have."""
        return UUID(bytes=self._own.ljust(16, b"\x00")), UUID(bytes=self._own.ljust(16, b"\xff"))

    def new(self) -> UUID:
        """One that no claim has had."""
        return UUID(bytes=self._own + os.urandom(16 - len(self._own)))


class JobRunner:
    """Claims and does the jobs of one service: the urgent ones and the others side by side, so that no number of others
    holds an urgent one up. Any number of processes may run one.
    """

    def __init__(self, shell: Shell, *, poll_seconds: float, instance: str | None = None) -> None:
        self._shell = shell
        self._parts = shell.parts
        self._poll_seconds = poll_seconds
        self._leases = Leases(instance)
        self._effects: dict[str, set[asyncio.Task[None]]] = {URGENT: set(), OTHERS: set()}

    async def take_back(self) -> None:
        """Lets go of what this instance had claimed when it died: nobody has to wait for the end of those leases."""
        if self._leases.are_named:
            await self._parts.pool.execute(SQL["take_back_jobs"], *self._leases.range)

    async def run(self, stop: asyncio.Event) -> None:
        """Does jobs until `stop`, then ends what it has begun."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._loop(URGENT, URGENT_EFFECTS, stop))
            loops.create_task(self._loop(OTHERS, CONCURRENT_EFFECTS, stop))
        if self.running:
            await asyncio.wait(self.running)

    @property
    def running(self) -> set[asyncio.Task[None]]:
        """The effects that are being done at this moment."""
        return self._effects[URGENT] | self._effects[OTHERS]

    async def _loop(self, which: str, slots: int, stop: asyncio.Event) -> None:
        bell = Listener(self._shell.urgent_bell if which == URGENT else self._shell.jobs_bell)
        tempo = Tempo()
        while not stop.is_set():
            try:
                if which != URGENT:
                    await tempo.gather()
                if not await self._round(which, slots, tempo):
                    await bell.wait(self._poll_seconds)  # what a round brings about rings it
            except Exception as error:
                if not is_database_error(error):
                    raise
                _log.warning("jobs wait for the database", fault=type(error).__name__)
                await asyncio.sleep(1)

    async def perform_now(self, key: UUID, *, timeout_seconds: float = 5.0) -> bool:
        """Does at once the jobs of one aggregate that are due, because a person waits; tells whether all are done.

        Whoever else has claimed one of them is waited for. What takes longer goes on after the answer.
        """
        deadline, pause = time.monotonic() + timeout_seconds, 0.01
        while (left := deadline - time.monotonic()) > 0:
            left_to_do = await self._parts.pool.fetchrow(SQL["jobs_left"], key, self._parts.clock.now() + SOON)
            assert left_to_do is not None
            if not left_to_do["due"]:
                return True
            claimed = await self._claim(TRANSACTIONAL + EFFECTS, BATCH_LIMIT, key=key) if left_to_do["free"] else []
            if claimed:
                doing = asyncio.create_task(self._do(claimed))
                self._watch(doing, URGENT)
                await asyncio.wait({doing}, timeout=left)
                pause = 0.01
            else:
                await asyncio.sleep(min(pause, left))
                pause = min(0.25, pause * 2)
        return False

    async def _round(self, which: str, slots: int, tempo: Tempo) -> bool:
        """Claims what can be begun: all kinds at once, or apart where few effects more can be; tells whether there may
        be more than was claimed.
        """
        free = max(0, slots - len(self._effects[which]))
        if free >= slots // 2:
            claimed = await self._claim(TRANSACTIONAL + EFFECTS, free, which=which)
        else:
            claimed = await self._claim(TRANSACTIONAL, BATCH_LIMIT, which=which)
            claimed += await self._claim(EFFECTS, free, which=which) if free else []
        tempo.done(len(claimed))
        others = [job for job in claimed if job.kind != "effect"]
        for job in claimed:
            if job.kind == "effect":
                self._watch(asyncio.create_task(self._perform_safely(job)), which)
        if others:
            await self._transact(others)
        return len(claimed) >= min(free or BATCH_LIMIT, BATCH_LIMIT)

    def _watch(self, task: asyncio.Task[None], which: str) -> None:
        self._effects[which].add(task)
        task.add_done_callback(lambda ended: self._effect_ended(ended, which))

    def _effect_ended(self, task: asyncio.Task[None], which: str) -> None:
        were_few_free = len(self._effects[which]) * 2 > (URGENT_EFFECTS if which == URGENT else CONCURRENT_EFFECTS)
        self._effects[which].discard(task)
        if were_few_free:
            (self._shell.urgent_bell if which == URGENT else self._shell.jobs_bell).ring()
        if not task.cancelled() and task.exception() is not None:
            _log.error("a job could not be ended; its lease will", exc_info=task.exception())

    async def _claim(
        self, kinds: Sequence[str], limit: int, *, key: UUID | None = None, which: str = ALL
    ) -> list[ClaimedJob]:
        now = self._parts.clock.now()
        text = for_table("claim_jobs", "jobs", which=which if key is None else OF_KEY)
        arguments = [list(kinds), now, limit, self._leases.new(), LEASE_SECONDS, SHORT_LEASE_SECONDS]
        rows = await self._parts.pool.fetch(text, *arguments, *([] if key is None else [key]))
        names = (
            "id",
            "kind",
            "name",
            "lane",
            "key",
            "payload",
            "origin",
            "target",
            "attempts",
            "first_due_at",
            "urgent",
            "is_troubled",
        )
        if rows:
            crash_point("after_claim_before_work")
        rows.sort(key=lambda row: row["seq"])
        return [ClaimedJob(**{name: row[name] for name in names}, lease=row["leased_by"]) for row in rows]

    async def _do(self, claimed: Sequence[ClaimedJob]) -> None:
        effects = [job for job in claimed if job.kind == "effect"]
        others = [job for job in claimed if job.kind != "effect"]
        if others:
            await self._transact(others)
        await asyncio.gather(*(self._perform_safely(job) for job in effects))

    async def _transact(self, claimed: Sequence[ClaimedJob]) -> None:
        try:
            outcomes = await self._shell.process(await self._works(claimed))
        except Exception:
            with suppress(Exception):  # the leases end by themselves where the database is still away
                await self._parts.pool.execute(SQL["release_jobs"], [job.id for job in claimed], claimed[0].lease)
            raise
        for work, outcome in outcomes.items():
            if isinstance(outcome, Deferred) and work.job is not None and outcome.parked:
                _log.error("a job is parked", job=work.job.name, id=str(work.job.id), reason=outcome.reason)

    async def _works(self, claimed: Sequence[ClaimedJob]) -> list[Work]:
        """The jobs as work. One that this code cannot read is parked: newer code may, and no other has to wait."""
        events = await self._events([job for job in claimed if job.kind == "event"])
        works = []
        for job in claimed:
            if job.attempts > jobs.MAX_CLAIMS:
                await self._park(job, "exhausted", "claimed again and again without an end: it may kill its process")
                continue
            try:
                works.append(await self._work(job, events))
            except Exception as error:
                if is_database_error(error):
                    raise
                await self._park(job, _reason(error), f"{type(error).__name__}: {jobs.where(error)}")
        return works

    async def _work(self, job: ClaimedJob, events: Mapping[tuple[UUID, int], Opened]) -> Work:
        match job.kind:
            case "event":
                event = events[job.key, job.payload["sequence"]]()
                return Work(replace(event.caused(), urgent=job.urgent), event=event, job=job)
            case "foreign_event":
                topic = next(topic for topic in self._shell.service.reads if topic.name == job.lane)
                return foreign_work(self._shell.service, topic, await self._opened(job), job)
            case "walk":
                return await self._page(job)
            case _:
                return self._message_work(job)

    async def _events(self, claimed: Sequence[ClaimedJob]) -> Mapping[tuple[UUID, int], Opened]:
        """The own events of these jobs, each read when its job comes: an unreadable one is that job's fault alone."""
        if not claimed:
            return {}
        keys, sequences = [job.key for job in claimed], [job.payload["sequence"] for job in claimed]
        async with self._parts.pool.acquire() as connection:
            rows = await connection.fetch(SQL["own_events"], keys, sequences)
            subjects = {subject for row in rows if (subject := subject_if_known(row))}
            boxes = await self._parts.keyring.boxes(connection, subjects)
        return {(row["aggregate_id"], row["sequence"]): partial(recorded, row, boxes) for row in rows}

    async def _opened(self, job: ClaimedJob) -> Mapping[str, Any]:
        """The envelope of a waiting foreign event; data about a person are kept sealed with that person's key."""
        sealed = job.payload.get("sealed")
        if sealed is None:
            return job.payload
        async with self._parts.pool.acquire() as connection:
            box = (await self._parts.keyring.boxes(connection, [job.key])).get(job.key)
        return {**job.payload, "data": {} if box is None else box.open(sealed, f"job.{job.id}")}

    def _message_work(self, job: ClaimedJob) -> Work:
        decider = self._shell.service.decider(job.payload["decider"])
        message = decider.messages[job.name].validate_python(job.payload["message"])
        return Work(jobs.origin_of(job), sends=[decider.send(job.key, message)], job=job)

    async def _page(self, job: ClaimedJob) -> Work:
        walk = job.payload
        decider = self._shell.service.decider(walk["decider"])
        message = decider.messages[job.name].validate_python(walk["message"])
        text = for_table("walk_page", walk["table"], by=walk["by"])
        rows = await self._parts.pool.fetch(text, UUID(walk["equals"]), UUID(walk["cursor"]), PAGE_ROWS)
        sends = [decider.send(row["id"], message) for row in rows]
        page = None
        if len(rows) == PAGE_ROWS:
            page = PageDone({**walk, "cursor": str(rows[-1]["id"]), "done": walk["done"] + len(rows)})
        return Work(jobs.origin_of(job), sends=sends, job=job, page=page)

    async def _perform_safely(self, job: ClaimedJob) -> None:
        try:
            await self._perform(job)
        except Exception as error:
            # The lease ends by itself and the effect is repeated: at most once more for one such fault.
            _log.error("an effect could not be recorded", effect=job.name, id=str(job.id), fault=type(error).__name__)
            if not is_database_error(error):
                raise

    async def _perform(self, job: ClaimedJob) -> None:
        handler = self._shell.service.effects.handler(job.name)
        if handler is None:
            await self._park(job, "unknown-effect", f"no handler for {job.name}")
            return
        try:
            effect = handler.adapter.validate_python(job.payload)
            state = await self._state(handler, job.key)
            is_due = handler.due is None or handler.due(effect, state)
        except Exception as error:
            if is_database_error(error):
                raise
            await self._park(job, _reason(error), f"{type(error).__name__}: {jobs.where(error)}")
            return
        if is_due and not self._is_exhausted(handler, job):
            await self._attempt(handler, effect, job, state)
            return
        if job.target:
            await self._parts.pool.execute(SQL["circuit_unproved"], job.target)
        if is_due:
            await self._exhausted(handler, effect, job)
        else:
            await self._shell.process([Work(jobs.origin_of(job), job=job)])

    async def _attempt(self, handler: EffectHandler, effect: Any, job: ClaimedJob, state: Any) -> None:
        started = time.perf_counter()
        now = self._parts.clock.now()
        origin = jobs.origin_of(job)
        try:
            with span(f"perform {job.name}", origin.traceparent, SpanKind.CLIENT) as traceparent:
                origin = replace(origin, traceparent=traceparent)
                async with asyncio.timeout(EFFECT_TIMEOUT_SECONDS):
                    told = Job(job.id, job.key, job.attempts, job.first_due_at, now)
                    message = await self._shell.service.effects.run(handler, effect, told, state)
        except Exception as error:
            metrics.effect_ended(self._shell.service.name, job.name, _word(error), time.perf_counter() - started)
            await self._try_again(job, error)
            return
        crash_point("after_effect_before_record")
        metrics.effect_ended(self._shell.service.name, job.name, "done", time.perf_counter() - started)
        await self._record(job, Work(origin, sends=[message] if message else [], job=job))

    async def _record(self, job: ClaimedJob, work: Work) -> None:
        """Records what an effect found out, for as long as its lease lasts: what is done need not be done again."""
        delay, give_up_at = 0.1, time.monotonic() + LEASE_SECONDS - EFFECT_TIMEOUT_SECONDS
        while True:
            try:
                if job.target and job.is_troubled:
                    await self._parts.pool.execute(SQL["circuit_ok"], job.target)
                await self._shell.join(work)
                return
            except Exception as error:
                if not is_transient(error) or is_conflict(error) or time.monotonic() > give_up_at:
                    raise
                _log.warning("what an effect did waits for the database", effect=job.name, fault=type(error).__name__)
            await asyncio.sleep(delay)
            delay = min(2.0, delay * 2)

    async def _try_again(self, job: ClaimedJob, error: Exception) -> None:
        fault = _is_fault(error)
        seconds = getattr(error, "after_seconds", None)
        delay = jobs.retry_delay(job.attempts) if seconds is None else timedelta(seconds=seconds)
        if fault:
            _log.warning(
                "an effect failed", effect=job.name, id=str(job.id), fault=type(error).__name__, attempt=job.attempts
            )
        if job.target and (fault or job.is_troubled):
            arguments = (CIRCUIT_FAULTS, CIRCUIT_OPEN_SECONDS) if fault else ()
            await self._parts.pool.execute(SQL["circuit_fault" if fault else "circuit_ok"], job.target, *arguments)
        deferred = Deferred(
            _word(error),
            parked=False,
            error=f"{type(error).__name__}: {jobs.where(error)}" if fault else None,
            no_fault=not fault,
        )
        await self._defer(job, deferred, delay)

    def _is_exhausted(self, handler: EffectHandler, job: ClaimedJob) -> bool:
        age = self._parts.clock.now() - job.first_due_at
        return job.attempts > handler.max_attempts or age > timedelta(seconds=handler.lives_for_seconds)

    async def _exhausted(self, handler: EffectHandler, effect: Any, job: ClaimedJob) -> None:
        if handler.exhausted is None:
            await self._park(job, "exhausted", "no attempt succeeded in its time")
            return
        await self._shell.process([Work(jobs.origin_of(job), sends=[handler.exhausted(effect, job.key)], job=job)])

    async def _state(self, handler: EffectHandler, key: UUID) -> Any:
        if handler.of is None:
            return None
        loaded = await self._shell.state(handler.of, key)
        return handler.of.initial if loaded is None else loaded.state

    async def _park(self, job: ClaimedJob, reason: str, error: str) -> None:
        _log.error("a job is parked", job=job.name, id=str(job.id), reason=reason)
        await self._defer(job, Deferred(reason, parked=True, error=error), timedelta())

    async def _defer(self, job: ClaimedJob, deferred: Deferred, delay: timedelta) -> None:
        async with self._parts.pool.acquire() as connection:
            await defer_job(connection, job, deferred, self._parts.clock.now() + delay)


def _reason(error: Exception) -> str:
    return "unknown-version" if isinstance(error, UnknownSchemaVersion | KeyError | StopIteration) else "poison"


def _is_fault(error: Exception) -> bool:
    """Whether the target has failed, not merely nothing to say yet."""
    return not isinstance(error, TryLater) or error.fault


def _word(error: Exception) -> str:
    return "fault" if _is_fault(error) else "no-answer-yet"
