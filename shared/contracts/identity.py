"""Events of identity: persons, and the keys that access tokens are verified with."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StrictBool, StrictInt, StrictStr

from shared.contracts.event import Event
from shared.contracts.personal import Private, SubjectId
from shared.kernel.text import Language, LocalizedText


class Residence(StrEnum):
    """On what ground a person lives here."""

    CITIZEN = "citizen"
    RESIDENT = "resident"


class Fact(BaseModel):
    """What a registry knows of a person: the value, who says so, and as of when. A date is written as ISO 8601."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: StrictBool | StrictInt | StrictStr
    source: str
    as_of: datetime


Facts = dict[str, Fact]


class PersonRegistered(Event, type="identity.person.registered"):
    """A person is known to the platform; the aggregate's id is the person's id from here on."""

    civil_id: Private[str]
    civil_id_hash: Private[str]
    name: Private[LocalizedText]
    birth_date: Private[date]
    residence: Private[Residence]
    mobile: Private[str | None]
    email: Private[str | None]
    language: Private[Language]
    facts: Private[Facts]


class PersonChanged(Event, type="identity.person.changed"):
    """Contacts, language or registry facts have changed; what is not named stays."""

    mobile: Private[str | None]
    email: Private[str | None]
    language: Private[Language]
    facts: Private[Facts]


class PersonDied(Event, type="identity.person.died"):
    """The person has died, as a registry says; a corrected date makes it again. `notice_id`: the life event."""

    notice_id: UUID
    died_on: Private[date]


class PersonDeathAnnulled(Event, type="identity.person.death_annulled"):
    """A notice of death was wrong: the person lives, unless another notice stands."""

    notice_id: UUID


class PersonErased(Event, type="identity.person.erased"):
    """The person's data is erased, here and in every service that follows this event."""


class PersonSnapshot(Event, type="identity.person.snapshot"):
    """What other services may know of a person; on the compacted topic `identity.persons` only."""

    name: LocalizedText
    birth_date: date
    residence: Residence
    mobile: str | None
    email: str | None
    language: Language
    facts: Facts
    died_on: date | None = None


class PersonForgotten(Event, type="identity.person.forgotten"):
    """The tombstone of an erased person on `identity.persons`."""


class LifeEventKind(StrEnum):
    """What happens in a life that services are bound to."""

    DEATH = "death"


class LifeEventRecorded(Event, type="identity.life_event.recorded"):
    """A registry has told of something in a person's life. When it happened is the person's own affair."""

    kind: LifeEventKind
    person_id: SubjectId
    source: str
    noticed_at: datetime
    occurred_at: Private[datetime]


class LifeEventCorrected(Event, type="identity.life_event.corrected"):
    """It happened at another time than was said."""

    kind: LifeEventKind
    person_id: SubjectId
    occurred_at: Private[datetime]


class LifeEventAnnulled(Event, type="identity.life_event.annulled"):
    """It has not happened."""

    kind: LifeEventKind
    person_id: UUID


class SigningKeyPublished(Event, type="identity.signing_key.published"):
    """Access tokens may be signed with this key from now on. `jwk` is the public key (RFC 7517)."""

    jwk: dict[str, Any]


class SigningKeySnapshot(Event, type="identity.signing_key.snapshot"):
    """A public key, on the compacted topic `identity.keys`."""

    jwk: dict[str, Any]


class SigningKeyRetired(Event, type="identity.signing_key.retired"):
    """The tombstone of a key on `identity.keys`: tokens signed with it are refused."""
