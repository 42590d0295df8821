from dataclasses import replace
from datetime import timedelta

import pytest

from services.identity.domain.person import (
    NOT_NAMED_YET,
    AssignCivilId,
    BirthNoticeAnnulled,
    BirthNoticed,
    Change,
    DeathNoticeAnnulled,
    DeathNoticed,
    ErasePerson,
    KnownPerson,
    NameChild,
    Status,
    person,
)
from shared.contracts.identity import (
    PersonBirthAnnulled,
    PersonBorn,
    PersonCivilIdAssigned,
    PersonDeathAnnulled,
    PersonDied,
    PersonErased,
    PersonNamed,
    PersonRegistered,
    Residence,
    Sex,
)
from shared.contracts.personal import ERASED, codec_of
from shared.kernel.errors import Refused
from shared.kernel.text import Language
from tests.unit.builders import a_life, an_id, stored_and_read, without_personal_data
from tests.unit.identity.person_builders import (
    A_FACT,
    ANOTHER_FACT,
    BIRTH,
    BORN,
    BORN_ON,
    CIVIL_ID,
    DIED_ON,
    NAME,
    NOBODY_ELSE,
    NOTICE,
    SAME_BIRTH,
    a_newborn,
    a_registered_person,
    a_registration,
    persons_in_every_state,
)

SOMEBODY_ELSE = KnownPerson(an_id("somebody else"), "a-keyed-hash")


def test_a_person_is_registered() -> None:
    life = a_registered_person()
    assert [type(event) for event in life.events] == [PersonRegistered]
    assert life.state.status is Status.REGISTERED
    assert life.state.civil_id_hash == "a-keyed-hash"


def test_a_civil_id_belongs_to_one_person() -> None:
    life = a_life(person, a_registration(), given=[SOMEBODY_ELSE])
    assert life.refusal == "person-already-registered"


def test_a_person_is_registered_once() -> None:
    life = a_registered_person()
    assert life.send(a_registration()) == []
    assert life.refusal == "person-already-registered"


def test_what_is_not_named_in_a_change_stays() -> None:
    state = a_registered_person(Change(email="a@example.org")).state
    assert (state.mobile, state.email) == ("+96550000001", "a@example.org")
    assert state.language is Language.ARABIC


def test_facts_are_added_and_replaced() -> None:
    state = a_registered_person(Change(facts={"unpaid_traffic_fines_fils": ANOTHER_FACT})).state
    assert state.facts == {"driving_licence_expires_on": A_FACT, "unpaid_traffic_fines_fils": ANOTHER_FACT}
    replaced = a_registered_person(Change(facts={"driving_licence_expires_on": ANOTHER_FACT})).state
    assert replaced.facts == {"driving_licence_expires_on": ANOTHER_FACT}


def test_a_change_keeps_who_somebody_is() -> None:
    before, after = a_registered_person().state, a_registered_person(Change(language=Language.ENGLISH)).state
    assert (after.name, after.birth_date, after.civil_id) == (before.name, before.birth_date, before.civil_id)


def test_an_erased_person_leaves_nothing_personal_behind() -> None:
    state = a_registered_person(Change(email="a@example.org"), ErasePerson()).state
    assert state.status is Status.ERASED
    assert {getattr(state, field) for field in codec_of(type(state)).private} == {ERASED}
    assert state.civil_id_hash is None


def test_a_person_is_erased_once() -> None:
    life = a_registered_person(ErasePerson(), ErasePerson())
    assert len(life.of(PersonErased)) == 1
    assert life.refusal is None


def test_an_erased_person_is_not_changed_and_not_registered_again() -> None:
    life = a_registered_person(ErasePerson())
    assert life.send(Change(email="a@example.org")) == []
    assert life.refusal == "person-erased"
    assert life.send(a_registration()) == []
    assert life.refusal == "person-already-registered"


def test_a_death_is_noted_once_and_its_date_can_be_corrected() -> None:
    life = a_registered_person(DeathNoticed(DIED_ON, NOTICE), DeathNoticed(DIED_ON, NOTICE))
    assert len(life.of(PersonDied)) == 1
    life.send(DeathNoticed(DIED_ON + timedelta(days=1), NOTICE))
    assert (life.state.is_deceased, life.state.died_on) == (True, DIED_ON + timedelta(days=1))


def test_a_death_that_was_a_mistake_is_taken_back_once() -> None:
    life = a_registered_person(DeathNoticed(DIED_ON, NOTICE), DeathNoticeAnnulled(NOTICE), DeathNoticeAnnulled(NOTICE))
    assert len(life.of(PersonDeathAnnulled)) == 1
    assert (life.state.is_deceased, life.state.died_on) == (False, None)


def test_nothing_is_noted_of_somebody_who_is_not_registered_or_erased() -> None:
    for life in (a_life(person, given=[NOBODY_ELSE]), a_registered_person(ErasePerson())):
        assert life.send(DeathNoticed(DIED_ON, NOTICE), DeathNoticeAnnulled(NOTICE)) == []


def test_nobody_who_is_unknown_is_changed_or_erased() -> None:
    for command in (Change(), ErasePerson()):
        assert a_life(person, command, given=[NOBODY_ELSE]).refusal == "person-unknown"


def test_the_civil_id_is_never_kept_in_the_clear() -> None:
    for name, state in persons_in_every_state().items():
        codec = codec_of(type(state))
        assert "200010100028" not in str(codec.store(state, an_id("person"), None).data), name
        assert stored_and_read(state, an_id("person")) == state


def test_a_newborn_is_a_person_without_a_name_or_a_civil_id() -> None:
    life = a_newborn()
    assert [type(event) for event in life.events] == [PersonRegistered, PersonBorn]
    state = life.state
    assert (state.status, state.is_named, state.has_civil_id) == (Status.REGISTERED, False, False)
    assert (state.name, state.birth_date, state.sex) == (NOT_NAMED_YET, BORN_ON, Sex.FEMALE)
    assert (state.civil_id, state.civil_id_hash) == (None, None)


def test_a_birth_is_noted_once_a_notice_and_again_when_it_is_corrected() -> None:
    life = a_newborn(BORN)
    assert len(life.of(PersonBorn)) == 1
    life.send(BirthNoticed(BORN_ON + timedelta(days=1), Sex.MALE, Residence.CITIZEN, BIRTH))
    assert (life.state.birth_date, life.state.sex) == (BORN_ON + timedelta(days=1), Sex.MALE)
    assert life.state.birth_notices == {BIRTH}


def test_two_notices_of_one_birth_are_one_person() -> None:
    life = a_newborn(replace(BORN, notice_id=SAME_BIRTH))
    assert len(life.of(PersonRegistered)) == 1
    life.send(BirthNoticeAnnulled(BIRTH), BirthNoticeAnnulled(BIRTH))
    assert (len(life.of(PersonBirthAnnulled)), life.state.status) == (1, Status.REGISTERED)
    life.send(BirthNoticeAnnulled(SAME_BIRTH))
    assert (len(life.of(PersonBirthAnnulled)), life.state.status) == (2, Status.NEVER_BORN)


def test_somebody_of_whom_all_notices_were_wrong_is_neither_named_nor_numbered_nor_changed() -> None:
    life = a_newborn(BirthNoticeAnnulled(BIRTH))
    for command in (NameChild(NAME), CIVIL_ID, Change(email="a@example.org")):
        assert life.send(command) == []
        assert life.refusal == "person-unknown"


def test_somebody_may_be_born_after_all() -> None:
    life = a_newborn(NameChild(NAME), BirthNoticeAnnulled(BIRTH), replace(BORN, notice_id=SAME_BIRTH))
    assert (life.state.status, life.state.name) == (Status.REGISTERED, NAME)
    assert len(life.of(PersonRegistered)) == 1


def test_a_newborn_is_named_once() -> None:
    life = a_newborn(NameChild(NAME))
    assert (life.state.name, life.state.is_named) == (NAME, True)
    assert life.send(NameChild(NAME)) == []
    assert life.refusal == "person-already-named"
    assert len(life.of(PersonNamed)) == 1


@pytest.mark.parametrize("command", [NameChild(NAME), CIVIL_ID, Change()])
def test_nobody_who_is_unknown_or_erased_is_named_or_numbered(command: object) -> None:
    assert a_life(person, command, given=[NOBODY_ELSE]).refusal == "person-unknown"
    life = a_newborn(ErasePerson())
    assert (life.send(command), life.refusal) == ([], "person-erased")


def test_who_was_registered_has_a_name_and_a_number() -> None:
    life = a_registered_person()
    assert (life.send(NameChild(NAME)), life.refusal) == ([], "person-already-named")
    another = AssignCivilId("200010100036", "another-hash", BORN_ON)
    assert (life.send(another), life.refusal) == ([], "person-already-registered")


def test_a_civil_id_is_assigned_once_and_the_same_again_is_no_harm() -> None:
    life = a_newborn(CIVIL_ID, CIVIL_ID)
    assert (len(life.of(PersonCivilIdAssigned)), life.refusal) == (1, None)
    assert (life.state.civil_id, life.state.civil_id_hash) == (CIVIL_ID.civil_id, CIVIL_ID.civil_id_hash)
    assert life.state.has_civil_id


def test_a_number_of_another_day_or_of_somebody_else_is_not_assigned() -> None:
    life = a_newborn(replace(CIVIL_ID, birth_date=BORN_ON + timedelta(days=1)))
    assert life.refusal == "civil-id-of-another-day"
    assert a_life(person, BORN, CIVIL_ID, given=[SOMEBODY_ELSE]).refusal == "person-already-registered"


def test_of_an_erased_child_no_birth_is_noted() -> None:
    later = replace(BORN, born_on=BORN_ON + timedelta(days=1))
    assert a_newborn(ErasePerson()).send(BORN, later, BirthNoticeAnnulled(BIRTH)) == []


def test_who_cannot_be_read_any_more_is_refused_as_erased() -> None:
    with pytest.raises(Refused, match="person-erased"):
        person.decide(without_personal_data(a_registered_person().state), Change(), None)


def test_when_a_corrected_notice_of_birth_is_annulled_what_the_other_says_holds() -> None:
    corrected = replace(BORN, born_on=BORN_ON + timedelta(days=1))
    life = a_newborn(replace(BORN, notice_id=SAME_BIRTH), corrected, BirthNoticeAnnulled(BIRTH))
    assert life.state.birth_date == BORN_ON


def test_when_a_corrected_notice_of_death_is_annulled_what_the_other_says_holds() -> None:
    told, other = DeathNoticed(DIED_ON, NOTICE), DeathNoticed(DIED_ON, an_id("another notice of death"))
    corrected = DeathNoticed(DIED_ON + timedelta(days=1), NOTICE)
    life = a_registered_person(told, other, corrected, DeathNoticeAnnulled(NOTICE))
    assert life.state.died_on == DIED_ON
