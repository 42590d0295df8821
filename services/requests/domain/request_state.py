"""A request as it stands: its state, and what each of its events makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

from shared.contracts.personal import Erased, Private, SubjectId
from shared.contracts.requests import (
    FeeLine,
    RequestAccountDue,
    RequestAccountKnown,
    RequestAnswered,
    RequestApproved,
    RequestConsentDue,
    RequestConsented,
    RequestDocumentDue,
    RequestDocumentHandedIn,
    RequestDocumentReady,
    RequestDocumentsDue,
    RequestEmitted,
    RequestExpired,
    RequestFactsDue,
    RequestFactsKnown,
    RequestFeeDue,
    RequestFeePaid,
    RequestFeeRevised,
    RequestFulfilled,
    RequestHeld,
    RequestHoldLifted,
    RequestInstalmentDue,
    RequestInstalmentPlanned,
    RequestInstalmentWithheld,
    RequestObjected,
    RequestObjectionDismissed,
    RequestObjectionUpheld,
    RequestPaidOut,
    RequestPaymentNotNeeded,
    RequestPayoutDue,
    RequestRated,
    RequestRejected,
    RequestReturned,
    RequestReviewDue,
    RequestReviewed,
    RequestSubmitted,
    RequestTaskDue,
    RequestWithdrawn,
)

NOBODY = UUID(int=0)
Begun = (
    RequestFactsDue
    | RequestConsentDue
    | RequestHeld
    | RequestDocumentsDue
    | RequestFeeDue
    | RequestTaskDue
    | RequestReturned
    | RequestDocumentDue
    | RequestPayoutDue
)
Done = (
    RequestFactsKnown
    | RequestConsented
    | RequestHoldLifted
    | RequestDocumentHandedIn
    | RequestFeePaid
    | RequestApproved
    | RequestDocumentReady
    | RequestPaidOut
    | RequestEmitted
)
Event = (
    RequestSubmitted
    | Begun
    | Done
    | RequestFeeRevised
    | RequestAccountDue
    | RequestAccountKnown
    | RequestPaymentNotNeeded
    | RequestAnswered
    | RequestRejected
    | RequestObjected
    | RequestObjectionUpheld
    | RequestObjectionDismissed
    | RequestFulfilled
    | RequestWithdrawn
    | RequestExpired
    | RequestReviewDue
    | RequestReviewed
    | RequestRated
    | RequestInstalmentPlanned
    | RequestInstalmentDue
    | RequestInstalmentWithheld
)


class Status(StrEnum):
    """Where a request stands."""

    NEW = "new"
    SUBMITTED = "submitted"
    IN_PROGRESS = "in_progress"
    NEEDS_INFORMATION = "needs_information"
    APPROVED = "approved"
    REJECTED = "rejected"
    OBJECTED = "objected"
    FULFILLED = "fulfilled"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Owner(StrEnum):
    """Whom a request waits for: of several the first of these, because the others have it before them anyway."""

    APPLICANT = "applicant"
    PARTNER = "partner"
    AGENCY = "agency"
    PLATFORM = "platform"


FINAL = frozenset({Status.REJECTED, Status.FULFILLED, Status.WITHDRAWN, Status.EXPIRED})
ENDS: Mapping[type, Status] = {
    RequestRejected: Status.REJECTED,
    RequestFulfilled: Status.FULFILLED,
    RequestWithdrawn: Status.WITHDRAWN,
    RequestExpired: Status.EXPIRED,
}
TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.NEW: frozenset({Status.SUBMITTED}),
    Status.SUBMITTED: frozenset({Status.IN_PROGRESS, Status.FULFILLED}),
    Status.IN_PROGRESS: frozenset({Status.NEEDS_INFORMATION, Status.APPROVED, *FINAL}),
    Status.NEEDS_INFORMATION: frozenset({Status.IN_PROGRESS, *FINAL}),
    Status.APPROVED: FINAL,
    Status.OBJECTED: frozenset({Status.IN_PROGRESS, Status.APPROVED, *FINAL}),
    **{status: frozenset[Status]() for status in FINAL},
    Status.REJECTED: frozenset({Status.OBJECTED}),
}


@dataclass(frozen=True)
class Fee:
    """A fee that was asked for, of which step, and the payment that it was paid with."""

    step_id: str
    paid_with: UUID | None = None


@dataclass(frozen=True)
class OpenStep:
    """A step that is not done: whom it waits for, and which fee, task or document it is there.

    `watches`: it goes on when enough is known of the beneficiary. `needs_account`: the platform cannot pay out before
    the person has named an account.
    """

    owner: Owner
    ref: UUID | None = None
    watches: bool = False
    needs_account: bool = False

    @property
    def waits_for(self) -> Owner:
        """Whose turn it is."""
        return Owner.APPLICANT if self.needs_account else self.owner


@dataclass(frozen=True)
class Request:
    """A request, the steps that are open and those that are done.

    `applicant_id` asks, pays and is told; `beneficiary_id` is whom it is for. `skips`: the steps that it does not need;
    `planned_fees`: what those that ask for one come to.
    `facts_of`: about whom facts are waited for. `times`: how often each step has begun. `missing`: the documents that
    have still to be handed in, by step; `uploads`: those that were, by name. `documents`: what was to be issued, in its
    order; `reviews`: the open reviews, and of which document each is; `reviewed`: the documents whose review has ended.
    `refused`: the step at which it was rejected, `refused_by`: by whom; `given_back`: the steps whose fees were;
    `objection_id`: the task that decides on an objection, of which there is one at most. `instalments`: of what is paid
    by the month which payment is planned, by step; `withheld`: the steps whose last month was not paid.
    """

    status: Status = Status.NEW
    id: UUID = NOBODY
    service_id: str = ""
    service_version: int = 0
    reference: str = ""
    applicant_id: SubjectId = NOBODY
    beneficiary_id: UUID = NOBODY
    parties: Mapping[str, UUID] = field(default_factory=dict)
    offer_id: UUID | None = None
    form: Private[dict[str, Any]] = field(default_factory=dict)
    skips: tuple[str, ...] = ()
    planned_fees: Private[dict[str, list[FeeLine]]] = field(default_factory=dict)
    open: Mapping[str, OpenStep] = field(default_factory=dict)
    done: tuple[str, ...] = ()
    waits_for: Owner | None = None
    fees: Mapping[UUID, Fee] = field(default_factory=dict)
    task_ids: tuple[UUID, ...] = ()
    times: Mapping[str, int] = field(default_factory=dict)
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    uploads: Mapping[str, UUID] = field(default_factory=dict)
    documents: tuple[UUID, ...] = ()
    facts_of: UUID | None = None
    reviews: Mapping[UUID, UUID] = field(default_factory=dict)
    reviewed: tuple[UUID, ...] = ()
    is_rated: bool = False
    refused: str | None = None
    refused_by: UUID | None = None
    given_back: tuple[str, ...] = ()
    object_until: datetime | None = None
    objection_id: UUID | None = None
    is_objected: bool = False
    instalments: Mapping[str, int] = field(default_factory=dict)
    withheld: frozenset[str] = frozenset()

    @property
    def is_running(self) -> bool:
        """Whether it has begun and not ended."""
        return self.status is not Status.NEW and self.status not in FINAL

    def waiting(self, owner: Owner, ref: UUID) -> str | None:
        """The step that waits for this fee, task or document of this owner."""
        return next((id for id, step in self.open.items() if (step.owner, step.ref) == (owner, ref)), None)

    @property
    def document_id(self) -> UUID | None:
        """What was to be issued last."""
        return self.documents[-1] if self.documents else None

    @property
    def fee_id(self) -> UUID | None:
        """The fee that the applicant has to pay now, or has paid last."""
        due = (step.ref for step in self.open.values() if step.ref in self.fees)
        return next(due, None) or next(reversed(list(self.fees)), None)


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
                beneficiary_id=event.beneficiary_id or event.applicant_id,
                parties=event.parties,
                offer_id=event.offer_id,
                form=event.form,
                skips=tuple(event.skips),
                planned_fees=event.fees,
                waits_for=Owner.PLATFORM,
            )
        case (
            RequestFactsDue()
            | RequestConsentDue()
            | RequestHeld()
            | RequestDocumentsDue()
            | RequestFeeDue()
            | RequestTaskDue()
            | RequestReturned()
            | RequestDocumentDue()
            | RequestPayoutDue()
        ):
            return begun(state, event)
        case (
            RequestFactsKnown()
            | RequestConsented()
            | RequestHoldLifted()
            | RequestDocumentHandedIn()
            | RequestFeePaid()
            | RequestApproved()
            | RequestDocumentReady()
            | RequestPaidOut()
            | RequestEmitted()
        ):
            return ended(state, event)
        case RequestFeeRevised():
            planned = {} if isinstance(state.planned_fees, Erased) else state.planned_fees
            lines = [] if isinstance(event.lines, Erased) else event.lines
            return replace(state, planned_fees={**planned, event.step_id: lines})
        case RequestAccountDue() | RequestAccountKnown():
            needs_account = isinstance(event, RequestAccountDue)
            paying = replace(state.open[event.step_id], needs_account=needs_account)
            return with_open(state, {**state.open, event.step_id: paying})
        case RequestPaymentNotNeeded():
            return state
        case RequestInstalmentDue() | RequestInstalmentWithheld():
            others = {step: number for step, number in state.instalments.items() if step != event.step_id}
            is_withheld = isinstance(event, RequestInstalmentWithheld)
            kept_back = state.withheld | {event.step_id} if is_withheld else state.withheld - {event.step_id}
            return replace(state, instalments=others, withheld=kept_back)
        case RequestInstalmentPlanned():
            return replace(state, instalments={**state.instalments, event.step_id: event.number})
        case RequestAnswered():
            return replace(state, form=event.form)
        case RequestObjected():
            objected = replace(state, status=Status.OBJECTED, objection_id=event.task_id, is_objected=True)
            return replace(objected, task_ids=(*state.task_ids, event.task_id), waits_for=Owner.AGENCY)
        case RequestObjectionUpheld():
            kept = tuple(step for step in state.done if step not in state.given_back)
            again = replace(state, status=Status.IN_PROGRESS, objection_id=None, done=kept, given_back=())
            return done(again, event.step_id)
        case RequestObjectionDismissed():
            return replace(state, status=Status.REJECTED, objection_id=None, waits_for=None)
        case RequestReviewDue():
            return replace(state, reviews={**state.reviews, event.task_id: event.document_id})
        case RequestReviewed():
            still = {task_id: id for task_id, id in state.reviews.items() if id != event.document_id}
            return replace(state, reviews=still, reviewed=(*state.reviewed, event.document_id))
        case RequestRated():
            return replace(state, is_rated=True)
        case RequestRejected() | RequestFulfilled() | RequestWithdrawn() | RequestExpired():
            end = replace(state, status=ENDS[type(event)], open={}, waits_for=None, facts_of=None, objection_id=None)
            return rejected(end, event) if isinstance(event, RequestRejected) else end
        case _:
            assert_never(event)


def rejected(state: Request, event: RequestRejected) -> Request:
    """What an objection would need to know of a refusal."""
    given_back = [state.fees[id].step_id for id in event.fee_ids if id in state.fees and state.fees[id].paid_with]
    return replace(
        state,
        refused=event.step_id,
        refused_by=event.decided_by,
        given_back=tuple(given_back),
        object_until=event.object_until,
    )


def ended(state: Request, event: Done) -> Request:
    """The request with a step that is done, or nearer to it."""
    match event:
        case RequestConsented():
            state = replace(state, parties={**state.parties, event.party: event.person_id})
        case RequestFeePaid():
            fees = {**state.fees, event.fee_id: Fee(event.step_id, paid_with=event.payment_id)}
            state = replace(state, fees=fees)
        case RequestDocumentHandedIn():
            still = tuple(name for name in state.missing.get(event.step_id, ()) if name != event.document)
            uploads = {**state.uploads, event.document: event.upload_id}
            state = replace(state, missing={**state.missing, event.step_id: still}, uploads=uploads)
            return done(state, event.step_id) if event.is_last else state
        case RequestApproved(is_last=True):
            return replace(done(state, event.step_id), status=Status.APPROVED)
        case _:
            pass
    return done(state, event.step_id)


def begun(state: Request, event: Begun) -> Request:
    """The request with a step that waits for somebody."""
    if not isinstance(event, RequestReturned):
        state = replace(state, times={**state.times, event.step_id: state.times.get(event.step_id, 0) + 1})
    match event:
        case RequestFactsDue():
            return opened(state, event.step_id, Owner.APPLICANT, watches=True)
        case RequestHeld():
            return opened(state, event.step_id, Owner.APPLICANT, event.hold_id, watches=True)
        case RequestDocumentsDue():
            asked = replace(state, missing={**state.missing, event.step_id: tuple(event.documents)})
            return opened(asked, event.step_id, Owner.APPLICANT, event.wait_id)
        case RequestConsentDue():
            asked = replace(state, task_ids=(*state.task_ids, event.task_id))
            return opened(asked, event.step_id, Owner.PARTNER, event.task_id)
        case RequestFeeDue():
            fees = {**state.fees, event.fee_id: Fee(event.step_id)}
            due = replace(state, fees=fees)
            return opened(due, event.step_id, Owner.APPLICANT, event.fee_id, watches=event.follows_facts)
        case RequestTaskDue():
            tasked = replace(state, task_ids=(*state.task_ids, event.task_id))
            return opened(tasked, event.step_id, Owner.AGENCY, event.task_id)
        case RequestReturned():
            return opened(state, event.step_id, Owner.APPLICANT, event.task_id)
        case RequestDocumentDue():
            issuing = replace(state, documents=(*state.documents, event.document_id))
            return opened(issuing, event.step_id, Owner.PLATFORM, event.document_id)
        case RequestPayoutDue():
            return opened(state, event.step_id, Owner.PLATFORM, event.payout_id)
        case _:
            assert_never(event)


def opened(state: Request, step_id: str, owner: Owner, ref: UUID | None = None, *, watches: bool = False) -> Request:
    """The request with a step that waits for somebody."""
    return with_open(state, {**state.open, step_id: OpenStep(owner, ref, watches)})


def done(state: Request, step_id: str) -> Request:
    """The request with a step that is done."""
    still_open = {id: step for id, step in state.open.items() if id != step_id}
    return with_open(replace(state, done=(*state.done, step_id)), still_open)


def with_open(state: Request, steps: Mapping[str, OpenStep]) -> Request:
    """The request with these open steps; what is approved stays so until its end."""
    owners = {step.waits_for for step in steps.values()}
    status = Status.NEEDS_INFORMATION if needs_information(state, steps) else Status.IN_PROGRESS
    return replace(
        state,
        open=steps,
        status=state.status if state.status is Status.APPROVED else status,
        waits_for=next((owner for owner in Owner if owner in owners), Owner.PLATFORM),
        facts_of=state.beneficiary_id if any(step.watches for step in steps.values()) else None,
    )


def needs_information(state: Request, steps: Mapping[str, OpenStep]) -> bool:
    """Whether an agency waits for the applicant to send more."""
    return any(step.owner is Owner.APPLICANT and step.ref in state.task_ids for step in steps.values())
