"""A person: registered with a civil ID or born, named, changed, and erased when they ask for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from shared.contracts.identity import (
    Fact,
    Facts,
    PersonBirthAnnulled,
    PersonBorn,
    PersonChanged,
    PersonCivilIdAssigned,
    PersonDeathAnnulled,
    PersonDied,
    PersonErased,
    PersonNamed,
    PersonRegistered,
    Residence,
    Sex,
)
from shared.contracts.personal import ERASED, Erased, Private
from shared.functions import Decider, Given
from shared.kernel.errors import Refused
from shared.kernel.text import Language, LocalizedText


class Status(StrEnum):
    """Where a person stands with the platform."""

    UNKNOWN = "unknown"
    REGISTERED = "registered"
    NEVER_BORN = "never_born"
    ERASED = "erased"


NOT_NAMED_YET = LocalizedText(ar="مولود لم يُسمَّ بعد", en="Newborn, not named yet")


@dataclass(frozen=True)
class ToldBirth:
    """What one notice says of a birth."""

    born_on: date
    sex: Sex


@dataclass(frozen=True)
class Person:
    """What is known of a person. `civil_id_hash` finds them by their number, and is gone when they are erased.

    Of several notices of one birth or death the first by id counts, in whatever order they came.
    """

    status: Status = Status.UNKNOWN
    civil_id_hash: str | None = None
    civil_id: Private[str | None] = ERASED
    name: Private[LocalizedText] = ERASED
    birth_date: Private[date] = ERASED
    residence: Private[Residence] = ERASED
    mobile: Private[str | None] = None
    email: Private[str | None] = None
    language: Private[Language] = Language.ARABIC
    facts: Private[Facts] = field(default_factory=dict)
    sex: Private[Sex | None] = None
    is_named: bool = True
    has_civil_id: bool = False
    birth_notices: frozenset[UUID] = frozenset()
    births: Private[Mapping[UUID, ToldBirth]] = field(default_factory=dict)
    death_notices: frozenset[UUID] = frozenset()
    deaths: Private[Mapping[UUID, date]] = field(default_factory=dict)
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
class FactsEstablished:
    """With a request, facts about the person hold from now on."""

    facts: Mapping[str, Fact]


@dataclass(frozen=True)
class AmountsLowered:
    """With a request, amounts that a register keeps about the person are lower by so much, and 0 at least."""

    by: Mapping[str, int]
    source: str
    as_of: datetime


@dataclass(frozen=True)
class ErasePerson:
    """A command: the person's data is to be unreadable everywhere."""


@dataclass(frozen=True)
class NameChild:
    """A command of a guardian: a newborn gets its name, once."""

    name: LocalizedText


@dataclass(frozen=True)
class AssignCivilId:
    """A command of the civil register for somebody born here. The number holds the birth date."""

    civil_id: str
    civil_id_hash: str
    birth_date: date


@dataclass(frozen=True)
class BirthNoticed:
    """A registry has told of the person's birth, or corrected what it has told."""

    born_on: date
    sex: Sex
    residence: Residence
    notice_id: UUID


@dataclass(frozen=True)
class BirthNoticeAnnulled:
    """The registry has taken its notice back; what another has told stays."""

    notice_id: UUID


@dataclass(frozen=True)
class DeathNoticed:
    """A registry has told of the person's death."""

    died_on: date
    notice_id: UUID


@dataclass(frozen=True)
class DeathNoticeAnnulled:
    """The registry has taken its notice back; what another has told stays."""

    notice_id: UUID


Message = (
    Register
    | Change
    | FactsEstablished
    | AmountsLowered
    | NameChild
    | AssignCivilId
    | ErasePerson
    | BirthNoticed
    | BirthNoticeAnnulled
    | DeathNoticed
    | DeathNoticeAnnulled
)
Event = (
    PersonRegistered
    | PersonBorn
    | PersonNamed
    | PersonCivilIdAssigned
    | PersonChanged
    | PersonDied
    | PersonDeathAnnulled
    | PersonBirthAnnulled
    | PersonErased
)


def decide(state: Person, message: Message, given: KnownPerson | None) -> Sequence[Event]:
    """The rules of a person."""
    match message:
        case Register():
            return register(state, message, given)
        case Change():
            return change(state, message)
        case FactsEstablished(facts):
            return establish(state, facts)
        case AmountsLowered():
            return lower(state, message)
        case NameChild(name):
            return name_child(state, name)
        case AssignCivilId():
            return assign_civil_id(state, message, given)
        case ErasePerson():
            if state.status is Status.UNKNOWN:
                raise Refused("person-unknown")
            return [] if state.status is Status.ERASED else [PersonErased()]
        case BirthNoticed():
            return birth_noticed(state, message)
        case BirthNoticeAnnulled(notice_id):
            return [PersonBirthAnnulled(notice_id=notice_id)] if notice_id in state.birth_notices else []
        case DeathNoticed(died_on, notice_id):
            return death_noticed(state, died_on, notice_id)
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


def birth_noticed(state: Person, notice: BirthNoticed) -> Sequence[Event]:
    """A newborn is a person from the first notice on; the same again changes nothing."""
    if state.status is Status.ERASED:
        return []
    born = PersonBorn(notice_id=notice.notice_id, born_on=notice.born_on, sex=notice.sex)
    if state.status is Status.UNKNOWN:
        newborn = PersonRegistered(
            civil_id=None,
            civil_id_hash=None,
            name=NOT_NAMED_YET,
            birth_date=notice.born_on,
            residence=notice.residence,
            mobile=None,
            email=None,
            language=Language.ARABIC,
            facts={},
            is_newborn=True,
        )
        return [newborn, born]
    told = ToldBirth(notice.born_on, notice.sex)
    is_the_same = not isinstance(state.births, Erased) and state.births.get(notice.notice_id) == told
    return [] if is_the_same else [born]


def name_child(state: Person, name: LocalizedText) -> Sequence[Event]:
    """A newborn is named once."""
    refuse_unless_registered(state)
    if state.is_named:
        raise Refused("person-already-named")
    return [PersonNamed(name=name)]


def death_noticed(state: Person, died_on: date, notice_id: UUID) -> Sequence[Event]:
    """Each notice counts once, and again with another date."""
    is_known = not isinstance(state.deaths, Erased) and state.deaths.get(notice_id) == died_on
    if state.status in (Status.UNKNOWN, Status.ERASED) or is_known:
        return []
    return [PersonDied(notice_id=notice_id, died_on=died_on)]


def assign_civil_id(state: Person, command: AssignCivilId, namesake: KnownPerson | None) -> Sequence[Event]:
    """A number belongs to one person for life, and holds the date of their birth."""
    refuse_unless_registered(state)
    if state.civil_id == command.civil_id:
        return []
    if state.has_civil_id or namesake is not None:
        raise Refused("person-already-registered")
    if state.birth_date != command.birth_date:
        raise Refused("civil-id-of-another-day")
    return [PersonCivilIdAssigned(civil_id=command.civil_id, civil_id_hash=command.civil_id_hash)]


def refuse_unless_registered(state: Person) -> None:
    """Nothing is said of whom nobody knows, or of the erased."""
    if state.status in (Status.UNKNOWN, Status.NEVER_BORN):
        raise Refused("person-unknown")
    if state.status is Status.ERASED or isinstance(state.facts, Erased):
        raise Refused("person-erased")


def change(state: Person, command: Change) -> Sequence[Event]:
    """New contacts and facts of somebody who is registered."""
    refuse_unless_registered(state)
    assert not isinstance(state.facts, Erased)
    return [
        PersonChanged(
            mobile=state.mobile if command.mobile is None else command.mobile,
            email=state.email if command.email is None else command.email,
            language=state.language if command.language is None else command.language,
            facts={**state.facts, **command.facts},
        )
    ]


def lower(state: Person, notice: AmountsLowered) -> Sequence[Event]:
    """What a register has told meanwhile stays in it: the amount of now is lowered, not that of before."""
    known = {} if isinstance(state.facts, Erased) else state.facts
    amounts = {name: known[name].value for name in notice.by if name in known}
    facts = {
        name: Fact(value=max(0, amount - notice.by[name]), source=notice.source, as_of=notice.as_of)
        for name, amount in amounts.items()
        if isinstance(amount, int) and not isinstance(amount, bool)
    }
    return establish(state, facts)


def establish(state: Person, facts: Mapping[str, Fact]) -> Sequence[Event]:
    """What is so from now on; nothing of whom nobody knows, or of the erased."""
    if state.status is not Status.REGISTERED or isinstance(state.facts, Erased):
        return []
    is_known = all(name in state.facts and state.facts[name].value == fact.value for name, fact in facts.items())
    return [] if is_known else change(state, Change(facts=facts))


def evolve(state: Person, event: Event) -> Person:
    """A person after an event."""
    match event:
        case PersonRegistered():
            return Person(
                status=Status.REGISTERED,
                civil_id_hash=known_hash(event.civil_id_hash),
                has_civil_id=not event.is_newborn,
                is_named=not event.is_newborn,
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
        case PersonBorn():
            return born(state, event)
        case PersonBirthAnnulled():
            return not_born(state, event.notice_id)
        case PersonNamed():
            return replace(state, name=event.name, is_named=True)
        case PersonCivilIdAssigned():
            hash_ = known_hash(event.civil_id_hash)
            return replace(state, civil_id=event.civil_id, civil_id_hash=hash_, has_civil_id=True)
        case PersonDied():
            return died(state, event)
        case PersonDeathAnnulled():
            return not_died(state, event.notice_id)
        case PersonErased():
            return Person(
                status=Status.ERASED,
                mobile=ERASED,
                email=ERASED,
                language=ERASED,
                facts=ERASED,
                sex=ERASED,
                births=ERASED,
                deaths=ERASED,
                died_on=ERASED,
            )
        case _:
            assert_never(event)


def born(state: Person, event: PersonBorn) -> Person:
    """A person of whose birth one more notice tells, or the same one otherwise."""
    notices = state.birth_notices | {event.notice_id}
    status = Status.REGISTERED if state.status is Status.NEVER_BORN else state.status
    after = replace(state, status=status, birth_notices=notices)
    if isinstance(state.births, Erased) or isinstance(event.born_on, Erased) or isinstance(event.sex, Erased):
        return replace(after, births=ERASED, birth_date=ERASED, sex=ERASED)
    births = {**state.births, event.notice_id: ToldBirth(event.born_on, event.sex)}
    first = births[min(births)]
    return replace(after, births=births, birth_date=first.born_on, sex=first.sex)


def not_born(state: Person, notice_id: UUID) -> Person:
    """A person of whose birth one notice less tells; without any they were never born."""
    notices = state.birth_notices - {notice_id}
    after = replace(state, status=state.status if notices else Status.NEVER_BORN, birth_notices=notices)
    if isinstance(state.births, Erased):
        return after
    births = {id: told for id, told in state.births.items() if id != notice_id}
    if not births:
        return replace(after, births=births)
    first = births[min(births)]
    return replace(after, births=births, birth_date=first.born_on, sex=first.sex)


def died(state: Person, event: PersonDied) -> Person:
    """A person of whose death one more notice tells, or the same one otherwise."""
    after = replace(state, death_notices=state.death_notices | {event.notice_id})
    if isinstance(state.deaths, Erased) or isinstance(event.died_on, Erased):
        return replace(after, deaths=ERASED, died_on=ERASED)
    deaths = {**state.deaths, event.notice_id: event.died_on}
    return replace(after, deaths=deaths, died_on=deaths[min(deaths)])


def not_died(state: Person, notice_id: UUID) -> Person:
    """A person of whose death one notice less tells; without any they live."""
    after = replace(state, death_notices=state.death_notices - {notice_id})
    if isinstance(state.deaths, Erased):
        return after
    deaths = {id: died_on for id, died_on in state.deaths.items() if id != notice_id}
    return replace(after, deaths=deaths, died_on=deaths[min(deaths)] if deaths else None)


def known_hash(civil_id_hash: str | Erased | None) -> str | None:
    """The hash; none of an erased person."""
    return None if isinstance(civil_id_hash, Erased) else civil_id_hash


person = Decider(
    "person",
    initial=Person(),
    decide=decide,
    evolve=evolve,
    given=Given(KnownPerson, "persons", by="civil_id_hash"),
    shape=2,
)
