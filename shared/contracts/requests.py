"""Events of requests: the way of a request, its officers' tasks, and what is issued in the end."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.event import Event
from shared.contracts.personal import Private, SubjectId
from shared.kernel.text import LocalizedText


class RuleDecision(BaseModel):
    """Why a rule came out as it did: which rule of which service version, and the facts that it read."""

    model_config = ConfigDict(frozen=True)

    rule_id: str
    passed: bool
    facts: dict[str, Any]


class FeeLine(BaseModel):
    """A part of a fee, and what it is for."""

    model_config = ConfigDict(frozen=True)

    item: str
    text: LocalizedText
    amount_fils: int


class TaskDecision(StrEnum):
    """What an officer decides."""

    APPROVE = "approve"
    REJECT = "reject"
    RETURN = "return"


class RequestSubmitted(Event, type="requests.request.submitted"):
    """A person asks for a service; the version of its definition stays the request's own.

    `beneficiary_id`: for whom, where that is somebody else. `parties`: who takes part in what the request follows from,
    by role. `offer_id`: the offer that was accepted; `by_platform`: nobody had to ask. `skips`: the steps that are not
    needed here, and `fees`: what those that ask for one come to, as was found out when it was submitted.
    """

    request_id: UUID
    service_id: str
    service_version: int
    reference: str
    applicant_id: SubjectId
    form: Private[dict[str, Any]]
    decisions: Private[list[RuleDecision]]
    beneficiary_id: UUID | None = None
    parties: dict[str, UUID] = Field(default_factory=dict)
    offer_id: UUID | None = None
    by_platform: bool = False
    skips: list[str] = Field(default_factory=list)
    fees: Private[dict[str, list[FeeLine]]] = Field(default_factory=dict)


class RequestFactsDue(Event, type="requests.request.facts_due"):
    """The request waits until facts about a person are known, which those who are asked can see to."""

    step_id: str
    asked_ids: list[UUID]
    about_id: UUID
    needs: list[str]
    service_id: str
    title: LocalizedText


class RequestFactsKnown(Event, type="requests.request.facts_known"):
    """The facts are known; the request goes on."""

    step_id: str


class RequestFeeDue(Event, type="requests.request.fee_due"):
    """The request waits for its fee until `due_by`; payments opens a payment for it. `lines` add up to the amount."""

    fee_id: UUID
    step_id: str
    payer_id: SubjectId
    agency: str
    amount_fils: int
    description: LocalizedText
    due_by: datetime
    lines: Private[list[FeeLine]] = Field(default_factory=list)


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


class RequestConsentDue(Event, type="requests.request.consent_due"):
    """The request waits for the word of another party. `person_id`: who that is, where it is known already; else it is
    whoever signs in with the code that the applicant hands on.
    """

    task_id: UUID
    step_id: str
    party: str
    person_id: UUID | None
    applicant_id: UUID
    service_id: str
    title: LocalizedText
    due_by: datetime


class RequestConsented(Event, type="requests.request.consented"):
    """The other party agrees."""

    step_id: str
    party: str
    person_id: UUID


class RequestReturned(Event, type="requests.request.returned"):
    """The agency needs to know more: the applicant sends the form again, until `answer_by`."""

    step_id: str
    task_id: UUID
    agency: str
    applicant_id: SubjectId
    reason: Private[LocalizedText | None]
    answer_by: datetime


class RequestAnswered(Event, type="requests.request.answered"):
    """The applicant has sent the form again, as the agency has asked."""

    step_id: str
    applicant_id: SubjectId
    form: Private[dict[str, Any]]


class RequestApproved(Event, type="requests.request.approved"):
    """An agency has agreed. `is_last`: no other has to, and the request is approved."""

    step_id: str
    applicant_id: UUID
    is_last: bool = True


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
    holder_id: UUID
    agency: str
    shows: list[str]


class RequestDocumentReady(Event, type="requests.request.document_ready"):
    """The document of a step is signed."""

    step_id: str
    document_id: UUID


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
    offer_id: UUID | None = None


class RequestExpired(Event, type="requests.request.expired"):
    """The request has waited too long for its applicant. `fee_ids`: the fees that are given back."""

    applicant_id: UUID
    fee_ids: list[UUID]
    offer_id: UUID | None = None


class RequestReviewDue(Event, type="requests.request.review_due"):
    """What the request was for has turned out not to be so: an officer reviews the document that was issued."""

    task_id: UUID
    document_id: UUID
    agency: str
    service_id: str
    applicant_id: UUID
    title: LocalizedText


class RequestReviewed(Event, type="requests.request.reviewed"):
    """The document stays, or is to be revoked."""

    document_id: UUID
    stays: bool


class RequestRated(Event, type="requests.request.rated"):
    """How it was for the applicant, once a request: `satisfaction` 1 (very dissatisfied) to 5 (very satisfied);
    `effort`, "the agency made it easy", 1 (strongly disagree) to 7 (strongly agree); and in their own words.
    """

    applicant_id: SubjectId
    service_id: str
    service_version: int
    satisfaction: int
    effort: int | None
    comment: Private[str | None]


class TaskOpened(Event, type="requests.task.opened"):
    """An officer of the agency has something to decide, or a person has something to state: facts about somebody; or
    another party of the request, `party`, has to agree, who is `person_id` where that is known already.
    """

    request_id: UUID
    applicant_id: UUID
    agency: str | None
    service_id: str
    title: LocalizedText
    person_id: UUID | None = None
    about_id: UUID | None = None
    needs: list[str] = Field(default_factory=list)
    party: str | None = None


class TaskClaimed(Event, type="requests.task.claimed"):
    """Somebody has come with the code of the task, and is the party who has to agree."""

    request_id: UUID
    person_id: UUID


class TaskDecided(Event, type="requests.task.decided"):
    """An officer, or the party who has to agree, has decided."""

    request_id: UUID
    applicant_id: SubjectId
    decision: TaskDecision
    decided_by: UUID
    reason: Private[LocalizedText | None]


class TaskDone(Event, type="requests.task.done"):
    """What the person was asked for is known."""

    request_id: UUID


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
    applicant_id: UUID


class DocumentRevoked(Event, type="requests.document.revoked"):
    """A document is not valid any more, from its issue on."""

    request_id: UUID
    holder_id: UUID
    applicant_id: UUID
    title: LocalizedText


class OfferMode(StrEnum):
    """How the platform goes ahead: it tells, it offers with one tap, or it does and asks only for what is missing."""

    NUDGE = "nudge"
    OFFER = "offer"
    AUTOMATIC = "automatic"


class OfferOccasioned(Event, type="requests.offer.occasioned"):
    """A life event gives an occasion to offer a service, or the occasion is told otherwise.

    `recipient` and `beneficiary` are roles of its `parties`.
    """

    offer_id: UUID
    notice_id: UUID
    sequence: int
    kind: str
    source: str
    noticed_at: datetime
    parties: dict[str, UUID]
    binding_id: str
    service_id: str
    service_version: int
    recipient: str
    beneficiary: str


class OfferOccasionLost(Event, type="requests.offer.occasion_lost"):
    """The life event has not happened."""

    notice_id: UUID


class OfferPlanned(Event, type="requests.offer.planned"):
    """Its time has still to come."""

    opens_at: datetime


class OfferMade(Event, type="requests.offer.made"):
    """A person is offered a service until `expires_at`. `decisions`: why, rule by rule, with the facts."""

    mode: OfferMode
    service_id: str
    service_version: int
    recipient_id: SubjectId
    beneficiary_id: UUID
    name: LocalizedText
    reason: LocalizedText
    expires_at: datetime
    decisions: Private[list[RuleDecision]]


class OfferAmended(Event, type="requests.offer.amended"):
    """The offer stands until another instant."""

    expires_at: datetime


class OfferSeen(Event, type="requests.offer.seen"):
    """Its recipient has seen it."""

    recipient_id: UUID


class OfferAccepted(Event, type="requests.offer.accepted"):
    """Its recipient, or for an automatic service the platform, goes on with this request."""

    recipient_id: SubjectId
    beneficiary_id: UUID
    request_id: UUID
    service_id: str
    service_version: int
    binding_id: str
    mode: OfferMode
    parties: dict[str, UUID]
    decisions: Private[list[RuleDecision]]


class OfferDeclined(Event, type="requests.offer.declined"):
    """Its recipient does not want it."""

    recipient_id: UUID


class OfferSnoozed(Event, type="requests.offer.snoozed"):
    """Its recipient wants to be reminded later."""

    recipient_id: UUID
    until: datetime


class OfferWoken(Event, type="requests.offer.woken"):
    """Later has come."""

    recipient_id: UUID
    name: LocalizedText


class OfferExpired(Event, type="requests.offer.expired"):
    """Nobody accepted it in its time."""

    recipient_id: UUID


class OfferWithdrawn(Event, type="requests.offer.withdrawn"):
    """What it rested on is not so (any more). `request_id`: what was begun with it."""

    recipient_id: UUID
    request_id: UUID | None
    reason: str
