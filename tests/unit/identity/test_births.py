"""Births from the first notice to the guardians, through deciders and reactions."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest

from services.identity.domain.life_event import (
    CHILD,
    FATHER,
    MOTHER,
    AnnulLifeEvent,
    CorrectLifeEvent,
    Message,
    TellLifeEvent,
    life_event,
    life_event_id,
)
from services.identity.domain.person import AssignCivilId, BirthNoticed, ErasePerson, Status, person
from services.identity.domain.relation import EndRelation, relation
from services.identity.domain.relation import Status as RelationStatus
from services.identity.domain.session import Status as SessionStatus
from services.identity.domain.session import session
from services.identity.snapshots import person_snapshot
from shared.contracts.identity import RelationKind, Residence, Sex, relation_id
from shared.functions import Send
from tests.unit.builders import NOW, an_id
from tests.unit.identity.life_event_builders import (
    ANOTHER_FATHER,
    ANOTHER_MOTHER,
    CHILD_ID,
    FATHER_ID,
    FATHERS_HASH,
    MOTHER_ID,
    MOTHERS_HASH,
    OTHER_HASH,
    OTHER_ID,
    THE_DAY_BEFORE,
    a_birth,
    a_death,
)
from tests.unit.identity.person_builders import a_registration
from tests.unit.identity.session_builders import SIGNED_IN
from tests.unit.identity.town import Town

HOSPITALS, REGISTRYS = life_event_id("moh-hospitals", "1"), life_event_id("moh-registry", "1")


def registered(id: UUID, civil_id_hash: str) -> Send:
    """A registrar registers somebody."""
    return person.send(id, a_registration(civil_id_hash=civil_id_hash))


MOTHER_REGISTERED = registered(MOTHER_ID, MOTHERS_HASH)
FATHER_REGISTERED = registered(FATHER_ID, FATHERS_HASH)
OTHER_REGISTERED = registered(OTHER_ID, OTHER_HASH)


def hospital(message: Message) -> Send:
    """The hospital tells, corrects or annuls its notice."""
    return life_event.send(HOSPITALS, message)


def registry(message: Message) -> Send:
    """The registry of births tells, corrects or annuls its notice of the same birth."""
    return life_event.send(REGISTRYS, message)


def a_town(*sends: Send) -> Town:
    """Where this has happened, one after the other."""
    town = Town()
    town.tell(*sends)
    return town


def a_family(*sends: Send) -> Town:
    """Where two parents are registered, the hospital has told of their child, and this has happened since."""
    return a_town(MOTHER_REGISTERED, FATHER_REGISTERED, hospital(a_birth()), *sends)


def guardians(town: Town) -> set[UUID]:
    """The child's guardians."""
    found = town.all(relation).values()
    return {held.holder_id for held in found if held.status is RelationStatus.IN_FORCE and held.for_id == CHILD_ID}


def child(town: Town) -> Status:
    """Where the child stands."""
    status: Status = town.state(person, CHILD_ID).status
    return status


def parties(town: Town, notice: UUID = HOSPITALS) -> dict[str, UUID]:
    """The parties of a birth."""
    return dict(town.state(life_event, notice).parties)


@pytest.mark.parametrize("again", [a_birth(), a_birth(noticed_at=NOW + timedelta(hours=1))])
def test_a_birth_that_is_told_twice_is_one_child(again: TellLifeEvent) -> None:
    town = a_family(hospital(again))
    assert len(town.all(person)) == 3
    assert (child(town), guardians(town)) == (Status.REGISTERED, {MOTHER_ID, FATHER_ID})
    assert town.state(person, CHILD_ID).birth_notices == {HOSPITALS}


def test_a_birth_that_two_registries_tell_of_is_one_child() -> None:
    town = a_family(registry(a_birth(source="moh-registry")))
    assert len(town.all(person)) == 3
    assert town.state(person, CHILD_ID).birth_notices == {HOSPITALS, REGISTRYS}


def test_an_annulled_notice_leaves_what_the_other_says() -> None:
    told_twice = a_family(registry(a_birth()))
    told_twice.tell(hospital(AnnulLifeEvent()))
    assert (child(told_twice), guardians(told_twice)) == (Status.REGISTERED, {MOTHER_ID, FATHER_ID})
    told_twice.tell(registry(AnnulLifeEvent()))
    assert (child(told_twice), guardians(told_twice)) == (Status.NEVER_BORN, set())


def test_twins_are_two_children() -> None:
    town = a_family(registry(a_birth(person_id=an_id("the other twin"))))
    assert len(town.all(person)) == 4
    assert len(town.all(relation)) == 4


def test_a_birth_is_noted_when_the_mother_is_found() -> None:
    town = a_town(hospital(a_birth()), FATHER_REGISTERED)
    assert (child(town), guardians(town)) == (Status.UNKNOWN, set())
    town.tell(MOTHER_REGISTERED)
    assert (child(town), guardians(town)) == (Status.REGISTERED, {MOTHER_ID, FATHER_ID})


def test_a_father_who_is_found_later_is_a_guardian_too() -> None:
    town = a_town(MOTHER_REGISTERED, hospital(a_birth()))
    assert guardians(town) == {MOTHER_ID}
    town.tell(FATHER_REGISTERED)
    assert guardians(town) == {MOTHER_ID, FATHER_ID}
    assert parties(town) == {CHILD: CHILD_ID, MOTHER: MOTHER_ID, FATHER: FATHER_ID}


def test_a_mother_who_was_born_here_is_found_by_the_number_that_she_is_given() -> None:
    born_here = BirthNoticed(date(1900, 1, 1), Sex.FEMALE, Residence.CITIZEN, an_id("her own birth"))
    town = a_town(person.send(MOTHER_ID, born_here), hospital(a_birth()))
    assert child(town) is Status.UNKNOWN
    town.tell(person.send(MOTHER_ID, AssignCivilId("200010100028", MOTHERS_HASH, date(1900, 1, 1))))
    assert guardians(town) == {MOTHER_ID}


def test_a_corrected_time_and_sex_are_the_childs() -> None:
    town = a_family(hospital(CorrectLifeEvent(THE_DAY_BEFORE, Sex.MALE)))
    known = town.state(person, CHILD_ID)
    assert (known.birth_date, known.sex) == (THE_DAY_BEFORE.date(), Sex.MALE)
    assert guardians(town) == {MOTHER_ID, FATHER_ID}


def test_a_corrected_mother_is_guardian_in_the_place_of_the_wrong_one() -> None:
    town = a_family(OTHER_REGISTERED, hospital(ANOTHER_MOTHER))
    assert guardians(town) == {OTHER_ID, FATHER_ID}
    assert parties(town) == {CHILD: CHILD_ID, MOTHER: OTHER_ID, FATHER: FATHER_ID}


def test_the_wrong_mother_is_released_before_the_right_one_is_found() -> None:
    town = a_family(hospital(ANOTHER_MOTHER))
    assert (child(town), guardians(town)) == (Status.REGISTERED, {FATHER_ID})
    town.tell(OTHER_REGISTERED)
    assert guardians(town) == {OTHER_ID, FATHER_ID}


def test_the_wrong_father_is_released_before_the_right_one_is_found() -> None:
    assert guardians(a_family(hospital(ANOTHER_FATHER))) == {MOTHER_ID}


def test_a_corrected_father_is_guardian_while_the_right_mother_is_looked_for() -> None:
    town = a_family(OTHER_REGISTERED, hospital(CorrectLifeEvent(parents={MOTHER: "a stranger's", FATHER: OTHER_HASH})))
    assert guardians(town) == {OTHER_ID}


def test_what_is_corrected_while_the_right_mother_is_looked_for_is_the_childs() -> None:
    town = a_family(hospital(ANOTHER_MOTHER), hospital(CorrectLifeEvent(sex=Sex.MALE)))
    assert town.state(person, CHILD_ID).sex is Sex.MALE


def test_a_birth_that_is_corrected_before_anybody_is_known_is_noted_as_it_was() -> None:
    told = (hospital(a_birth()), hospital(ANOTHER_MOTHER), hospital(CorrectLifeEvent(sex=Sex.MALE)))
    town = a_town(*told, MOTHER_REGISTERED)
    assert child(town) is Status.UNKNOWN
    town.tell(OTHER_REGISTERED)
    assert (town.state(person, CHILD_ID).sex, guardians(town)) == (Sex.MALE, {OTHER_ID})


def test_one_correction_and_its_taking_back_leave_all_as_it_was() -> None:
    town = a_family(OTHER_REGISTERED, hospital(ANOTHER_MOTHER))
    town.tell(hospital(CorrectLifeEvent(parents={MOTHER: MOTHERS_HASH})))
    assert guardians(town) == {MOTHER_ID, FATHER_ID}


def test_parents_that_were_mixed_up_stay_guardians() -> None:
    town = a_family(hospital(CorrectLifeEvent(parents={MOTHER: FATHERS_HASH, FATHER: MOTHERS_HASH})))
    assert guardians(town) == {MOTHER_ID, FATHER_ID}
    assert parties(town) == {CHILD: CHILD_ID, MOTHER: FATHER_ID, FATHER: MOTHER_ID}


def test_who_is_named_as_both_parents_stays_a_guardian_as_one() -> None:
    town = a_family(hospital(CorrectLifeEvent(parents={FATHER: MOTHERS_HASH})))
    assert guardians(town) == {MOTHER_ID}
    town.tell(hospital(ANOTHER_FATHER))
    assert guardians(town) == {MOTHER_ID}


def test_a_corrected_mother_stays_guardian_where_another_registry_names_her() -> None:
    town = a_family(registry(a_birth()), OTHER_REGISTERED, hospital(ANOTHER_MOTHER))
    assert guardians(town) == {MOTHER_ID, FATHER_ID, OTHER_ID}


@pytest.mark.parametrize("correction", [ANOTHER_MOTHER, ANOTHER_FATHER, CorrectLifeEvent(THE_DAY_BEFORE, Sex.MALE)])
def test_the_first_notice_does_no_harm_when_it_comes_again_after_a_correction(correction: CorrectLifeEvent) -> None:
    town = a_family(OTHER_REGISTERED, hospital(correction))
    before = (guardians(town), parties(town), town.state(person, CHILD_ID))
    town.tell(hospital(a_birth()))
    assert town.refusal is None
    assert (guardians(town), parties(town), town.state(person, CHILD_ID)) == before


def test_of_an_annulled_birth_nobody_is_born_and_nobody_is_guardian() -> None:
    town = a_family(hospital(AnnulLifeEvent()), OTHER_REGISTERED)
    assert (child(town), guardians(town)) == (Status.NEVER_BORN, set())
    assert a_town(hospital(a_birth()), hospital(AnnulLifeEvent()), MOTHER_REGISTERED).all(relation) == {}


def test_an_annulled_birth_that_had_been_corrected_leaves_no_guardian() -> None:
    town = a_family(OTHER_REGISTERED, hospital(ANOTHER_MOTHER), hospital(AnnulLifeEvent()))
    assert guardians(town) == set()


def test_a_guardian_whom_a_registrar_has_released_stays_released_when_a_notice_of_the_birth_comes_late() -> None:
    released = relation.send(relation_id(RelationKind.GUARDIAN, MOTHER_ID, CHILD_ID), EndRelation("by-registrar"))
    town = a_family(released, registry(a_birth()), hospital(CorrectLifeEvent(sex=Sex.MALE)))
    assert guardians(town) == {FATHER_ID}


def test_a_child_that_was_erased_is_not_born_again() -> None:
    town = a_family(person.send(CHILD_ID, ErasePerson()), registry(a_birth()))
    assert child(town) is Status.ERASED


def test_a_parent_who_is_registered_anew_takes_their_own_place() -> None:
    anew = an_id("the mother, registered again")
    town = a_family(person.send(MOTHER_ID, ErasePerson()), registered(anew, MOTHERS_HASH))
    assert (guardians(town), parties(town)[MOTHER]) == ({anew, FATHER_ID}, anew)


def test_a_death_ends_every_session_of_the_person() -> None:
    town = a_town(MOTHER_REGISTERED)
    sessions = [an_id("session", number) for number in range(3)]
    for id, who in zip(sessions, (MOTHER_ID, MOTHER_ID, FATHER_ID), strict=True):
        town.tell(session.send(id, replace(SIGNED_IN, acting_as=who)))
    town.tell(registry(a_death(person_id=MOTHER_ID)))
    ended = [town.state(session, id).status is SessionStatus.ENDED for id in sessions]
    assert ended == [True, True, False]


def test_others_hear_that_a_child_was_never_born() -> None:
    before, after = a_family(), a_family(hospital(AnnulLifeEvent()))
    known = [person_snapshot(CHILD_ID, town.state(person, CHILD_ID)) for town in (before, after)]
    assert known[0] != known[1]
