"""A document: signed data about its holder that anyone with its code can verify, until it is revoked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from shared.contracts.personal import ERASED, Private, SubjectId
from shared.contracts.requests import DocumentIssued, DocumentRevoked
from shared.functions import Decider
from shared.kernel.text import LocalizedText

NOBODY = UUID(int=0)


class Status(StrEnum):
    """Where a document stands."""

    UNKNOWN = "unknown"
    ISSUED = "issued"
    REVOKED = "revoked"


TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.UNKNOWN: frozenset({Status.ISSUED}),
    Status.ISSUED: frozenset({Status.REVOKED}),
    Status.REVOKED: frozenset(),
}


@dataclass(frozen=True)
class Document:
    """A document as it was issued. `jws` is the signed data, whole; `applicant_id` is who asked for it."""

    status: Status = Status.UNKNOWN
    request_id: UUID = NOBODY
    holder_id: SubjectId = NOBODY
    applicant_id: UUID = NOBODY
    kind: str = ""
    title: LocalizedText | None = None
    valid_from: date = date.min
    valid_until: date = date.min
    code: Private[str] = ERASED
    jws: Private[str] = ERASED


@dataclass(frozen=True)
class DocumentSigned:
    """The signature is made."""

    request_id: UUID
    holder_id: UUID
    applicant_id: UUID
    kind: str
    title: LocalizedText
    valid_from: date
    valid_until: date
    code: str
    jws: str


@dataclass(frozen=True)
class RevokeDocument:
    """The agency has found that the document should not be."""


Message = DocumentSigned | RevokeDocument
Event = DocumentIssued | DocumentRevoked


def decide(state: Document, message: Message) -> Sequence[Event]:
    """A document is issued once, and revoked once."""
    match message:
        case DocumentSigned():
            return [issued(message)] if state.status is Status.UNKNOWN else []
        case RevokeDocument():
            return [revoked(state)] if state.status is Status.ISSUED else []
        case _:
            assert_never(message)


def issued(notice: DocumentSigned) -> DocumentIssued:
    """A new document; a second signature over the same changes nothing."""
    return DocumentIssued(
        request_id=notice.request_id,
        holder_id=notice.holder_id,
        applicant_id=notice.applicant_id,
        kind=notice.kind,
        title=notice.title,
        valid_from=notice.valid_from,
        valid_until=notice.valid_until,
        code=notice.code,
        jws=notice.jws,
    )


def revoked(state: Document) -> DocumentRevoked:
    """The end of a document that should not be."""
    assert state.title is not None
    return DocumentRevoked(
        request_id=state.request_id, holder_id=state.holder_id, applicant_id=state.applicant_id, title=state.title
    )


def evolve(state: Document, event: Event) -> Document:
    """A document after an event."""
    match event:
        case DocumentIssued():
            return Document(
                status=Status.ISSUED,
                request_id=event.request_id,
                holder_id=event.holder_id,
                applicant_id=event.applicant_id,
                kind=event.kind,
                title=event.title,
                valid_from=event.valid_from,
                valid_until=event.valid_until,
                code=event.code,
                jws=event.jws,
            )
        case DocumentRevoked():
            return replace(state, status=Status.REVOKED)
        case _:
            assert_never(event)


document = Decider("document", initial=Document(), decide=decide, evolve=evolve, shape=2)
