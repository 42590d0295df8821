"""What requests does outside of its rules: it signs documents, with a key that only its workers hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from services.requests.domain.document import Document, DocumentSigned, Status, document
from services.requests.domain.facts import KnownPerson, facts_of
from services.requests.domain.rulebook import AGENCIES, FACTS
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
    agency: str
    shows: tuple[str, ...]
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
    """Those for whom documents are signed."""

    async def find(self, person_id: UUID) -> KnownPerson | None:
        """The person as identity knows them; None for one who is not known, was erased, or has died."""
        ...


@effects.on(SignDocument, of=document, due=lambda _, state: state.status is Status.UNKNOWN)
async def sign_document(
    effect: SignDocument, job: Job, state: Document, signer: Signer, holders: Holders
) -> Send | None:
    """Signs; for a person who was erased or has died meanwhile there is nothing to sign."""
    holder = await holders.find(effect.holder_id)
    if holder is None:
        return None
    code = signer.code(effect.document_id)
    claims = {
        "jti": str(effect.document_id),
        "kind": effect.kind,
        "title": effect.title.model_dump(),
        "issuer": AGENCIES[effect.agency].model_dump(),
        "holder": holder.name.model_dump(),
        "shows": shown(effect.shows, facts_of(holder, job.now)),
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


def shown(names: Sequence[str], facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Facts as a document holds them: what people call them, and their values; what is not known is left out."""
    values = {name: facts[name] for name in names if facts.get(name) is not None}
    return [
        {"label": FACTS[name].label.model_dump(), "value": {"ar": str(value), "en": str(value)}}
        for name, value in values.items()
    ]
