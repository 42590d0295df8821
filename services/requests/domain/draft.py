"""A form that somebody has begun and wants to come back to; one a person and service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never
from uuid import UUID

from shared.contracts.personal import Private, SubjectId
from shared.contracts.requests import DraftDiscarded, DraftSaved
from shared.functions import Decider
from shared.kernel.ids import derive_id

NOBODY = UUID(int=0)


@dataclass(frozen=True)
class Draft:
    """What was saved last. `for_id`: for whom, where that is somebody else. Once sent or discarded it is empty."""

    person_id: SubjectId = NOBODY
    service_id: str = ""
    service_version: int = 0
    for_id: UUID | None = None
    form: Private[dict[str, Any]] = field(default_factory=dict)
    is_kept: bool = False


@dataclass(frozen=True)
class SaveDraft:
    """A command of the person: the form as far as it is filled; it is not checked."""

    person_id: UUID
    service_id: str
    service_version: int
    for_id: UUID | None
    form: Mapping[str, Any]


@dataclass(frozen=True)
class DiscardDraft:
    """It was sent, or is not wanted any more."""


Message = SaveDraft | DiscardDraft
Event = DraftSaved | DraftDiscarded


def draft_id(person_id: UUID, service_id: str, for_id: UUID | None) -> UUID:
    """A person has one draft a service, and one for each whom they ask it for."""
    return derive_id("draft", person_id, service_id, for_id or person_id)


def decide(state: Draft, message: Message) -> Sequence[Event]:
    """The rules of a draft."""
    match message:
        case SaveDraft():
            saved = DraftSaved(
                person_id=message.person_id,
                service_id=message.service_id,
                service_version=message.service_version,
                for_id=message.for_id,
                form=dict(message.form),
            )
            return [] if evolve(state, saved) == state else [saved]
        case DiscardDraft():
            return [DraftDiscarded(service_id=state.service_id)] if state.is_kept else []
        case _:
            assert_never(message)


def evolve(state: Draft, event: Event) -> Draft:
    """A draft after an event."""
    match event:
        case DraftSaved():
            return Draft(
                event.person_id, event.service_id, event.service_version, event.for_id, event.form, is_kept=True
            )
        case DraftDiscarded():
            return Draft(state.person_id, state.service_id, state.service_version, state.for_id)
        case _:
            assert_never(event)


draft = Decider("draft", initial=Draft(), decide=decide, evolve=evolve)
