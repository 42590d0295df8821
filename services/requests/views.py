"""What requests shows: catalogue, requests with their history, tasks, documents."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import yaml
from pydantic import BaseModel, TypeAdapter

from services.requests.card import HoldView
from services.requests.domain.definition import (
    AgencyTaskStep,
    DocumentsStep,
    HoldStep,
    RequiredDocument,
    ServiceDefinition,
    Step,
    title_of,
)
from services.requests.domain.eligibility import owners_of, rulings_on
from services.requests.domain.fees import total
from services.requests.domain.offer import Offer
from services.requests.domain.offer import Status as OfferStatus
from services.requests.domain.promise import promised_on, still_promised_on
from services.requests.domain.request_state import OpenStep, Owner, Request, Status
from services.requests.domain.rulebook import AGENCIES, FACTS
from services.requests.domain.rules import Ruling, Verdict
from services.requests.domain.steps import plan
from services.requests.domain.task import Status as TaskStatus
from services.requests.domain.task import Task
from services.requests.queries import TaskRow
from shared.contracts.event import Event, Recorded
from shared.contracts.personal import Erased
from shared.contracts.requests import (
    FactSource,
    FeeLine,
    OfferMode,
    RequestObjectionDismissed,
    RequestRejected,
    RequestSubmitted,
    RuleDecision,
    TaskDecision,
)
from shared.kernel.ids import derive_id
from shared.kernel.text import LocalizedText

_HISTORY_TEXTS: Mapping[str, LocalizedText] = TypeAdapter(dict[str, LocalizedText]).validate_python(
    yaml.safe_load((Path(__file__).parent / "history.yaml").read_text(encoding="utf-8"))
)


class RuleView(BaseModel):
    """How one rule comes out, the facts that it read, what people call them, and whence they are.

    `waits_for`: the agencies that have still to tell a fact, where it cannot be decided.
    """

    id: str
    verdict: str
    reason: LocalizedText
    facts: Mapping[str, Any]
    labels: Mapping[str, LocalizedText]
    sources: Mapping[str, FactSource] = {}
    waits_for: Sequence[LocalizedText] = ()

    @staticmethod
    def of(ruling: Ruling) -> "RuleView":
        """The view of a ruling."""
        return RuleView(
            id=ruling.rule.id,
            verdict=ruling.verdict,
            reason=ruling.rule.reason,
            facts=ruling.facts,
            labels=_labels(ruling.facts),
            waits_for=[AGENCIES[agency] for agency in owners_of(ruling)],
        )

    @staticmethod
    def decided(decision: RuleDecision, definition: ServiceDefinition) -> "RuleView":
        """The view of a decision that was kept, in the words of the version that it was made with."""
        reasons = {rule.id: rule.reason for rule in definition.eligibility}
        return RuleView(
            id=decision.rule_id,
            verdict=Verdict.PASSED if decision.passed else Verdict.FAILED,
            reason=reasons[decision.rule_id],
            facts=decision.facts,
            labels=_labels(decision.facts),
            sources=decision.sources,
        )


def _labels(facts: Iterable[str]) -> Mapping[str, LocalizedText]:
    return {name: FACTS[name].label for name in facts}


class EligibilityView(BaseModel):
    """Whether somebody may ask for a service: `unknown` where a fact is missing."""

    service_id: str
    name: LocalizedText
    eligible: Literal["yes", "no", "unknown"]
    rules: Sequence[RuleView]

    @staticmethod
    def judged(definition: ServiceDefinition, facts: Mapping[str, Any]) -> "EligibilityView":
        """How the rules of a service come out."""
        rulings = rulings_on(definition, facts)
        verdicts = {ruling.verdict for ruling in rulings}
        eligible: Literal["yes", "no", "unknown"] = "yes"
        if "residence" not in facts or Verdict.UNDECIDED in verdicts:
            eligible = "unknown"
        if Verdict.FAILED in verdicts or facts.get("residence", definition.audience[0]) not in definition.audience:
            eligible = "no"
        rules = [RuleView.of(ruling) for ruling in rulings]
        return EligibilityView(service_id=definition.id, name=definition.name, eligible=eligible, rules=rules)


class QuoteView(BaseModel):
    """What a service would mean for somebody who asked for it now: whether they may, the steps, what it costs, by when
    it is promised, and what another agency has open that would have to be cleared first.
    """

    service_id: str
    version: int
    name: LocalizedText
    eligible: Literal["yes", "no", "unknown"]
    rules: Sequence[RuleView]
    steps: Sequence[str]
    step_ids: Sequence[str]
    holds: Sequence[HoldView]
    fees: Sequence[FeeLine]
    total_fils: int
    service_level_working_days: int
    promised_on: date

    @staticmethod
    def of(
        definition: ServiceDefinition, form: Mapping[str, Any], facts: Mapping[str, Any], at: datetime
    ) -> "QuoteView":
        """The quote for a form and the facts about whom it is for."""
        judged, planned = EligibilityView.judged(definition, facts), plan(definition, form, facts, at)
        lines = [line for fees in planned.fees.values() for line in fees]
        needed = [step for step in definition.steps if step.id not in planned.skips]
        return QuoteView(
            service_id=definition.id,
            version=definition.version,
            name=definition.name,
            eligible=judged.eligible,
            rules=judged.rules,
            steps=[step.kind for step in needed],
            step_ids=[step.id for step in needed],
            holds=[HoldView.of(step) for step in needed if isinstance(step, HoldStep)],
            fees=lines,
            total_fils=total(lines),
            service_level_working_days=definition.service_level_working_days,
            promised_on=promised_on(definition.service_level_working_days, at),
        )


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
    """A step that has begun: whom it waits for. `documents`: those that have still to be handed in."""

    id: str
    waits_for: Owner
    documents: Sequence[str] = ()


class RequestView(BaseModel):
    """A request as its applicant sees it. `waits_for`: who has it before anybody else that it waits for; `payment_id`:
    where its fee is paid, in payments; `document_id`: what was issued last, of all `document_ids`.
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
    document_ids: Sequence[UUID]
    is_rated: bool
    object_until: datetime | None

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
            steps=[
                StepView(id=id, waits_for=step.waits_for, documents=state.missing.get(id, ()))
                for id, step in state.open.items()
            ],
            payment_id=derive_id("payment", state.fee_id) if state.fee_id else None,
            document_id=state.document_id if state.status is Status.FULFILLED else None,
            document_ids=state.documents if state.status is Status.FULFILLED else (),
            is_rated=state.is_rated,
            object_until=state.object_until if state.status is Status.REJECTED and not state.is_objected else None,
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


class WaitView(BaseModel):
    """What a request waits for: the step, in words, and who is to do something."""

    step_id: str
    title: LocalizedText
    owner: Owner
    agency: LocalizedText | None
    hold: HoldView | None
    documents: Sequence[RequiredDocument]


class RequestWhyView(BaseModel):
    """Why a request stands where it does: the rules that let it begin, with the facts that they read, what its fees
    come to, the steps that it does not need, what it waits for, and why it was refused. `promised_on`: by when it is to
    be done, in working days without those on which its people had it.
    """

    service_id: str
    service_version: int
    agency: LocalizedText
    status: Status
    rules: Sequence[RuleView]
    fees: Mapping[str, Sequence[FeeLine]]
    skips: Sequence[LocalizedText]
    waits: Sequence[WaitView]
    refused: LocalizedText | None
    promised_on: date | None

    @staticmethod
    def of(
        definition: ServiceDefinition, state: Request, history: Sequence[Recorded[Event]], at: datetime
    ) -> "RequestWhyView":
        """The reasons of a request by its version and what has happened."""
        told = [event.data for event in history]
        decided = next((data.decisions for data in told if isinstance(data, RequestSubmitted)), [])
        refusals = [data.reason for data in told if isinstance(data, RequestRejected | RequestObjectionDismissed)]
        refusal = refusals[-1] if refusals and state.status is Status.REJECTED else None
        return RequestWhyView(
            service_id=definition.id,
            service_version=definition.version,
            agency=AGENCIES[definition.agency],
            status=state.status,
            rules=[RuleView.decided(d, definition) for d in ([] if isinstance(decided, Erased) else decided)],
            fees={} if isinstance(state.planned_fees, Erased) else state.planned_fees,
            skips=[title_of(step) for step in definition.steps if step.id in state.skips],
            waits=[_wait(definition.step(id), step, state) for id, step in state.open.items()],
            refused=None if isinstance(refusal, Erased) else refusal,
            promised_on=still_promised_on(definition.service_level_working_days, history, at),
        )


def _wait(step: Step, open_step: OpenStep, state: Request) -> WaitView:
    agency = step.agency if isinstance(step, AgencyTaskStep | HoldStep) else None
    asked = step.documents if isinstance(step, DocumentsStep) else ()
    return WaitView(
        step_id=step.id,
        title=title_of(step),
        owner=open_step.waits_for,
        agency=AGENCIES[agency] if agency else None,
        hold=HoldView.of(step) if isinstance(step, HoldStep) else None,
        documents=[required for required in asked if required.id in state.missing.get(step.id, ())],
    )


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
            rules=[RuleView.decided(decision, definition) for decision in decisions],
        )
