"""The ledger as an auditor reads it: what was reported of whom, and what the platform said."""

from pydantic import AwareDatetime, BaseModel, JsonValue

from simulators.hospital.births import Birth
from simulators.hospital.records import Report, ReportAnswered, What


class ReportView(BaseModel):
    """One report; its id is the idempotency key. It waits as long as `status` is null; `code` is why it was refused."""

    what: What
    id: str
    due_at: AwareDatetime
    body: dict[str, JsonValue] | None
    answered_at: AwareDatetime | None
    status: int | None
    code: str | None


class BirthView(BaseModel):
    """One birth."""

    number: str
    reports: list[ReportView]


class LedgerView(BaseModel):
    """Every birth, oldest first."""

    simulator: bool = True
    births: list[BirthView]


def ledger_view(births: list[Birth]) -> LedgerView:
    """Show births to an auditor."""
    return LedgerView(births=[_birth_view(birth) for birth in births])


def _birth_view(birth: Birth) -> BirthView:
    reports = [_report_view(report, birth.answers.get(report.id)) for report in birth.reports]
    return BirthView(number=birth.number, reports=reports)


def _report_view(report: Report, answer: ReportAnswered | None) -> ReportView:
    return ReportView(
        what=report.what,
        id=report.id,
        due_at=report.due_at,
        body=report.body,
        answered_at=answer.at if answer else None,
        status=answer.status if answer else None,
        code=answer.code if answer else None,
    )
