"""What identity publishes of its states: what others may know of a person, and the public keys."""

from uuid import UUID

from services.identity.domain.person import Person, Status, person
from services.identity.domain.signing_key import SigningKey, signing_key
from shared.contracts.identity import PersonForgotten, PersonSnapshot, SigningKeyRetired, SigningKeySnapshot
from shared.contracts.personal import Erased
from shared.contracts.topics import IDENTITY_KEYS, IDENTITY_PERSONS
from shared.functions import Snapshot


def person_snapshot(_: UUID, state: Person) -> PersonSnapshot | None:
    """A person without the civil ID; None once erased."""
    if state.status in (Status.UNKNOWN, Status.ERASED) or isinstance(state.name, Erased):
        return None
    assert not isinstance(state.birth_date, Erased) and not isinstance(state.residence, Erased)
    assert not isinstance(state.mobile, Erased) and not isinstance(state.email, Erased)
    assert not isinstance(state.language, Erased) and not isinstance(state.facts, Erased)
    assert not isinstance(state.died_on, Erased)
    return PersonSnapshot(
        name=state.name,
        birth_date=state.birth_date,
        residence=state.residence,
        mobile=state.mobile,
        email=state.email,
        language=state.language,
        facts=state.facts,
        died_on=state.died_on,
        is_named=state.is_named,
        has_civil_id=state.has_civil_id,
        birth_is_registered=bool(state.birth_notices),
    )


def key_snapshot(_: UUID, state: SigningKey) -> SigningKeySnapshot:
    """The public key."""
    return SigningKeySnapshot(jwk=dict(state.jwk))


snapshots = (
    Snapshot(IDENTITY_PERSONS, person, person_snapshot, gone=PersonForgotten),
    Snapshot(IDENTITY_KEYS, signing_key, key_snapshot, gone=SigningKeyRetired),
)
