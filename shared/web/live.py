"""Live status on any replica: one watcher a process polls the versions of what is being watched."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import structlog

from shared.contracts.event import Event, Recorded
from shared.functions import Decider
from shared.store.shell import Shell
from shared.store.statements import for_table

POLL_SECONDS = 0.25

_log = structlog.get_logger()
Watched = tuple[str, UUID]


class Watcher:
    """Tells the streams of this process when an aggregate has moved on, whoever moved it."""

    def __init__(self, shell: Shell, stop: asyncio.Event) -> None:
        self._shell = shell
        self._stop = stop
        self._bells: dict[Watched, set[asyncio.Event]] = defaultdict(set)
        self._versions: dict[Watched, int] = {}
        self._polling: asyncio.Task[None] | None = None

    async def follow(
        self, decider: Decider[Any, Any, Any, Any], id: UUID, after: int
    ) -> AsyncIterator[Recorded[Event]]:
        """The events of one aggregate after a sequence, those of the past first, then as they happen."""
        watched, bell = (decider.table, id), asyncio.Event()
        self._bells[watched].add(bell)
        self._start_polling()
        try:
            while not self._stop.is_set():
                bell.clear()
                for event in await self._shell.history(id, after):
                    after = event.sequence
                    yield event
                await bell.wait()
        finally:
            self._bells[watched].discard(bell)
            if not self._bells[watched]:
                del self._bells[watched]
                self._versions.pop(watched, None)

    def _start_polling(self) -> None:
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())

    async def _poll(self) -> None:
        while self._bells and not self._stop.is_set():
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self._look()
            except Exception as error:  # the streams wait; they must not be left asleep for good
                _log.warning("live streams wait for the database", fault=type(error).__name__)
        for bell in [bell for bells in self._bells.values() for bell in bells]:
            bell.set()

    async def _look(self) -> None:
        by_table: dict[str, list[UUID]] = defaultdict(list)
        for table, id in list(self._bells):
            by_table[table].append(id)
        for table, ids in by_table.items():
            for row in await self._shell.parts.pool.fetch(for_table("changed_since", table), ids):
                self._saw((table, row["id"]), row["version"])

    def _saw(self, watched: Watched, version: int) -> None:
        if self._versions.get(watched) != version:
            self._versions[watched] = version
            for bell in self._bells.get(watched, ()):
                bell.set()
