"""A person: registered with a civil ID, changed, and erased when they ask for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from shared.contracts.identity import (
    Fact,
    Facts,
    PersonChanged,
    PersonDeathAnnulled,
    PersonDied,
    PersonErased,
    PersonRegistered,
    Residence,
)
from shared.contracts.personal import ERASED, Erased, Private
from shared.functions import Decider, Given
from shared.kernel.errors import Refused
from shared.kernel.text import Language, LocalizedText


class Status(StrEnum):
    """Where a person stands with the platform."""

    UNKNOWN = "unknown"
    REGISTERED = "registered"
    ERASED = "erased"


@dataclass(frozen=True)
class Person:
    """What is known of a person. `civil_id_hash` finds them by their number, and is gone when they are erased."""

    status: Status = Status.UNKNOWN
    civil_id_hash: str | None = None
    civil_id: Private[str] = ERASED
    name: Private[LocalizedText] = ERASED
    birth_date: Private[date] = ERASED
    residence: Private[Residence] = ERASED
    mobile: Private[str | None] = None
    email: Private[str | None] = None
    language: Private[Language] = Language.ARABIC
    facts: Private[Facts] = field(default_factory=dict)
    death_notices: frozenset[UUID] = frozenset()
    died_on: Private[date | None] = None

    @property
    def is_deceased(self) -> bool:
        """Whether a notice of the person's death stands."""
        return bool(self.death_notices)


@dataclass(frozen=True)
class KnownPerson:
    """A row of `persons`, found by the hash of a civil ID."""

    id: UUID
    civil_id_hash: str


@dataclass(frozen=True)
class Register:
    """A command of a registrar. `civil_id` is valid; its hash is keyed, so that nobody can guess numbers from it."""

    civil_id: str
    civil_id_hash: str
    name: LocalizedText
    birth_date: date
    residence: Residence
    mobile: str | None
    email: str | None
    language: Language
    facts: Mapping[str, Fact]


@dataclass(frozen=True)
class Change:
    """A command of a registrar: None leaves a field as it is; facts are added to those that are there."""

    mobile: str | None = None
    email: str | None = None
    language: Language | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True)
class ErasePerson:
    """A command: the person's data is to be unreadable everywhere."""


@dataclass(frozen=True)
class DeathNoticed:
    """A registry has told of the person's death."""

    died_on: date
    notice_id: UUID


@dataclass(frozen=True)
class DeathNoticeAnnulled:
    """The registry has taken its notice back; what another has told stays."""

    notice_id: UUID


Message = Register | Change | ErasePerson | DeathNoticed | DeathNoticeAnnulled
Event = PersonRegistered | PersonChanged | PersonDied | PersonDeathAnnulled | PersonErased


def decide(state: Person, message: Message, given: KnownPerson | None) -> Sequence[Event]:
    """The rules of a person."""
    match message:
        case Register():
            return register(state, message, given)
        case Change():
            return change(state, message)
        case ErasePerson():
            if state.status is Status.UNKNOWN:
                raise Refused("person-unknown")
            return [PersonErased()] if state.status is Status.REGISTERED else []
        case DeathNoticed(died_on, notice_id):
            is_known = notice_id in state.death_notices and state.died_on == died_on
            if state.status is not Status.REGISTERED or is_known:
                return []
            return [PersonDied(notice_id=notice_id, died_on=died_on)]
        case DeathNoticeAnnulled(notice_id):
            return [PersonDeathAnnulled(notice_id=notice_id)] if notice_id in state.death_notices else []
        case _:
            assert_never(message)


def register(state: Person, command: Register, namesake: KnownPerson | None) -> Sequence[Event]:
    """A civil ID belongs to one person."""
    if state.status is not Status.UNKNOWN or namesake is not None:
        raise Refused("person-already-registered")
    return [
        PersonRegistered(
            civil_id=command.civil_id,
            civil_id_hash=command.civil_id_hash,
            name=command.name,
            birth_date=command.birth_date,
            residence=command.residence,
            mobile=command.mobile,
            email=command.email,
            language=command.language,
            facts=dict(command.facts),
        )
    ]


def change(state: Person, command: Change) -> Sequence[Event]:
    """New contacts and facts of somebody who is registered."""
    if state.status is Status.UNKNOWN:
        raise Refused("person-unknown")
    if state.status is Status.ERASED or isinstance(state.facts, Erased):
        raise Refused("person-erased")
    return [
        PersonChanged(
            mobile=state.mobile if command.mobile is None else command.mobile,
            email=state.email if command.email is None else command.email,
            language=state.language if command.language is None else command.language,
            facts={**state.facts, **command.facts},
        )
    ]


def evolve(state: Person, event: Event) -> Person:
    """A person after an event."""
    match event:
        case PersonRegistered():
            return Person(
                status=Status.REGISTERED,
                civil_id_hash=None if isinstance(event.civil_id_hash, Erased) else event.civil_id_hash,
                civil_id=event.civil_id,
                name=event.name,
                birth_date=event.birth_date,
                residence=event.residence,
                mobile=event.mobile,
                email=event.email,
                language=event.language,
                facts=event.facts,
            )
        case PersonChanged():
            return replace(state, mobile=event.mobile, email=event.email, language=event.language, facts=event.facts)
        case PersonDied():
            return replace(state, death_notices=state.death_notices | {event.notice_id}, died_on=event.died_on)
        case PersonDeathAnnulled():
            left = state.death_notices - {event.notice_id}
            return replace(state, death_notices=left, died_on=state.died_on if left else None)
        case PersonErased():
            return Person(
                status=Status.ERASED, mobile=ERASED, email=ERASED, language=ERASED, facts=ERASED, died_on=ERASED
            )
        case _:
            assert_never(event)


person = Decider(
    "person",
    initial=Person(),
    decide=decide,
    evolve=evolve,
    given=Given(KnownPerson, "persons", by="civil_id_hash"),
)
