"""Events of requests: the way of a request, its officers' tasks, and what is issued in the end."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.contracts.event import Event
from shared.contracts.personal import Private, SubjectId
from shared.kernel.text import LocalizedText


class RuleDecision(BaseModel):
    """Why a rule came out as it did: which rule of which service version, and the facts that it read."""

    model_config = ConfigDict(frozen=True)

    rule_id: str
    passed: bool
    facts: dict[str, Any]


class TaskDecision(StrEnum):
    """What an officer decides."""

    APPROVE = "approve"
    REJECT = "reject"


class RequestSubmitted(Event, type="requests.request.submitted"):
    """A person asks for a service; the version of its definition stays the request's own."""

    request_id: UUID
    service_id: str
    service_version: int
    reference: str
    applicant_id: SubjectId
    form: Private[dict[str, Any]]
    decisions: Private[list[RuleDecision]]


class RequestFeeDue(Event, type="requests.request.fee_due"):
    """The request waits for its fee until `due_by`; payments opens a payment for it."""

    fee_id: UUID
    step_id: str
    payer_id: UUID
    agency: str
    amount_fils: int
    description: LocalizedText
    due_by: datetime


class RequestFeePaid(Event, type="requests.request.fee_paid"):
    """The fee is paid; the request goes on."""

    fee_id: UUID
    step_id: str
    payment_id: UUID
    paid_at: datetime


class RequestPaymentNotNeeded(Event, type="requests.request.payment_not_needed"):
    """A payment came for a request that does not wait for it (any more); payments gives it back."""

    payment_id: UUID
    fee_id: UUID


class RequestTaskDue(Event, type="requests.request.task_due"):
    """The request waits for an officer of an agency."""

    task_id: UUID
    step_id: str
    agency: str
    service_id: str
    applicant_id: UUID
    title: LocalizedText


class RequestApproved(Event, type="requests.request.approved"):
    """The agency has agreed."""

    step_id: str
    applicant_id: UUID


class RequestRejected(Event, type="requests.request.rejected"):
    """The agency has refused. `fee_ids`: the fees that are given back."""

    applicant_id: SubjectId
    reason: Private[LocalizedText | None]
    fee_ids: list[UUID]


class RequestDocumentDue(Event, type="requests.request.document_due"):
    """The request waits for its document to be signed."""

    document_id: UUID
    step_id: str
    kind: str
    title: LocalizedText
    valid_days: int
    applicant_id: UUID


class RequestFulfilled(Event, type="requests.request.fulfilled"):
    """The person has what they asked for."""

    service_id: str
    applicant_id: UUID
    document_id: UUID | None


class RequestWithdrawn(Event, type="requests.request.withdrawn"):
    """The request was taken back. `fee_ids`: the fees that are given back, or not asked for any more."""

    applicant_id: UUID
    reason: str
    fee_ids: list[UUID]


class RequestExpired(Event, type="requests.request.expired"):
    """The request has waited too long for its applicant. `fee_ids`: the fees that are given back."""

    applicant_id: UUID
    fee_ids: list[UUID]


class TaskOpened(Event, type="requests.task.opened"):
    """An officer of the agency has something to decide."""

    request_id: UUID
    applicant_id: UUID
    agency: str
    service_id: str
    title: LocalizedText


class TaskDecided(Event, type="requests.task.decided"):
    """An officer has decided."""

    request_id: UUID
    applicant_id: SubjectId
    decision: TaskDecision
    decided_by: UUID
    reason: Private[LocalizedText | None]


class TaskCancelled(Event, type="requests.task.cancelled"):
    """There is nothing to decide any more."""

    request_id: UUID


class DocumentIssued(Event, type="requests.document.issued"):
    """A document is signed. `code` lets anyone verify it; `jws` is the signed data (RFC 7515)."""

    request_id: UUID
    holder_id: SubjectId
    kind: str
    title: LocalizedText
    valid_from: date
    valid_until: date
    code: Private[str]
    jws: Private[str]
