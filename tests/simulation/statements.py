"""What each SQL statement of the product means, over the tables of a simulated database.

A statement is found by its text: the product's own files are the templates. Where a file is changed, its meaning here
is to be changed too; the tests on PostgreSQL are what holds the two together.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import asyncpg
from pydantic_core import from_json, to_json

from afaq.audit.gather import SQL as AUDIT
from services.notifications.queries import SQL as NOTIFICATIONS
from services.requests.queries import SQL as REQUESTS
from shared.store.statements import SQL as KIT
from tests.simulation.database import Connection, Row, Transaction

Meaning = Callable[..., Awaitable[Any]]
MEANINGS: dict[str, Meaning] = {}


def means(meaning: Meaning) -> Meaning:
    """Registers what the statement of this name means."""
    MEANINGS[meaning.__name__] = meaning
    return meaning


async def run(connection: Connection, tx: Transaction, text: str, arguments: Sequence[Any]) -> Any:
    """Runs a statement of the product."""
    if text == "select pg_try_advisory_lock($1)":
        holder = tx.database.sessions.setdefault(arguments[0], connection)
        return [{"ours": holder is connection}]
    name, identifiers = _named(text)
    return await MEANINGS[name](tx, *arguments, **identifiers)


@cache
def _named(text: str) -> tuple[str, Mapping[str, str]]:
    for pattern, name in _templates():
        if found := pattern.fullmatch(text):
            return name, found.groupdict()
    raise KeyError(f"the simulation does not know the statement {text[:200]}")


@cache
def _templates() -> list[tuple[re.Pattern[str], str]]:
    found = []
    for statements in (KIT, AUDIT, REQUESTS, NOTIFICATIONS):
        for name in statements.names():
            parts = re.split(r"\{(\w+)\}", statements[name])
            seen: set[str] = set()
            pattern = ""
            for position, part in enumerate(parts):
                if position % 2 == 0:
                    pattern += re.escape(part)
                else:
                    pattern += f"(?P={part})" if part in seen else f"(?P<{part}>.*?)"
                    seen.add(part)
            found.append((re.compile(pattern, re.DOTALL), name))
    return found


def _rows(raw: bytes) -> list[Row]:
    found: list[Row] = from_json(raw)
    return found


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    return str(value) if isinstance(value, UUID) else value


# --- the kit: writing


@means
async def record(
    tx: Transaction,
    events: bytes,
    outbox: bytes,
    jobs: bytes,
    inbox: bytes,
    answers: bytes,
    ended: bytes,
    *written: bytes,
    writes: str,
    saved: str,
) -> list[Row]:
    for event in sorted(_rows(events), key=lambda row: row["position"]):
        await _append(tx, event)
    for row in sorted(_rows(outbox), key=lambda row: row["position"]):
        seq = tx.database.next("outbox")
        sequence = row["sequence"]
        kept = {"seq": seq, "aggregate": row["aggregate"], "aggregate_id": UUID(row["aggregate_id"])}
        await tx.write("outbox", seq, {**kept, "sequence": sequence, "created_at": tx.database.now()})
    for job in sorted(_rows(jobs), key=lambda row: row["position"]):
        await _plan(tx, job)
    followed = 0
    for row in sorted(_rows(inbox), key=lambda row: (row["topic"], row["key"])):
        key = row["topic"], UUID(row["key"])
        await tx.lock(("inbox", key))
        before = tx.get("inbox", key)
        if before is None or before["sequence"] == row["before"]:
            tx.set("inbox", key, {"topic": key[0], "key": key[1], "sequence": row["sequence"]})
            followed += 1
    for answer in _rows(answers):
        id, when = UUID(answer["id"]), _instant(answer["created_at"])
        typed = {"id": id, "body_hash": bytes.fromhex(answer["body_hash"]), "created_at": when}
        await _insert(tx, "idempotency_keys", id, {**answer, **typed})
    deleted, lanes = 0, list[tuple[str | None, UUID]]()
    for row in _rows(ended):
        id = UUID(row["id"])
        await tx.lock(("jobs", id))
        held = tx.get("jobs", id)
        if held is not None and held["leased_by"] == UUID(row["lease"]):
            tx.set("jobs", id, None)
            deleted += 1
            lanes.append((held["lane"], held["key"]))
    followers = any(lane is not None and _in_lane(tx, lane, key) for lane, key in lanes)
    states_saved = 0
    for text, rows in zip(_within(writes), written, strict=True):
        name, identifiers = _named(text)
        count = await MEANINGS[name](tx, rows, **identifiers)
        states_saved += count if name == "save_states" else 0
    return [{"followed": followed, "ended": deleted, "saved": states_saved, "followers": followers}]


@cache
def _within(writes: str) -> list[str]:
    """The statements that are parts of one, each as it is by itself."""
    parts = re.split(r"(?:^|(?<=\n)\)), (?:saved|kept)_\d+ as \(\n", writes.removesuffix(")"))[1:]
    return [re.sub(r"\$\d+", "$1", part) for part in parts]


async def _append(tx: Transaction, event: Row) -> None:
    key = UUID(event["aggregate_id"]), event["sequence"]
    row = {
        **event,
        "seq": tx.database.next("event_log"),
        "id": UUID(event["id"]),
        "aggregate_id": key[0],
        "recorded_at": _instant(event["recorded_at"]),
        "correlation_id": UUID(event["correlation_id"]),
        "causation_id": _id(event["causation_id"]),
    }
    del row["position"]
    await _insert(tx, "event_log", key, row)


async def _plan(tx: Transaction, job: Row) -> None:
    id = UUID(job["id"])
    await tx.lock(("jobs", id))
    if tx.get("jobs", id) is not None:
        return
    due = _instant(job["run_at"])
    row = {**job, "id": id, "key": UUID(job["key"]), "seq": tx.database.next("jobs"), "run_at": due}
    del row["position"]
    tx.set("jobs", id, {**row, "first_due_at": due, "leased_by": None, "leased_until": None})


async def _insert(tx: Transaction, table: str, key: Any, row: Row) -> None:
    await tx.lock((table, key))
    if tx.get(table, key) is not None:
        raise asyncpg.UniqueViolationError(f"duplicate key value in {table}")
    tx.set(table, key, row)


@means
async def save_states(tx: Transaction, rows: bytes, *, table: str) -> int:
    saved = 0
    shape = tx.database.tables[table].shape
    for row in sorted(_rows(rows), key=lambda row: row["id"]):
        id = UUID(row["id"])
        await tx.lock((table, id))
        before = tx.get(table, id)
        if before is not None and before["version"] != row["before"]:
            continue
        correlation = UUID(row["correlation_id"]) if before is None else before["correlation_id"]
        kept = {name: row[name] for name in ("version", "shape", "state", "sealed")}
        made = {name: of(row["state"]) for name, of in shape.generated.items()}
        when = _instant(row["updated_at"])
        tx.set(table, id, {"id": id, **kept, "correlation_id": correlation, "updated_at": when, **made})
        saved += 1
    return saved


@means
async def upsert_rows(tx: Transaction, rows: bytes, *, table: str, columns: str, key: str, changes: str) -> int:
    shape = tx.database.tables[table].shape
    for row in _rows(rows):
        named = tuple(row[column] for column in shape.key)
        place = named[0] if len(named) == 1 else named
        await tx.lock((table, place))
        before = tx.get(table, place)
        if before is None or changes != "nothing":
            tx.set(table, place, {**(before or shape.columns), **row})
    return len(rows)


@means
async def delete_rows(tx: Transaction, value: Any, *, table: str, by: str) -> int:
    found = tx.by(table, by, value)
    for row in found:
        await tx.write(table, tx.database.tables[table].key_of(row), None)
    return len(found)


# --- the kit: states, what is given, the log


def _ids(tx: Transaction, table: str, ids: Sequence[UUID]) -> list[UUID]:
    return [id for id in ids if tx.get(table, id) is not None]


def _with_key(tx: Transaction, row: Row, subject: str) -> Row:
    """A row of a state with the key of whom it is about."""
    field = re.search(r"'(\w+)'", subject)
    about = UUID(row["state"][field[1]]) if field else row["id"] if subject == "t.id" else None
    key = tx.get("subject_keys", about) if about else None
    return {**row, "subject_id": about if key else None, "wrapped": key["wrapped"] if key else None}


@means
async def lock_states(tx: Transaction, ids: Sequence[UUID], *, table: str, subject: str) -> list[Row]:
    for id in sorted(_ids(tx, table, ids)):
        await tx.lock((table, id))
    return [_with_key(tx, row, subject) for id in sorted(ids) if (row := tx.get(table, id)) is not None]


@means
async def lock_free_states(tx: Transaction, ids: Sequence[UUID], *, table: str, subject: str) -> list[Row]:
    existing = sorted(_ids(tx, table, ids))
    ours = [id for id in existing if await tx.lock((table, id), wait=False)]
    free = [_with_key(tx, row, subject) for id in ours if (row := tx.get(table, id)) is not None]
    return free + [{"id": id, "version": None} for id in existing if id not in ours]


@means
async def read_state(tx: Transaction, id: UUID, *, table: str, subject: str) -> list[Row]:
    row = tx.get(table, id)
    return [] if row is None else [_with_key(tx, row, subject)]


@means
async def read_states(tx: Transaction, ids: Sequence[UUID], *, table: str, subject: str) -> list[Row]:
    return [_with_key(tx, row, subject) for id in ids if (row := tx.get(table, id)) is not None]


async def _given(tx: Transaction, keys: Sequence[Any], table: str, columns: str, by: str, lock: str) -> list[Row]:
    found = []
    for key in keys:
        for row in tx.by(table, by, key):
            place = tx.database.tables[table].key_of(row)
            if lock and not await tx.lock((table, place), share=True, wait=lock == "wait"):
                raise asyncpg.LockNotAvailableError("could not obtain lock on row")
            seen = tx.get(table, place)
            if seen is not None:
                found.append({**{name: seen[name] for name in columns.split(", ")}, "given_key": key})
    return found


@means
async def given_rows(tx: Transaction, keys: Sequence[Any], *, table: str, columns: str, by: str) -> list[Row]:
    return await _given(tx, keys, table, columns, by, "")


@means
async def given_rows_for_share(tx: Transaction, keys: Sequence[Any], *, table: str, columns: str, by: str) -> list[Row]:
    return await _given(tx, keys, table, columns, by, "wait")


@means
async def given_rows_for_share_nowait(
    tx: Transaction, keys: Sequence[Any], *, table: str, columns: str, by: str
) -> list[Row]:
    return await _given(tx, keys, table, columns, by, "nowait")


def _history(tx: Transaction, id: UUID) -> list[Row]:
    rows = tx.having("event_log", "aggregate", lambda row: row["aggregate_id"], id)
    return sorted(rows, key=lambda row: row["sequence"])


@means
async def events_of(tx: Transaction, id: UUID, after: int) -> list[Row]:
    return [row for row in _history(tx, id) if row["sequence"] > after]


@means
async def lanes_in_use(tx: Transaction, lane: str, keys: Sequence[UUID]) -> list[Row]:
    """Of which keys something waits in a lane."""
    return [{"key": key} for key in keys if _in_lane(tx, lane, key)]


@means
async def own_events(tx: Transaction, ids: Sequence[UUID], sequences: Sequence[int]) -> list[Row]:
    return [row for place in zip(ids, sequences, strict=True) if (row := tx.get("event_log", place)) is not None]


class _Columns(tuple[Any, ...]):
    """A row that is taken apart by position, as asyncpg's are, and asked by name."""

    names = ("aggregate", "aggregate_id", "sequence", "type", "schema_version", "data", "sealed")

    def __getitem__(self, name: Any) -> Any:
        return super().__getitem__(self.names.index(name) if isinstance(name, str) else name)


@means
async def fold_page(tx: Transaction, id: UUID, sequence: int, limit: int) -> list[_Columns]:
    rows = sorted(tx.scan("event_log"), key=lambda row: (row["aggregate_id"], row["sequence"]))
    page = [row for row in rows if (row["aggregate_id"], row["sequence"]) > (id, sequence)][:limit]
    return [_Columns(row[name] for name in _Columns.names) for row in page]


@means
async def walk_page(tx: Transaction, equals: UUID, cursor: UUID, limit: int, *, table: str, by: str) -> list[Row]:
    ids = sorted(row["id"] for row in tx.by(table, by, equals) if row["id"] > cursor)
    return [{"id": id} for id in ids[:limit]]


@means
async def primary_keys(tx: Transaction) -> list[Row]:
    return [{"table": name, "columns": list(table.shape.key)} for name, table in tx.database.tables.items()]


# --- the kit: inbox, jobs, circuits


@means
async def inbox_positions(tx: Transaction, topics: Sequence[str], keys: Sequence[UUID]) -> list[Row]:
    places = sorted(zip(topics, keys, strict=True))
    waiting = {place for place in places if _waits_here(tx, *place)}
    for place in places:
        if tx.get("inbox", place) is not None:
            await tx.lock(("inbox", place))
    return [
        {"topic": place[0], "key": place[1], "sequence": _followed_to(tx, place), "waits": place in waiting}
        for place in places
    ]


@means
async def count_events(
    tx: Transaction, topics: Sequence[str], keys: Sequence[UUID], first: Sequence[int], last: Sequence[int]
) -> list[Row]:
    told = sorted(zip(topics, keys, first, last, strict=True))
    if any(_followed_to(tx, (topic, key)) != begin - 1 or _waits_here(tx, topic, key) for topic, key, begin, _ in told):
        return [{"count": 0}]
    counted = 0
    for topic, key, begin, end in told:
        await tx.lock(("inbox", (topic, key)))
        if _followed_to(tx, (topic, key)) == begin - 1:
            tx.set("inbox", (topic, key), {"topic": topic, "key": key, "sequence": end})
            counted += 1
    return [{"count": counted}]


def _followed_to(tx: Transaction, place: tuple[str, UUID]) -> int:
    row = tx.get("inbox", place)
    return 0 if row is None else int(row["sequence"])


def _waits_here(tx: Transaction, topic: str, key: UUID) -> bool:
    return any(job["kind"] == "foreign_event" for job in _in_lane(tx, topic, key))


def _lane(row: Row) -> tuple[Any, Any]:
    return row["lane"], row["key"]


def _in_lane(tx: Transaction, lane: str, key: UUID) -> list[Row]:
    return tx.having("jobs", "lane", _lane, (lane, key))


def _is_free(job: Row, tx: Transaction) -> bool:
    return job["leased_until"] is None or job["leased_until"] < tx.database.now()


def _minute(job: Row) -> int:
    return int(job["run_at"].timestamp() // 60)


def _due_by(tx: Transaction, now: datetime) -> list[Row]:
    """Jobs that may be due, by an index on the minute; a claim is the first thing that its transaction does."""
    assert not tx.writes
    table = tx.database.tables["jobs"]
    minute = int(now.timestamp() // 60)
    return [table.rows[key] for due, keys in table.index("minute", _minute).items() if due <= minute for key in keys]


def _is_first(tx: Transaction, job: Row) -> bool:
    if job["lane"] is None:
        return True
    place = job["place"], job["seq"]
    return not any((other["place"], other["seq"]) < place for other in _in_lane(tx, job["lane"], job["key"]))


@means
async def claim_jobs(
    tx: Transaction,
    kinds: Sequence[str],
    now: datetime,
    limit: int,
    lease: UUID,
    effect_seconds: float,
    other_seconds: float,
    key: UUID | None = None,
    *,
    which: str,
) -> list[Row]:
    urgent = {"j.urgent": True, "not j.urgent": False}.get(which)
    circuits = {row["target"]: row for row in tx.scan("circuits") if row["open_until"] is not None}
    due = [
        job
        for job in _due_by(tx, now)
        if job["run_at"] <= now and job["state"] == "live" and job["kind"] in kinds
        if (urgent is None or job["urgent"] == urgent) and (key is None or job["key"] == key)
        if _is_free(job, tx) and _is_first(tx, job)
    ]
    due.sort(key=lambda job: (job["run_at"], job["seq"]))
    now_there, probed = tx.database.now(), set[str]()
    claimed: list[Row] = []
    for job in due:
        circuit = circuits.get(job["target"])
        if circuit is not None and (circuit["open_until"] > tx.database.now() or job["target"] in probed):
            continue
        if len(claimed) == limit or not await tx.lock(("jobs", job["id"]), wait=False):
            continue
        if circuit is not None:
            probed.add(job["target"])
            until = now_there + timedelta(seconds=effect_seconds)
            await tx.write("circuits", job["target"], {**circuit, "open_until": until})
        until = now_there + timedelta(seconds=effect_seconds if job["kind"] == "effect" else other_seconds)
        row = {**job, "attempts": job["attempts"] + 1, "leased_by": lease, "leased_until": until}
        tx.set("jobs", job["id"], row)
        claimed.append({**row, "is_troubled": tx.get("circuits", job["target"]) is not None})
    return claimed


async def _change_job(tx: Transaction, id: UUID, lease: UUID, **changes: Any) -> int:
    await tx.lock(("jobs", id))
    job = tx.get("jobs", id)
    if job is None or job["leased_by"] != lease:
        return 0
    tx.set("jobs", id, {**job, "leased_by": None, "leased_until": None, **changes})
    return 1


@means
async def defer_job(
    tx: Transaction, id: UUID, lease: UUID, state: str, run_at: datetime, reason: str, error: str | None, no_fault: bool
) -> int:
    changes: Row = {"state": state, "run_at": run_at, "reason": reason, "error": error}
    return await _change_job(tx, id, lease, **changes, **({"attempts": 0} if no_fault else {}))


@means
async def move_walk(tx: Transaction, id: UUID, lease: UUID, payload: Any, run_at: datetime) -> int:
    return await _change_job(tx, id, lease, payload=from_json(to_json(payload)), run_at=run_at, attempts=0)


@means
async def release_jobs(tx: Transaction, ids: Sequence[UUID], lease: UUID) -> int:
    held = [job for id in ids if (job := tx.get("jobs", id)) is not None]
    return sum([await _change_job(tx, job["id"], lease, attempts=job["attempts"] - 1) for job in held])


@means
async def release_waiting(tx: Transaction, topic: str, key: UUID, now: datetime) -> int:
    position = tx.get("inbox", (topic, key))
    for job in _in_lane(tx, topic, key):
        waits = job["kind"] == "foreign_event" and job["reason"] in ("gap", "behind")
        if waits and position is not None and job["payload"]["sequence"] == position["sequence"] + 1:
            await tx.write("jobs", job["id"], {**job, "state": "live", "run_at": now, "reason": None})
    return 0


@means
async def hasten_jobs(tx: Transaction, name: str, key: UUID, now: datetime) -> int:
    for job in [job for job in tx.scan("jobs") if job["key"] == key and job["name"] == name]:
        if job["kind"] == "effect" and job["state"] == "live" and job["run_at"] > now:
            await tx.write("jobs", job["id"], {**job, "run_at": now})
    return 0


@means
async def retry_parked(tx: Transaction, id: UUID | None, reason: str | None, now: datetime) -> int:
    found = [job for job in tx.scan("jobs") if job["state"] == "parked"]
    found = [job for job in found if id in (None, job["id"]) and reason in (None, job["reason"])]
    for job in found:
        fresh = {"state": "live", "run_at": now, "first_due_at": now, "attempts": 0, "reason": None, "error": None}
        await tx.write("jobs", job["id"], {**job, **fresh})
    return len(found)


@means
async def circuit_fault(tx: Transaction, target: str, faults: int, seconds: float) -> int:
    await tx.lock(("circuits", target))
    before = tx.get("circuits", target)
    failures = 1 if before is None else before["failures"] + 1
    is_open = before is not None and failures >= faults
    until = tx.database.now() + timedelta(seconds=seconds) if is_open else None
    tx.set("circuits", target, {"target": target, "failures": failures, "open_until": until})
    return 1


@means
async def circuit_ok(tx: Transaction, target: str) -> int:
    if tx.get("circuits", target) is not None:
        await tx.write("circuits", target, None)
    return 1


@means
async def circuit_unproved(tx: Transaction, target: str) -> int:
    circuit = tx.get("circuits", target)
    if circuit is not None and circuit["open_until"] is not None and circuit["open_until"] > tx.database.now():
        await tx.write("circuits", target, {**circuit, "open_until": tx.database.now()})
    return 1


# --- the kit: keys and answers


@means
async def admit_keys(tx: Transaction, ids: Sequence[UUID]) -> list[Row]:
    nothing: Row = {"body_hash": None, "status": None, "answer": None}
    found = {id: tx.get("idempotency_keys", id) or nothing for id in ids}
    return [{**found[id], "id": id, "ours": await tx.lock(("key", id), wait=False)} for id in ids]


@means
async def subject_keys(tx: Transaction, subjects: Sequence[UUID]) -> list[Row]:
    return [row for subject in subjects if (row := tx.get("subject_keys", subject)) is not None]


@means
async def create_subject_keys(tx: Transaction, subjects: Sequence[UUID], wrapped: Sequence[bytes]) -> list[Row]:
    made = []
    for subject, key in sorted(zip(subjects, wrapped, strict=True)):
        await tx.lock(("subject_keys", subject))
        if tx.get("subject_keys", subject) is None:
            row: Row = {"subject_id": subject, "wrapped": key, "destroyed_at": None}
            tx.set("subject_keys", subject, row)
            made.append(row)
    return made


@means
async def destroy_subject_keys(tx: Transaction, subjects: Sequence[UUID], at: datetime) -> int:
    for subject in sorted(subjects):
        await tx.write("subject_keys", subject, {"subject_id": subject, "wrapped": None, "destroyed_at": at})
    return 0


# --- the kit: the relay


def _digest(row: Row | None) -> bytes:
    if row is None:
        return b""
    covered = {name: value for name, value in row.items() if name != "traceparent"}
    return hashlib.sha256(to_json(covered)).digest()


@means
async def relay_batch(tx: Transaction, limit: int) -> list[Row]:
    found: list[Row] = []
    for seq in sorted(row["seq"] for row in tx.scan("outbox"))[:limit]:
        await tx.lock(("outbox", seq))
        if (row := tx.get("outbox", seq)) is None:
            continue
        event = tx.get("event_log", (row["aggregate_id"], row["sequence"]))
        joined = {} if event is None else {**event, "data": to_json(event["data"]).decode(), "log_seq": event["seq"]}
        found.append({**joined, **row, "digest": _digest(event)})
    return found


@means
async def relay_published(
    tx: Transaction, seqs: Sequence[int], number: int, log_seqs: Sequence[int], hash: bytes
) -> int:
    for seq in seqs:
        await tx.write("outbox", seq, None)
    if log_seqs:
        row = {"number": number, "seqs": list(log_seqs), "hash": hash, "sealed_at": tx.database.now()}
        await _insert(tx, "seals", number, row)
    return len(seqs)


@means
async def is_to_be_published(tx: Transaction) -> list[Row]:
    return [{"exists": any(True for _ in tx.scan("outbox"))}]


@means
async def last_seal(tx: Transaction) -> list[Row]:
    return sorted(tx.scan("seals"), key=lambda row: -row["number"])[:1]


@means
async def has_recovered(tx: Transaction) -> list[Row]:
    return [{"exists": False}]


# --- the auditor's


@means
async def log(tx: Transaction) -> list[Row]:
    rows = sorted(tx.scan("event_log"), key=lambda row: row["seq"])
    return [{**row, "digest": _digest(row)} for row in rows]


@means
async def states(tx: Transaction, *, table: str) -> list[Row]:
    return list(tx.scan(table))


@means
async def outbox(tx: Transaction) -> list[Row]:
    now = tx.database.now()
    return [{**row, "waits_seconds": (now - row["created_at"]).total_seconds()} for row in tx.scan("outbox")]


@means
async def inbox(tx: Transaction) -> list[Row]:
    return list(tx.scan("inbox"))


@means
async def jobs(tx: Transaction) -> list[Row]:
    names = ("id", "kind", "name", "lane", "key", "place", "seq", "payload", "state", "reason", "error", "run_at")
    now = tx.database.now()
    return [
        {**{name: job[name] for name in (*names, "target")}, "is_leased": (job["leased_until"] or now) > now}
        for job in tx.scan("jobs")
    ]


@means
async def open_circuits(tx: Transaction) -> list[Row]:
    return [row for row in tx.scan("circuits") if row["open_until"] is not None]


@means
async def seals(tx: Transaction) -> list[Row]:
    return sorted(tx.scan("seals"), key=lambda row: row["number"])


@means
async def rows(tx: Transaction, *, table: str) -> list[Row]:
    return [{"row": {name: _plain(value) for name, value in row.items()}} for row in tx.scan(table)]


@means
async def typed_rows(tx: Transaction, rows: bytes, *, table: str) -> list[Row]:
    shape = tx.database.tables[table].shape
    return [{"row": {**dict.fromkeys(shape.columns), **row}} for row in _rows(rows)]


# --- the services' own


@means
async def seeded_before_events(_: Transaction) -> list[Row]:
    return []


@means
async def version_by_key(tx: Transaction, key: str) -> list[Row]:
    row = tx.get("service_versions", key)
    return [] if row is None else [{"definition": to_json(row["definition"]).decode()}]


@means
async def current_versions(tx: Transaction, _: None, today: date) -> list[Row]:
    newest: dict[str, Row] = {}
    for row in sorted(tx.scan("service_versions"), key=lambda row: row["version"]):
        if row["effective_from"] <= today:
            newest[row["service_id"]] = row
    return [{"definition": to_json(newest[id]["definition"]).decode()} for id in sorted(newest)]


@means
async def person(tx: Transaction, id: UUID) -> list[Row]:
    return tx.by("persons", "person_id", id)


@means
async def recipient(tx: Transaction, id: UUID) -> list[Row]:
    return tx.by("recipients", "person_id", id)
