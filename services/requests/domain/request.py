"""A request: submitted, carried from step to step of its service's definition, and ended one way or another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

from services.requests.domain.definition import (
    AgencyTaskStep,
    ConsentStep,
    DocumentsStep,
    FeeStep,
    HoldStep,
    PayoutStep,
    ServiceDefinition,
    Step,
    service_key,
)
from services.requests.domain.eligibility import KnownRelation, judge
from services.requests.domain.facts import KnownPerson, facts_of
from services.requests.domain.fees import lines_of, shares, total
from services.requests.domain.request_messages import (
    AccountIsKnown,
    AccountIsMissing,
    Answer,
    DocumentWasIssued,
    FactsMayBeKnown,
    FeeHasLapsed,
    FeeMayHaveGrown,
    FeeWasPaid,
    GoAhead,
    HandIn,
    Message,
    MonthHasCome,
    Object,
    OccasionWasLost,
    PersonHasDied,
    PersonWasErased,
    Rate,
    Submit,
    TaskWasDecided,
    WasPaidOut,
    Withdraw,
    WordHasNotCome,
)
from services.requests.domain.request_state import FINAL, Event, Owner, Request, Status, evolve
from services.requests.domain.rulebook import RULEBOOK
from services.requests.domain.rules import Verdict
from services.requests.domain.steps import after, begin, is_met, passed, people_of, plan
from shared.contracts.personal import Erased
from shared.contracts.requests import (
    RequestAccountDue,
    RequestAccountKnown,
    RequestAnswered,
    RequestApproved,
    RequestConsented,
    RequestDocumentHandedIn,
    RequestDocumentReady,
    RequestExpired,
    RequestFactsKnown,
    RequestFeePaid,
    RequestFeeRevised,
    RequestHoldLifted,
    RequestInstalmentDue,
    RequestInstalmentPlanned,
    RequestInstalmentWithheld,
    RequestObjected,
    RequestObjectionDismissed,
    RequestObjectionUpheld,
    RequestPaidOut,
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
from shared.kernel.clock import a_month_after
from shared.kernel.errors import Refused
from shared.kernel.ids import derive_id

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
        case HandIn():
            return handed_in(state, message, known)
        case Object():
            return [objected(state, message, known)]
        case WordHasNotCome(wait_id):
            return word_has_not_come(state, wait_id)
        case Rate():
            return [rated(state, message)]
        case FactsMayBeKnown(at):
            return facts_may_be_known(state, known, at)
        case FeeWasPaid() | FeeMayHaveGrown() | FeeHasLapsed():
            return about_a_fee(state, message, known)
        case AccountIsMissing() | AccountIsKnown():
            return about_an_account(state, message, known)
        case WasPaidOut() | MonthHasCome():
            return about_a_payout(state, message, known)
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
    if definition.offered_only and command.offer_id is None:
        raise Refused("service-offered-only")
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
    planned = plan(definition, message.form, facts_of(beneficiary, message.at), message.at)
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
    is_early = state.status in (Status.IN_PROGRESS, Status.NEEDS_INFORMATION) and not state.documents
    if not is_early or any(step.owner is Owner.PLATFORM for step in state.open.values()):
        raise Refused("request-not-withdrawable", {"status": state.status})
    return [withdrawn(state, "by-applicant")]


def facts_may_be_known(state: Request, known: Known, at: datetime) -> Sequence[Event]:
    """What was missing has come, or what was open is not so any more: the request goes on."""
    if state.facts_of is None or known.beneficiary is None:
        return []
    definition, facts = definition_of(known), facts_of(known.beneficiary, at)
    met = [step for step in definition.steps if step.id in state.open and is_met(step, facts)]
    if met:
        return list(after(definition, state, at, *(_met(step, state) for step in met)))
    owed = [step.ref for step in state.open.values() if step.watches and step.ref in state.fees]
    return [
        event for fee_id in owed if fee_id for event in fee_may_have_grown(state, FeeMayHaveGrown(fee_id, at), known)
    ]


def _met(step: Step, state: Request) -> Event:
    if isinstance(step, HoldStep):
        return RequestHoldLifted(step_id=step.id, applicant_id=state.applicant_id)
    return RequestFactsKnown(step_id=step.id)


def handed_in(state: Request, command: HandIn, known: Known) -> Sequence[Event]:
    """A document that is asked for; the request goes on when none is missing. It may be handed in again until then."""
    definition = definition_of(known) if known.service else None
    step = next((s for s in _documents_steps(definition) if s.id in state.open and _asks(s, command.document)), None)
    if definition is None or step is None:
        raise Refused("document-not-asked-for", {"status": state.status})
    still_missing = set(state.missing[step.id]) - {command.document}
    event = RequestDocumentHandedIn(
        step_id=step.id,
        document=command.document,
        upload_id=command.upload_id,
        applicant_id=state.applicant_id,
        media_type=command.media_type,
        size_bytes=command.size_bytes,
        sha256=command.sha256,
        is_last=not still_missing,
    )
    return list(after(definition, state, command.at, event)) if event.is_last else [event]


def _documents_steps(definition: ServiceDefinition | None) -> list[DocumentsStep]:
    return [] if definition is None else [step for step in definition.steps if isinstance(step, DocumentsStep)]


def _asks(step: DocumentsStep, document: str) -> bool:
    return any(required.id == document for required in step.documents)


def objected(state: Request, command: Object, known: Known) -> RequestObjected:
    """Who was rejected may object once, while there is time; another officer decides."""
    objection = definition_of(known).objection if known.service else None
    may = state.status is Status.REJECTED and state.object_until is not None and not state.is_objected
    if objection is None or not may:
        raise Refused("request-not-objectionable", {"status": state.status})
    if state.object_until is not None and command.at >= state.object_until:
        raise Refused("objection-too-late", {"until": state.object_until.isoformat()})
    return RequestObjected(
        task_id=derive_id("objection", state.id),
        agency=objection.agency,
        service_id=state.service_id,
        applicant_id=state.applicant_id,
        title=objection.title,
        words=command.words,
        barred_id=state.refused_by,
    )


def objection_was_decided(state: Request, notice: TaskWasDecided, known: Known) -> Sequence[Event]:
    """The refusal stays, or the request goes on as if it had been an approval."""
    if notice.decision is not TaskDecision.APPROVE or state.refused is None:
        return [RequestObjectionDismissed(applicant_id=state.applicant_id, reason=notice.reason)]
    upheld = RequestObjectionUpheld(step_id=state.refused, applicant_id=state.applicant_id)
    return list(after(definition_of(known), state, notice.decided_at, upheld))


def answered(state: Request, command: Answer, known: Known) -> Sequence[Event]:
    """What agencies still needed has come: each of them has the request again."""
    asked = [id for id, step in state.open.items() if step.owner is Owner.APPLICANT and step.ref in state.task_ids]
    if not asked:
        raise Refused("request-not-returned", {"status": state.status})
    definition, form = definition_of(known), dict(command.form)
    refuse_another_request(definition, state, form)
    answers = [RequestAnswered(step_id=id, applicant_id=state.applicant_id, form=form) for id in asked]
    return [*answers, *(begin(definition, definition.step(id), state, command.at) for id in asked)]


def refuse_another_request(definition: ServiceDefinition, state: Request, form: Mapping[str, Any]) -> None:
    """What was planned by the form, and may be paid, is not planned anew: an answer leaves it as it is."""
    before = {} if isinstance(state.form, Erased) else state.form
    changed = sorted(field for field in definition.decisive_fields if form.get(field) != before.get(field))
    if changed:
        raise Refused("answer-changes-the-request", {"fields": changed})


def word_has_not_come(state: Request, wait_id: UUID) -> Sequence[Event]:
    """A request ends whose applicant, or another party, is silent for too long."""
    if not any(state.waiting(owner, wait_id) for owner in (Owner.APPLICANT, Owner.PARTNER)):
        return []
    return [expired(state)]


def about_a_fee(state: Request, notice: FeeWasPaid | FeeMayHaveGrown | FeeHasLapsed, known: Known) -> Sequence[Event]:
    """What payments, or the calendar, tells of a fee."""
    match notice:
        case FeeWasPaid():
            return fee_was_paid(state, notice, known)
        case FeeMayHaveGrown():
            return fee_may_have_grown(state, notice, known)
        case FeeHasLapsed(fee_id):
            return fee_has_lapsed(state, fee_id)
        case _:
            assert_never(notice)


def fee_has_lapsed(state: Request, fee_id: UUID) -> Sequence[Event]:
    """A request whose fee is not paid in time ends."""
    return [expired(state)] if state.waiting(Owner.APPLICANT, fee_id) else []


def fee_may_have_grown(state: Request, notice: FeeMayHaveGrown, known: Known) -> Sequence[Event]:
    """What is not paid is worked out anew, with what is known of the beneficiary by now."""
    step_id = state.waiting(Owner.APPLICANT, notice.fee_id)
    if step_id is None or known.beneficiary is None or isinstance(state.form, Erased):
        return []
    definition, facts = definition_of(known), facts_of(known.beneficiary, notice.at)
    step = definition.step(step_id)
    assert isinstance(step, FeeStep)
    before = [] if isinstance(state.planned_fees, Erased) else state.planned_fees.get(step_id, [])
    lines = lines_of(step, state.form, facts, notice.at)
    if total(lines) == 0 and step.follows_facts:
        return [expired(state)]  # it was paid elsewhere, or dropped
    if total(lines) in (0, total(before)):
        return []
    return [
        RequestFeeRevised(
            fee_id=notice.fee_id,
            step_id=step_id,
            payer_id=state.applicant_id,
            amount_fils=total(lines),
            was_fils=total(before),
            lines=lines,
            shares=shares(lines, definition.agency),
        )
    ]


def about_an_account(state: Request, notice: AccountIsMissing | AccountIsKnown, known: Known) -> Sequence[Event]:
    """Whom a payout waits for: the person until they have named an account, then the bank."""
    step_id = state.waiting(Owner.PLATFORM, notice.payout_id)
    is_missing = isinstance(notice, AccountIsMissing)
    if step_id is None or state.open[step_id].needs_account is is_missing:
        return []
    if is_missing:
        step = definition_of(known).step(step_id)
        assert isinstance(step, PayoutStep)
        payee_id = people_of(state)[step.person]
        return [RequestAccountDue(step_id=step_id, payout_id=notice.payout_id, payee_id=payee_id)]
    return [RequestAccountKnown(step_id=step_id, payout_id=notice.payout_id)]


def about_a_payout(state: Request, notice: WasPaidOut | MonthHasCome, known: Known) -> Sequence[Event]:
    """What payments, or the calendar, tells of a payout."""
    if isinstance(notice, WasPaidOut):
        return was_paid_out(state, notice, known)
    return month_has_come(state, notice, known)


def was_paid_out(state: Request, notice: WasPaidOut, known: Known) -> Sequence[Event]:
    """The person has their money: the request goes on. Money that came after its end is not called back."""
    step_id = state.waiting(Owner.PLATFORM, notice.payout_id)
    if step_id is None:
        return []
    definition = definition_of(known)
    step, paid = definition.step(step_id), RequestPaidOut(step_id=step_id, payout_id=notice.payout_id)
    assert isinstance(step, PayoutStep)
    return [*after(definition, state, notice.paid_at, paid), *next_month(step, 2, notice.paid_at)]


def month_has_come(state: Request, notice: MonthHasCome, known: Known) -> Sequence[Event]:
    """Another month of a payout is due, if what it is paid for is still so; and the next will be looked at.

    It ends with its months, with a request that was taken back, and with the person's data.
    """
    is_taken_back = state.status in (Status.WITHDRAWN, Status.REJECTED, Status.EXPIRED)
    if state.instalments.get(notice.step_id) != notice.number or is_taken_back:
        return []
    definition = definition_of(known)
    step = definition.step(notice.step_id)
    assert isinstance(step, PayoutStep)
    payee = known.applicant if step.person == "applicant" else known.beneficiary
    if payee is None or known.beneficiary is None:
        return []
    is_due = is_paid_for(step, known.beneficiary, notice.at) and payee.died_on is None
    return [
        instalment(state, step, notice.number, payee.person_id, definition.agency)
        if is_due
        else withheld(state, step, notice.number, None if known.beneficiary.died_on is not None else payee),
        *next_month(step, notice.number + 1, notice.at),
    ]


def is_paid_for(step: PayoutStep, beneficiary: KnownPerson, at: datetime) -> bool:
    """Whether that for which it is paid by the month is still so, as far as it can be decided."""
    condition = step.monthly.while_so if step.monthly else None
    is_over = condition is not None and RULEBOOK.verdict(condition, facts_of(beneficiary, at)) is Verdict.FAILED
    return beneficiary.died_on is None and not is_over


def withheld(state: Request, step: PayoutStep, number: int, payee: KnownPerson | None) -> RequestInstalmentWithheld:
    """A month that is not paid. Its payee is told of the first in a row; not the dead, and nobody of a death."""
    is_told = payee is not None and payee.died_on is None and step.id not in state.withheld
    told_id = payee.person_id if payee is not None and is_told else None
    return RequestInstalmentWithheld(step_id=step.id, number=number, payee_id=told_id, description=step.description)


def instalment(state: Request, step: PayoutStep, number: int, payee_id: UUID, agency: str) -> RequestInstalmentDue:
    """A month that is paid."""
    return RequestInstalmentDue(
        payout_id=derive_id("payout", state.id, step.id, "month", number),
        step_id=step.id,
        number=number,
        payee_id=payee_id,
        agency=agency,
        amount_fils=step.amount_fils,
        description=step.description,
    )


def next_month(step: PayoutStep, number: int, since: datetime) -> Sequence[RequestInstalmentPlanned]:
    """When the next payment is looked at: on the same day of the next month in Kuwait, or on its last."""
    if step.monthly is None or number > step.monthly.months:
        return []
    return [RequestInstalmentPlanned(step_id=step.id, number=number, at=a_month_after(since))]


def occasion_was_lost(state: Request, known: Known) -> Sequence[Event]:
    """What was begun with an offer is taken back; each document that was issued is reviewed by the agency, once, and
    no other month becomes due.
    """
    if state.offer_id is None:
        return []  # who has asked by themselves has asked for it, whatever else was the occasion
    if state.is_running:
        return [withdrawn(state, "occasion-lost")]
    if state.status is not Status.FULFILLED:
        return []
    definition, seen = definition_of(known), {*state.reviewed, *state.reviews.values()}
    steps = {step.id: step for step in definition.steps if isinstance(step, PayoutStep)}
    ended = [withheld(state, steps[step_id], number, None) for step_id, number in state.instalments.items()]
    reviews = [
        RequestReviewDue(
            task_id=derive_id("review", state.id, document_id),
            document_id=document_id,
            agency=definition.agency,
            service_id=definition.id,
            applicant_id=state.applicant_id,
            title=definition.name,
        )
        for document_id in state.documents
        if document_id not in seen
    ]
    return [*ended, *reviews]


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
    if reviewed := state.reviews.get(notice.task_id):
        return [RequestReviewed(document_id=reviewed, stays=notice.decision is TaskDecision.APPROVE)]
    if state.objection_id == notice.task_id:
        return objection_was_decided(state, notice, known)
    step_id = state.waiting(Owner.AGENCY, notice.task_id) or state.waiting(Owner.PARTNER, notice.task_id)
    if step_id is None:
        return []
    definition = definition_of(known)
    step = definition.step(step_id)
    match notice.decision:
        case TaskDecision.REJECT:
            return [rejected(state, step_id, notice, known)]
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


def rejected(state: Request, step_id: str, notice: TaskWasDecided, known: Known) -> RequestRejected:
    """An agency, or another party, has refused; to an agency's word one may object, once, where the service says so."""
    definition = definition_of(known)
    objection, step = definition.objection, definition.step(step_id)
    may_object = objection is not None and isinstance(step, AgencyTaskStep) and not state.is_objected
    return RequestRejected(
        applicant_id=state.applicant_id,
        reason=notice.reason,
        fee_ids=fees_given_back(state, known),
        step_id=step_id,
        decided_by=notice.decided_by,
        object_until=notice.decided_at + timedelta(days=objection.within_days) if may_object and objection else None,
    )


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
    came_too_late = state.status in (Status.WITHDRAWN, Status.REJECTED, Status.EXPIRED)
    if came_too_late and notice.document_id in state.documents and notice.document_id not in state.reviewed:
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


def _applicant_key(message: Message, state: Request) -> UUID | None:
    if isinstance(message, MonthHasCome):
        return state.applicant_id
    return message.applicant_id if isinstance(message, Submit | GoAhead) else None


def _beneficiary_key(message: Message, state: Request) -> UUID | None:
    match message:
        case Submit() | GoAhead():
            return message.beneficiary_id
        case FactsMayBeKnown():
            return state.facts_of
        case FeeMayHaveGrown() | MonthHasCome():
            return state.beneficiary_id
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
    shape=10,
)
