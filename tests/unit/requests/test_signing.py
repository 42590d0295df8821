import base64
import hashlib
import hmac
import json
import re
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from services.requests.signing import DocumentSigner
from tests.unit.builders import an_id
from tests.unit.generated import QUICK

_PRIVATE = generate_private_key(SECP256R1())
PEM = _PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC_PEM = _PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
SIGNER = DocumentSigner(PEM, b"a key of the codes")
CLAIMS = {"jti": str(an_id("document")), "kind": "driving-licence", "holder": {"ar": "اسم", "en": "A Name"}}
SIGNED = SIGNER.sign(CLAIMS)


def segment(value: Any) -> str:
    """A part of a compact JWS."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def with_signature_altered(place: int) -> str:
    """The signed document with one bit of its signature changed."""
    head, payload, signature = SIGNED.split(".")
    raw = bytearray(base64.urlsafe_b64decode(f"{signature}=="))
    raw[place] ^= 1
    return f"{head}.{payload}.{segment(bytes(raw))}"


def test_what_is_signed_is_read_again() -> None:
    assert SIGNER.read(SIGNED) == CLAIMS


def test_a_document_names_its_algorithm_and_key() -> None:
    header = json.loads(base64.urlsafe_b64decode(f"{SIGNED.split('.')[0]}=="))
    assert header["alg"] == "ES256"
    assert header["kid"]


def test_one_altered_letter_anywhere_is_found() -> None:
    for place, letter in enumerate(SIGNED):
        other = "A" if letter != "A" else "B"
        assert SIGNER.read(f"{SIGNED[:place]}{other}{SIGNED[place + 1 :]}") is None


@QUICK
@given(st.integers(0, 63))
def test_one_altered_bit_of_the_signature_is_found(place: int) -> None:
    assert SIGNER.read(with_signature_altered(place)) is None


def test_a_document_with_other_claims_under_the_same_signature_is_not_genuine() -> None:
    head, _, signature = SIGNED.split(".")
    assert SIGNER.read(f"{head}.{segment({**CLAIMS, 'kind': 'passport'})}.{signature}") is None


def test_a_document_without_a_signature_is_not_genuine() -> None:
    for algorithm in ("none", "None", "NONE"):
        assert SIGNER.read(f"{segment({'alg': algorithm})}.{segment(CLAIMS)}.") is None


def test_the_public_key_signs_nothing() -> None:
    unsigned = f"{segment({'alg': 'HS256'})}.{segment(CLAIMS)}"
    forged = segment(hmac.new(PUBLIC_PEM, unsigned.encode(), hashlib.sha256).digest())
    assert SIGNER.read(f"{unsigned}.{forged}") is None


def test_somebody_elses_signature_is_not_ours() -> None:
    other = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert SIGNER.read(DocumentSigner(other.decode(), b"a key of the codes").sign(CLAIMS)) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "é.é.é",
        f"{SIGNED}=",
        f"{SIGNED}\n",
        f" {SIGNED}",
        f"{SIGNED}.x",
        f"{segment([])}.{segment(CLAIMS)}.x",
        f"{segment('ES256')}.{segment(CLAIMS)}.x",
        f"{segment({})}.{segment(CLAIMS)}.x",
        f"{segment({'alg': ['ES256']})}.{segment(CLAIMS)}.x",
        f"{segment({'alg': 'ES256', 'b64': False, 'crit': ['b64']})}.{segment(CLAIMS)}.x",
        f"{segment({'alg': 'ES256', 'crit': 5})}.{segment(CLAIMS)}.x",
        f"{segment(b'null')}.{segment(CLAIMS)}.x",
        f"{segment(bytes([255, 254]))}.{segment(CLAIMS)}.x",
    ],
)
def test_what_is_no_document_of_ours_is_not_genuine(text: str) -> None:
    assert SIGNER.read(text) is None


@QUICK
@given(st.text(max_size=60) | st.builds("{}.{}.{}".format, *(st.binary(max_size=20).map(segment),) * 3))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    assert SIGNER.read(text) is None


def test_a_code_is_the_same_each_time() -> None:
    assert SIGNER.code(an_id("document")) == DocumentSigner(PEM, b"a key of the codes").code(an_id("document"))


def test_a_code_cannot_be_guessed_without_its_key() -> None:
    assert SIGNER.code(an_id("document")) != DocumentSigner(PEM, b"another key").code(an_id("document"))


@QUICK
@given(st.uuids(), st.uuids())
def test_a_code_has_four_groups_of_letters_that_people_can_read_out(one: UUID, other: UUID) -> None:
    assert re.fullmatch(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){3}", SIGNER.code(one))
    assert (SIGNER.code(one) == SIGNER.code(other)) == (one == other)
