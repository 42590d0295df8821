from services.identity.domain.signing_key import PublishKey, signing_key
from shared.contracts.identity import SigningKeyPublished
from tests.unit.builders import a_life

A_KEY = {"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}


def test_a_key_is_published_once() -> None:
    life = a_life(signing_key, PublishKey(A_KEY), PublishKey(A_KEY))
    assert life.events == [SigningKeyPublished(jwk=A_KEY)]
    assert life.state.jwk == A_KEY


def test_another_key_never_takes_the_place_of_a_published_one() -> None:
    assert a_life(signing_key, PublishKey(A_KEY)).send(PublishKey({"kty": "EC"})) == []
