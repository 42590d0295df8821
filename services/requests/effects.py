"""What requests does outside of its rules: it signs documents, with a key that only its workers hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from services.requests.domain.document import Document, DocumentSigned, Status, document
from services.requests.domain.facts import KnownPerson, facts_of
from services.requests.domain.rulebook import AGENCIES, FACTS
from services.requests.domain.task import Status as TaskStatus
from services.requests.domain.task import SystemIsSilent, Task, task
from shared.functions import Effect, Effects, Job, Send
from shared.kernel.errors import TryLater
from shared.kernel.text import LocalizedText

SYSTEM = "agency-system"

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


DIED_ON = "died_on"


@dataclass(frozen=True)
class AskAgencySystem(Effect):
    """Give a task to the agency's own system, which answers later."""

    task_id: UUID
    agency: str


@dataclass(frozen=True)
class Case:
    """What an agency's system is told of a task: the request by its reference, the service, and the form as sent."""

    reference: str
    service_id: str
    service_version: int
    form: Mapping[str, Any]


class AgencySystems(Protocol):
    """The agencies' own systems, as far as there are any."""

    async def ask(self, agency: str, task_id: UUID, message_id: UUID, case: Case) -> bool:
        """Gives it a task; False where the agency has no system. Raises TryLater where it cannot be reached now."""
        ...


class Cases(Protocol):
    """What requests are about."""

    async def find(self, request_id: UUID) -> Case | None:
        """The case of a request; None of one whose applicant was erased."""
        ...


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
        """The person as identity knows them; None for one who is not known, or was erased."""
        ...


@effects.on(SignDocument, of=document, due=lambda _, state: state.status is Status.UNKNOWN)
async def sign_document(
    effect: SignDocument, job: Job, state: Document, signer: Signer, holders: Holders
) -> Send | None:
    """Signs; for who was erased or has died meanwhile there is nothing to sign. What says that somebody has died waits
    until their register says so too.
    """
    holder = await holders.find(effect.holder_id)
    if DIED_ON in effect.shows and (holder is None or holder.died_on is None):
        raise TryLater("the civil register has still to tell of the death", fault=False)
    if holder is None or (holder.died_on is not None and DIED_ON not in effect.shows):
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


@effects.on(
    AskAgencySystem,
    of=task,
    due=lambda _, state: state.status is TaskStatus.WITH_SYSTEM,
    target=SYSTEM,
    lives_for_seconds=3600,
    exhausted=lambda effect, _: task.send(effect.task_id, SystemIsSilent()),
)
async def ask_agency_system(
    effect: AskAgencySystem, job: Job, state: Task, systems: AgencySystems, cases: Cases
) -> Send | None:
    """Asks under the job's id, so that a repeat is known for one; where there is no system, people decide."""
    case = await cases.find(state.request_id)
    if case is not None and await systems.ask(effect.agency, effect.task_id, job.id, case):
        return None
    return task.send(effect.task_id, SystemIsSilent())
