"""What requests does outside of its rules: it signs documents, with a key that only its workers hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from services.requests.domain.document import Document, DocumentSigned, Status, document
from shared.functions import Effect, Effects, Job, Send
from shared.kernel.text import LocalizedText

effects = Effects()


@dataclass(frozen=True)
class SignDocument(Effect):
    """Sign a document for its holder, whose name is read when it is signed."""

    document_id: UUID
    request_id: UUID
    holder_id: UUID
    applicant_id: UUID
    kind: str
    title: LocalizedText
    valid_from: date
    valid_until: date


class Signer(Protocol):
    """Signs what is issued."""

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A compact JWS over the claims."""
        ...

    def code(self, document_id: UUID) -> str:
        """The verification code of a document: the same each time, and not to be guessed."""
        ...


class Holders(Protocol):
    """Names of document holders."""

    async def name(self, person_id: UUID) -> LocalizedText | None:
        """The name as identity knows it; None for a person who is not known, was erased, or has died."""
        ...


@effects.on(SignDocument, of=document, due=lambda _, state: state.status is Status.UNKNOWN)
async def sign_document(
    effect: SignDocument, job: Job, state: Document, signer: Signer, holders: Holders
) -> Send | None:
    """Signs; for a person who was erased or has died meanwhile there is nothing to sign."""
    name = await holders.name(effect.holder_id)
    if name is None:
        return None
    code = signer.code(effect.document_id)
    claims = {
        "jti": str(effect.document_id),
        "kind": effect.kind,
        "title": effect.title.model_dump(),
        "holder": name.model_dump(),
        "valid_from": effect.valid_from.isoformat(),
        "valid_until": effect.valid_until.isoformat(),
        "code": code,
        "iat": int(job.now.timestamp()),
    }
    signed = DocumentSigned(
        request_id=effect.request_id,
        holder_id=effect.holder_id,
        applicant_id=effect.applicant_id,
        kind=effect.kind,
        title=effect.title,
        valid_from=effect.valid_from,
        valid_until=effect.valid_until,
        code=code,
        jws=signer.sign(claims),
    )
    return document.send(effect.document_id, signed)
