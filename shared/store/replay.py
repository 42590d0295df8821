"""Folds aggregates again from the log and compares them with their rows. Only reads."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any
from uuid import UUID

from shared.contracts.event import Event, Recorded
from shared.contracts.personal import ERASED, codec_of
from shared.functions import Decider, fold
from shared.store.log import read_all
from shared.store.shell import Shell
from shared.store.statements import SQL, for_table
from shared.store.states import states_of
from shared.store.work import Loaded

PAGE = 2000
AnyDecider = Decider[Any, Any, Any, Any]
History = tuple[str, list[Recorded[Event]]]


@dataclass
class Comparison:
    """How many aggregates were folded from how many events, and which of them are not what their row says."""

    aggregates: int = 0
    events: int = 0
    differing: list[UUID] = field(default_factory=list)


async def verify_states(shell: Shell) -> Comparison:
    """Compares every aggregate of a service with the fold of its log.

    A live system moves on meanwhile: an aggregate that differs is folded once more by itself before it is reported.
    """
    found = Comparison()
    async for page in _histories(shell):
        for name, of_decider in groupby(sorted(page, key=lambda history: history[0]), key=lambda history: history[0]):
            await _compare(shell, shell.service.decider(name), [events for _, events in of_decider], found)
    return found


async def _compare(
    shell: Shell, decider: AnyDecider, histories: list[list[Recorded[Event]]], found: Comparison
) -> None:
    ids = [events[0].aggregate_id for events in histories]
    async with shell.parts.pool.acquire() as connection:
        text = for_table("read_states", decider.table)
        loaded = await states_of(shell.parts, connection, decider, await connection.fetch(text, ids))
    for id, events in zip(ids, histories, strict=True):
        found.aggregates += 1
        found.events += len(events)
        row = loaded.get(id)
        if not _agree(decider, row, events) and await _differs(shell, decider, id):
            found.differing.append(id)


async def _differs(shell: Shell, decider: AnyDecider, id: UUID) -> bool:
    async with shell.parts.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        rows = await connection.fetch(SQL["events_of"], id, 0)
        events = await read_all(connection, shell.parts.keyring, rows)
        states = await connection.fetch(for_table("read_states", decider.table), [id])
        row = (await states_of(shell.parts, connection, decider, states)).get(id)
    return not _agree(decider, row, events)


def _agree(decider: AnyDecider, row: Loaded | None, events: list[Recorded[Event]]) -> bool:
    """Whether a row is what its events make. What was erased can be compared with nothing any more."""
    if row is None or row.version != len(events):
        return False
    folded = fold(decider, *(event.data for event in events))
    private = codec_of(decider.state_class).private
    erased = [name for name in private if ERASED in (getattr(row.state, name), getattr(folded, name))]
    return bool(replace(row.state, **dict.fromkeys(erased)) == replace(folded, **dict.fromkeys(erased)))


async def _histories(shell: Shell) -> AsyncIterator[list[History]]:
    """Whole histories, page by page; an aggregate that a page cuts off is kept for the next one."""
    after, kept = (UUID(int=0), 0), list[Any]()
    while True:
        async with shell.parts.pool.acquire() as connection:
            rows = kept + await connection.fetch(SQL["log_page"], *after, PAGE)
            is_last = len(rows) - len(kept) < PAGE
            if not rows:
                return
            after = (rows[-1]["aggregate_id"], rows[-1]["sequence"])
            cut = rows[-1]["aggregate_id"]
            kept = [] if is_last else [row for row in rows if row["aggregate_id"] == cut]
            whole = rows if is_last else [row for row in rows if row["aggregate_id"] != cut]
            names = {row["aggregate_id"]: row["aggregate"] for row in whole}
            events = await read_all(connection, shell.parts.keyring, whole)
        by_id = groupby(events, key=lambda event: event.aggregate_id)
        yield [(names[id], list(of_one)) for id, of_one in by_id]
        if is_last:
            return
