"""Where the events come from that are projected again: the own log, and topics that somebody else reads."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Protocol, TypeAlias

from shared.contracts.event import Event, Recorded
from shared.store.faults import is_database_error
from shared.store.reading import recorded_from, subjects_of
from shared.store.shell import Shell
from shared.store.statements import SQL
from shared.store.types import Record
from shared.store.work import Foreign

STRETCH = 4_000
"""So many places of the log are read at once; fewer where there is time, so that nobody waits for one of them."""
SHORT_STRETCH = 500

Happened: TypeAlias = Recorded[Event] | Foreign
Timed: TypeAlias = tuple[datetime, Happened]
Note: TypeAlias = Callable[[str, object, Exception], None]
"""Is told the type and id of an event that cannot be read, and why."""


class Source(Protocol):
    """Events in an order of their own."""

    async def page(self) -> Sequence[Timed]:
        """The next ones with their times; none: there are no more in this round."""
        ...


class Topics(Protocol):
    """Topics read from their start."""

    async def round(self) -> Sequence[Source]:
        """One source a partition, from where the last round has ended up to what is newest now."""
        ...


class OwnLog:
    """Events of some types between two places of the log; the next stretch is on its way while one is dealt with."""

    def __init__(self, shell: Shell, types: Sequence[str], *, after: int, end: int, stretch: int, note: Note) -> None:
        self._shell = shell
        self._types = types
        self._after = after
        self._end = end
        self._stretch = stretch
        self._note = note
        self._fetching: asyncio.Task[list[Record]] | None = None

    async def page(self) -> Sequence[Timed]:
        """The next events that can be read."""
        while self._after < self._end and self._types:
            rows = await (self._fetching or self._fetch(self._after))
            self._after = min(self._end, self._after + self._stretch)
            self._fetching = asyncio.create_task(self._fetch(self._after)) if self._after < self._end else None
            if events := await self._read(rows):
                return events
        return ()

    def end(self) -> None:
        """Nothing more is wanted."""
        if self._fetching is not None:
            self._fetching.cancel()

    async def _fetch(self, after: int) -> list[Record]:
        upto = min(self._end, after + self._stretch)
        return await self._shell.parts.pool.fetch(SQL["log_stretch"], after, upto, self._types)

    async def _read(self, rows: Sequence[Record]) -> list[Timed]:
        subjects = subjects_of((row["aggregate_id"], row["type"], row["schema_version"], row["data"]) for row in rows)
        async with self._shell.parts.pool.acquire() as connection:
            boxes = await self._shell.parts.keyring.boxes(connection, subjects)
        events: list[Timed] = []
        for row in rows:
            try:
                event = recorded_from(row, boxes)
            except Exception as error:
                if is_database_error(error):
                    raise
                self._note(row["type"], row["id"], error)
            else:
                events.append((event.time, event))
        return events


async def merged(sources: Sequence[Source]) -> AsyncIterator[list[Happened]]:
    """All events of the sources in the order of their time, where each source keeps its own order."""
    if len(sources) == 1:
        while alone := await sources[0].page():
            yield [event for _, event in alone]
        return
    waiting: dict[int, list[Timed]] = {number: [] for number in range(len(sources))}
    latest: dict[int, datetime] = {}
    while True:
        for number in [number for number, events in waiting.items() if not events]:
            page = await sources[number].page()
            if not page:
                del waiting[number]
            for time, event in page:
                latest[number] = max(time, latest.get(number, time))
                waiting[number].append((latest[number], event))
        if not waiting:
            return
        until = min(events[-1][0] for events in waiting.values())
        chunk: list[Timed] = []
        for number, events in waiting.items():
            count = bisect_right(events, until, key=itemgetter(0))
            chunk += events[:count]
            waiting[number] = events[count:]
        chunk.sort(key=itemgetter(0))
        yield [event for _, event in chunk]
