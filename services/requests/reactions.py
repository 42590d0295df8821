"""What events bring about in requests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from services.requests.domain.definition import EXPIRY, HOLDER, Binding, service_key
from services.requests.domain.document import RevokeDocument, document
from services.requests.domain.facts import day_of
from services.requests.domain.fees import midnights
from services.requests.domain.offer import (
    LookAgain,
    Occasioned,
    OccasionLost,
    RequestHasLapsed,
    offer,
    offer_id,
    window,
)
from services.requests.domain.request import PERSON_DECEASED, ServiceVersion, request
from services.requests.domain.request_messages import (
    AccountIsKnown,
    AccountIsMissing,
    DocumentWasIssued,
    FactsMayBeKnown,
    FeeHasLapsed,
    FeeMayHaveGrown,
    FeeWasPaid,
    GoAhead,
    MonthHasCome,
    OccasionWasLost,
    PersonHasDied,
    PersonWasErased,
    TaskWasDecided,
    WasPaidOut,
    WordHasNotCome,
)
from services.requests.domain.task import CancelTask, FinishTask, OpenTask, SystemIsSilent, task
from services.requests.effects import AskAgencySystem, SignDocument
from shared.contracts.event import Recorded
from shared.contracts.identity import (
    LifeEventAnnulled,
    LifeEventCorrected,
    LifeEventRecorded,
    PersonErased,
    PersonForgotten,
    PersonSnapshot,
)
from shared.contracts.payments import (
    PaymentCaptured,
    PaymentExpired,
    PayoutMade,
    PayoutReady,
    PayoutRequested,
    PayoutReturned,
)
from shared.contracts.personal import Erased
from shared.contracts.requests import (
    DocumentIssued,
    OfferAccepted,
    OfferAmended,
    OfferMade,
    OfferMode,
    OfferPlanned,
    OfferSnoozed,
    OfferWithdrawn,
    RequestConsentDue,
    RequestDocumentDue,
    RequestDocumentsDue,
    RequestExpired,
    RequestFactsDue,
    RequestFactsKnown,
    RequestFeeDue,
    RequestHeld,
    RequestInstalmentPlanned,
    RequestObjected,
    RequestRejected,
    RequestReturned,
    RequestReviewDue,
    RequestReviewed,
    RequestTaskDue,
    RequestWithdrawn,
    TaskDecided,
)
from shared.functions import Given, Reactions, Step, erase, for_each, perform
from shared.kernel.clock import KUWAIT
from shared.kernel.ids import derive_id

reactions = Reactions()


@dataclass(frozen=True)
class BoundVersion:
    """A row of `bound_versions`: what a version of a service is bound to of one kind of life event, or of expiry."""

    service_id: str
    version: int
    effective_from: date
    bindings: Sequence[Binding]


BINDINGS = Given(BoundVersion, "bound_versions", by="kind", many=True)
EXPIRIES = Given(BoundVersion, "bound_versions", by="kind", key=lambda _: EXPIRY, many=True)


def _version_accepted(event: Recorded[OfferAccepted]) -> str:
    return service_key(event.data.service_id, event.data.service_version)


def _task(
    event: Recorded[RequestTaskDue | RequestObjected | RequestConsentDue | RequestReviewDue], **whose: Any
) -> OpenTask:
    """A task on the request whose event this is; `whose` says who is to decide, and within what."""
    due = event.data
    return OpenTask(event.aggregate_id, due.applicant_id, due.service_id, due.title, since=event.sequence, **whose)


@reactions.on(PaymentCaptured)
def go_on_when_paid(event: Recorded[PaymentCaptured]) -> Iterator[Step]:
    """The fee's request goes on."""
    paid = event.data
    yield request.send(paid.for_id, FeeWasPaid(paid.fee_id, event.aggregate_id, paid.captured_at))


@reactions.on(PaymentExpired)
def expire_when_not_paid(event: Recorded[PaymentExpired]) -> Iterator[Step]:
    """A request whose fee was not paid in time ends."""
    yield request.send(event.data.for_id, FeeHasLapsed(event.data.fee_id))


@reactions.on(RequestTaskDue)
def open_the_task(event: Recorded[RequestTaskDue]) -> Iterator[Step]:
    """An officer finds it in the queue of the agency; or its own system has it, and has its time."""
    due = event.data
    yield task.send(due.task_id, _task(event, agency=due.agency, system_until=due.system_until))
    if due.system_until is not None:
        yield perform(AskAgencySystem(due.task_id, due.agency), key=due.task_id)
        yield task.send(due.task_id, SystemIsSilent(), at=due.system_until)


@reactions.on(RequestObjected)
def open_the_objection(event: Recorded[RequestObjected]) -> Iterator[Step]:
    """Another officer than the one who refused decides on it."""
    told = event.data
    yield task.send(told.task_id, _task(event, agency=told.agency, barred_id=told.barred_id, may_return=False))


@reactions.on(RequestHeld)
def wait_for_the_hold(event: Recorded[RequestHeld]) -> Iterator[Step]:
    """There is time to clear it; and it may have been cleared since it was looked at."""
    held = event.data
    yield request.send(event.aggregate_id, FactsMayBeKnown(event.time))
    yield request.send(event.aggregate_id, WordHasNotCome(held.hold_id), at=held.due_by)


@reactions.on(RequestDocumentsDue)
def wait_for_the_documents(event: Recorded[RequestDocumentsDue]) -> Iterator[Step]:
    """The applicant has time to hand them in."""
    due = event.data
    yield request.send(event.aggregate_id, WordHasNotCome(due.wait_id), at=due.due_by)


@reactions.on(RequestFeeDue)
def work_it_out_anew(event: Recorded[RequestFeeDue]) -> Iterator[Step]:
    """A fee that grows is looked at after each day on which it was not paid."""
    fee = event.data
    for midnight in midnights(event.time, fee.due_by) if fee.grows else ():
        yield request.send(event.aggregate_id, FeeMayHaveGrown(fee.fee_id, midnight), at=midnight)


@reactions.on(PayoutRequested)
def wait_for_an_account(event: Recorded[PayoutRequested]) -> Iterator[Step]:
    """Who has named no account has to, before they can be paid."""
    if not event.data.has_account:
        yield request.send(event.data.for_id, AccountIsMissing(event.aggregate_id))


@reactions.on(PayoutReturned)
def wait_for_another_account(event: Recorded[PayoutReturned]) -> Iterator[Step]:
    """The bank has no such account."""
    yield request.send(event.data.for_id, AccountIsMissing(event.aggregate_id))


@reactions.on(PayoutReady)
def wait_for_the_bank(event: Recorded[PayoutReady]) -> Iterator[Step]:
    """It is the bank's turn."""
    if event.data.for_id is not None:
        yield request.send(event.data.for_id, AccountIsKnown(event.aggregate_id))


@reactions.on(PayoutMade)
def go_on_when_paid_out(event: Recorded[PayoutMade]) -> Iterator[Step]:
    """The request hears that the person has their money."""
    yield request.send(event.data.for_id, WasPaidOut(event.aggregate_id, event.time))


@reactions.on(RequestInstalmentPlanned)
def look_again_in_a_month(event: Recorded[RequestInstalmentPlanned]) -> Iterator[Step]:
    """What is paid by the month."""
    planned = event.data
    notice = MonthHasCome(planned.step_id, planned.number, planned.at)
    yield request.send(event.aggregate_id, notice, at=planned.at)


@reactions.on(RequestConsentDue)
def ask_the_other_party(event: Recorded[RequestConsentDue]) -> Iterator[Step]:
    """The other party has a task, and time to answer."""
    due = event.data
    yield task.send(due.task_id, _task(event, person_id=due.person_id, party=due.party))
    yield request.send(event.aggregate_id, WordHasNotCome(due.task_id), at=due.due_by)


@reactions.on(RequestReturned)
def wait_for_the_answer(event: Recorded[RequestReturned]) -> Iterator[Step]:
    """The applicant has time to answer the agency."""
    returned = event.data
    yield request.send(event.aggregate_id, WordHasNotCome(returned.task_id), at=returned.answer_by)


@reactions.on(RequestFactsDue)
def ask_for_the_facts(event: Recorded[RequestFactsDue]) -> Iterator[Step]:
    """Each of those who are asked has a task; whoever states the facts first finishes all of them."""
    due = event.data
    for person_id in due.asked_ids:
        notice = OpenTask(
            request_id=event.aggregate_id,
            applicant_id=person_id,
            service_id=due.service_id,
            title=due.title,
            person_id=person_id,
            about_id=due.about_id,
            needs=tuple(due.needs),
            since=event.sequence,
        )
        again = [due.times] if due.times else []
        yield task.send(derive_id("task", event.aggregate_id, due.step_id, person_id, *again), notice)
    yield request.send(event.aggregate_id, FactsMayBeKnown(event.time))  # they may have come while nobody waited


@reactions.on(RequestFactsKnown)
def finish_the_tasks(event: Recorded[RequestFactsKnown]) -> Iterator[Step]:
    """Nobody is asked any more."""
    yield for_each("tasks", by="request_id", equals=event.aggregate_id, decider=task, message=FinishTask())


@reactions.on(RequestReviewDue)
def open_the_review(event: Recorded[RequestReviewDue]) -> Iterator[Step]:
    """An officer of the agency decides whether the document stays."""
    yield task.send(event.data.task_id, _task(event, agency=event.data.agency, may_return=False))


@reactions.on(RequestReviewed)
def revoke_what_does_not_stay(event: Recorded[RequestReviewed]) -> Iterator[Step]:
    """The agency has found that the document should not be."""
    if not event.data.stays:
        yield document.send(event.data.document_id, RevokeDocument())


@reactions.on(TaskDecided)
def go_on_when_decided(event: Recorded[TaskDecided]) -> Iterator[Step]:
    """The request hears of the decision."""
    decided = event.data
    reason = None if isinstance(decided.reason, Erased) else decided.reason
    notice = TaskWasDecided(event.aggregate_id, decided.decided_by, decided.decision, reason, event.time)
    yield request.send(decided.request_id, notice)


@reactions.on(RequestDocumentDue)
def sign_the_document(event: Recorded[RequestDocumentDue]) -> Iterator[Step]:
    """The document is signed by a worker."""
    due = event.data
    valid_from = event.time.astimezone(KUWAIT).date()
    effect = SignDocument(
        document_id=due.document_id,
        request_id=event.aggregate_id,
        holder_id=due.holder_id,
        applicant_id=due.applicant_id,
        agency=due.agency,
        shows=tuple(due.shows),
        kind=due.kind,
        title=due.title,
        valid_from=valid_from,
        valid_until=valid_from + timedelta(days=due.valid_days - 1),
    )
    yield perform(effect, key=due.document_id)


@reactions.on(DocumentIssued)
def go_on_when_issued(event: Recorded[DocumentIssued]) -> Iterator[Step]:
    """The request has its document."""
    yield request.send(event.data.request_id, DocumentWasIssued(event.aggregate_id, event.time))


@reactions.on(RequestWithdrawn, RequestExpired, RequestRejected)
def cancel_the_tasks(event: Recorded[RequestWithdrawn | RequestExpired | RequestRejected]) -> Iterator[Step]:
    """Nobody decides a request that has ended; what an objection opens later is another matter."""
    over = CancelTask(before=event.sequence)
    yield for_each("tasks", by="request_id", equals=event.aggregate_id, decider=task, message=over)


@reactions.on(LifeEventRecorded, LifeEventCorrected, given=BINDINGS)
def offer_what_follows(
    event: Recorded[LifeEventRecorded | LifeEventCorrected], bound: Sequence[BoundVersion]
) -> Iterator[Step]:
    """Each service that is bound to this kind of event is offered to whom its binding says."""
    told = event.data
    for found, binding in _in_effect(bound, event.time.astimezone(KUWAIT).date()):
        if binding.beneficiary not in told.parties:
            continue
        beneficiary_id = told.parties[binding.beneficiary]
        id = offer_id(found.service_id, binding.id, beneficiary_id, about_id=told.person_id)
        notice = Occasioned(
            offer_id=id,
            notice_id=event.aggregate_id,
            sequence=event.sequence,
            kind=told.kind,
            source=told.source,
            noticed_at=told.noticed_at,
            parties=told.parties,
            service_id=found.service_id,
            service_version=found.version,
            binding_id=binding.id,
            recipient=binding.recipient,
            beneficiary=binding.beneficiary,
            at=event.time,
        )
        yield offer.send(id, notice)


@reactions.on(PersonSnapshot, given=EXPIRIES)
def offer_what_goes_on(event: Recorded[PersonSnapshot], bound: Sequence[BoundVersion]) -> Iterator[Step]:
    """Whoever has something that ends is offered, in time, what goes on after it.

    Until then it is a timer: whether the day is still the same is looked at when it goes off.
    """
    known, person_id = event.data, event.aggregate_id
    for found, binding in _in_effect(bound, event.time.astimezone(KUWAIT).date()):
        fact = known.facts.get(binding.fact or "")
        ends_on = day_of(fact)
        if fact is None or ends_on is None or known.died_on is not None:
            continue
        id = offer_id(found.service_id, binding.id, person_id, ends_on)
        opens_at, expires_at = window(ends_on, binding)
        at = max(opens_at, event.time)
        notice = Occasioned(
            offer_id=id,
            notice_id=derive_id("expiry", id),
            sequence=event.sequence,
            kind=EXPIRY,
            source=fact.source,
            noticed_at=event.time,
            parties={HOLDER: person_id},
            service_id=found.service_id,
            service_version=found.version,
            binding_id=binding.id,
            recipient=binding.recipient,
            beneficiary=binding.beneficiary,
            at=at,
        )
        if at < expires_at:
            yield offer.send(id, notice, at=at)


def _in_effect(bound: Sequence[BoundVersion], day: date) -> Iterator[tuple[BoundVersion, Binding]]:
    """The bindings of each service's newest version of that day."""
    newest: dict[str, BoundVersion] = {}
    for found in sorted(bound, key=lambda found: found.version):
        if found.effective_from <= day:
            newest[found.service_id] = found
    return ((found, binding) for found in newest.values() for binding in found.bindings)


@reactions.on(LifeEventCorrected, LifeEventAnnulled)
def take_occasions_back(event: Recorded[LifeEventCorrected | LifeEventAnnulled]) -> Iterator[Step]:
    """Nothing is offered for what has not happened, or for whoever it has not happened to."""
    told = event.data
    for person_id in sorted((told.replaced if isinstance(told, LifeEventCorrected) else told.parties).values()):
        lost = OccasionLost(event.aggregate_id, event.sequence, event.time)
        yield for_each("offers", by="beneficiary_id", equals=person_id, decider=offer, message=lost)


@reactions.on(OfferPlanned)
def make_the_offer_in_its_time(event: Recorded[OfferPlanned]) -> Iterator[Step]:
    """An offer that comes later in somebody's life."""
    yield offer.send(event.aggregate_id, LookAgain(event.data.opens_at), at=event.data.opens_at)


@reactions.on(OfferMade, OfferAmended)
def end_the_offer_in_its_time(event: Recorded[OfferMade | OfferAmended]) -> Iterator[Step]:
    """An offer has its end."""
    yield offer.send(event.aggregate_id, LookAgain(event.data.expires_at), at=event.data.expires_at)


@reactions.on(OfferSnoozed)
def wake_the_offer(event: Recorded[OfferSnoozed]) -> Iterator[Step]:
    """Its recipient wants to be reminded."""
    yield offer.send(event.aggregate_id, LookAgain(event.data.until), at=event.data.until)


@reactions.on(
    OfferAccepted, given=Given(ServiceVersion, "service_versions", by="key", key=_version_accepted, immutable=True)
)
def go_ahead_by_itself(event: Recorded[OfferAccepted], service: ServiceVersion | None) -> Iterator[Step]:
    """An automatic service begins without anybody's tap; it asks for what is missing."""
    accepted = event.data
    if accepted.mode is not OfferMode.AUTOMATIC or service is None:
        return
    binding = service.definition.binding(accepted.binding_id)
    assert binding is not None
    notice = GoAhead(
        request_id=accepted.request_id,
        service_id=accepted.service_id,
        service_version=accepted.service_version,
        applicant_id=accepted.recipient_id,
        beneficiary_id=accepted.beneficiary_id,
        parties=accepted.parties,
        form=binding.form,
        offer_id=event.aggregate_id,
        decisions=[] if isinstance(accepted.decisions, Erased) else accepted.decisions,
        at=event.time,
    )
    yield request.send(accepted.request_id, notice)


@reactions.on(OfferWithdrawn)
def take_back_what_was_begun(event: Recorded[OfferWithdrawn]) -> Iterator[Step]:
    """What was begun with an offer ends with it; what was issued is reviewed."""
    if event.data.request_id is not None:
        yield request.send(event.data.request_id, OccasionWasLost())


@reactions.on(RequestExpired, RequestWithdrawn)
def offer_it_again(event: Recorded[RequestExpired | RequestWithdrawn]) -> Iterator[Step]:
    """Who did not pay in time may take the offer up again, while it stands; so may who was taken for dead."""
    ended = event.data
    is_for_another_time = isinstance(ended, RequestExpired) or ended.reason == PERSON_DECEASED
    if ended.offer_id is not None and is_for_another_time:
        yield offer.send(ended.offer_id, RequestHasLapsed(event.aggregate_id, event.time))


@reactions.on(PersonSnapshot)
def see_what_has_changed(event: Recorded[PersonSnapshot]) -> Iterator[Step]:
    """More, or something else, is known of a person: requests go on, and offers are made or withdrawn.

    Of the first snapshot nothing can wait yet: an offer needs the person's row.
    """
    if event.sequence > 1:
        known, person_id = FactsMayBeKnown(event.time), event.aggregate_id
        yield for_each("requests", by="facts_of", equals=person_id, decider=request, message=known)
        yield from _look_again_at_offers(person_id, event.time)


@reactions.on(PersonSnapshot)
def end_what_the_dead_had_running(event: Recorded[PersonSnapshot]) -> Iterator[Step]:
    """In the transaction that marks the person's row, which a submission locks: so a death and a submission in the
    same instant see each other, and the walk finds what was submitted before.
    """
    if event.data.died_on is not None:
        yield from _end_requests(event.aggregate_id, PersonHasDied())


@reactions.on(PersonErased)
def destroy_the_key(event: Recorded[PersonErased]) -> Iterator[Step]:
    """What is sealed about the person is unreadable from here on."""
    yield erase(event.aggregate_id)


@reactions.on(PersonForgotten)
def end_what_the_erased_had_running(event: Recorded[PersonForgotten]) -> Iterator[Step]:
    """In the transaction that takes the person's row away, which a submission locks."""
    yield from _end_requests(event.aggregate_id, PersonWasErased())
    yield from _look_again_at_offers(event.aggregate_id, event.time)


def _end_requests(person_id: UUID, notice: PersonHasDied | PersonWasErased) -> Iterator[Step]:
    for side in ("applicant_id", "beneficiary_id"):
        yield for_each("requests", by=side, equals=person_id, decider=request, message=notice)


def _look_again_at_offers(person_id: UUID, at: datetime) -> Iterator[Step]:
    """At those that the person should have, and at those that somebody else should have for them."""
    yield for_each("offers", by="wanted_id", equals=person_id, decider=offer, message=LookAgain(at))
    others = LookAgain(at, for_others=True)
    yield for_each("offers", by="beneficiary_id", equals=person_id, decider=offer, message=others)
