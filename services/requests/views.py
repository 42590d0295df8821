"""What requests shows: catalogue, requests with their history, tasks, documents."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import yaml
from pydantic import BaseModel, TypeAdapter

from services.requests.domain.definition import FeeStep, ServiceDefinition
from services.requests.domain.request import Owner, Request, Status
from services.requests.domain.task import Status as TaskStatus
from services.requests.domain.task import Task
from shared.contracts.event import Event, Recorded
from shared.contracts.personal import Erased
from shared.contracts.requests import TaskDecision
from shared.kernel.ids import derive_id
from shared.kernel.text import LocalizedText

_HISTORY_TEXTS: Mapping[str, LocalizedText] = TypeAdapter(dict[str, LocalizedText]).validate_python(
    yaml.safe_load((Path(__file__).parent / "history.yaml").read_text(encoding="utf-8"))
)


class CardView(BaseModel):
    """A service as the catalogue shows it."""

    id: str
    version: int
    agency: str
    name: LocalizedText
    description: LocalizedText
    audience: Sequence[str]
    fee_fils: int
    service_level_working_days: int
    steps: Sequence[str]
    form: Mapping[str, Any]
    eligibility: Sequence[LocalizedText]

    @staticmethod
    def of(definition: ServiceDefinition) -> "CardView":
        """The card of a version."""
        return CardView(
            id=definition.id,
            version=definition.version,
            agency=definition.agency,
            name=definition.name,
            description=definition.description,
            audience=definition.audience,
            fee_fils=definition.fee_fils(),
            service_level_working_days=definition.service_level_working_days,
            steps=[step.kind for step in definition.steps if not (isinstance(step, FeeStep) and not step.amount_fils)],
            form=definition.form,
            eligibility=[rule.reason for rule in definition.eligibility],
        )


class RuleView(BaseModel):
    """How one rule comes out for the caller, and the facts that it read."""

    id: str
    verdict: str
    reason: LocalizedText
    facts: Mapping[str, Any]


class EligibilityView(BaseModel):
    """Whether the caller may ask for a service: `unknown` where a fact is missing."""

    service_id: str
    name: LocalizedText
    eligible: Literal["yes", "no", "unknown"]
    rules: Sequence[RuleView]


class HistoryView(BaseModel):
    """One thing that has happened to a request. `sequence` is also the id of the live stream's message."""

    sequence: int
    type: str
    at: datetime
    text: LocalizedText

    @staticmethod
    def of(event: Recorded[Event]) -> "HistoryView":
        """The view of an event."""
        text = _HISTORY_TEXTS[event.data.type]
        return HistoryView(sequence=event.sequence, type=event.data.type, at=event.time, text=text)


class RequestView(BaseModel):
    """A request as its applicant sees it. `payment_id`: where its fee is paid, in payments."""

    id: UUID
    reference: str
    service_id: str
    service_version: int
    status: Status
    waits_for: Owner | None
    step_id: str | None
    payment_id: UUID | None
    document_id: UUID | None

    @staticmethod
    def of(id: UUID, state: Request) -> "RequestView":
        """The view of a state."""
        return RequestView(
            id=id,
            reference=state.reference,
            service_id=state.service_id,
            service_version=state.service_version,
            status=state.status,
            waits_for=state.waits_for,
            step_id=state.step_id,
            payment_id=derive_id("payment", state.fee_id) if state.fee_id else None,
            document_id=state.document_id if state.status is Status.FULFILLED else None,
        )


class RequestStory(RequestView):
    """A request with the form as it was sent and all that has happened."""

    form: Mapping[str, Any] | None
    history: Sequence[HistoryView]

    @staticmethod
    def told(id: UUID, state: Request, history: Sequence[Recorded[Event]]) -> "RequestStory":
        """The view of a state with its events."""
        form = None if isinstance(state.form, Erased) else state.form
        seen = [HistoryView.of(event) for event in history]
        return RequestStory(**RequestView.of(id, state).model_dump(), form=form, history=seen)


class TaskView(BaseModel):
    """A task after an officer's decision."""

    id: UUID
    request_id: UUID
    status: TaskStatus
    decision: TaskDecision | None

    @staticmethod
    def of(id: UUID, state: Task) -> "TaskView":
        """The view of a state."""
        return TaskView(id=id, request_id=state.request_id, status=state.status, decision=state.decision)


class DocumentView(BaseModel):
    """A document as its holder has it: `jws` is the signed data, `code` verifies it."""

    id: UUID
    kind: str
    title: LocalizedText | None
    valid_from: date
    valid_until: date
    code: str
    jws: str


class VerificationView(BaseModel):
    """What the platform confirms of a document to whoever has its code."""

    genuine: bool
    valid: bool
    kind: str
    title: LocalizedText
    holder: LocalizedText
    valid_from: date
    valid_until: date
