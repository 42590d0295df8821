"""What requests shows: catalogue, requests with their history, tasks, documents."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import yaml
from pydantic import BaseModel, TypeAdapter

from services.requests.domain.definition import FeeStep, ServiceDefinition
from services.requests.domain.offer import Offer
from services.requests.domain.offer import Status as OfferStatus
from services.requests.domain.request_state import Owner, Request, Status
from services.requests.domain.rulebook import FACTS
from services.requests.domain.task import Status as TaskStatus
from services.requests.domain.task import Task
from services.requests.queries import TaskRow
from shared.contracts.event import Event, Recorded
from shared.contracts.personal import Erased
from shared.contracts.requests import FeeLine, OfferMode, TaskDecision
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
    assurance: str
    on_behalf_of: Sequence[str]
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
            steps=[step.kind for step in definition.steps if not (isinstance(step, FeeStep) and step.is_free)],
            assurance=definition.assurance,
            on_behalf_of=definition.on_behalf_of,
            form=definition.form,
            eligibility=[rule.reason for rule in definition.eligibility],
        )


class QuoteView(BaseModel):
    """What a service would mean for somebody who asked for it now: whether they may, the steps, and what it costs."""

    service_id: str
    version: int
    name: LocalizedText
    eligible: Literal["yes", "no", "unknown"]
    rules: Sequence["RuleView"]
    steps: Sequence[str]
    fees: Sequence[FeeLine]
    total_fils: int
    service_level_working_days: int


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


class StepView(BaseModel):
    """A step that has begun: whom it waits for."""

    id: str
    waits_for: Owner


class RequestView(BaseModel):
    """A request as its applicant sees it. `waits_for`: who has it before anybody else that it waits for; `payment_id`:
    where its fee is paid, in payments.
    """

    id: UUID
    reference: str
    service_id: str
    service_version: int
    status: Status
    beneficiary_id: UUID
    waits_for: Owner | None
    steps: Sequence[StepView]
    payment_id: UUID | None
    document_id: UUID | None
    is_rated: bool

    @staticmethod
    def of(id: UUID, state: Request) -> "RequestView":
        """The view of a state."""
        return RequestView(
            id=id,
            reference=state.reference,
            service_id=state.service_id,
            service_version=state.service_version,
            status=state.status,
            beneficiary_id=state.beneficiary_id,
            waits_for=state.waits_for,
            steps=[StepView(id=id, waits_for=step.owner) for id, step in state.open.items()],
            payment_id=derive_id("payment", state.fee_id) if state.fee_id else None,
            document_id=state.document_id if state.status is Status.FULFILLED else None,
            is_rated=state.is_rated,
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


class NeedView(BaseModel):
    """A fact that is missing, and where the person states it: `PUT` to `path` of `service`."""

    fact: str
    label: LocalizedText
    service: str | None
    path: str | None

    @staticmethod
    def of(fact: str, about_id: UUID | None) -> "NeedView":
        """The view of a fact of the vocabulary."""
        known = FACTS[fact]
        place = known.stated_at
        path = place.path.replace("{person_id}", str(about_id)) if place else None
        return NeedView(fact=fact, label=known.label, service=place.service if place else None, path=path)


class OpenTaskView(BaseModel):
    """A task that waits for an agency's officer, or for the person who is asked: who agrees or does not, as the `party`
    that they are, or else states what it `needs`.
    """

    id: UUID
    request_id: UUID
    service_id: str
    agency: str | None
    about_id: UUID | None
    needs: Sequence[NeedView]
    title: LocalizedText
    state: str
    opened_at: datetime
    party: str | None

    @staticmethod
    def of(row: TaskRow) -> "OpenTaskView":
        """The view of a row."""
        needs = [NeedView.of(fact, row.about_id) for fact in row.needs]
        return OpenTaskView.model_validate({**asdict(row), "title": row.title, "needs": needs})


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


class InvitationView(BaseModel):
    """Somebody else has to agree: whoever signs in and gives `code` for the task is asked. Null once they have come."""

    task_id: UUID
    title: LocalizedText
    code: str | None


class DocumentView(BaseModel):
    """A document as its holder has it: `jws` is the signed data, `code` verifies it."""

    id: UUID
    kind: str
    title: LocalizedText | None
    holder_id: UUID
    valid_from: date
    valid_until: date
    revoked: bool
    code: str
    jws: str


class VerificationView(BaseModel):
    """What the platform confirms of a document to whoever has its code."""

    genuine: bool
    valid: bool
    revoked: bool
    kind: str
    issuer: LocalizedText
    title: LocalizedText
    holder: LocalizedText
    valid_from: date
    valid_until: date


class OfferStanding(BaseModel):
    """Where an offer stands."""

    id: UUID
    status: OfferStatus
    expires_at: datetime | None
    snoozed_until: datetime | None

    @staticmethod
    def of(id: UUID, state: Offer) -> "OfferStanding":
        """The view of a state."""
        return OfferStanding(id=id, status=state.status, expires_at=state.expires_at, snoozed_until=state.snoozed_until)


class OfferView(OfferStanding):
    """An offer as its recipient has it. `form` is what is sent with one tap; `request_id` what was begun with it."""

    mode: OfferMode
    service_id: str
    service_version: int
    name: LocalizedText
    reason: LocalizedText
    beneficiary_id: UUID
    fee_fils: int
    form: Mapping[str, Any]
    is_seen: bool
    request_id: UUID | None

    @staticmethod
    def of(id: UUID, state: Offer, definition: ServiceDefinition | None = None) -> "OfferView":
        """The view of a state and the service that it offers."""
        assert definition is not None
        binding = definition.binding(state.binding_id)
        assert binding is not None
        return OfferView(
            **OfferStanding.of(id, state).model_dump(),
            mode=state.mode,
            service_id=state.service_id,
            service_version=state.made_version,
            name=definition.name,
            reason=binding.reason,
            beneficiary_id=state.beneficiary_id,
            fee_fils=definition.fee_fils(),
            form=binding.form,
            is_seen=state.is_seen,
            request_id=state.request_id,
        )


class OccasionView(BaseModel):
    """What has happened, and who says so. Where nothing is left of it, it was taken back."""

    kind: str
    source: str
    noticed_at: datetime


class WhyView(BaseModel):
    """Why somebody is offered a service."""

    reason: LocalizedText
    occasion: OccasionView | None
    your_role: str
    service_id: str
    service_version: int
    agency: str
    rules: Sequence[RuleView]

    @staticmethod
    def of(state: Offer, definition: ServiceDefinition) -> "WhyView":
        """The reasons of an offer as it was made last."""
        binding = definition.binding(state.binding_id)
        assert binding is not None
        reasons = {rule.id: rule.reason for rule in definition.eligibility}
        decisions = [] if isinstance(state.decisions, Erased) else state.decisions
        occasion = state.occasion
        return WhyView(
            reason=binding.reason,
            occasion=OccasionView(kind=occasion.kind, source=occasion.source, noticed_at=occasion.noticed_at)
            if occasion
            else None,
            your_role=state.recipient_role,
            service_id=definition.id,
            service_version=definition.version,
            agency=definition.agency,
            rules=[
                RuleView(
                    id=d.rule_id, verdict="passed" if d.passed else "failed", reason=reasons[d.rule_id], facts=d.facts
                )
                for d in decisions
            ],
        )
