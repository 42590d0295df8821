"""Everything that a batch writes, gathered and written in as few statements as there are kinds of table."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from shared.contracts.event import Event, Recorded
from shared.contracts.personal import codec_of
from shared.functions import Delete, Row
from shared.store.faults import Conflict
from shared.store.idempotency import sealed_answer
from shared.store.keyring import Boxes
from shared.store.log import log_row
from shared.store.parts import Parts
from shared.store.statements import SQL, for_table, recording
from shared.store.types import AnyConnection
from shared.store.work import ClaimedJob, Deferred, Draft, Idempotency, Loaded, PageDone

Key = tuple[str, UUID]


@dataclass(frozen=True)
class Write:
    """A statement with one parameter, and the rows that it is given."""

    text: str
    rows: Sequence[Mapping[str, Any]]


class Writer:
    """What is to be written; `flush` writes it and starts anew."""

    def __init__(self, parts: Parts, connection: AnyConnection, now: datetime) -> None:
        self._parts = parts
        self._connection = connection
        self._now = now
        self.has_due = False
        self.has_due_urgently = False
        self.has_recorded = False
        self._clear()

    def _clear(self) -> None:
        self.tables: set[str] = set()
        self._events: list[tuple[str, Recorded[Event]]] = []
        self._states: dict[Key, tuple[Loaded, Loaded]] = {}
        self._rows: list[Row | Delete] = []
        self._jobs: list[dict[str, Any]] = []
        self._followed: dict[Key, tuple[int, int]] = {}
        self._answers: list[tuple[Idempotency, bytes]] = []
        self._ended: list[ClaimedJob] = []
        self._deferred: list[tuple[ClaimedJob, Deferred, datetime]] = []
        self._moved: list[tuple[ClaimedJob, PageDone]] = []
        self._released: list[Key] = []
        self._erased: list[UUID] = []
        self._sealed_jobs: dict[UUID, UUID] = {}

    def add(self, draft: Draft, changed: Mapping[Key, tuple[Loaded, Loaded]]) -> None:
        """The events, rows and jobs of a work, and the states that it changed: before and after."""
        self._events += draft.events
        self._rows += draft.rows
        self._jobs += draft.jobs
        self._erased += draft.erasures
        for key, (before, after) in changed.items():
            first = self._states[key][0] if key in self._states else before
            self._states[key] = (first, after)
        self.tables |= {row.table for row in draft.rows}
        self.tables |= {self._parts.service.decider(name).table for name, _ in changed}

    def follow(self, lane: Key, before: int, sequence: int) -> None:
        """An aggregate of another service was followed from one sequence to another."""
        first = self._followed[lane][0] if lane in self._followed else before
        self._followed[lane] = (first, sequence)

    def keep(self, job: dict[str, Any], *, subject: UUID | None = None) -> None:
        """A foreign event that waits; what it says of a subject is kept sealed."""
        if subject is not None:
            self._sealed_jobs[job["id"]] = subject
        self._jobs.append(job)

    def end(self, job: ClaimedJob | None) -> None:
        """A job that is done."""
        if job is not None:
            self._ended.append(job)

    def defer(self, job: ClaimedJob, deferred: Deferred, run_at: datetime) -> None:
        """A claimed job that could not be done."""
        self._deferred.append((job, deferred, run_at))

    def move(self, job: ClaimedJob | None, page: PageDone) -> None:
        """A walk that goes on."""
        assert job is not None
        self._moved.append((job, page))

    def release(self, lane: Key) -> None:
        """A lane whose waiting events may go on."""
        self._released.append(lane)

    def answer(self, key: Idempotency, body: bytes) -> None:
        """An answer to be given again."""
        self._answers.append((key, body))

    async def flush(self) -> None:
        """Writes it all. Raises Conflict where another transaction was faster."""
        if self._erased:
            await self._parts.keyring.destroy(self._connection, self._erased, self._now)
        due = [job for job in self._jobs if job["state"] == "live" and job["run_at"] <= self._now]
        self.has_due |= bool(due or self._moved or self._released)
        self.has_due_urgently |= any(job["urgent"] for job in due)
        self.has_recorded |= bool(self._events)
        boxes = await self._parts.keyring.boxes_made(self._connection, self._subjects())
        keeps_order = any(isinstance(row, Delete) for row in self._rows)
        await self._record(boxes, [] if keeps_order else self._upserts(self._rows))
        if keeps_order:
            await self._write_in_order(self._rows)
        await self._settle_jobs()
        self._clear()

    def _subjects(self) -> set[UUID]:
        subjects = {key.caller for key, _ in self._answers} | set(self._sealed_jobs.values())
        for _, event in self._events:
            subject = codec_of(type(event.data)).subject_of(event.data, event.aggregate_id)
            subjects |= {subject} if subject else set()
        for (_, id), (_, after) in self._states.items():
            subject = codec_of(type(after.state)).subject_of(after.state, id)
            subjects |= {subject} if subject else set()
        return subjects

    async def _record(self, boxes: Boxes, upserts: Sequence[Write]) -> None:
        saves = self._saves(boxes)
        rows = (
            self._log_rows(self._events, boxes),
            self._outbox(),
            [{**self._job_row(job, boxes), "position": position} for position, job in enumerate(self._jobs)],
            [
                {"topic": topic, "key": key, "before": before, "sequence": sequence}
                for (topic, key), (before, sequence) in self._followed.items()
            ],
            [self._answer_row(key, body, boxes) for key, body in self._answers],
            [{"id": job.id, "lease": job.lease} for job in self._ended],
            *(write.rows for write in (*saves, *upserts)),
        )
        if not any(rows):
            return
        text = recording(tuple(write.text for write in saves), tuple(write.text for write in upserts))
        written = await self._connection.fetchrow(text, *(to_json(part) for part in rows))
        assert written is not None
        if written["followed"] != len(self._followed) or written["ended"] != len(self._ended):
            raise Conflict("an event was followed, or a job ended, by another process")
        if written["saved"] != len(self._states):
            raise Conflict("an aggregate was changed by another transaction")
        if written["followers"]:
            self.has_due = True
            self.has_due_urgently |= any(job.urgent for job in self._ended)

    def _log_rows(self, events: Sequence[tuple[str, Recorded[Event]]], boxes: Boxes) -> list[dict[str, Any]]:
        return [log_row(name, event, boxes, position) for position, (name, event) in enumerate(events)]

    def _outbox(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = [
            {"aggregate": name, "aggregate_id": event.aggregate_id, "sequence": event.sequence}
            for name, event in self._events
        ]
        for name, id in self._states:
            if self._parts.service.snapshot_of(self._parts.service.decider(name)):
                rows.append({"aggregate": name, "aggregate_id": id, "sequence": None})
        return [{**row, "position": position} for position, row in enumerate(rows)]

    def _job_row(self, job: dict[str, Any], boxes: Boxes) -> dict[str, Any]:
        subject = self._sealed_jobs.get(job["id"])
        if subject is None:
            return job
        box = boxes[subject]
        sealed = "" if box is None else box.seal(job["payload"]["data"], f"job.{job['id']}")
        return {**job, "payload": {**job["payload"], "data": {}, "sealed": sealed}}

    def _answer_row(self, key: Idempotency, body: bytes, boxes: Boxes) -> dict[str, Any]:
        return {
            "id": key.id,
            "body_hash": key.body_hash,
            "status": key.status,
            "answer": sealed_answer(key, body, boxes),
            "created_at": self._now,
        }

    def _saves(self, boxes: Boxes) -> list[Write]:
        by_table: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for (name, id), (before, after) in self._states.items():
            row = self._state_row(name, id, before, after, boxes)
            by_table[self._parts.service.decider(name).table].append(row)
        return [Write(for_table("save_states", table), by_table[table]) for table in sorted(by_table)]

    def _state_row(self, name: str, id: UUID, before: Loaded, after: Loaded, boxes: Boxes) -> dict[str, Any]:
        decider = self._parts.service.decider(name)
        codec = codec_of(decider.state_class)
        subject = codec.subject_of(after.state, id)
        stored = codec.store(after.state, id, boxes.get(subject) if subject else None)
        return {
            "id": id,
            "version": after.version,
            "before": before.version,
            "shape": decider.shape,
            "state": stored.data,
            "sealed": stored.sealed,
            "correlation_id": after.correlation_id,
            "updated_at": self._now,
        }

    async def _write_in_order(self, rows: Sequence[Row | Delete]) -> None:
        """Rows among which some are deleted: each statement by itself, what is written before a deletion first."""
        waiting: list[Row] = []
        for row in rows:
            if isinstance(row, Row):
                waiting.append(row)
            else:
                await self._write(self._upserts(waiting))
                waiting.clear()
                await self._connection.execute(for_table("delete_rows", row.table, by=row.by), row.equals)
        await self._write(self._upserts(waiting))

    async def _write(self, writes: Sequence[Write]) -> None:
        for write in writes:
            await self._connection.execute(write.text, to_json(write.rows))

    def _upserts(self, rows: Iterable[Row | Delete]) -> list[Write]:
        by_table: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            assert isinstance(row, Row)
            by_table[row.table].append(row)
        return [write for table in sorted(by_table) for write in self._upserts_of(table, by_table[table])]

    def _upserts_of(self, table: str, rows: Sequence[Row]) -> Iterator[Write]:
        key = self._parts.primary_keys[table]
        merged: dict[tuple[Any, ...], dict[str, Any]] = {}
        for row in rows:
            merged.setdefault(tuple(row.values[column] for column in key), {}).update(row.values)
        by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
        for values in merged.values():
            by_columns[tuple(sorted(values))].append(values)
        for columns, found in by_columns.items():
            found.sort(key=lambda values: [str(values[column]) for column in key])
            yield Write(_upsert_text(table, columns, key), found)

    async def _settle_jobs(self) -> None:
        for job, deferred, run_at in self._deferred:
            await defer_job(self._connection, job, deferred, run_at)
        for job, page in self._moved:
            run_at = self._now + timedelta(seconds=page.payload["pause_seconds"])
            moved = await self._connection.execute(SQL["move_walk"], job.id, job.lease, page.payload, run_at)
            if moved != "UPDATE 1":
                raise Conflict("a walk's page was done by another process")
        for topic, key in self._released:
            await self._connection.execute(SQL["release_waiting"], topic, key, self._now)


async def defer_job(connection: AnyConnection, job: ClaimedJob, deferred: Deferred, run_at: datetime) -> None:
    """Gives a claimed job back, live or parked; nothing happens where its lease has ended meanwhile."""
    state = "parked" if deferred.parked else "live"
    values = (job.id, job.lease, state, run_at, deferred.reason, deferred.error, deferred.no_fault)
    await connection.execute(SQL["defer_job"], *values)


def _upsert_text(table: str, columns: tuple[str, ...], key: tuple[str, ...]) -> str:
    assignments = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in key)
    changes = f"update set {assignments}" if assignments else "nothing"
    return for_table("upsert_rows", table, columns=", ".join(columns), key=", ".join(key), changes=changes)
