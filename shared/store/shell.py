"""The shell: runs a service's pure functions on its database (ADR 2)."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg

from shared.contracts.event import Event, Origin, Recorded
from shared.functions import Decider, Send, Service
from shared.kernel.clock import Clock
from shared.kernel.crash_points import crash_point
from shared.kernel.ids import new_id
from shared.observability import metrics
from shared.observability.tracing import current_traceparent
from shared.store.batch import Batch, Lanes
from shared.store.bell import Bell
from shared.store.faults import is_conflict, is_locked, is_transient
from shared.store.keyring import KeyRing
from shared.store.log import history, read_all
from shared.store.parts import Parts, assemble
from shared.store.statements import SQL
from shared.store.states import read_state, reading, states_of
from shared.store.tempo import Tempo
from shared.store.types import Pool
from shared.store.work import Answer, Busy, Done, Idempotency, Loaded, Outcome, Overloaded, Work

GROUP_LIMIT = 64
CONCURRENT_COMMITS = 2
CONFLICT_TRIES = 8
WAITING_LIMIT = 2000
"""So many commands may wait for a commit; more are turned away at once, for later."""
WAITING_ALONE = 3
"""So many commands may wait for aggregates that others hold; the pool's other connections stay free."""


class Shell:
    """What a service is run by.

    `handle` is how commands enter; `process` is how everything else does: Kafka's events, own events, timers and the
    results of effects. Both commit state, events, projections, jobs and outbox in one transaction.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.jobs_bell = Bell()
        self.urgent_bell = Bell()
        self.outbox_bell = Bell()
        self._waiting: deque[tuple[Work, asyncio.Future[Outcome]]] = deque()
        self._commits: set[asyncio.Task[None]] = set()
        self._alone_commits: set[asyncio.Task[None]] = set()
        self._waiting_room = asyncio.Semaphore(WAITING_ALONE)
        self._tempo = Tempo()
        self._gathers = False

    @classmethod
    async def open(cls, service: Service, pool: Pool, keyring: KeyRing, clock: Clock) -> "Shell":
        """The shell of a service on a migrated database."""
        return cls(await assemble(service, pool, keyring, clock))

    @property
    def service(self) -> Service:
        """The service that it runs."""
        return self.parts.service

    async def handle(
        self,
        *commands: Send,
        actor: str = "platform",
        on_behalf_of: str | None = None,
        key: Idempotency | None = None,
        answer: Answer | None = None,
        urgent: bool = False,
    ) -> Done:
        """Has the commands done, all or none, and returns after the commit.

        Commands of this process that come at the same time share a commit. `answer(aggregate_id, state)` is computed
        from the new state of the first command's aggregate and kept under `key`. `urgent`: what follows from them is
        done before all other jobs, because a person waits for it.
        Raises Refused or NotYet (nothing changed), StillRunning, KeyReused, Overloaded, or a transient database error:
        then it is unknown whether the command was done, and the client repeats it with its key.
        """
        origin = Origin(
            new_id(), actor=actor, on_behalf_of=on_behalf_of, traceparent=current_traceparent(), urgent=urgent
        )
        if len(self._waiting) >= WAITING_LIMIT:
            raise Overloaded
        outcome = await self.join(Work(origin, sends=commands, command=True, idempotency=key, answer=answer))
        assert isinstance(outcome, Done)
        return outcome

    async def join(self, work: Work) -> Outcome:
        """Deals with a work that somebody waits for, in one commit with others that come at the same time.

        Raises what a command is refused with, and what is wrong with the database.
        """
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        self._start_commits()
        outcome = await future
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def process(self, works: Sequence[Work]) -> dict[Work, Outcome]:
        """Deals with works in order. What goes wrong for a batch is done again piece by piece, so that one fails alone.

        Raises only transient errors of the database, with nothing done or a prefix done; what comes again is dropped.
        """
        if all(work.is_only_counted for work in works) and await self._count(works):
            return dict.fromkeys(works, Done())
        try:
            return await self._transact(works)
        except Exception as error:
            if is_transient(error) and not is_conflict(error) and not is_locked(error):
                raise
        blocked: Lanes = set()
        outcomes: dict[Work, Outcome] = {}
        for work in works:
            outcomes[work] = await self._alone(work, blocked)
        return outcomes

    async def state(self, decider: Decider[Any, Any, Any, Any], id: UUID) -> Loaded | None:
        """One aggregate as it was committed last."""
        async with self.parts.pool.acquire() as connection:
            return await read_state(self.parts, connection, decider, id)

    async def states(self, decider: Decider[Any, Any, Any, Any], ids: Sequence[UUID]) -> list[tuple[UUID, Any]]:
        """Several aggregates of one kind as they were committed last, in the order of the ids."""
        async with self.parts.pool.acquire() as connection:
            rows = await connection.fetch(reading("read_states", decider), ids)
            loaded = await states_of(self.parts, connection, decider, rows)
        return [(id, loaded[id].state) for id in ids if id in loaded]

    async def history(self, id: UUID, after: int = 0) -> list[Recorded[Event]]:
        """The events of one aggregate after a sequence."""
        async with self.parts.pool.acquire() as connection:
            return await history(connection, self.parts.keyring, id, after)

    async def transaction(self, *correlation_ids: UUID) -> list[Recorded[Event]]:
        """The events of this service that belong to these transactions, in the order of their recording."""
        async with self.parts.pool.acquire() as connection:
            rows = await connection.fetch(SQL["events_of_correlation"], correlation_ids)
            return await read_all(connection, self.parts.keyring, rows)

    async def hasten(self, effect: type, key: UUID) -> None:
        """A pending effect of this aggregate is due at once: somebody outside says that there is news."""
        await self.parts.pool.execute(SQL["hasten_jobs"], effect.__name__, key, self.parts.clock.now())
        self.jobs_bell.ring()
        self.urgent_bell.ring()

    async def drain(self) -> None:
        """Ends when no command is being handled any more."""
        while running := self._commits | self._alone_commits:
            await asyncio.wait(running)

    def _start_commits(self) -> None:
        if self._waiting and not self._gathers and len(self._commits) < CONCURRENT_COMMITS:
            self._gathers = True
            task = asyncio.create_task(self._commit())
            self._commits.add(task)
            task.add_done_callback(self._commit_ended)

    def _commit_ended(self, task: asyncio.Task[None]) -> None:
        self._commits.discard(task)
        self._start_commits()

    async def _commit(self) -> None:
        await self._tempo.gather()
        group = [self._waiting.popleft() for _ in range(min(GROUP_LIMIT, len(self._waiting)))]
        self._tempo.done(len(group))
        self._gathers = False
        self._start_commits()
        works = [work for work, _ in group]
        try:
            outcomes: Mapping[Work, Outcome] = await self._transact(works, skip_locked=True)
            crash_point("after_commit_before_answer")
        except Exception as error:
            is_unknown = is_transient(error) and not is_conflict(error) and not is_locked(error)
            outcomes = dict.fromkeys(works, error if is_unknown else Busy())
        for work, future in group:
            outcome = outcomes[work]
            if isinstance(outcome, Busy):
                self._start_alone(work, future)
            elif not future.done():
                future.set_result(outcome)

    def _start_alone(self, work: Work, future: "asyncio.Future[Outcome]") -> None:
        """Does a command by itself, beside the groups: it may have to wait for whoever holds its aggregate."""
        task = asyncio.create_task(self._commit_alone(work, future))
        self._alone_commits.add(task)
        task.add_done_callback(self._alone_commits.discard)

    async def _commit_alone(self, work: Work, future: "asyncio.Future[Outcome]") -> None:
        async with self._waiting_room:
            try:
                outcome = await self._alone(work, set())
            except Exception as error:
                outcome = error
        if not future.done():
            future.set_result(outcome)

    async def _alone(self, work: Work, blocked: Lanes) -> Outcome:
        for attempt in range(CONFLICT_TRIES):
            try:
                return (await self._transact([work], blocked=blocked, reacts=False))[work]
            except Exception as error:
                if is_conflict(error) and attempt < CONFLICT_TRIES - 1:
                    await asyncio.sleep(0.005 * 2**attempt)
                elif work.command:
                    return error
                elif is_transient(error):
                    raise
                else:
                    return await self._park(work, error, blocked)
        raise AssertionError("unreachable")

    async def _park(self, work: Work, error: Exception, blocked: Lanes) -> Outcome:
        """Parks a work; where not even its data can be stored, it is parked without them and is on its topic still."""
        if work.lane:
            blocked.add(work.lane)
        try:
            return await self._park_as_it_is(work, error)
        except asyncpg.DataError:
            assert work.foreign is not None
            foreign = replace(work.foreign, envelope={**work.foreign.envelope, "data": {}})
            return await self._park_as_it_is(replace(work, foreign=foreign), error)

    async def _park_as_it_is(self, work: Work, error: Exception) -> Outcome:
        async with self.parts.pool.acquire() as connection, connection.transaction():
            return await Batch(self.parts, connection).park(work, error)

    async def _count(self, works: Sequence[Work]) -> bool:
        """Events that mean nothing here, in one statement, where nothing is missing; tells whether that was so."""
        stretches: dict[tuple[str, UUID], tuple[int, int]] = {}
        for work in works:
            assert work.foreign is not None and work.lane is not None
            sequence = work.foreign.sequence
            first, last = stretches.get(work.lane, (sequence, sequence - 1))
            if sequence != last + 1:
                return False
            stretches[work.lane] = first, sequence
        topics, keys = [topic for topic, _ in stretches], [key for _, key in stretches]
        ends = list(stretches.values())
        counted = await self.parts.pool.fetchval(
            SQL["count_events"], topics, keys, [first for first, _ in ends], [last for _, last in ends]
        )
        return bool(counted == len(stretches))

    async def _transact(
        self, works: Sequence[Work], *, blocked: Lanes | None = None, skip_locked: bool = False, reacts: bool = True
    ) -> dict[Work, Outcome]:
        started = time.perf_counter()
        async with self.parts.pool.acquire() as connection, connection.transaction():
            batch = Batch(self.parts, connection, blocked=blocked, skip_locked=skip_locked, reacts=reacts)
            outcomes = await batch.run(works)
            crash_point("before_commit")
        metrics.committed(self.service.name, outcomes, time.perf_counter() - started, self.parts.clock.now())
        if batch.has_due:
            self.jobs_bell.ring()
        if batch.has_due_urgently:
            self.urgent_bell.ring()
        if batch.has_recorded:
            self.outbox_bell.ring()
        return outcomes
