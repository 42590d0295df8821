"""A request: submitted, carried from step to step of its service's definition, and ended one way or another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

from services.requests.domain.definition import (
    AgencyTaskStep,
    ConsentStep,
    FactsStep,
    FeeStep,
    ServiceDefinition,
    service_key,
)
from services.requests.domain.eligibility import KnownRelation, judge
from services.requests.domain.facts import KnownPerson, are_known
from services.requests.domain.request_state import FINAL, Event, Owner, Request, Status, evolve
from services.requests.domain.steps import after, begin, passed, plan
from shared.contracts.requests import (
    RequestAnswered,
    RequestApproved,
    RequestConsented,
    RequestDocumentReady,
    RequestExpired,
    RequestFactsKnown,
    RequestFeePaid,
    RequestPaymentNotNeeded,
    RequestRated,
    RequestRejected,
    RequestReturned,
    RequestReviewDue,
    RequestReviewed,
    RequestSubmitted,
    RequestWithdrawn,
    RuleDecision,
    TaskDecision,
)
from shared.functions import Decider, Given, Givens
from shared.kernel.errors import Refused
from shared.kernel.ids import derive_id
from shared.kernel.text import LocalizedText

PERSON_DECEASED = "person-deceased"


@dataclass(frozen=True)
class ServiceVersion:
    """A row of `service_versions`."""

    key: str
    definition: ServiceDefinition


@dataclass(frozen=True)
class Known:
    """What a request is decided with: its service's definition, and people as identity knows them."""

    service: ServiceVersion | None
    applicant: KnownPerson | None = None
    beneficiary: KnownPerson | None = None
    relation: KnownRelation | None = None


@dataclass(frozen=True)
class Submit:
    """A command of a citizen. The form was checked against the definition's schema.

    For somebody else there is a `beneficiary_id`, and a `relation_id` that allows it.
    """

    request_id: UUID
    service_id: str
    service_version: int
    applicant_id: UUID
    form: Mapping[str, Any]
    at: datetime
    beneficiary_id: UUID | None = None
    relation_id: UUID | None = None
    parties: Mapping[str, UUID] = field(default_factory=dict)
    offer_id: UUID | None = None


@dataclass(frozen=True)
class GoAhead:
    """An automatic service begins by itself; its rules were judged when that was decided."""

    request_id: UUID
    service_id: str
    service_version: int
    applicant_id: UUID
    beneficiary_id: UUID
    parties: Mapping[str, UUID]
    form: Mapping[str, Any]
    offer_id: UUID
    decisions: Sequence[RuleDecision]
    at: datetime


@dataclass(frozen=True)
class Withdraw:
    """A command of the applicant."""


@dataclass(frozen=True)
class Answer:
    """A command of the applicant: the form once more, with what an agency still needs."""

    form: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True)
class Rate:
    """A command of the applicant, once, after the request's end."""

    satisfaction: int
    effort: int | None
    comment: str | None


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
class WordHasNotCome:
    """The time is over in which the applicant, or another party, was to answer."""

    task_id: UUID


@dataclass(frozen=True)
class TaskWasDecided:
    """An officer, or another party, has decided."""

    task_id: UUID
    decided_by: UUID
    decision: TaskDecision
    reason: LocalizedText | None
    decided_at: datetime


@dataclass(frozen=True)
class DocumentWasIssued:
    """The document of the step is signed."""

    document_id: UUID
    issued_at: datetime


@dataclass(frozen=True)
class FactsMayBeKnown:
    """More is known of the beneficiary than before."""

    at: datetime


@dataclass(frozen=True)
class OccasionWasLost:
    """What the request followed from has not happened."""


@dataclass(frozen=True)
class PersonWasErased:
    """The applicant's or the beneficiary's data was erased on request."""


@dataclass(frozen=True)
class PersonHasDied:
    """A registry has told of the applicant's or the beneficiary's death."""


Message = (
    Submit
    | GoAhead
    | Withdraw
    | Answer
    | Rate
    | WordHasNotCome
    | FactsMayBeKnown
    | FeeWasPaid
    | FeeHasLapsed
    | TaskWasDecided
    | DocumentWasIssued
    | OccasionWasLost
    | PersonWasErased
    | PersonHasDied
)


def decide(state: Request, message: Message, known: Known) -> Sequence[Event]:
    """The rules of a request."""
    match message:
        case Submit():
            return submit(state, message, known)
        case GoAhead():
            return go_ahead(state, message, known)
        case Withdraw():
            return withdraw(state)
        case Answer():
            return answered(state, message, known)
        case WordHasNotCome(task_id):
            return word_has_not_come(state, task_id)
        case Rate():
            return [rated(state, message)]
        case FactsMayBeKnown(at):
            return facts_may_be_known(state, known, at)
        case FeeWasPaid():
            return fee_was_paid(state, message, known)
        case FeeHasLapsed(fee_id):
            return fee_has_lapsed(state, fee_id)
        case TaskWasDecided():
            return task_was_decided(state, message, known)
        case DocumentWasIssued():
            return document_was_issued(state, message, known)
        case OccasionWasLost():
            return occasion_was_lost(state, known)
        case PersonWasErased():
            return [withdrawn(state, "person-erased")] if state.is_running else []
        case PersonHasDied():
            return [withdrawn(state, PERSON_DECEASED)] if state.is_running else []
        case _:
            assert_never(message)


def submit(state: Request, command: Submit, known: Known) -> Sequence[Event]:
    """Whoever is eligible has a request, which goes to its first step at once."""
    if state.status is not Status.NEW:
        raise Refused("request-already-submitted")
    if known.service is None:
        raise Refused("service-unknown")
    applicant, beneficiary = known.applicant, known.applicant if command.beneficiary_id is None else known.beneficiary
    if applicant is None or beneficiary is None:
        raise Refused("applicant-not-known-yet")
    definition = known.service.definition
    if beneficiary.person_id != applicant.person_id:  # first, so that nobody else learns anything of them
        refuse_unless_allowed(known.relation, definition, beneficiary, command)
    if applicant.died_on is not None or beneficiary.died_on is not None:
        raise Refused("applicant-deceased")
    return begun(state, definition, command, judge(definition, beneficiary, command.at), beneficiary)


def refuse_unless_allowed(
    relation: KnownRelation | None, definition: ServiceDefinition, beneficiary: KnownPerson, command: Submit
) -> None:
    """One asks for another only as far as the relation between the two allows."""
    is_theirs = relation is not None and (relation.holder_id, relation.for_id) == (
        command.applicant_id,
        beneficiary.person_id,
    )
    if relation is None or not is_theirs or not relation.allows(definition, beneficiary, command.at):
        raise Refused("not-allowed-for-them")


def go_ahead(state: Request, notice: GoAhead, known: Known) -> Sequence[Event]:
    """An automatic request begins once, and for nobody who was erased or has died meanwhile."""
    people = known.applicant, known.beneficiary
    if state.status is not Status.NEW or any(person is None or person.died_on is not None for person in people):
        return []
    return begun(state, definition_of(known), notice, notice.decisions, known.beneficiary)


def begun(
    state: Request,
    definition: ServiceDefinition,
    message: Submit | GoAhead,
    decisions: Sequence[RuleDecision],
    beneficiary: KnownPerson | None,
) -> Sequence[Event]:
    """A request at its first step."""
    assert beneficiary is not None
    planned = plan(definition, message.form, beneficiary, message.at)
    submitted = RequestSubmitted(
        request_id=message.request_id,
        service_id=definition.id,
        service_version=definition.version,
        reference=reference_of(message.request_id),
        applicant_id=message.applicant_id,
        form=dict(message.form),
        decisions=list(decisions),
        beneficiary_id=message.beneficiary_id,
        parties=dict(message.parties),
        offer_id=message.offer_id,
        by_platform=isinstance(message, GoAhead),
        skips=list(planned.skips),
        fees=dict(planned.fees),
    )
    return list(after(definition, state, message.at, submitted))


def withdraw(state: Request) -> Sequence[Event]:
    """The applicant may take back what is not approved yet, and of which nothing is issued."""
    is_early = state.status in (Status.IN_PROGRESS, Status.NEEDS_INFORMATION) and state.document_id is None
    if not is_early:
        raise Refused("request-not-withdrawable", {"status": state.status})
    return [withdrawn(state, "by-applicant")]


def facts_may_be_known(state: Request, known: Known, at: datetime) -> Sequence[Event]:
    """What was missing has come: the request goes on."""
    if state.facts_of is None or known.beneficiary is None:
        return []
    definition = definition_of(known)
    step = next(step for step in definition.steps if isinstance(step, FactsStep) and step.id in state.open)
    if not are_known(known.beneficiary, step.needs, at):
        return []
    return list(after(definition, state, at, RequestFactsKnown(step_id=step.id)))


def answered(state: Request, command: Answer, known: Known) -> Sequence[Event]:
    """What agencies still needed has come: each of them has the request again."""
    asked = [id for id, step in state.open.items() if step.owner is Owner.APPLICANT and step.ref in state.task_ids]
    if not asked:
        raise Refused("request-not-returned", {"status": state.status})
    definition, form = definition_of(known), dict(command.form)
    answers = [RequestAnswered(step_id=id, applicant_id=state.applicant_id, form=form) for id in asked]
    return [*answers, *(begin(definition, definition.step(id), state, command.at) for id in asked)]


def word_has_not_come(state: Request, task_id: UUID) -> Sequence[Event]:
    """A request ends whose applicant, or another party, is silent for too long."""
    if not any(state.waiting(owner, task_id) for owner in (Owner.APPLICANT, Owner.PARTNER)):
        return []
    return [expired(state)]


def fee_has_lapsed(state: Request, fee_id: UUID) -> Sequence[Event]:
    """A request whose fee is not paid in time ends."""
    return [expired(state)] if state.waiting(Owner.APPLICANT, fee_id) else []


def occasion_was_lost(state: Request, known: Known) -> Sequence[Event]:
    """What runs is taken back; what was issued is reviewed by the agency, once."""
    if state.is_running:
        return [withdrawn(state, "occasion-lost")]
    is_reviewed = state.is_reviewed or state.review_id is not None
    if state.status is not Status.FULFILLED or state.document_id is None or is_reviewed:
        return []
    definition = definition_of(known)
    return [
        RequestReviewDue(
            task_id=derive_id("review", state.id, state.document_id),
            document_id=state.document_id,
            agency=definition.agency,
            service_id=definition.id,
            applicant_id=state.applicant_id,
            title=definition.name,
        )
    ]


def fee_was_paid(state: Request, notice: FeeWasPaid, known: Known) -> Sequence[Event]:
    """A fee that the request waits for takes it on; any other payment is given back."""
    fee = state.fees.get(notice.fee_id)
    if fee is not None and fee.paid_with == notice.payment_id:
        return []  # heard before
    step_id = state.waiting(Owner.APPLICANT, notice.fee_id)
    if step_id is None:
        return [RequestPaymentNotNeeded(payment_id=notice.payment_id, fee_id=notice.fee_id)]
    paid = RequestFeePaid(fee_id=notice.fee_id, step_id=step_id, payment_id=notice.payment_id, paid_at=notice.paid_at)
    return list(after(definition_of(known), state, notice.paid_at, paid))


def task_was_decided(state: Request, notice: TaskWasDecided, known: Known) -> Sequence[Event]:
    """The word of an agency, or of another party, takes the request on, gives it back, or ends it."""
    if state.review_id == notice.task_id and state.document_id is not None:
        return [RequestReviewed(document_id=state.document_id, stays=notice.decision is TaskDecision.APPROVE)]
    step_id = state.waiting(Owner.AGENCY, notice.task_id) or state.waiting(Owner.PARTNER, notice.task_id)
    if step_id is None:
        return []
    definition = definition_of(known)
    step = definition.step(step_id)
    match notice.decision:
        case TaskDecision.REJECT:
            fee_ids = fees_given_back(state, known)
            return [RequestRejected(applicant_id=state.applicant_id, reason=notice.reason, fee_ids=fee_ids)]
        case TaskDecision.RETURN:
            if not isinstance(step, AgencyTaskStep):
                return []  # a party agrees or does not
            return [
                RequestReturned(
                    step_id=step_id,
                    task_id=notice.task_id,
                    agency=step.agency,
                    applicant_id=state.applicant_id,
                    reason=notice.reason,
                    answer_by=notice.decided_at + timedelta(days=step.answer_within_days),
                )
            ]
        case TaskDecision.APPROVE if isinstance(step, ConsentStep):
            agreed: Event = RequestConsented(step_id=step_id, party=step.party, person_id=notice.decided_by)
        case TaskDecision.APPROVE:
            is_last = no_decision_follows(definition, state, step_id)
            agreed = RequestApproved(step_id=step_id, applicant_id=state.applicant_id, is_last=is_last)
        case _:
            assert_never(notice.decision)
    return list(after(definition, state, notice.decided_at, agreed))


def no_decision_follows(definition: ServiceDefinition, state: Request, step_id: str) -> bool:
    """Whether this is the last step in which somebody decides."""
    behind = passed(definition, state) | {step_id, *state.skips}
    return all(s.id in behind for s in definition.steps if isinstance(s, AgencyTaskStep | ConsentStep))


def document_was_issued(state: Request, notice: DocumentWasIssued, known: Known) -> Sequence[Event]:
    """The signed document takes the request on: most often to its end. One that was signed too late is revoked."""
    step_id = state.waiting(Owner.PLATFORM, notice.document_id)
    if step_id is not None:
        ready = RequestDocumentReady(step_id=step_id, document_id=notice.document_id)
        return list(after(definition_of(known), state, notice.issued_at, ready))
    came_too_late = state.status in (Status.WITHDRAWN, Status.REJECTED, Status.EXPIRED) and not state.is_reviewed
    if state.document_id == notice.document_id and came_too_late:
        return [RequestReviewed(document_id=notice.document_id, stays=False)]
    return []


def rated(state: Request, command: Rate) -> RequestRated:
    """Whoever has asked says how it was, whatever came of it."""
    if state.status not in FINAL:
        raise Refused("request-not-ended", {"status": state.status})
    if state.is_rated:
        raise Refused("request-already-rated")
    return RequestRated(
        applicant_id=state.applicant_id,
        service_id=state.service_id,
        service_version=state.service_version,
        satisfaction=command.satisfaction,
        effort=command.effort,
        comment=command.comment,
    )


def expired(state: Request) -> RequestExpired:
    """The end of a request that nobody has answered: its fees are given back or not asked for any more."""
    return RequestExpired(applicant_id=state.applicant_id, fee_ids=list(state.fees), offer_id=state.offer_id)


def withdrawn(state: Request, reason: str) -> RequestWithdrawn:
    """The end of a request that is taken back: its fees are given back or not asked for any more."""
    fee_ids = list(state.fees)
    return RequestWithdrawn(applicant_id=state.applicant_id, reason=reason, fee_ids=fee_ids, offer_id=state.offer_id)


def fees_given_back(state: Request, known: Known) -> list[UUID]:
    """The fees that a rejected applicant gets back, as the definition says, and those not asked for any more."""
    steps = {step.id for step in definition_of(known).steps if isinstance(step, FeeStep) and step.refund_when_rejected}
    return [fee_id for fee_id, fee in state.fees.items() if fee.step_id in steps or fee.paid_with is None]


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


def _service_key(message: Message, state: Request) -> str | None:
    if isinstance(message, Submit | GoAhead):
        return service_key(message.service_id, message.service_version)
    return service_key(state.service_id, state.service_version) if state.service_id else None


def _applicant_key(message: Message, _: Request) -> UUID | None:
    return message.applicant_id if isinstance(message, Submit | GoAhead) else None


def _beneficiary_key(message: Message, state: Request) -> UUID | None:
    match message:
        case Submit() | GoAhead():
            return message.beneficiary_id
        case FactsMayBeKnown():
            return state.facts_of
        case _:
            return None


def _relation_key(message: Message, _: Request) -> UUID | None:
    return message.relation_id if isinstance(message, Submit) else None


request = Decider(
    "request",
    initial=Request(),
    decide=decide,
    evolve=evolve,
    given=Givens(
        Known,
        service=Given(ServiceVersion, "service_versions", by="key", key=_service_key, immutable=True),
        applicant=Given(KnownPerson, "persons", by="person_id", key=_applicant_key),
        beneficiary=Given(KnownPerson, "persons", by="person_id", key=_beneficiary_key),
        relation=Given(KnownRelation, "relations", by="id", key=_relation_key),
    ),
    shape=5,
)
