"""Folds aggregates again from the log and compares them with their rows. Only reads.

Of an event nothing is read but what folding it takes, and while a page is folded the next one is on its way.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from shared.contracts.event import Event
from shared.contracts.personal import ERASED, codec_of
from shared.functions import Decider, fold
from shared.store.log import read_all
from shared.store.reading import opened, subjects_of
from shared.store.shell import Shell
from shared.store.statements import SQL
from shared.store.states import reading, states_of
from shared.store.types import Record
from shared.store.work import Loaded

PAGE = 10_000
AnyDecider = Decider[Any, Any, Any, Any]
Histories = dict[UUID, list[Event]]
Progress = Callable[[int], None]
"""Is told how many events have been dealt with."""


@dataclass
class Comparison:
    """How many aggregates were folded from how many events, and which of them are not what their row says."""

    aggregates: int = 0
    events: int = 0
    differing: list[UUID] = field(default_factory=list)


def silent(_: int) -> None:
    """Whoever does not want to know how far it is."""


async def verify_states(shell: Shell, progress: Progress = silent) -> Comparison:
    """Compares every aggregate of a service with the fold of its log.

    A live system moves on meanwhile: an aggregate that differs is folded once more by itself before it is reported.
    """
    found = Comparison()
    async for page in _histories(shell):
        for name, histories in page.items():
            await _compare(shell, shell.service.decider(name), histories, found)
        progress(found.events)
    return found


async def _compare(shell: Shell, decider: AnyDecider, histories: Histories, found: Comparison) -> None:
    async with shell.parts.pool.acquire() as connection:
        rows = await connection.fetch(reading("read_states", decider), list(histories))
        loaded = await states_of(shell.parts, connection, decider, rows)
    for id, events in histories.items():
        found.aggregates += 1
        found.events += len(events)
        if not _agree(decider, loaded.get(id), events) and await _differs(shell, decider, id):
            found.differing.append(id)


async def _differs(shell: Shell, decider: AnyDecider, id: UUID) -> bool:
    async with shell.parts.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        rows = await connection.fetch(SQL["events_of"], id, 0)
        events = [event.data for event in await read_all(connection, shell.parts.keyring, rows)]
        states = await connection.fetch(reading("read_states", decider), [id])
        row = (await states_of(shell.parts, connection, decider, states)).get(id)
    return not _agree(decider, row, events)


def _agree(decider: AnyDecider, row: Loaded | None, events: Sequence[Event]) -> bool:
    """Whether a row is what its events make. What was erased can be compared with nothing any more."""
    if row is None or row.version != len(events):
        return False
    folded = fold(decider, *events)
    private = codec_of(decider.state_class).private
    erased = [name for name in private if ERASED in (getattr(row.state, name), getattr(folded, name))]
    if not erased:
        return bool(row.state == folded)
    nothing = dict.fromkeys(erased)
    return bool(replace(row.state, **nothing) == replace(folded, **nothing))


async def _histories(shell: Shell) -> AsyncIterator[Mapping[str, Histories]]:
    """Whole histories by the name of their decider, page by page; what a page cuts off is kept for the next one."""
    next_page = asyncio.create_task(_fetch(shell, (UUID(int=0), 0)))
    kept: list[Record] = []
    try:
        while rows := await next_page:
            is_last = len(rows) < PAGE
            cut = rows[-1]["aggregate_id"]
            if not is_last:
                next_page = asyncio.create_task(_fetch(shell, (cut, rows[-1]["sequence"])))
            rows, whole = kept + rows, len(kept) + len(rows)
            while not is_last and whole and rows[whole - 1]["aggregate_id"] == cut:
                whole -= 1
            kept = rows[whole:]
            yield await _read(shell, rows[:whole])
            if is_last:
                return
        yield await _read(shell, kept)
    finally:
        next_page.cancel()


async def _fetch(shell: Shell, after: tuple[UUID, int]) -> list[Record]:
    return await shell.parts.pool.fetch(SQL["fold_page"], *after, PAGE)


async def _read(shell: Shell, rows: Sequence[Record]) -> Mapping[str, Histories]:
    subjects = subjects_of((id, type, version, data) for _, id, _, type, version, data, _ in rows)
    async with shell.parts.pool.acquire() as connection:
        boxes = await shell.parts.keyring.boxes(connection, subjects)
    found: dict[str, Histories] = {}
    last, events = None, list[Event]()
    for aggregate, id, _, type, version, data, sealed in rows:
        if id != last:
            last, events = id, []
            found.setdefault(aggregate, {})[id] = events
        events.append(opened(type, version, data, sealed, id, boxes))
    return found
