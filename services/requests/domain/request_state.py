"""A request as it stands: its state, and what each of its events makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

from shared.contracts.personal import Private, SubjectId
from shared.contracts.requests import (
    RequestApproved,
    RequestDocumentDue,
    RequestExpired,
    RequestFactsDue,
    RequestFactsKnown,
    RequestFeeDue,
    RequestFeePaid,
    RequestFulfilled,
    RequestPaymentNotNeeded,
    RequestRated,
    RequestRejected,
    RequestReviewDue,
    RequestReviewed,
    RequestSubmitted,
    RequestTaskDue,
    RequestWithdrawn,
)

NOBODY = UUID(int=0)
Event = (
    RequestSubmitted
    | RequestFactsDue
    | RequestFactsKnown
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
    | RequestReviewDue
    | RequestReviewed
    | RequestRated
)


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
    """A request, and the step that it is at. `fee_id`, `task_id` and `document_id` are the last of their kind.

    `applicant_id` asks, pays and is told; `beneficiary_id` is whom it is for. `facts_of`: about whom facts are waited
    for. `review_id`: the open review of what was issued; there is one at most.
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
    step_id: str | None = None
    waits_for: Owner | None = None
    fee_id: UUID | None = None
    fees: Mapping[UUID, "Fee"] = field(default_factory=dict)
    task_id: UUID | None = None
    document_id: UUID | None = None
    facts_of: UUID | None = None
    review_id: UUID | None = None
    is_reviewed: bool = False
    is_rated: bool = False

    @property
    def is_running(self) -> bool:
        """Whether it has begun and not ended."""
        return self.status in (Status.SUBMITTED, Status.IN_PROGRESS, Status.APPROVED)


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
                waits_for=Owner.PLATFORM,
            )
        case RequestFactsDue():
            return at_step(state, event.step_id, Owner.APPLICANT, facts_of=event.about_id)
        case RequestFactsKnown():
            return replace(state, facts_of=None, waits_for=Owner.PLATFORM)
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
        case RequestReviewDue():
            return replace(state, review_id=event.task_id)
        case RequestReviewed():
            return replace(state, review_id=None, is_reviewed=True)
        case RequestRated():
            return replace(state, is_rated=True)
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
    return replace(state, status=status, waits_for=None, facts_of=None)
