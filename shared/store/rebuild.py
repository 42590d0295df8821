"""Computes a projection's table again from the log and from topics, while its service works, and swaps the tables.

What has happened is projected into a shadow table in rounds, each from where the last one ended, until little is left;
the rest is done while the table is locked for some milliseconds, and the shadow takes the table's name. Live
transactions take no part in it, write nothing twice and wait only for the swap. Why every event is counted, and once:

- A round goes up to a place of the log that is complete: it is read first, and then all transactions that held the lock
  of a writer of the log are waited for, without stopping anybody. Who comes later records behind that place.
- When the swap has the table's lock, whoever has written to the table has committed, and what they have recorded is
  seen and projected. Whoever has recorded and not yet written to the table waits for it by its name, and so writes to
  the new one, on top of all that has happened to its aggregate before: the aggregate's lock has kept that order.
- An event of another service counts as far as the inbox says that it has been followed here. A topic that holds less
  than the inbox knows ends the rebuild, but for keys of a compacted topic: they were gone, and their tombstone is
  made again.
- Own and foreign events are projected in the order of their time, and each source in its own order, as when they came.
  Whoever was erased is not made readable: their key is gone, and what deletes their rows is projected too.

Only projections are called. If anything fails the shadow is dropped, and the table is as it was.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

import asyncpg

from shared.contracts.envelope import event_in
from shared.contracts.event import Event, Origin, Recorded
from shared.contracts.topics import Topic
from shared.functions import Row, Service
from shared.kernel.ids import new_id
from shared.store.chosen import Choice, count, patient
from shared.store.faults import is_database_error
from shared.store.followed import Followed, Lacking, TooFarBehind, kind_of
from shared.store.jobs import where
from shared.store.pool import connect
from shared.store.replay import Progress, silent
from shared.store.shadow import Shadow
from shared.store.shell import Shell
from shared.store.sources import SHORT_STRETCH, STRETCH, Happened, OwnLog, Source, Topics, merged
from shared.store.statements import SQL
from shared.store.types import Connection
from shared.store.work import Foreign

SHORT = 500
"""A round with no more events than this leaves little to be done under the lock."""
ROUNDS = 50
ATTEMPTS = 20
HELD_AT_MOST_SECONDS = 2.0
LOCK_PATIENCE_MS = 200
_LOCK = 4_615_264
_KIT = frozenset(
    ("aggregates", "circuits", "event_log", "idempotency_keys", "inbox", "jobs", "migrations", "outbox", "seals")
) | {"confirmed", "recovered_events", "subject_keys"}


class RebuildRefused(Exception):
    """The table cannot be rebuilt; nothing was changed. The text says why and what to do."""


@dataclass(frozen=True)
class Prospect:
    """What a rebuild would do: compute `rows` again, from up to `events` of the log and from what is on `topics`."""

    rows: int
    events: int
    topics: Sequence[str]


@dataclass
class Rebuilt:
    """What was done: `passed_over` names events that could not be projected, `held_seconds` is the lock's time."""

    table: str
    events: int = 0
    rows: int = 0
    held_seconds: float = 0.0
    passed_over: list[str] = field(default_factory=list)


def topics_needed(service: Service) -> list[Topic]:
    """The topics whose events a service projects: the first word of an event's type is the topic's owner."""
    owners = {cls.type.partition(".")[0] for cls in service.projections.events()}
    return [topic for topic in service.reads if topic.owner in owners]


async def prospect(shell: Shell, table: str) -> Prospect:
    """What rebuilding this table would take now. It only reads. Raises RebuildRefused."""
    _refuse_what_is_no_projection(shell, table)
    if table not in shell.parts.primary_keys:
        raise RebuildRefused(f"There is no table {table}, or it has no primary key.")
    counts = await count(shell, Choice())
    async with shell.parts.pool.acquire() as connection, connection.transaction(readonly=True):
        await patient(connection)
        rows: int = await connection.fetchval(f'select count(*) from "{table}"', timeout=None)  # noqa: S608 it exists
    events = sum(counts.get(type, 0) for type in {cls.type for cls in shell.service.projections.events()})
    return Prospect(rows, events, [topic.name for topic in topics_needed(shell.service)])


async def rebuild(
    shell: Shell,
    table: str,
    *,
    owner_dsn: str,
    topics: Topics | None = None,
    pass_over: bool = False,
    rest: float = 0.0,
    progress: Progress = silent,
) -> Rebuilt:
    """Computes the rows of one projection's table anew, and puts them in the place of those that are there.

    `topics` reads what `topics_needed` names; None where it names none. `pass_over`: go on without events that cannot
    be read or projected, and over gaps that operators have discarded. `rest`: after each piece of work wait for so many
    times as long as it took, and leave the machine to those for whom people wait.
    Raises RebuildRefused, or what the database or Kafka raises; then nothing has changed.
    """
    _refuse_what_is_no_projection(shell, table)
    if topics is None and topics_needed(shell.service):
        raise RebuildRefused("Topics of other services are needed: where is Kafka?")
    application = f"afaq-rebuild-{shell.service.name}"
    async with _connected(owner_dsn, application) as connection, _connected(owner_dsn, application) as writing:
        if not await connection.fetchval("select pg_try_advisory_lock($1, hashtext($2))", _LOCK, table):
            raise RebuildRefused(f"{table} is being rebuilt already.")
        shadow = await Shadow.create(writing, table, shell.parts.primary_keys.get(table))
        if shadow is None:
            raise RebuildRefused(f"There is no table {table}, or it has triggers or no primary key.")
        try:
            run = _Run(shell, connection, shadow, topics, pass_over=pass_over, rest=rest, progress=progress)
            return await run.run(owner_dsn)
        except TooFarBehind:
            raise RebuildRefused("The service is far behind its topics: let it catch up first.") from None
        finally:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await shadow.drop()


def _refuse_what_is_no_projection(shell: Shell, table: str) -> None:
    if table in _KIT or any(decider.table == table for decider in shell.service.deciders):
        raise RebuildRefused(f"{table} is no projection: its rows are not computed from events alone.")


@contextlib.asynccontextmanager
async def _connected(dsn: str, application: str) -> AsyncIterator[Connection]:
    """A connection for work that takes its time, and that need not last before the swap is committed."""
    connection = await connect(dsn, application=application, command_timeout=None)
    try:
        await connection.execute("set statement_timeout = 0; set synchronous_commit = off")
        yield connection
    finally:
        await connection.close(timeout=5)


class _Run:
    """One rebuild. `_complete_to` is the place of the log up to which all is in the shadow."""

    def __init__(
        self,
        shell: Shell,
        connection: Connection,
        shadow: Shadow,
        topics: Topics | None,
        *,
        pass_over: bool,
        rest: float,
        progress: Progress,
    ) -> None:
        self._shell = shell
        self._projections = shell.service.projections
        self._types = {cls.type for cls in self._projections.events()}
        self._connection = connection
        self._shadow = shadow
        self._topics = topics
        self._needed = topics_needed(shell.service)
        self._followed = Followed(connection, over_gaps=pass_over)
        self._pass_over = pass_over
        self._rest = rest
        self._progress = progress
        self._complete_to = 0
        self._until: float | None = None
        self._done = Rebuilt(shadow.table)

    async def run(self, owner_dsn: str) -> Rebuilt:
        await self._followed.create()
        await self._catch_up()
        await self._account_for_topics()
        self._judge()
        await self._shadow.settle()
        gate = await connect(owner_dsn, application=f"afaq-rebuild-{self._shell.service.name}")
        try:
            await self._swap(gate)
        finally:
            await gate.close(timeout=5)
        self._done.rows = await self._shadow.count(self._done.table)
        return self._done

    async def _catch_up(self) -> None:
        for _ in range(ROUNDS):
            if await self._round() <= SHORT:
                return

    async def _round(self) -> int:
        """Projects what has happened since the last round, up to a place of the log where nothing can be added."""
        end: int = await self._connection.fetchval(SQL["log_end"])
        writers = await self._writers()
        while writers:
            await asyncio.sleep(0.002)
            writers &= await self._writers()
        count = await self._project(end)
        self._complete_to = end
        return count

    async def _writers(self) -> set[str]:
        return {row["virtualtransaction"] for row in await self._connection.fetch(SQL["log_writers"])}

    async def _project(self, end: int) -> int:
        before = self._done.events
        stretch = SHORT_STRETCH if self._rest and self._until is None else STRETCH
        own = OwnLog(
            self._shell, sorted(self._types), after=self._complete_to, end=end, stretch=stretch, note=self._note
        )
        sources: list[Source] = [own, *(await self._topics.round() if self._topics else ())]
        began = time.monotonic()
        try:
            async for chunk in merged(sources):
                await self._apply(await self._admitted(chunk))
                if self._until is None:
                    await asyncio.sleep(self._rest * (time.monotonic() - began))
                    began = time.monotonic()
                elif time.monotonic() > self._until:
                    raise TimeoutError
        finally:
            own.end()
        while waiting := await self._followed.admit_waiting():
            await self._apply(waiting)
        await self._shadow.written()
        return self._done.events - before

    async def _admitted(self, chunk: Sequence[Happened]) -> Iterable[Happened]:
        foreign = [one for one in chunk if isinstance(one, Foreign)]
        if not foreign:
            return chunk
        admitted = {id(one) for one in await self._followed.admit(foreign)}
        return (one for one in chunk if not isinstance(one, Foreign) or id(one) in admitted)

    async def _apply(self, events: Iterable[Happened]) -> None:
        table, shadow, of = self._done.table, self._shadow, self._projections.of
        for one in events:
            self._done.events += 1
            event = self._read(one) if isinstance(one, Foreign) else one
            if event is None:
                continue
            try:
                rows = [row for project in of(type(event.data)) for row in project(event) if row.table == table]
            except Exception as error:
                self._note(event.data.type, event.id, error)
                continue
            for row in rows:
                if isinstance(row, Row):
                    shadow.put(row.values)
                else:
                    await shadow.delete(row.by, row.equals)
        await shadow.flush()
        self._progress(self._done.events)

    def _read(self, foreign: Foreign) -> Recorded[Event] | None:
        envelope = foreign.envelope
        if envelope["type"] not in self._types:
            return None
        try:
            return event_in(envelope)
        except Exception as error:
            self._note(envelope["type"], envelope["id"], error)
            return None

    def _note(self, name: str, id: object, error: Exception) -> None:
        assert not is_database_error(error)
        self._done.passed_over.append(f"{name} {id} ({type(error).__name__}: {where(error)})")

    def _judge(self) -> None:
        passed_over = self._done.passed_over
        if passed_over and not self._pass_over:
            raise RebuildRefused(f"{len(passed_over)} events cannot be projected: {'; '.join(passed_over[:5])}.")
        if not self._shadow.was_written:
            raise RebuildRefused(f"Nothing that has happened writes {self._done.table}: there is nothing to rebuild.")

    async def _account_for_topics(self) -> None:
        """Whatever the service has followed has to have been on its topic, or to have been compacted away."""
        wanted = {(one.topic, one.key): one.sequence for one in await self._followed.behind(self._needed)}
        if not wanted:
            return
        await self._catch_up()  # it may have come since the topics were read
        behind = await self._followed.behind(self._needed)
        still = [one for one in behind if one.found < wanted.get((one.topic, one.key), 0)]
        compacted = {topic.name for topic in self._needed if topic.compacted}
        lost = [one for one in still if one.topic not in compacted or one.found]
        if lost:
            raise RebuildRefused(
                f"{lost[0].topic} lacks what was followed of {len(lost)} keys: refill it with `afaq replay redrive`."
            )
        await self._apply([tombstone for one in still if (tombstone := self._tombstone(one))])
        await self._shadow.written()

    def _tombstone(self, gone: Lacking) -> Recorded[Event] | None:
        """What a compacted topic has told of a key that it holds no more: only the gone are removed from it."""
        kinds = self._followed.kinds.get(gone.topic, ())
        classes = [
            cls
            for cls in self._projections.events()
            if kind_of(cls.type) in kinds and not any(told.is_required() for told in cls.model_fields.values())
        ]
        if len(classes) == 1:
            now = self._shell.parts.clock.now()
            return Recorded(new_id(), gone.key, gone.sequence, now, Origin(gone.key), classes[0]())
        if self._pass_over:
            return None
        raise RebuildRefused(f"{gone.topic} holds nothing of {gone.key} any more, and it is unknown what it told last.")

    async def _swap(self, gate: Connection) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._swap_at_once(gate, LOCK_PATIENCE_MS * min(attempt, 5))
                return
            except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError, TimeoutError):
                await asyncio.sleep(min(2.0, 0.1 * attempt))
                await self._catch_up()
        raise RebuildRefused(f"{self._done.table} was in use whenever it should be swapped: see who holds it for long.")

    async def _swap_at_once(self, gate: Connection, patience_ms: int) -> None:
        try:
            async with gate.transaction():
                await gate.execute(f"set local lock_timeout = {patience_ms}")
                await self._shadow.lock_table(gate)
                began = time.monotonic()
                self._until = began + HELD_AT_MOST_SECONDS
                await self._project(await gate.fetchval(SQL["log_end"]))
                self._judge()
                await self._shadow.take_the_place(gate)
            self._done.held_seconds = time.monotonic() - began
        finally:
            self._until = None
