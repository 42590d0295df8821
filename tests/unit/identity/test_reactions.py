from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from services.identity.domain.life_event import (
    CHILD,
    FATHER,
    MOTHER,
    AnnulLifeEvent,
    ParentsFound,
    life_event,
    parent_key,
)
from services.identity.domain.person import (
    BirthNoticeAnnulled,
    BirthNoticed,
    DeathNoticeAnnulled,
    DeathNoticed,
    KnownPerson,
    person,
)
from services.identity.domain.relation import LastDayOver, NotParentOf, ParentOf, relation
from services.identity.domain.session import PersonGone, session
from services.identity.reactions import PARENTS, Parents, reactions
from shared.contracts.event import Event
from shared.contracts.identity import (
    LifeEventAnnulled,
    LifeEventCorrected,
    LifeEventKind,
    LifeEventNoticed,
    LifeEventRecorded,
    Particulars,
    PersonCivilIdAssigned,
    PersonDied,
    PersonErased,
    PersonRegistered,
    RelationKind,
    RelationRecorded,
    Residence,
    Sex,
    relation_id,
)
from shared.contracts.personal import ERASED
from shared.functions import ForEach, Send, Step, erase
from tests.unit.builders import a_life, an_event, an_id, recorded
from tests.unit.identity.life_event_builders import (
    CHILD_ID,
    FATHER_ID,
    FATHERS_HASH,
    MOTHER_ID,
    MOTHERS_HASH,
    a_birth,
    a_death,
)
from tests.unit.identity.person_builders import a_registration

PERSON = an_id("person")
NOTICE = an_id("life event")
JUST_AFTER_MIDNIGHT_IN_KUWAIT = datetime(2026, 3, 31, 21, 30, tzinfo=UTC)
NOBODY_KNOWN = Parents(None, None)
BOTH_KNOWN = Parents(KnownPerson(MOTHER_ID, MOTHERS_HASH), KnownPerson(FATHER_ID, FATHERS_HASH))
FAMILY = {CHILD: CHILD_ID, MOTHER: MOTHER_ID, FATHER: FATHER_ID}
TOLD: list[type[Event]] = [LifeEventRecorded, LifeEventCorrected]


def steps(event: Event, id: UUID = PERSON, parents: Parents = NOBODY_KNOWN) -> list[Step]:
    """What an event brings about."""
    happened: Any = recorded(event, id)
    found: list[Step] = []
    for reaction in reactions.to(type(event)):
        found += reaction.react(happened) if reaction.given is None else reaction.react(happened, parents)
    return found


def a_death_told(kind: type[Event], **changes: Any) -> Event:
    """An event of a death."""
    values = {"kind": LifeEventKind.DEATH, "person_id": PERSON, "parties": {"deceased": PERSON}, **changes}
    return an_event(kind, **{name: value for name, value in values.items() if name in kind.model_fields})


def a_birth_told(kind: type[Event], **changes: Any) -> Event:
    """An event of a birth."""
    values = {
        "kind": LifeEventKind.BIRTH,
        "person_id": CHILD_ID,
        "particulars": a_birth(JUST_AFTER_MIDNIGHT_IN_KUWAIT).particulars,
        "parties": FAMILY,
        "replaced": {},
        **changes,
    }
    return an_event(kind, **{name: value for name, value in values.items() if name in kind.model_fields})


def guardian(parent: UUID) -> Send:
    """A parent becomes the child's guardian."""
    return relation.send(guardianship(parent), ParentOf(RelationKind.GUARDIAN, parent, CHILD_ID, NOTICE))


def no_guardian(parent: UUID) -> Send:
    """Somebody is no parent by this notice."""
    return relation.send(guardianship(parent), NotParentOf(NOTICE))


def guardianship(parent: UUID) -> UUID:
    """The id of a parent's guardianship of the child."""
    return relation_id(RelationKind.GUARDIAN, parent, CHILD_ID)


@pytest.mark.parametrize("kind", TOLD)
def test_a_death_is_noted_with_the_day_that_it_was_in_kuwait(kind: type[Event]) -> None:
    told = a_death_told(kind, particulars=Particulars(occurred_at=JUST_AFTER_MIDNIGHT_IN_KUWAIT))
    assert steps(told) == [person.send(PERSON, DeathNoticed(date(2026, 4, 1), PERSON))]


@pytest.mark.parametrize("kind", TOLD)
def test_what_cannot_be_read_any_more_is_not_noted(kind: type[Event]) -> None:
    assert steps(a_death_told(kind, particulars=ERASED)) == []
    assert steps(a_birth_told(kind, particulars=ERASED)) == []


def test_a_death_that_was_a_mistake_is_taken_back() -> None:
    assert steps(a_death_told(LifeEventAnnulled)) == [person.send(PERSON, DeathNoticeAnnulled(PERSON))]


@pytest.mark.parametrize("kind", [LifeEventNoticed, *TOLD])
def test_parents_are_looked_up_by_the_numbers_that_were_told(kind: type[Event]) -> None:
    told: Any = recorded(a_birth_told(kind), NOTICE)
    assert PARENTS.parts["mother"].key_for_event(told) == MOTHERS_HASH
    assert PARENTS.parts["father"].key_for_event(told) == FATHERS_HASH
    found = life_event.send(NOTICE, ParentsFound({MOTHERS_HASH: MOTHER_ID, FATHERS_HASH: FATHER_ID}))
    assert found in steps(told.data, NOTICE, BOTH_KNOWN)


def test_who_is_not_known_or_cannot_be_read_is_not_found() -> None:
    assert steps(a_birth_told(LifeEventNoticed), NOTICE) == []
    unreadable: Any = recorded(a_birth_told(LifeEventNoticed, particulars=ERASED), NOTICE)
    assert [part.key_for_event(unreadable) for part in PARENTS.parts.values()] == [None, None]


@pytest.mark.parametrize("kind", [PersonRegistered, PersonCivilIdAssigned])
def test_whoever_gets_a_number_finds_the_births_that_waited_for_it(kind: type[Event]) -> None:
    found = steps(an_event(kind, civil_id_hash=MOTHERS_HASH), MOTHER_ID)
    key, message = parent_key(MOTHERS_HASH), ParentsFound({MOTHERS_HASH: MOTHER_ID})
    assert found == [ForEach("life_events", by, key, life_event, message) for by in ("mother_key", "father_key")]


@pytest.mark.parametrize("nothing", [None, ERASED])
def test_a_newborn_or_an_erased_person_finds_no_births(nothing: object) -> None:
    assert steps(an_event(PersonRegistered, civil_id_hash=nothing)) == []


@pytest.mark.parametrize("kind", TOLD)
def test_a_newborn_is_a_person_and_its_parents_are_its_guardians(kind: type[Event]) -> None:
    born = BirthNoticed(date(2026, 4, 1), Sex.FEMALE, Residence.CITIZEN, NOTICE)
    guardians = [guardian(parent) for parent in sorted([MOTHER_ID, FATHER_ID])]
    assert steps(a_birth_told(kind), NOTICE) == [person.send(CHILD_ID, born), *guardians]


def test_nobody_is_born_before_a_mother_is_known() -> None:
    assert steps(a_birth_told(LifeEventCorrected, parties={}), NOTICE) == []


def test_a_child_keeps_what_is_known_of_it_while_the_right_mother_is_looked_for() -> None:
    told = a_birth_told(LifeEventCorrected, parties={CHILD: CHILD_ID, FATHER: FATHER_ID}, replaced={MOTHER: MOTHER_ID})
    born, *guardians = steps(told, NOTICE)
    assert isinstance(born, Send)
    assert isinstance(born.message, BirthNoticed)
    assert guardians == [guardian(FATHER_ID), no_guardian(MOTHER_ID)]


def test_parents_that_have_changed_places_are_not_released() -> None:
    swapped = {CHILD: CHILD_ID, MOTHER: FATHER_ID, FATHER: MOTHER_ID}
    told = a_birth_told(LifeEventCorrected, parties=swapped, replaced={MOTHER: MOTHER_ID, FATHER: FATHER_ID})
    messages = [step.message for step in steps(told, NOTICE) if isinstance(step, Send)]
    assert not any(isinstance(message, NotParentOf) for message in messages)


def test_a_birth_that_was_a_mistake_makes_no_guardians() -> None:
    found = steps(a_birth_told(LifeEventAnnulled), NOTICE)
    released = [no_guardian(parent) for parent in sorted([MOTHER_ID, FATHER_ID])]
    assert found == [person.send(CHILD_ID, BirthNoticeAnnulled(NOTICE)), *released]


def test_a_relation_holds_to_the_end_of_its_last_day_in_kuwait() -> None:
    until = date(2026, 3, 31)
    (timer,) = steps(an_event(RelationRecorded, until=until), NOTICE)
    assert timer == relation.send(NOTICE, LastDayOver(until), at=datetime(2026, 3, 31, 21, tzinfo=UTC))
    assert steps(an_event(RelationRecorded, until=None)) == []


@pytest.mark.parametrize("kind", [PersonDied, PersonErased])
def test_nobody_stays_signed_in_as_the_dead_or_the_erased(kind: type[Event]) -> None:
    assert ForEach("sessions", "acting_as", PERSON, session, PersonGone()) in steps(an_event(kind))


def test_of_an_erased_person_nothing_stays_readable() -> None:
    assert erase(PERSON) in steps(PersonErased())


def test_one_registrys_mistake_does_not_undo_what_another_has_told() -> None:
    known = a_life(person, a_registration(), given=[None])
    hospital, ministry = (a_life(life_event, replace(a_death(), person_id=PERSON)) for _ in range(2))
    hospital_id, ministry_id = an_id("hospital's notice"), an_id("ministry's notice")
    heard = [(hospital_id, hospital.events[0]), (ministry_id, ministry.events[0])]
    heard += [(hospital_id, event) for event in hospital.send(AnnulLifeEvent())]
    for id, event in heard:
        known.send(*(step.message for step in steps(event, id) if isinstance(step, Send)))
    assert known.state.is_deceased
