"""What requests does outside of its rules, done with a seal in memory."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.requests.domain.document import Document, DocumentSigned, document
from services.requests.domain.rulebook import AGENCIES, FACTS
from services.requests.effects import SignDocument, effects
from services.requests.signing import DocumentSigner
from shared.functions import Job, Send
from shared.kernel.errors import TryLater
from tests.unit.builders import NOW, a_text, an_id
from tests.unit.requests.request_builders import APPLICANT, REQUEST_ID, documents_in_every_state
from tests.unit.requests.test_signing import PEM
from tests.unit.world import Register, result_of

DOCUMENT_ID = an_id("document")
SIGNER = DocumentSigner(PEM, b"a key of the codes")
EFFECT = SignDocument(
    document_id=DOCUMENT_ID,
    request_id=REQUEST_ID,
    holder_id=APPLICANT,
    applicant_id=APPLICANT,
    agency="moi-traffic",
    shows=("born_on", "unpaid_traffic_fines_fils"),
    kind="driving-licence",
    title=a_text("Licence", "رخصة"),
    valid_from=NOW.date(),
    valid_until=NOW.date() + timedelta(days=9),
)


def perform(register: Register, *, attempts: int = 1, effect: SignDocument = EFFECT) -> Any:
    """What is sent after a document was signed, or not."""
    handler = effects.handler("SignDocument")
    assert handler is not None
    job = Job(id=an_id("job"), key=DOCUMENT_ID, attempts=attempts, first_due_at=NOW, now=NOW)
    available = {"effect": effect, "job": job, "state": Document(), "signer": SIGNER, "holders": register}
    return result_of(handler.perform(**{name: available[name] for name in handler.parameters}))


def test_a_document_is_signed_with_its_holders_name_and_a_code() -> None:
    sent = perform(Register())
    assert isinstance(sent, Send)
    assert (sent.decider, sent.aggregate_id) == (document, DOCUMENT_ID)
    assert isinstance(sent.message, DocumentSigned)
    claims = SIGNER.read(sent.message.jws)
    assert claims is not None
    assert claims["holder"] == {"en": "A Name", "ar": "اسم"}
    assert claims["code"] == sent.message.code == SIGNER.code(DOCUMENT_ID)
    assert (claims["valid_from"], claims["valid_until"]) == ("2026-11-24", "2026-12-03")
    assert claims["jti"] == str(DOCUMENT_ID)


def test_a_document_names_its_agency_and_shows_what_is_known_of_its_holder() -> None:
    claims = SIGNER.read(perform(Register()).message.jws)
    assert claims is not None
    assert claims["issuer"] == AGENCIES["moi-traffic"].model_dump()
    assert claims["shows"] == [
        {"label": FACTS["born_on"].label.model_dump(), "value": {"ar": "1990-05-05", "en": "1990-05-05"}}
    ]


def test_for_somebody_who_was_erased_meanwhile_nothing_is_signed() -> None:
    assert perform(Register(erased={APPLICANT})) is None


def test_of_the_dead_nothing_is_signed_but_that_they_have_died() -> None:
    register = Register(dead={APPLICANT: NOW.date()})
    assert perform(register) is None
    signed = perform(register, effect=replace(EFFECT, shows=("born_on", "died_on")))
    claims = SIGNER.read(signed.message.jws)
    assert claims is not None
    assert claims["shows"][1]["value"] == {"ar": "2026-11-24", "en": "2026-11-24"}


def test_that_somebody_has_died_is_not_signed_before_their_register_says_so() -> None:
    for register in (Register(), Register(erased={APPLICANT})):
        with pytest.raises(TryLater):
            perform(register, effect=replace(EFFECT, shows=("born_on", "died_on")))


def test_a_document_is_signed_only_once() -> None:
    handler = effects.handler("SignDocument")
    assert handler is not None
    assert handler.due is not None
    states = documents_in_every_state()
    assert handler.due(EFFECT, states["absent"])
    assert not handler.due(EFFECT, states["issued"])
    assert not handler.due(EFFECT, states["revoked"])
