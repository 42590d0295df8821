"""Builders of persons and signing keys in every state."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.identity.domain.person import (
    AssignCivilId,
    BirthNoticeAnnulled,
    BirthNoticed,
    Change,
    DeathNoticeAnnulled,
    DeathNoticed,
    ErasePerson,
    NameChild,
    Person,
    Register,
    person,
)
from services.identity.domain.signing_key import PublishKey, SigningKey, signing_key
from shared.contracts.identity import Fact, Residence, Sex
from shared.kernel.text import Language
from tests.unit.builders import NOW, Life, a_life, a_text, an_id

A_FACT = Fact(value="2026-12-01", source="moi-traffic", as_of=NOW)
ANOTHER_FACT = Fact(value=0, source="moi-traffic", as_of=NOW)
NOBODY_ELSE = None
DIED_ON = date(1990, 1, 1)
NOTICE = an_id("a notice of death")
BIRTH, SAME_BIRTH = an_id("a notice of birth"), an_id("another registry's notice of the same birth")
BORN_ON = date(1900, 1, 1)
BORN = BirthNoticed(BORN_ON, Sex.FEMALE, Residence.CITIZEN, BIRTH)
NAME = a_text("A Child", "طفلة")
CIVIL_ID = AssignCivilId("200010100028", "a-keyed-hash", BORN_ON)


def a_registration(**changes: Any) -> Register:
    """Somebody is to be registered."""
    values: dict[str, Any] = {
        "civil_id": "200010100028",
        "civil_id_hash": "a-keyed-hash",
        "name": a_text("A Name", "اسم"),
        "birth_date": date(1900, 1, 1),
        "residence": Residence.CITIZEN,
        "mobile": "+96550000001",
        "email": None,
        "language": Language.ARABIC,
        "facts": {"driving_licence_expires_on": A_FACT},
    }
    return Register(**values | changes)


def a_registered_person(*messages: object) -> Life:
    """Somebody who is registered, and what has happened since."""
    return a_life(person, a_registration(), *messages, given=[NOBODY_ELSE])


def a_newborn(*messages: object) -> Life:
    """Somebody who was born here, and what has happened since."""
    return a_life(person, BORN, *messages, given=[NOBODY_ELSE])


def persons_in_every_state() -> Mapping[str, Person]:
    """A person in each status."""
    return {
        "absent": Person(),
        "registered": a_registered_person().state,
        "changed": a_registered_person(Change(email="a@example.org")).state,
        "deceased": a_registered_person(DeathNoticed(DIED_ON, NOTICE)).state,
        "deceased by mistake": a_registered_person(DeathNoticed(DIED_ON, NOTICE), DeathNoticeAnnulled(NOTICE)).state,
        "erased": a_registered_person(ErasePerson()).state,
        "deceased and erased": a_registered_person(DeathNoticed(DIED_ON, NOTICE), ErasePerson()).state,
        "newborn": a_newborn().state,
        "newborn by two notices": a_newborn(BirthNoticed(BORN_ON, Sex.FEMALE, Residence.CITIZEN, SAME_BIRTH)).state,
        "named": a_newborn(NameChild(NAME)).state,
        "named and with a civil ID": a_newborn(NameChild(NAME), CIVIL_ID).state,
        "deceased newborn": a_newborn(DeathNoticed(BORN_ON, NOTICE)).state,
        "never born": a_newborn(BirthNoticeAnnulled(BIRTH)).state,
        "born after all": a_newborn(BirthNoticeAnnulled(BIRTH), BORN).state,
        "erased newborn": a_newborn(ErasePerson()).state,
        "erased without ever being born": a_newborn(BirthNoticeAnnulled(BIRTH), ErasePerson()).state,
    }


def keys_in_every_state() -> Mapping[str, SigningKey]:
    """A key before and after it is published."""
    published = PublishKey({"kty": "EC", "crv": "P-256"})
    return {"absent": SigningKey(), "published": a_life(signing_key, published).state}
