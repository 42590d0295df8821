from datetime import timedelta

from services.identity.domain.person import (
    Change,
    DeathNoticeAnnulled,
    DeathNoticed,
    ErasePerson,
    KnownPerson,
    Status,
    person,
)
from shared.contracts.identity import PersonDeathAnnulled, PersonDied, PersonErased, PersonRegistered
from shared.contracts.personal import ERASED, codec_of
from shared.kernel.text import Language
from tests.unit.builders import a_life, an_id, stored_and_read
from tests.unit.identity.person_builders import (
    A_FACT,
    ANOTHER_FACT,
    DIED_ON,
    NOBODY_ELSE,
    NOTICE,
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
