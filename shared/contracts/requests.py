"""Events of requests: the way of a request, its officers' tasks, and what is issued in the end."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from shared.contracts.event import Event
from shared.contracts.identity import LifeEventKind
from shared.contracts.personal import Private, SubjectId
from shared.kernel.text import LocalizedText


class FactSource(BaseModel):
    """Which register has told a fact, and as of when."""

    model_config = ConfigDict(frozen=True)

    source: str
    as_of: datetime


class RuleDecision(BaseModel):
    """Why a rule came out as it did: which rule of which service version, the facts that it read, and whence they are;
    what the platform knows by itself has no source.
    """

    model_config = ConfigDict(frozen=True)

    rule_id: str
    passed: bool
    facts: dict[str, Any]
    sources: dict[str, FactSource] = Field(default_factory=dict)


class FeeLine(BaseModel):
    """A part of a fee, what it is for, and which agency earns it where that is not the service's own."""

    model_config = ConfigDict(frozen=True)

    item: str
    text: LocalizedText
    amount_fils: int
    agency: str | None = None


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
    """The request waits until facts about a person are known, which those who are asked can see to.

    `times`: how often it has waited for them before.
    """

    step_id: str
    asked_ids: list[UUID]
    about_id: UUID
    needs: list[str]
    service_id: str
    title: LocalizedText
    times: int = 0


class RequestFactsKnown(Event, type="requests.request.facts_known"):
    """The facts are known; the request goes on."""

    step_id: str


class RequestHeld(Event, type="requests.request.held"):
    """Another agency has something open about a person: the request waits until it is cleared, or until `due_by`.

    `hold_id` names this wait.
    """

    hold_id: UUID
    step_id: str
    agency: str
    about_id: UUID
    applicant_id: UUID
    service_id: str
    title: LocalizedText
    clear: LocalizedText
    due_by: datetime


class RequestHoldLifted(Event, type="requests.request.hold_lifted"):
    """Nothing is open any more; the request goes on."""

    step_id: str
    applicant_id: UUID


class RequestDocumentsDue(Event, type="requests.request.documents_due"):
    """The request waits until the applicant has handed in these documents, or until `due_by`.

    `wait_id` names this wait.
    """

    wait_id: UUID
    step_id: str
    documents: list[str]
    applicant_id: UUID
    service_id: str
    title: LocalizedText
    due_by: datetime


class RequestDocumentHandedIn(Event, type="requests.request.document_handed_in"):
    """The applicant has handed in a document, again perhaps. `is_last`: nothing is missing any more."""

    step_id: str
    document: str
    upload_id: UUID
    applicant_id: SubjectId
    media_type: str
    size_bytes: int
    sha256: Private[str]
    is_last: bool


class RequestFeeDue(Event, type="requests.request.fee_due"):
    """The request waits for its fee until `due_by`; payments opens a payment for it. `lines` add up to the amount.

    `shares`: what each agency earns of it; none named, `agency` earns it all. `grows`: it is worked out anew at
    each midnight; `follows_facts`: and when a register tells otherwise what is owed.
    """

    fee_id: UUID
    step_id: str
    payer_id: SubjectId
    agency: str
    amount_fils: int
    description: LocalizedText
    due_by: datetime
    lines: Private[list[FeeLine]] = Field(default_factory=list)
    shares: dict[str, int] = Field(default_factory=dict)
    grows: bool = False
    follows_facts: bool = False


class RequestFeeRevised(Event, type="requests.request.fee_revised"):
    """A fee that is not paid yet comes to another amount by now; the lines say why."""

    fee_id: UUID
    step_id: str
    payer_id: SubjectId
    amount_fils: int
    was_fils: int
    lines: Private[list[FeeLine]]
    shares: dict[str, int]


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
    """The request waits for an officer of an agency; until `system_until` for the agency's own system."""

    task_id: UUID
    step_id: str
    agency: str
    service_id: str
    applicant_id: UUID
    title: LocalizedText
    system_until: datetime | None = None


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
    """The agency has refused. `fee_ids`: the fees that are given back. `object_until`: how long one may object."""

    applicant_id: SubjectId
    reason: Private[LocalizedText | None]
    fee_ids: list[UUID]
    step_id: str | None = None
    decided_by: UUID | None = None
    object_until: datetime | None = None


class RequestObjected(Event, type="requests.request.objected"):
    """The applicant objects; an officer other than `barred_id` decides on it."""

    task_id: UUID
    agency: str
    service_id: str
    applicant_id: SubjectId
    title: LocalizedText
    words: Private[str]
    barred_id: UUID | None


class RequestObjectionUpheld(Event, type="requests.request.objection_upheld"):
    """The refusal is taken back; the request goes on as if it had been an approval. Fees given back are due again."""

    step_id: str
    applicant_id: UUID


class RequestObjectionDismissed(Event, type="requests.request.objection_dismissed"):
    """The refusal stays."""

    applicant_id: SubjectId
    reason: Private[LocalizedText | None]


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


class RequestPayoutDue(Event, type="requests.request.payout_due"):
    """The request waits until payments has paid a person."""

    payout_id: UUID
    step_id: str
    payee_id: UUID
    agency: str
    amount_fils: int
    description: LocalizedText


class RequestAccountDue(Event, type="requests.request.account_due"):
    """The person cannot be paid yet: they have to name an account, or another where the bank knows none."""

    step_id: str
    payout_id: UUID
    payee_id: UUID


class RequestAccountKnown(Event, type="requests.request.account_known"):
    """The bank is told to pay."""

    step_id: str
    payout_id: UUID


class RequestPaidOut(Event, type="requests.request.paid_out"):
    """The person has their money."""

    step_id: str
    payout_id: UUID


class EmittedLifeEvent(BaseModel):
    """What has happened with a request: who takes part in it, by role."""

    model_config = ConfigDict(frozen=True)

    kind: LifeEventKind
    parties: dict[str, UUID]


class RequestEmitted(Event, type="requests.request.emitted"):
    """With this request something is so from now on: identity keeps it, and tells everybody.

    The facts are those that the service's definition names, the same for everybody who is through with it.
    """

    step_id: str
    person_id: UUID
    source: str
    facts: dict[str, StrictBool | StrictInt | StrictStr]
    life_event: EmittedLifeEvent | None


class RequestEmittedAndLowered(RequestEmitted, type="requests.request.emitted", version=2):
    """Besides, amounts that the register keeps are lower from now on, by so much: whatever they are by then.

    Only what lowers something is of this version; whoever reads the first one alone would miss it.
    """

    lowered: dict[str, StrictInt]


class RequestInstalmentPlanned(Event, type="requests.request.instalment_planned"):
    """The `number`th payment of what is paid by the month will be looked at then; the first was the payout itself."""

    step_id: str
    number: int
    at: datetime


class RequestInstalmentDue(Event, type="requests.request.instalment_due"):
    """Another month is to be paid: payments pays it as it did the first. The request does not wait for it."""

    payout_id: UUID
    step_id: str
    number: int
    payee_id: UUID
    agency: str
    amount_fils: int
    description: LocalizedText


class RequestInstalmentWithheld(Event, type="requests.request.instalment_withheld"):
    """Nothing is paid for this month, because what it is paid for is not so; the next, if one is planned, is looked at
    in its time.

    `payee_id` is None where nobody is to be told: of a death, or of what they were told of the month before.
    """

    step_id: str
    number: int
    payee_id: UUID | None
    description: LocalizedText


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

    Until `system_until` it is the agency's own system that decides; `barred_id`: an officer who may not. `may_return`:
    whether the request may be given back to the applicant for more. `since`: the sequence of the request's event that
    has opened it.
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
    system_until: datetime | None = None
    barred_id: UUID | None = None
    may_return: bool = True
    since: int = 0


class TaskGivenToPeople(Event, type="requests.task.given_to_people"):
    """The agency's own system has not decided in time: an officer does."""

    request_id: UUID


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
    """A life event, or that something ends, gives an occasion to offer a service, or the occasion is told otherwise.

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


class PublicationDrafted(Event, type="requests.publication.drafted"):
    """A policy officer has written a version of a service, which another one is to publish."""

    service_id: str
    service_version: int
    definition: dict[str, Any]
    drafted_by: UUID


class PublicationPublished(Event, type="requests.publication.published"):
    """A version of a service is in the catalogue, and from `effective_from` on, a day in Kuwait, it is what people get.

    Nobody has drafted or published what comes with the platform.
    """

    service_id: str
    service_version: int
    effective_from: date
    definition: dict[str, Any]
    drafted_by: UUID | None
    published_by: UUID | None


class DraftSaved(Event, type="requests.draft.saved"):
    """Somebody has begun a form and wants to come back to it."""

    person_id: SubjectId
    service_id: str
    service_version: int
    for_id: UUID | None
    form: Private[dict[str, Any]]


class DraftDiscarded(Event, type="requests.draft.discarded"):
    """It was sent, or is not wanted any more."""

    service_id: str
