"""A request: submitted, carried from step to step of its service's definition, and ended one way or another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

from services.requests.domain.definition import AgencyTaskStep, FeeStep, IssueStep, ServiceDefinition, Step, service_key
from services.requests.domain.facts import KnownPerson, facts_of
from services.requests.domain.rulebook import RULEBOOK
from services.requests.domain.rules import Verdict
from shared.contracts.personal import Private, SubjectId
from shared.contracts.requests import (
    RequestApproved,
    RequestDocumentDue,
    RequestExpired,
    RequestFeeDue,
    RequestFeePaid,
    RequestFulfilled,
    RequestPaymentNotNeeded,
    RequestRejected,
    RequestSubmitted,
    RequestTaskDue,
    RequestWithdrawn,
    RuleDecision,
    TaskDecision,
)
from shared.functions import Decider, Given, Givens
from shared.kernel.errors import Refused
from shared.kernel.ids import derive_id
from shared.kernel.text import LocalizedText

NOBODY = UUID(int=0)


class Status(StrEnum):
    """Where a request stands."""

    NEW = "new"
    SUBMITTED = "submitted"
    IN_PROGRESS = "in_progress"
    APPROVED = "approved"
    REJECTED = "rejected"
    FULFILLED = "fulfilled"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Owner(StrEnum):
    """Whom a request waits for."""

    APPLICANT = "applicant"
    AGENCY = "agency"
    PLATFORM = "platform"


FINAL = frozenset({Status.REJECTED, Status.FULFILLED, Status.WITHDRAWN, Status.EXPIRED})
TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.NEW: frozenset({Status.SUBMITTED}),
    Status.SUBMITTED: frozenset({Status.IN_PROGRESS, Status.FULFILLED}),
    Status.IN_PROGRESS: frozenset({Status.APPROVED, *FINAL}),
    Status.APPROVED: FINAL,
    **{status: frozenset[Status]() for status in FINAL},
}


@dataclass(frozen=True)
class Fee:
    """A fee that was asked for, of which step, and the payment that it was paid with."""

    step_id: str
    paid_with: UUID | None = None


@dataclass(frozen=True)
class Request:
    """A request, and the step that it is at. `fee_id`, `task_id` and `document_id` are the last of their kind."""

    status: Status = Status.NEW
    id: UUID = NOBODY
    service_id: str = ""
    service_version: int = 0
    reference: str = ""
    applicant_id: SubjectId = NOBODY
    form: Private[dict[str, Any]] = field(default_factory=dict)
    step_id: str | None = None
    waits_for: Owner | None = None
    fee_id: UUID | None = None
    fees: Mapping[UUID, "Fee"] = field(default_factory=dict)
    task_id: UUID | None = None
    document_id: UUID | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has begun and not ended."""
        return self.status in (Status.SUBMITTED, Status.IN_PROGRESS, Status.APPROVED)


@dataclass(frozen=True)
class ServiceVersion:
    """A row of `service_versions`."""

    key: str
    definition: ServiceDefinition


@dataclass(frozen=True)
class Known:
    """What a request is decided with: its service's definition, and the applicant as identity knows them."""

    service: ServiceVersion | None
    applicant: KnownPerson | None


@dataclass(frozen=True)
class Submit:
    """A command of a citizen. The form was checked against the definition's schema."""

    request_id: UUID
    service_id: str
    service_version: int
    applicant_id: UUID
    form: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True)
class Withdraw:
    """A command of the applicant."""


@dataclass(frozen=True)
class FeeWasPaid:
    """payments has captured a fee."""

    fee_id: UUID
    payment_id: UUID
    paid_at: datetime


@dataclass(frozen=True)
class FeeHasLapsed:
    """The time to pay a fee is over."""

    fee_id: UUID


@dataclass(frozen=True)
class TaskWasDecided:
    """An officer has decided."""

    task_id: UUID
    decision: TaskDecision
    reason: LocalizedText | None
    decided_at: datetime


@dataclass(frozen=True)
class DocumentWasIssued:
    """The document of the step is signed."""

    document_id: UUID
    issued_at: datetime


@dataclass(frozen=True)
class ApplicantWasErased:
    """The applicant's data was erased on request."""


@dataclass(frozen=True)
class ApplicantHasDied:
    """A registry has told of the applicant's death."""


Message = (
    Submit
    | Withdraw
    | FeeWasPaid
    | FeeHasLapsed
    | TaskWasDecided
    | DocumentWasIssued
    | ApplicantWasErased
    | ApplicantHasDied
)
Event = (
    RequestSubmitted
    | RequestFeeDue
    | RequestFeePaid
    | RequestPaymentNotNeeded
    | RequestTaskDue
    | RequestApproved
    | RequestRejected
    | RequestDocumentDue
    | RequestFulfilled
    | RequestWithdrawn
    | RequestExpired
)


def decide(state: Request, message: Message, known: Known) -> Sequence[Event]:
    """The rules of a request."""
    match message:
        case Submit():
            return submit(state, message, known)
        case Withdraw():
            if state.status is not Status.IN_PROGRESS or state.waits_for is Owner.PLATFORM:
                raise Refused("request-not-withdrawable", {"status": state.status})
            return [withdrawn(state, "by-applicant")]
        case FeeWasPaid():
            return fee_was_paid(state, message, known)
        case FeeHasLapsed(fee_id):
            is_ours = waits_for_fee(state) and state.fee_id == fee_id
            return [RequestExpired(applicant_id=state.applicant_id, fee_ids=list(state.fees))] if is_ours else []
        case TaskWasDecided():
            return task_was_decided(state, message, known)
        case DocumentWasIssued():
            return document_was_issued(state, message, known)
        case ApplicantWasErased():
            return [withdrawn(state, "applicant-erased")] if state.is_running else []
        case ApplicantHasDied():
            return [withdrawn(state, "applicant-deceased")] if state.is_running else []
        case _:
            assert_never(message)


def submit(state: Request, command: Submit, known: Known) -> Sequence[Event]:
    """Whoever is eligible has a request, which goes to its first step at once."""
    if state.status is not Status.NEW:
        raise Refused("request-already-submitted")
    if known.service is None:
        raise Refused("service-unknown")
    if known.applicant is None:
        raise Refused("applicant-not-known-yet")
    if known.applicant.died_on is not None:
        raise Refused("applicant-deceased")
    definition = known.service.definition
    decisions = judge(definition, known.applicant, command.at)
    submitted = RequestSubmitted(
        request_id=command.request_id,
        service_id=definition.id,
        service_version=definition.version,
        reference=reference_of(command.request_id),
        applicant_id=command.applicant_id,
        form=dict(command.form),
        decisions=decisions,
    )
    fresh = evolve(state, submitted)
    return [submitted, *begin(definition, 0, fresh, command.at)]


def judge(definition: ServiceDefinition, applicant: KnownPerson, at: datetime) -> list[RuleDecision]:
    """The decisions of all rules. Raises Refused where one fails, or where one cannot be decided."""
    if applicant.residence not in definition.audience:
        raise Refused("not-eligible", {"rules": [{"id": "audience"}]})
    facts = facts_of(applicant, at)
    rulings = [RULEBOOK.judge(rule, facts) for rule in definition.eligibility]
    failed = [ruling.rule for ruling in rulings if ruling.verdict is Verdict.FAILED]
    if failed:
        said = [{"id": rule.id, "reason": rule.reason.model_dump()} for rule in failed]
        raise Refused("not-eligible", {"rules": said})
    undecided = [ruling.rule.id for ruling in rulings if ruling.verdict is Verdict.UNDECIDED]
    if undecided:
        raise Refused("eligibility-undecided", {"rules": [{"id": id} for id in undecided]})
    return [RuleDecision(rule_id=r.rule.id, passed=True, facts=dict(r.facts)) for r in rulings]


def begin(definition: ServiceDefinition, index: int, state: Request, at: datetime) -> Sequence[Event]:
    """What the step at `index` waits for; the end of the steps fulfils the request."""
    request_id, applicant_id = state.id, state.applicant_id
    if index >= len(definition.steps):
        fulfilled = {"service_id": definition.id, "applicant_id": applicant_id, "document_id": state.document_id}
        return [RequestFulfilled.model_validate(fulfilled)]
    step: Step = definition.steps[index]
    match step:
        case FeeStep(amount_fils=0):
            return begin(definition, index + 1, state, at)
        case FeeStep():
            return [
                RequestFeeDue(
                    fee_id=derive_id("fee", request_id, step.id),
                    step_id=step.id,
                    payer_id=applicant_id,
                    agency=definition.agency,
                    amount_fils=step.amount_fils,
                    description=step.description,
                    due_by=at + timedelta(days=step.pay_within_days),
                )
            ]
        case AgencyTaskStep():
            return [
                RequestTaskDue(
                    task_id=derive_id("task", request_id, step.id),
                    step_id=step.id,
                    agency=step.agency,
                    service_id=definition.id,
                    applicant_id=applicant_id,
                    title=step.title,
                )
            ]
        case IssueStep():
            return [
                RequestDocumentDue(
                    document_id=derive_id("document", request_id, step.id),
                    step_id=step.id,
                    kind=step.document,
                    title=step.title,
                    valid_days=step.valid_days,
                    applicant_id=applicant_id,
                )
            ]
        case _:
            assert_never(step)


def go_on(state: Request, known: Known, at: datetime) -> Sequence[Event]:
    """What follows the step that is done."""
    definition = definition_of(known)
    index = next(i for i, step in enumerate(definition.steps) if step.id == state.step_id)
    return begin(definition, index + 1, state, at)


def fee_was_paid(state: Request, notice: FeeWasPaid, known: Known) -> Sequence[Event]:
    """A fee that the request waits for takes it on; any other payment is given back."""
    fee = state.fees.get(notice.fee_id)
    if fee is not None and fee.paid_with == notice.payment_id:
        return []  # heard before
    if not (waits_for_fee(state) and state.fee_id == notice.fee_id and state.step_id):
        return [RequestPaymentNotNeeded(payment_id=notice.payment_id, fee_id=notice.fee_id)]
    paid = RequestFeePaid(
        fee_id=notice.fee_id, step_id=state.step_id, payment_id=notice.payment_id, paid_at=notice.paid_at
    )
    return [paid, *go_on(state, known, notice.paid_at)]


def task_was_decided(state: Request, notice: TaskWasDecided, known: Known) -> Sequence[Event]:
    """The agency's word takes the request on, or ends it."""
    is_awaited = state.is_running and state.waits_for is Owner.AGENCY
    if not is_awaited or state.task_id != notice.task_id or state.step_id is None:
        return []
    if notice.decision is TaskDecision.REJECT:
        fee_ids = fees_given_back(state, known)
        return [RequestRejected(applicant_id=state.applicant_id, reason=notice.reason, fee_ids=fee_ids)]
    approved = RequestApproved(step_id=state.step_id, applicant_id=state.applicant_id)
    return [approved, *go_on(state, known, notice.decided_at)]


def document_was_issued(state: Request, notice: DocumentWasIssued, known: Known) -> Sequence[Event]:
    """The signed document takes the request on: most often to its end."""
    if not state.is_running or state.document_id != notice.document_id or state.waits_for is not Owner.PLATFORM:
        return []
    return go_on(state, known, notice.issued_at)


def waits_for_fee(state: Request) -> bool:
    """Whether the request waits for its applicant to pay."""
    return state.is_running and state.waits_for is Owner.APPLICANT


def withdrawn(state: Request, reason: str) -> RequestWithdrawn:
    """The end of a request that is taken back: its fees are given back or not asked for any more."""
    return RequestWithdrawn(applicant_id=state.applicant_id, reason=reason, fee_ids=list(state.fees))


def fees_given_back(state: Request, known: Known) -> list[UUID]:
    """The fees that a rejected applicant gets back, as the definition says."""
    steps = {step.id for step in definition_of(known).steps if isinstance(step, FeeStep) and step.refund_when_rejected}
    return [fee_id for fee_id, fee in state.fees.items() if fee.step_id in steps]


def definition_of(known: Known) -> ServiceDefinition:
    """The definition that the request began with: versions are never taken away."""
    assert known.service is not None, "a service version that requests run on is gone"
    return known.service.definition


def reference_of(request_id: UUID) -> str:
    """A short name for people to say on the phone: letters and digits that are not mistaken for others."""
    alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    number = derive_id("reference", request_id).int
    letters = "".join(alphabet[(number >> (5 * position)) & 31] for position in range(8))
    return f"AFQ-{letters[:4]}-{letters[4:]}"


def evolve(state: Request, event: Event) -> Request:
    """A request after an event."""
    match event:
        case RequestSubmitted():
            return Request(
                status=Status.SUBMITTED,
                id=event.request_id,
                service_id=event.service_id,
                service_version=event.service_version,
                reference=event.reference,
                applicant_id=event.applicant_id,
                form=event.form,
                waits_for=Owner.PLATFORM,
            )
        case RequestFeeDue():
            fees = {**state.fees, event.fee_id: Fee(event.step_id)}
            return at_step(state, event.step_id, Owner.APPLICANT, fee_id=event.fee_id, fees=fees)
        case RequestFeePaid():
            fees = {**state.fees, event.fee_id: Fee(event.step_id, paid_with=event.payment_id)}
            return replace(state, fees=fees, waits_for=Owner.PLATFORM)
        case RequestPaymentNotNeeded():
            return state
        case RequestTaskDue():
            return at_step(state, event.step_id, Owner.AGENCY, task_id=event.task_id)
        case RequestApproved():
            return replace(state, status=Status.APPROVED, waits_for=Owner.PLATFORM)
        case RequestDocumentDue():
            return at_step(state, event.step_id, Owner.PLATFORM, document_id=event.document_id)
        case RequestRejected():
            return ended(state, Status.REJECTED)
        case RequestFulfilled():
            return ended(state, Status.FULFILLED)
        case RequestWithdrawn():
            return ended(state, Status.WITHDRAWN)
        case RequestExpired():
            return ended(state, Status.EXPIRED)
        case _:
            assert_never(event)


def at_step(state: Request, step_id: str, owner: Owner, **changes: Any) -> Request:
    """The request at a step; what is approved stays so until its end."""
    status = Status.APPROVED if state.status is Status.APPROVED else Status.IN_PROGRESS
    return replace(state, status=status, step_id=step_id, waits_for=owner, **changes)


def ended(state: Request, status: Status) -> Request:
    """The request at its end: it waits for nobody."""
    return replace(state, status=status, waits_for=None)


def _service_key(message: Message, state: Request) -> str | None:
    if isinstance(message, Submit):
        return service_key(message.service_id, message.service_version)
    return service_key(state.service_id, state.service_version) if state.service_id else None


def _applicant_key(message: Message, _: Request) -> UUID | None:
    return message.applicant_id if isinstance(message, Submit) else None


request = Decider(
    "request",
    initial=Request(),
    decide=decide,
    evolve=evolve,
    given=Givens(
        Known,
        service=Given(ServiceVersion, "service_versions", by="key", key=_service_key, immutable=True),
        applicant=Given(KnownPerson, "persons", by="person_id", key=_applicant_key),
    ),
)
