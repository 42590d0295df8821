"""What a request is told: commands of people, and notices of what has happened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AliasChoices, Field

from shared.contracts.requests import RuleDecision, TaskDecision
from shared.kernel.text import LocalizedText


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
class HandIn:
    """A command of the applicant: a document, which is kept under `upload_id`."""

    document: str
    upload_id: UUID
    media_type: str
    size_bytes: int
    sha256: str
    at: datetime


@dataclass(frozen=True)
class Object:
    """A command of the applicant who was rejected."""

    words: str
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
class FeeMayHaveGrown:
    """A day is over in which a fee was not paid."""

    fee_id: UUID
    at: datetime


@dataclass(frozen=True)
class AccountIsMissing:
    """payments does not know, or not any more, to which account the person is to be paid."""

    payout_id: UUID


@dataclass(frozen=True)
class AccountIsKnown:
    """payments has told the bank to pay."""

    payout_id: UUID


@dataclass(frozen=True)
class WasPaidOut:
    """payments has paid the person."""

    payout_id: UUID
    paid_at: datetime


@dataclass(frozen=True)
class MonthHasCome:
    """The `number`th month of what is paid by the month."""

    step_id: str
    number: int
    at: datetime


@dataclass(frozen=True)
class FeeHasLapsed:
    """The time to pay a fee is over."""

    fee_id: UUID


@dataclass(frozen=True)
class WordHasNotCome:
    """The time is over in which the applicant, or another party, was to answer, to hand in, or to clear a hold."""

    wait_id: Annotated[UUID, Field(validation_alias=AliasChoices("wait_id", "task_id"))]  # timers of an older release


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
    | HandIn
    | Object
    | Rate
    | WordHasNotCome
    | FactsMayBeKnown
    | FeeWasPaid
    | FeeMayHaveGrown
    | FeeHasLapsed
    | AccountIsMissing
    | AccountIsKnown
    | WasPaidOut
    | MonthHasCome
    | TaskWasDecided
    | DocumentWasIssued
    | OccasionWasLost
    | PersonWasErased
    | PersonHasDied
)
