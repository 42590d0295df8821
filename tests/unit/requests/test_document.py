from dataclasses import replace

from services.requests.domain.document import Status, document
from tests.unit.builders import a_life
from tests.unit.requests.request_builders import a_signature


def test_a_document_is_issued_as_it_was_signed() -> None:
    life = a_life(document, a_signature())
    assert life.state.status is Status.ISSUED
    assert (life.state.jws, life.state.code) == (a_signature().jws, a_signature().code)


def test_a_second_signature_replaces_nothing() -> None:
    life = a_life(document, a_signature())
    assert life.send(a_signature("another.signature.x"), replace(a_signature(), kind="passport")) == []
    assert life.state.jws == a_signature().jws
