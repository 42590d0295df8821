"""Builders of persons and signing keys in every state."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.identity.domain.person import Change, ErasePerson, Person, Register, person
from services.identity.domain.signing_key import PublishKey, SigningKey, signing_key
from shared.contracts.identity import Fact, Residence
from shared.kernel.text import Language
from tests.unit.builders import NOW, Life, a_life, a_text

A_FACT = Fact(value="2026-12-01", source="moi-traffic", as_of=NOW)
ANOTHER_FACT = Fact(value=0, source="moi-traffic", as_of=NOW)
NOBODY_ELSE = None


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


def persons_in_every_state() -> Mapping[str, Person]:
    """A person in each status."""
    return {
        "absent": Person(),
        "registered": a_registered_person().state,
        "changed": a_registered_person(Change(email="a@example.org")).state,
        "erased": a_registered_person(ErasePerson()).state,
    }


def keys_in_every_state() -> Mapping[str, SigningKey]:
    """A key before and after it is published."""
    published = PublishKey({"kty": "EC", "crv": "P-256"})
    return {"absent": SigningKey(), "published": a_life(signing_key, published).state}
