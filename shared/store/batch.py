"""One batch of work in one transaction: admit, react, lock, decide, write (ADR 2).

What own events bring about is done in the same transaction where nothing stands in its way, else by a job (ADR 23).

The functions of a service are pure, so what goes wrong in one piece of work leaves no trace in the others: its draft
is dropped and it is refused, deferred or parked alone. Only an error of the database loses the whole batch.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeGuard
from uuid import UUID

from shared.contracts.envelope import UnknownSchemaVersion
from shared.contracts.event import Event, Origin, Recorded
from shared.functions import Decider, Erase, ForEach, Given, Givens, Perform, Send, Step
from shared.kernel.errors import NotYet, Refused
from shared.kernel.ids import derive_id, new_id
from shared.observability.tracing import SpanKind, is_sampled, span
from shared.store import jobs
from shared.store.faults import is_database_error
from shared.store.givens import GivenRows
from shared.store.idempotency import admit_commands
from shared.store.parts import Parts
from shared.store.statements import SQL
from shared.store.states import load_states
from shared.store.types import AnyConnection
from shared.store.work import Busy, Deferred, Done, Draft, Loaded, Outcome, Work
from shared.store.writer import Writer

Lanes = set[tuple[str, UUID]]
OWN_EVENTS_AT_ONCE = 200
"""So many own events are reacted to in one transaction; more are jobs, so that none grows without an end."""


class Batch:
    """The work of one transaction. `blocked` lanes hold something that failed: what is behind it waits too.

    `reacts`: own events are reacted to in this transaction; else, as after a conflict, each is a job.
    """

    def __init__(
        self,
        parts: Parts,
        connection: AnyConnection,
        *,
        blocked: Lanes | None = None,
        skip_locked: bool = False,
        reacts: bool = True,
    ) -> None:
        self._parts = parts = replace(parts, keyring=parts.keyring.for_one_transaction())
        self._service = parts.service
        self._connection = connection
        self._blocked: Lanes = set() if blocked is None else blocked
        self._skip_locked = skip_locked
        self._may_react = OWN_EVENTS_AT_ONCE if reacts else 0
        self._own_events: list[tuple[str, Recorded[Event]]] = []
        self._made_here: set[tuple[str, UUID]] = set()
        self._have_jobs: set[UUID] = set()
        self._now = parts.clock.now()
        self._states: dict[tuple[str, UUID], Loaded] = {}
        self._held_by_others: set[tuple[str, UUID]] = set()
        self._positions: dict[tuple[str, UUID], int] = {}
        self._waiting_lanes: Lanes = set()
        self._decided: set[UUID] = set()
        self._givens = GivenRows(parts, connection, wait_for_locks=not skip_locked)
        self._writer = Writer(parts, connection, self._now)
        self.outcomes: dict[Work, Outcome] = {}

    @property
    def has_due(self) -> bool:
        """Whether there are jobs to be done at once: new ones, or some that waited for those that have ended."""
        return self._writer.has_due

    @property
    def has_due_urgently(self) -> bool:
        """Whether some of them may be urgent."""
        return self._writer.has_due_urgently

    @property
    def has_recorded(self) -> bool:
        """Whether there is something to publish."""
        return self._writer.has_recorded

    async def run(self, works: Sequence[Work]) -> dict[Work, Outcome]:
        """Deals with the works in their order. Raises only what the database raises."""
        self.outcomes.update(await admit_commands(self._parts, self._connection, works))
        admitted = [work for work in works if work not in self.outcomes]
        await self._read_positions(works)
        await self._read_decided(works)
        remaining: Sequence[Work] = admitted
        while remaining := await self._round(remaining) or await self._own_works():
            pass
        await self._writer.flush()
        refused = [work for work in admitted if isinstance(self.outcomes.get(work), Exception)]
        self.outcomes.update(await admit_commands(self._parts, self._connection, refused))
        return self.outcomes

    async def _round(self, works: Sequence[Work]) -> Sequence[Work]:
        """Settles works; what is left of them reads what was written so far, and that is in its place by then."""
        if self._writer.tables & {part.table for work in works for part in self._given_to_reactions(work)}:
            await self._write_so_far()
        steps = await self._prepare(works)
        settled = await self._settle_until_stale(works, steps)
        if settled < len(works):
            await self._write_so_far()
        return works[settled:]

    async def _write_so_far(self) -> None:
        await self._writer.flush()
        self._givens.forget()

    async def _own_works(self) -> Sequence[Work]:
        """The own events of the last round as works of the next; those that have to wait for others are jobs.

        From here on no lock is waited for: what others hold is left to a job, so that no two transactions can wait for
        each other in a ring.
        """
        self._skip_locked = True
        self._givens.wait_for_no_lock()
        events, self._own_events = self._own_events[: self._may_react], self._own_events[self._may_react :]
        self._may_react -= len(events)
        if not events:
            for _, event in self._own_events:
                self._leave(event)
            return []
        older = {event.aggregate_id for name, event in events if (name, event.aggregate_id) not in self._made_here}
        if older:
            rows = await self._connection.fetch(SQL["lanes_in_use"], jobs.OWN_EVENTS, sorted(older))
            self._have_jobs |= {row["key"] for row in rows}
        return [Work(event.caused(), event=event) for _, event in events]

    def _leave(self, event: Recorded[Event]) -> None:
        self._writer.keep(jobs.own_event(event))
        self._have_jobs.add(event.aggregate_id)

    async def park(self, work: Work, error: Exception) -> Deferred:
        """Parks a work that the database itself refused, or of which nothing could be read, in its own transaction."""
        deferred = self._park(work, error)
        await self._writer.flush()
        return deferred

    async def _read_positions(self, works: Sequence[Work]) -> None:
        lanes = sorted({(work.foreign.topic.name, work.foreign.key) for work in works if work.foreign})
        if not lanes:
            return
        topics, keys = [topic for topic, _ in lanes], [key for _, key in lanes]
        for row in await self._connection.fetch(SQL["inbox_positions"], topics, keys):
            lane = row["topic"], row["key"]
            self._positions[lane] = row["sequence"]
            if row["waits"]:
                self._waiting_lanes.add(lane)

    async def _read_decided(self, works: Sequence[Work]) -> None:
        """Events that were dealt with before this log was restored, as what it has taken back from its topic tells."""
        causes = [work.event.id for work in works if work.event] if self._parts.has_recovered else []
        if causes:
            rows = await self._connection.fetch(SQL["decided_causes"], causes)
            self._decided = {row["causation_id"] for row in rows}

    async def _prepare(self, works: Sequence[Work]) -> dict[Work, list[Step] | Exception]:
        reacting = [(reaction.given, work.event) for work in works for reaction in self._reactions(work)]
        await self._givens.fetch_for_events(reacting)
        steps = {work: self._steps(work) for work in works}
        sends = [step for found in steps.values() if isinstance(found, list) for step in found if _is_now(step)]
        await self._lock(sends)
        await self._givens.fetch_for_messages(
            (send.decider.given, send.message, self._state(send).state) for send in sends
        )
        return steps

    def _reactions(self, work: Work) -> list[Any]:
        return self._service.reactions.to(type(work.event.data)) if work.event else []

    def _steps(self, work: Work) -> list[Step] | Exception:
        """What the work brings about; reactions are pure, so their errors are kept until the work's turn."""
        if work.event is None:
            return list(work.sends)
        found: list[Step] = []
        try:
            for reaction in self._reactions(work):
                given = () if reaction.given is None else (self._givens.for_event(reaction.given, work.event),)
                found.extend(reaction.react(work.event, *given))
        except Exception as error:
            return error
        return found

    async def _lock(self, sends: Sequence[Send]) -> None:
        for decider in sorted({send.decider for send in sends}, key=lambda decider: decider.table):
            ids = {send.aggregate_id for send in sends if send.decider is decider}
            missing = {id for id in ids if (decider.name, id) not in self._states}
            if missing:
                await self._load(decider, missing)

    async def _load(self, decider: Decider[Any, Any, Any, Any], ids: set[UUID]) -> None:
        loaded, held = await load_states(self._parts, self._connection, decider, ids, skip_locked=self._skip_locked)
        fresh = Loaded(decider.initial, 0, None)
        self._held_by_others |= {(decider.name, id) for id in held}
        self._held_by_others -= {(decider.name, id) for id in ids - held}
        self._made_here |= {(decider.name, id) for id in ids - held - loaded.keys()}
        self._states |= {(decider.name, id): loaded.get(id, fresh) for id in ids - held}

    def _state(self, send: Send) -> Loaded:
        return self._states.get((send.decider.name, send.aggregate_id)) or Loaded(send.decider.initial, 0, None)

    async def _settle_until_stale(self, works: Sequence[Work], steps: Mapping[Work, list[Step] | Exception]) -> int:
        """Settles works until one reads a table that an earlier one has written to; tells how many it settled."""
        for count, work in enumerate(works):
            if self._writer.tables & self._reads(work, steps[work]):
                return count
            await self._settle(work, steps[work])
        return len(works)

    def _given_to_reactions(self, work: Work) -> Iterator[Given[Any]]:
        for reaction in self._reactions(work):
            yield from _parts_of(reaction.given)

    def _reads(self, work: Work, steps: list[Step] | Exception) -> set[str]:
        tables = {part.table for part in self._given_to_reactions(work)}
        if isinstance(steps, list):
            tables |= {part.table for step in steps if _is_now(step) for part in _parts_of(step.decider.given)}
        return tables

    async def _settle(self, work: Work, steps: list[Step] | Exception) -> None:
        if work.is_own_event:
            await self._react(work, steps)
            return
        outcome = self._turn(work) or await self._attempt(work, steps)
        self.outcomes[work] = outcome
        if isinstance(outcome, Deferred) and work.lane:
            self._blocked.add(work.lane)

    def _turn(self, work: Work) -> Outcome | None:
        """Whether the work may be done now: None, or why it is not its turn."""
        if work.foreign is not None:
            return self._turn_of_foreign(work)
        if work.lane in self._blocked:
            return self._defer(work, "behind", parked=False)
        return None

    def _turn_of_foreign(self, work: Work) -> Outcome | None:
        assert work.foreign is not None and work.lane is not None
        seen, sequence = self._positions.get(work.lane, 0), work.foreign.sequence
        if sequence <= seen:
            self._writer.end(work.job)
            return Done(duplicate=True)
        if work.lane in self._blocked:
            return self._defer(work, "behind", parked=False)
        if sequence == seen + 1 or work.foreign.topic.compacted:
            return None
        if work.lane in self._waiting_lanes and work.job is None:
            return self._defer(work, "behind", parked=False)
        return self._defer(work, "gap", parked=True, error=f"event {seen + 1} of this key has not come")

    async def _react(self, work: Work, steps: list[Step] | Exception) -> None:
        """Reacts to an own event here and now; whatever keeps it from that is for its job to deal with."""
        assert work.event is not None
        try:
            if isinstance(steps, Exception) or work.event.aggregate_id in self._have_jobs:
                raise Busy
            draft = await self._draft(work, steps)
        except Exception as error:
            if is_database_error(error):
                raise
            self._leave(work.event)
            return
        self._merge(work, draft, None)
        self.outcomes[work] = Done()

    async def _attempt(self, work: Work, steps: list[Step] | Exception) -> Outcome:
        try:
            if work.foreign is not None and work.foreign.trouble is not None:
                raise work.foreign.trouble
            if isinstance(steps, Exception):
                raise steps
            draft = await self._draft(work, steps)
            body = self._answer(work, draft)
        except NotYet as error:
            return self._wait_for(work, error)
        except Busy as busy:
            return busy
        except Exception as error:
            if is_database_error(error):
                raise
            return error if work.command else self._park(work, error)
        self._merge(work, draft, body)
        return Done(body=body, status=work.idempotency.status if work.idempotency else 200)

    async def _draft(self, work: Work, steps: Iterable[Step]) -> Draft:
        with _span_of(work) as traceparent:
            return await self._drafted(work, steps, _within(work.origin, traceparent))

    async def _drafted(self, work: Work, steps: Iterable[Step], origin: Origin) -> Draft:
        draft = Draft()
        for position, step in enumerate(steps):
            if _is_now(step):
                if work.event is None or work.event.id not in self._decided:
                    await self._decide(draft, work, step, origin)
                continue
            job_id = derive_id("job", work.event.id, position) if work.event else new_id()
            match step:
                case Send():
                    draft.jobs.append(jobs.timer(job_id, step, work.origin))
                case Perform():
                    handler = self._service.effects.handler(type(step.effect).__name__)
                    assert handler is not None, f"no handler for the effect {type(step.effect).__name__}"
                    key = step.key or _aggregate_of(work)
                    draft.jobs.append(jobs.effect(job_id, step, handler, key, work.origin, self._now))
                case ForEach():
                    draft.jobs.append(jobs.walk(job_id, step, work.origin, self._now))
                case Erase(subject_id):
                    draft.erasures.append(subject_id)
        if work.foreign is not None and work.event is not None:
            draft.rows.extend(self._project(work.event))
        return draft

    async def _decide(self, draft: Draft, work: Work, send: Send, origin: Origin) -> None:
        key = (send.decider.name, send.aggregate_id)
        if key in self._held_by_others:
            raise Busy
        before = draft.states.get(key) or self._states[key]
        given = await self._givens.for_message(send.decider.given, send.message, before.state)
        arguments = () if send.decider.given is None else (given,)
        if work.command and before.correlation_id:
            origin = replace(origin, correlation_id=before.correlation_id)
        after = before
        for data in send.decider.decide(before.state, send.message, *arguments):
            event = Recorded(new_id(), send.aggregate_id, after.version + 1, self._now, origin, data)
            state = send.decider.evolve(after.state, data)
            after = Loaded(state, event.sequence, before.correlation_id or origin.correlation_id)
            draft.events.append((send.decider.name, event))
            draft.rows.extend(self._project(event))
            if self._service.reacts_to(type(data)):
                draft.own_events.append((send.decider.name, event))
        draft.states[key] = after

    def _project(self, event: Recorded[Event]) -> list[Any]:
        return [row for project in self._service.projections.of(type(event.data)) for row in project(event)]

    def _answer(self, work: Work, draft: Draft) -> bytes | None:
        if work.answer is None:
            return None
        send = work.sends[0]
        state = draft.states[send.decider.name, send.aggregate_id].state
        return work.answer(send.aggregate_id, state).model_dump_json().encode()

    def _merge(self, work: Work, draft: Draft, body: bytes | None) -> None:
        changed = {key: after for key, after in draft.states.items() if after.version > self._states[key].version}
        self._writer.add(draft, {key: (self._states[key], after) for key, after in changed.items()})
        self._states |= draft.states
        self._own_events += draft.own_events
        if work.foreign is not None and work.lane is not None:
            self._writer.follow(work.lane, self._positions.get(work.lane, 0), work.foreign.sequence)
            self._positions[work.lane] = work.foreign.sequence
            if work.lane in self._waiting_lanes:
                self._writer.release(work.lane)
        if work.page is not None:
            self._writer.move(work.job, work.page)
        else:
            self._writer.end(work.job)
        if work.idempotency is not None:
            self._writer.answer(work.idempotency, body or b"{}")

    def _wait_for(self, work: Work, error: NotYet) -> Outcome:
        if work.command:
            return error
        waited = self._now - work.job.first_due_at if work.job else timedelta()
        if waited > jobs.NOT_YET_PATIENCE:
            return self._defer(work, "not-yet", parked=True, error=str(error))
        return self._defer(work, "not-yet", parked=False, error=str(error), delay=jobs.not_yet_delay(waited))

    def _park(self, work: Work, error: Exception) -> Deferred:
        reason = "unknown-version" if isinstance(error, UnknownSchemaVersion) else "poison"
        if isinstance(error, Refused):
            reason = f"refused:{error.code}"
        return self._defer(work, reason, parked=True, error=f"{type(error).__name__}: {jobs.where(error)}")

    def _defer(
        self, work: Work, reason: str, *, parked: bool, error: str | None = None, delay: timedelta = timedelta()
    ) -> Deferred:
        deferred = Deferred(reason, parked, error, no_fault=not parked)
        run_at = self._now + delay
        if work.job is not None:
            self._writer.defer(work.job, deferred, run_at)
        else:
            assert work.foreign is not None
            subject = work.foreign.key if work.foreign.topic.personal else None
            self._writer.keep(jobs.foreign_event(work.foreign, work.origin, deferred, run_at), subject=subject)
        return deferred


def _span_of(work: Work) -> AbstractContextManager[str | None]:
    """The span of a work, with its trace context; none where nobody records the trace, or where nothing is done."""
    traceparent = work.origin.traceparent
    is_only_counted = work.event is None and not work.sends
    if is_only_counted or (traceparent is not None and not is_sampled(traceparent)):
        return nullcontext(traceparent)
    return span(work.name, traceparent, SpanKind.CONSUMER if work.foreign else SpanKind.INTERNAL)


def _within(origin: Origin, traceparent: str | None) -> Origin:
    return origin if traceparent == origin.traceparent else replace(origin, traceparent=traceparent)


def _is_now(step: Step) -> TypeGuard[Send]:
    return isinstance(step, Send) and step.at is None


def _parts_of(given: Given[Any] | Givens[Any] | None) -> Iterable[Given[Any]]:
    if given is None:
        return ()
    return given.parts.values() if isinstance(given, Givens) else (given,)


def _aggregate_of(work: Work) -> UUID:
    assert work.event is not None, "an effect is brought about by an event"
    return work.event.aggregate_id
