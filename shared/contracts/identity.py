"""Events of identity: persons, and the keys that access tokens are verified with."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StrictBool, StrictInt, StrictStr

from shared.contracts.event import Event
from shared.contracts.personal import Private, SubjectId
from shared.kernel.clock import KUWAIT
from shared.kernel.ids import derive_id
from shared.kernel.text import Language, LocalizedText

FULL_AGE = 18


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


class Sex(StrEnum):
    """As the hospital reports it, and the civil register keeps it."""

    FEMALE = "female"
    MALE = "male"


class PersonRegistered(Event, type="identity.person.registered"):
    """A person is known to the platform; the aggregate's id is the person's id from here on.

    A newborn has no civil ID and no name of its own yet.
    """

    civil_id: Private[str | None]
    civil_id_hash: Private[str | None]
    name: Private[LocalizedText]
    birth_date: Private[date]
    residence: Private[Residence]
    mobile: Private[str | None]
    email: Private[str | None]
    language: Private[Language]
    facts: Private[Facts]
    is_newborn: bool = False


class PersonChanged(Event, type="identity.person.changed"):
    """Contacts, language or registry facts have changed; what is not named stays."""

    mobile: Private[str | None]
    email: Private[str | None]
    language: Private[Language]
    facts: Private[Facts]


class PersonBorn(Event, type="identity.person.born"):
    """The person was born, as a registry says; a correction makes it again. `notice_id`: the life event."""

    notice_id: UUID
    born_on: Private[date]
    sex: Private[Sex]


class PersonBirthAnnulled(Event, type="identity.person.birth_annulled"):
    """A notice of birth was wrong: unless another stands, nobody was born."""

    notice_id: UUID


class PersonNamed(Event, type="identity.person.named"):
    """A newborn has its name, given by a guardian."""

    name: Private[LocalizedText]


class PersonCivilIdAssigned(Event, type="identity.person.civil_id_assigned"):
    """The civil register has given the person a number."""

    civil_id: Private[str]
    civil_id_hash: Private[str]


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
    is_named: bool = True
    has_civil_id: bool = True
    birth_is_registered: bool = False


class PersonForgotten(Event, type="identity.person.forgotten"):
    """The tombstone of an erased person on `identity.persons`."""


class LifeEventKind(StrEnum):
    """What happens in a life that services are bound to."""

    BIRTH = "birth"
    DEATH = "death"
    MARRIAGE = "marriage"
    MOVE = "move"
    JOB_CHANGE = "job_change"


Parties = dict[str, UUID]
"""Who a life event is about, by role; the father, and the next of kin, may not be known."""

ROLES: Mapping[LifeEventKind, frozenset[str]] = {
    LifeEventKind.BIRTH: frozenset({"child", "mother", "father"}),
    LifeEventKind.DEATH: frozenset({"deceased", "next_of_kin"}),
    LifeEventKind.MARRIAGE: frozenset({"husband", "wife"}),
    LifeEventKind.MOVE: frozenset({"resident"}),
    LifeEventKind.JOB_CHANGE: frozenset({"worker"}),
}
"""Who may take part in a life event of each kind."""
MAY_BE_UNKNOWN = frozenset({"mother", "father", "next_of_kin"})
"""Of these, those of whom no registry may have told yet; the others always take part."""


class Particulars(BaseModel):
    """What a registry tells of a life event. `parents`: keyed hashes of their civil IDs, by role."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    occurred_at: datetime
    sex: Sex | None = None
    residence: Residence | None = None
    parents: dict[str, str] = {}


class LifeEventNoticed(Event, type="identity.life_event.noticed"):
    """A registry has told of something and names people by civil ID only; they are looked up, or waited for.

    `parent_keys`, by role: names that nobody can make without our key, by which a birth is found later.
    """

    kind: LifeEventKind
    person_id: SubjectId
    source: str
    noticed_at: datetime
    particulars: Private[Particulars]
    parent_keys: dict[str, UUID]


class LifeEventRecorded(Event, type="identity.life_event.recorded"):
    """Something has happened in a person's life. When is the person's own affair."""

    kind: LifeEventKind
    person_id: SubjectId
    source: str
    noticed_at: datetime
    particulars: Private[Particulars]
    parent_keys: dict[str, UUID]
    parties: Parties


class LifeEventCorrected(Event, type="identity.life_event.corrected"):
    """It was otherwise than was said, or one more takes part. `parties` are all by now; `replaced` are so no more."""

    kind: LifeEventKind
    person_id: SubjectId
    source: str
    noticed_at: datetime
    particulars: Private[Particulars]
    parent_keys: dict[str, UUID]
    parties: Parties
    replaced: Parties


class LifeEventAnnulled(Event, type="identity.life_event.annulled"):
    """It has not happened."""

    kind: LifeEventKind
    person_id: UUID
    parties: Parties


class RelationKind(StrEnum):
    """On what ground one person acts for another."""

    GUARDIAN = "guardian"
    SPOUSE = "spouse"
    REPRESENTATIVE = "representative"


def relation_id(kind: RelationKind, holder_id: UUID, for_id: UUID) -> UUID:
    """The one relation of this kind between the two."""
    return derive_id("relation", kind, holder_id, for_id)


def age_on(birth_date: date, day: date) -> int:
    """Completed years."""
    had_birthday = (day.month, day.day) >= (birth_date.month, birth_date.day)
    return day.year - birth_date.year - (0 if had_birthday else 1)


def is_of_age(birth_date: date, at: datetime) -> bool:
    """Whether somebody has no guardian any more at this instant, in Kuwait."""
    return age_on(birth_date, at.astimezone(KUWAIT).date()) >= FULL_AGE


class RelationRecorded(Event, type="identity.relation.recorded"):
    """`holder_id` may act for `for_id`: for the services in `scopes` (none named: all), until a day if there is one.

    A guardian acts for a child until it is of age. `births`: the life events that it follows from; `by_hand`: a
    registrar, or whoever is represented, has said so.
    """

    kind: RelationKind
    holder_id: UUID
    for_id: UUID
    scopes: list[str]
    until: date | None
    births: list[UUID]
    by_hand: bool


class RelationEnded(Event, type="identity.relation.ended"):
    """They act for the other no more."""

    kind: RelationKind
    holder_id: UUID
    for_id: UUID
    reason: str


class SessionStarted(Event, type="identity.session.started"):
    """Somebody has signed in at a provider, for a frontend. `acting_as`: the person, or the member of staff."""

    acting_as: UUID
    provider: str
    client_id: str
    roles: list[str]
    assurance: int
    started_at: datetime


class SessionRefreshed(Event, type="identity.session.refreshed"):
    """Tokens were given out; only the refresh token of this number is good from now on."""

    token_number: int


class SessionEnded(Event, type="identity.session.ended"):
    """No tokens are given out any more."""

    acting_as: UUID
    reason: str


class SigningKeyPublished(Event, type="identity.signing_key.published"):
    """Access tokens may be signed with this key from now on. `jwk` is the public key (RFC 7517)."""

    jwk: dict[str, Any]


class SigningKeySnapshot(Event, type="identity.signing_key.snapshot"):
    """A public key, on the compacted topic `identity.keys`."""

    jwk: dict[str, Any]


class SigningKeyRetired(Event, type="identity.signing_key.retired"):
    """The tombstone of a key on `identity.keys`: tokens signed with it are refused."""
