"""Reports on their way: each waits until it is due, and is then sent until it is answered."""

import asyncio
from dataclasses import dataclass

import structlog

from simulators.background import Background
from simulators.clock import Clock
from simulators.hospital.births import Births
from simulators.hospital.identity import Identity, Outcome
from simulators.hospital.records import Report, What
from simulators.hospital.switches import Switches
from simulators.officer import PlatformAwayError

log = structlog.stdlib.get_logger()

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0


@dataclass(frozen=True)
class _UnderWay:
    number: str
    report: Report
    task: asyncio.Task[None]


class Reporter:
    """Sends the reports of all births beside one another; those of one birth in the order in which they are due."""

    def __init__(self, identity: Identity, births: Births, background: Background, clock: Clock) -> None:
        """Take what is needed, and go on with what the ledger has waiting."""
        self._identity = identity
        self._births = births
        self._background = background
        self._clock = clock
        self._switches = Switches()
        self._open = asyncio.Event()
        self._open.set()
        self._under_way: list[_UnderWay] = []
        for birth in births.all():
            self.send(birth.number, *birth.waiting())

    @property
    def switches(self) -> Switches:
        """How the hospitals report now."""
        return self._switches

    def set_switches(self, switches: Switches) -> None:
        """Report otherwise; what waits because of `down` goes on once that is false."""
        self._switches = switches
        if switches.down:
            self._open.clear()
        else:
            self._open.set()

    def send(self, number: str, *reports: Report) -> None:
        """Have reports sent."""
        for report in reports:
            before = self._before(number, report)
            task = self._background.start(self._send_when_due(number, report, before))
            self._under_way.append(_UnderWay(number, report, task))

    def _before(self, number: str, report: Report) -> list[asyncio.Task[None]]:
        """What must be answered first: a correction would be refused of a birth that is not known yet.

        A notice waits for nothing, so that two of one birth go out at the same moment.
        """
        self._under_way = [one for one in self._under_way if not one.task.done()]
        if report.what is What.NOTICE:
            return []
        return [one.task for one in self._under_way if one.number == number and one.report.due_at <= report.due_at]

    async def _send_when_due(self, number: str, report: Report, before: list[asyncio.Task[None]]) -> None:
        await asyncio.sleep((report.due_at - self._clock()).total_seconds())
        await asyncio.gather(*before)
        outcome = await self._tell(number, report)
        self._births.note_answer(number, report, outcome.status, outcome.code)
        log.info("hospital_report_answered", number=number, what=report.what, status=outcome.status, code=outcome.code)

    async def _tell(self, number: str, report: Report) -> Outcome:
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            await self._open.wait()
            try:
                return await self._identity.tell(number, report)
            except PlatformAwayError as error:
                log.warning("hospital_report_unanswered", number=number, what=report.what, error=str(error))
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
