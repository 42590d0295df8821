"""The hospitals' memory: every report, and what the platform said to it.

Nothing here awaits, so no two births get one number.
"""

from dataclasses import dataclass, field

from simulators.clock import Clock
from simulators.hospital.forms import BirthForm, CorrectionForm
from simulators.hospital.records import Record, Report, ReportAnswered, ReportsWritten, What
from simulators.hospital.switches import Switches
from simulators.hospital.writing import report, reports_of
from simulators.ledger import Ledger


class UnknownBirthError(LookupError):
    """No birth has this number."""


@dataclass
class Birth:
    """All reports of one birth, in the order in which they were written, and their answers."""

    number: str
    reports: list[Report] = field(default_factory=list)
    answers: dict[str, ReportAnswered] = field(default_factory=dict)

    def waiting(self) -> list[Report]:
        """The reports that are not answered yet."""
        return [report for report in self.reports if report.id not in self.answers]


class Births:
    """All births, kept in a ledger that a restart reads back."""

    def __init__(self, ledger: Ledger[Record], clock: Clock) -> None:
        """Take in everything that the ledger remembers."""
        self._ledger = ledger
        self._clock = clock
        self._births: dict[str, Birth] = {}
        for record in ledger.read():
            self._take_in(record)

    def all(self) -> list[Birth]:
        """Every birth, oldest first."""
        return list(self._births.values())

    def note(self, birth: BirthForm, switches: Switches) -> ReportsWritten:
        """Write a birth's reports down, under the next number."""
        now = self._clock()
        number = f"B-{len(self._births) + 1:04}"
        return self._write_reports(number, *reports_of(birth, number, switches, now))

    def correct(self, number: str, correction: CorrectionForm) -> ReportsWritten:
        """Write a correction down; raises UnknownBirthError."""
        return self._write_reports(self._known(number), report(What.CORRECTION, correction.body(), self._clock()))

    def annul(self, number: str) -> ReportsWritten:
        """Write down that it has not happened; raises UnknownBirthError."""
        return self._write_reports(self._known(number), report(What.ANNULMENT, None, self._clock()))

    def note_answer(self, number: str, report: Report, status: int, code: str | None) -> None:
        """Remember what the platform said."""
        self._write(ReportAnswered(number=number, report_id=report.id, at=self._clock(), status=status, code=code))

    def _known(self, number: str) -> str:
        if number not in self._births:
            raise UnknownBirthError(number)
        return number

    def _write_reports(self, number: str, *reports: Report) -> ReportsWritten:
        written = ReportsWritten(number=number, at=self._clock(), reports=reports)
        self._write(written)
        return written

    def _write(self, record: Record) -> None:
        self._ledger.append(record, durable=True)
        self._take_in(record)

    def _take_in(self, record: Record) -> None:
        birth = self._births.setdefault(record.number, Birth(record.number))
        match record:
            case ReportsWritten():
                birth.reports.extend(record.reports)
            case ReportAnswered():
                birth.answers[record.report_id] = record
