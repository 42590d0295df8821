"""What the hospitals' ledger holds, one record a line. There are civil IDs in it: it is for its owner's eyes."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, TypeAdapter


class What(StrEnum):
    """What a report is."""

    NOTICE = "notice"
    CORRECTION = "correction"
    ANNULMENT = "annulment"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Report(_Part):
    """One thing to tell the platform. Its id is the idempotency key, so it and the body never change."""

    id: str
    what: What
    due_at: AwareDatetime
    body: dict[str, JsonValue] | None


class ReportsWritten(_Part):
    """Reports of one birth; a notice and the correction that it will need are written as one."""

    kind: Literal["reports-written"] = "reports-written"
    number: str
    at: AwareDatetime
    reports: tuple[Report, ...]


class ReportAnswered(_Part):
    """The platform has taken a report, or refused it with this code."""

    kind: Literal["report-answered"] = "report-answered"
    number: str
    report_id: str
    at: AwareDatetime
    status: int
    code: str | None


Record = Annotated[ReportsWritten | ReportAnswered, Field(discriminator="kind")]
RECORD: TypeAdapter[Record] = TypeAdapter(Record)
