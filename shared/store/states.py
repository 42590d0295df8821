"""States of aggregates, read from their rows; a row of another shape is folded again from the log."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from shared.contracts.personal import codec_of
from shared.functions import Decider, fold
from shared.store.log import history
from shared.store.parts import Parts
from shared.store.statements import for_table
from shared.store.types import AnyConnection, Record
from shared.store.work import Loaded

AnyDecider = Decider[Any, Any, Any, Any]


def reading(statement: str, decider: AnyDecider) -> str:
    """A statement that reads a decider's states, each with the key of whom it is about."""
    codec = codec_of(decider.state_class)
    of_field = f"(t.state ->> '{codec.subject_field}')::uuid" if codec.subject_field else "t.id"
    return for_table(statement, decider.table, subject=of_field if codec.private else "null::uuid")


async def load_states(
    parts: Parts, connection: AnyConnection, decider: AnyDecider, ids: set[UUID], *, skip_locked: bool
) -> tuple[dict[UUID, Loaded], set[UUID]]:
    """The states of those aggregates that exist, locked; and, when skipping, those that somebody else holds."""
    rows = await connection.fetch(reading("lock_free_states" if skip_locked else "lock_states", decider), sorted(ids))
    held = {row["id"] for row in rows if row["version"] is None}
    return await states_of(parts, connection, decider, [row for row in rows if row["id"] not in held]), held


async def read_state(parts: Parts, connection: AnyConnection, decider: AnyDecider, id: UUID) -> Loaded | None:
    """One aggregate as it was committed last, not locked; None where it does not exist."""
    rows = await connection.fetch(reading("read_state", decider), id)
    return (await states_of(parts, connection, decider, rows)).get(id)


async def states_of(
    parts: Parts, connection: AnyConnection, decider: AnyDecider, rows: Sequence[Record]
) -> dict[UUID, Loaded]:
    """Rows of an aggregate's table, as `reading` gives them, as states."""
    codec = codec_of(decider.state_class)
    boxes = parts.keyring.opened(rows)
    loaded: dict[UUID, Loaded] = {}
    for row in rows:
        if row["shape"] == decider.shape:
            subject = codec.subject_in(row["state"], row["id"])
            state = codec.load(row["state"], row["sealed"], row["id"], boxes.get(subject) if subject else None)
        else:
            events = await history(connection, parts.keyring, row["id"])
            state = fold(decider, *(event.data for event in events))
        loaded[row["id"]] = Loaded(state, row["version"], row["correlation_id"])
    return loaded
