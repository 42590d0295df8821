"""A version of a service on its way into the catalogue: drafted by one policy officer, published by another."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, assert_never
from uuid import UUID

from services.requests.domain.definition import ServiceDefinition, read_definition
from shared.contracts.requests import PublicationDrafted, PublicationPublished
from shared.functions import Decider
from shared.kernel.clock import KUWAIT
from shared.kernel.errors import Refused
from shared.kernel.ids import derive_id


class Status(StrEnum):
    """Where a version stands."""

    UNKNOWN = "unknown"
    DRAFT = "draft"
    PUBLISHED = "published"


TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.UNKNOWN: frozenset({Status.DRAFT, Status.PUBLISHED}),
    Status.DRAFT: frozenset({Status.PUBLISHED}),
    Status.PUBLISHED: frozenset(),
}


@dataclass(frozen=True)
class Publication:
    """A version; `definition` as it is written. `drafted_by`: who has written it last, if it is not the seed's."""

    status: Status = Status.UNKNOWN
    definition: Mapping[str, Any] = field(default_factory=dict)
    drafted_by: UUID | None = None


@dataclass(frozen=True)
class DraftVersion:
    """A command of a policy officer of the agency: the definition has no findings. It replaces an earlier draft."""

    definition: ServiceDefinition
    drafted_by: UUID


@dataclass(frozen=True)
class PublishVersion:
    """A command of another policy officer of the agency, who has read what has this digest."""

    published_by: UUID
    digest: str
    at: datetime


@dataclass(frozen=True)
class SeedVersion:
    """A command of the platform when it starts: what comes with it is in the catalogue."""

    definition: ServiceDefinition
    at: datetime


Message = DraftVersion | PublishVersion | SeedVersion
Event = PublicationDrafted | PublicationPublished


def publication_id(key: str) -> UUID:
    """A version's publication, by the version's key."""
    return derive_id("publication", key)


def decide(state: Publication, message: Message) -> Sequence[Event]:
    """The rules of a publication."""
    match message:
        case DraftVersion():
            return drafted(state, message)
        case PublishVersion():
            if state.status is Status.UNKNOWN:
                raise Refused("version-unknown")
            if state.status is Status.PUBLISHED:
                raise Refused("version-published")
            if state.drafted_by == message.published_by:
                raise Refused("version-needs-another-officer")
            if digest_of(state.definition) != message.digest:
                raise Refused("version-written-anew")
            definition = read_definition(state.definition)
            return [published(definition, message.at, state.drafted_by, message.published_by)]
        case SeedVersion(definition, at):
            if state.status is not Status.PUBLISHED:
                return [published(definition, at)]
            if not is_the_same(read_definition(state.definition), definition):
                raise Refused("version-published-otherwise", {"version": definition.key})
            return []
        case _:
            assert_never(message)


def digest_of(definition: Mapping[str, Any]) -> str:
    """By what one knows a definition from another: SHA-256 of its JSON with sorted names."""
    return sha256(json.dumps(definition, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def as_written(definition: ServiceDefinition) -> dict[str, Any]:
    """A definition in no more words than it was written in: code that lacks newer words reads what does without them.

    So what a word says by default never changes.
    """
    return definition.model_dump(mode="json", exclude_unset=True)


def is_the_same(one: ServiceDefinition, other: ServiceDefinition) -> bool:
    """Whether two definitions say the same; what is left out says what it does by default."""
    return one.model_dump(mode="json") == other.model_dump(mode="json")


def drafted(state: Publication, command: DraftVersion) -> Sequence[PublicationDrafted]:
    """A draft may be written again until it is published."""
    if state.status is Status.PUBLISHED:
        raise Refused("version-published")
    definition = command.definition
    event = PublicationDrafted(
        service_id=definition.id,
        service_version=definition.version,
        definition=as_written(definition),
        drafted_by=command.drafted_by,
    )
    return [] if evolve(state, event) == state else [event]


def published(
    definition: ServiceDefinition, at: datetime, drafted_by: UUID | None = None, published_by: UUID | None = None
) -> PublicationPublished:
    """The version as it is from now on."""
    return PublicationPublished(
        service_id=definition.id,
        service_version=definition.version,
        effective_from=definition.effective_from or at.astimezone(KUWAIT).date(),
        definition=as_written(definition),
        drafted_by=drafted_by,
        published_by=published_by,
    )


def evolve(state: Publication, event: Event) -> Publication:
    """A publication after an event."""
    match event:
        case PublicationDrafted():
            return Publication(Status.DRAFT, event.definition, event.drafted_by)
        case PublicationPublished():
            return replace(state, status=Status.PUBLISHED, definition=event.definition)
        case _:
            assert_never(event)


publication = Decider("publication", initial=Publication(), decide=decide, evolve=evolve)
