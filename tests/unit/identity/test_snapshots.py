from services.identity.domain.person import (
    Change,
    DeathNoticeAnnulled,
    DeathNoticed,
    ErasePerson,
    NameChild,
    Person,
)
from services.identity.snapshots import key_snapshot, person_snapshot, snapshots
from shared.contracts.identity import PersonForgotten, SigningKeySnapshot
from shared.contracts.topics import IDENTITY_KEYS, IDENTITY_PERSONS
from tests.unit.builders import an_id, without_personal_data
from tests.unit.identity.person_builders import (
    CIVIL_ID,
    DIED_ON,
    NAME,
    NOTICE,
    a_newborn,
    a_registered_person,
    keys_in_every_state,
)


def test_others_know_of_a_person_what_they_need_and_never_the_civil_id() -> None:
    state = a_registered_person(Change(email="a@example.org")).state
    snapshot = person_snapshot(an_id("person"), state)
    assert snapshot is not None
    assert (snapshot.name, snapshot.email, snapshot.facts) == (state.name, state.email, state.facts)
    assert "200010100028" not in snapshot.model_dump_json()
    assert "a-keyed-hash" not in snapshot.model_dump_json()


def test_others_hear_of_a_death_and_that_it_was_a_mistake() -> None:
    life = a_registered_person(DeathNoticed(DIED_ON, NOTICE))
    told = person_snapshot(an_id("person"), life.state)
    life.send(DeathNoticeAnnulled(NOTICE))
    corrected = person_snapshot(an_id("person"), life.state)
    assert told is not None
    assert corrected is not None
    assert (told.died_on, corrected.died_on) == (DIED_ON, None)


def test_others_know_whether_a_child_has_its_name_and_its_number() -> None:
    for life, expected in (
        (a_newborn(), (False, False)),
        (a_newborn(NameChild(NAME)), (True, False)),
        (a_newborn(NameChild(NAME), CIVIL_ID), (True, True)),
        (a_registered_person(), (True, True)),
    ):
        snapshot = person_snapshot(an_id("person"), life.state)
        assert snapshot is not None
        assert (snapshot.is_named, snapshot.has_civil_id) == expected
        assert CIVIL_ID.civil_id not in snapshot.model_dump_json()


def test_of_an_erased_person_others_know_nothing() -> None:
    erased = a_registered_person(ErasePerson()).state
    unreadable = without_personal_data(a_registered_person().state)
    for state in (erased, unreadable, Person()):
        assert person_snapshot(an_id("person"), state) is None


def test_a_key_is_known_as_it_was_published() -> None:
    published = keys_in_every_state()["published"]
    assert key_snapshot(an_id("key"), published) == SigningKeySnapshot(jwk=dict(published.jwk))


def test_snapshots_go_to_compacted_topics() -> None:
    assert {snapshot.topic for snapshot in snapshots} == {IDENTITY_PERSONS, IDENTITY_KEYS}
    assert all(snapshot.topic.compacted for snapshot in snapshots)
    assert next(snapshot.gone for snapshot in snapshots if snapshot.topic is IDENTITY_PERSONS) is PersonForgotten
