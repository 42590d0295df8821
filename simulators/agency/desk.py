"""The officer's working day: look for open tasks, decide them, rest when there are none."""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus

import structlog

from simulators.agency.journal import Journal
from simulators.agency.platform import Platform
from simulators.agency.records import Outcome
from simulators.agency.switches import Switches
from simulators.agency.tasks import Task
from simulators.officer import PlatformAwayError

log = structlog.stdlib.get_logger()

BUSY_PAUSE_SECONDS = 0.1
IDLE_PAUSE_SECONDS = 1.0
SETTLED_REST_SECONDS = 5.0
"""A list may show a task a little longer than it is open. If it still does after this, the decision is sent again."""
_HANDS = 8


class Desk:
    """Decides an agency's open tasks while its switches say so."""

    def __init__(self, platform: Platform, journal: Journal) -> None:
        """Start with the switches off."""
        self._platform = platform
        self._journal = journal
        self._switches = Switches()
        self._switches_set = asyncio.Event()
        self._hands = asyncio.Semaphore(_HANDS)
        self._first_seen: dict[str, float] = {}
        self._settled: dict[str, float] = {}
        self._platform_away = False

    @property
    def switches(self) -> Switches:
        """How the desk behaves now."""
        return self._switches

    def set_switches(self, switches: Switches) -> None:
        """Behave otherwise, at once."""
        self._switches = switches
        self._switches_set.set()

    async def run(self) -> None:
        """Work until cancelled."""
        pause_seconds = BUSY_PAUSE_SECONDS
        while True:
            self._switches_set.clear()
            busy = self._switches.automatic and await self._round()
            pause_seconds = BUSY_PAUSE_SECONDS if busy else min(2 * pause_seconds, IDLE_PAUSE_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._switches_set.wait(), pause_seconds)

    async def _round(self) -> bool:
        """Whether anything was decided."""
        try:
            decided_count = await self._decide_open_tasks(self._switches)
        except PlatformAwayError as error:
            if not self._platform_away:
                log.warning("agency_platform_away", error=str(error))
            self._platform_away = True
            return False
        self._platform_away = False
        return decided_count > 0

    async def _decide_open_tasks(self, switches: Switches) -> int:
        decided_count = 0
        cursor: str | None = None
        listed: set[str] = set()
        while self._switches is switches:
            page = await self._platform.task_page(switches.agency, cursor)
            listed.update(task.id for task in page.items)
            decided_count += await self._decide_all(self._due(page.items, switches), switches)
            if not (cursor := page.next_cursor):
                self._forget_all_but(listed)
                break
        return decided_count

    def _due(self, tasks: Iterable[Task], switches: Switches) -> list[Task]:
        now = time.monotonic()
        return [
            task
            for task in tasks
            if now - self._first_seen.setdefault(task.id, now) >= switches.delay_seconds
            and now - self._settled.get(task.id, float("-inf")) >= SETTLED_REST_SECONDS
        ]

    async def _decide_all(self, tasks: list[Task], switches: Switches) -> int:
        outcomes = await asyncio.gather(*(self._decide(task, switches) for task in tasks), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return len(tasks)

    async def _decide(self, task: Task, switches: Switches) -> None:
        async with self._hands:
            decision = self._journal.choose(task, switches)
            status = await self._platform.decide(task, decision)
            outcome = _outcome_of(status)
            self._journal.note_outcome(task, outcome, status)
            self._settled[task.id] = time.monotonic()
            log.info("agency_task_decided", task_id=task.id, decision=decision, outcome=outcome, status=status)

    def _forget_all_but(self, listed: set[str]) -> None:
        self._first_seen = {task_id: seen for task_id, seen in self._first_seen.items() if task_id in listed}
        self._settled = {task_id: settled for task_id, settled in self._settled.items() if task_id in listed}


def _outcome_of(status: int) -> Outcome:
    if status == HTTPStatus.CONFLICT:
        return Outcome.ALREADY_DECIDED
    return Outcome.ACCEPTED if status < HTTPStatus.MULTIPLE_CHOICES else Outcome.REFUSED
