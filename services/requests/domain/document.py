"""A document: signed data about its holder that anyone with its code can verify."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from shared.contracts.personal import ERASED, Private, SubjectId
from shared.contracts.requests import DocumentIssued
from shared.functions import Decider
from shared.kernel.text import LocalizedText

NOBODY = UUID(int=0)


class Status(StrEnum):
    """Where a document stands."""

    UNKNOWN = "unknown"
    ISSUED = "issued"


@dataclass(frozen=True)
class Document:
    """A document as it was issued. `jws` is the signed data, whole."""

    status: Status = Status.UNKNOWN
    request_id: UUID = NOBODY
    holder_id: SubjectId = NOBODY
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
    kind: str
    title: LocalizedText
    valid_from: date
    valid_until: date
    code: str
    jws: str


def decide(state: Document, message: DocumentSigned) -> Sequence[DocumentIssued]:
    """A document is issued once; a second signature over the same changes nothing."""
    if state.status is Status.ISSUED:
        return []
    return [
        DocumentIssued(
            request_id=message.request_id,
            holder_id=message.holder_id,
            kind=message.kind,
            title=message.title,
            valid_from=message.valid_from,
            valid_until=message.valid_until,
            code=message.code,
            jws=message.jws,
        )
    ]


def evolve(state: Document, event: DocumentIssued) -> Document:
    """A document after an event."""
    return Document(
        status=Status.ISSUED,
        request_id=event.request_id,
        holder_id=event.holder_id,
        kind=event.kind,
        title=event.title,
        valid_from=event.valid_from,
        valid_until=event.valid_until,
        code=event.code,
        jws=event.jws,
    )


document = Decider("document", initial=Document(), decide=decide, evolve=evolve)
