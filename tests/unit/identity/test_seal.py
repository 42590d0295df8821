"""What goes through a browser and comes back: only what we have sealed, for this use, in time."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe, jws
from joserfc.jwk import ECKey, OctKey
from pydantic import HttpUrl
from starlette.requests import Request

from services.identity.api.sign_in import callback
from services.identity.tokens import Seal, civil_id_hash
from shared.web.problems import Problem
from tests.unit.generated import QUICK
from tests.unit.identity.fake_provider import encoded

KEY = b"0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
IN_TIME, TOO_LATE = NOW + timedelta(seconds=59), NOW + timedelta(seconds=60)
SEAL = Seal(KEY)
SEALED = SEAL.close("code", {"sid": "a session"}, expires_at=TOO_LATE)
HEADER = {"alg": "dir", "enc": "A256GCM"}
LIST, TEXT = b'["alg", "enc"]', b'"alg enc"'
CONTENT = f'{{"use": "code", "sid": "forged", "exp": {int(TOO_LATE.timestamp())}}}'


def test_what_was_sealed_is_opened_in_time_and_not_later() -> None:
    for instant in (NOW, IN_TIME):
        opened = SEAL.open("code", SEALED, instant)
        assert opened is not None
        assert opened["sid"] == "a session"
    for instant in (TOO_LATE, TOO_LATE + timedelta(days=1)):
        assert SEAL.open("code", SEALED, instant) is None


def test_nobody_reads_what_was_sealed_and_the_same_is_never_sealed_alike() -> None:
    assert encoded(b"a session")[:8] not in SEALED
    assert SEAL.close("code", {"sid": "a session"}, expires_at=TOO_LATE) != SEALED


@pytest.mark.parametrize("use", ["refresh", "sign-in", "", "Code"])
def test_what_was_sealed_for_one_use_is_good_for_no_other(use: str) -> None:
    assert SEAL.open(use, SEALED, NOW) is None


def test_what_is_sealed_cannot_name_another_use_or_end() -> None:
    sealed = SEAL.close("code", {"use": "refresh", "exp": 9_999_999_999}, expires_at=TOO_LATE)
    assert SEAL.open("refresh", sealed, NOW) is None
    assert SEAL.open("code", sealed, TOO_LATE) is None


def test_another_key_opens_nothing() -> None:
    assert Seal(KEY[::-1]).open("code", SEALED, NOW) is None


@pytest.mark.parametrize("part", range(5), ids=["header", "encrypted key", "IV", "ciphertext", "tag"])
def test_what_was_tampered_with_is_not_opened(part: int) -> None:
    parts = SEALED.split(".")
    first = "B" if parts[part][:1] == "A" else "A"
    for tampered in (first + parts[part][1:], parts[part] + "AAAA", parts[part][4:], ""):
        text = ".".join([*parts[:part], tampered, *parts[part + 1 :]])
        assert text == SEALED or SEAL.open("code", text, NOW) is None


@pytest.mark.parametrize("part", range(5))
def test_parts_of_two_seals_do_not_fit_together(part: int) -> None:
    other = SEAL.close("code", {"sid": "another"}, expires_at=TOO_LATE).split(".")
    parts = SEALED.split(".")
    text = ".".join([*parts[:part], other[part], *parts[part + 1 :]])
    assert text == SEALED or SEAL.open("code", text, NOW) is None


def signed(algorithm: str, key: Any) -> str:
    return jws.serialize_compact({"alg": algorithm}, CONTENT, key, algorithms=[algorithm])


def encrypted(algorithm: str, encryption: str, key: Any) -> str:
    return jwe.encrypt_compact({"alg": algorithm, "enc": encryption}, CONTENT, key, algorithms=[algorithm, encryption])


FORGED = {
    "signed with our key": lambda: signed("HS256", OctKey.import_key(KEY)),
    "wrapped with our key": lambda: encrypted("A256KW", "A256GCM", OctKey.import_key(KEY)),
    "wrapped in GCM with our key": lambda: encrypted("A256GCMKW", "A256GCM", OctKey.import_key(KEY)),
    "in another cipher with our key": lambda: encrypted("dir", "A128CBC-HS256", OctKey.import_key(KEY)),
    "agreed with a key of their own": lambda: encrypted("ECDH-ES", "A256GCM", ECKey.generate_key("P-256")),
    "with a key of their own": lambda: encrypted("dir", "A256GCM", OctKey.import_key(KEY[::-1])),
    "not encrypted": lambda: f"{encoded({'alg': 'none'})}.{encoded(CONTENT.encode())}.",
    "alg none": lambda: (
        f"{encoded({'alg': 'none', 'enc': 'A256GCM'})}..AAAAAAAAAAAAAAAA.{encoded(CONTENT.encode())}.AA"
    ),
    "a header that is a list": lambda: f"{encoded(LIST)}.{SEALED.partition('.')[2]}",
    "a header that is a text": lambda: f"{encoded(TEXT)}.{SEALED.partition('.')[2]}",
    "a header of lists": lambda: f"{encoded({'alg': ['dir'], 'enc': ['A256GCM']})}.{SEALED.partition('.')[2]}",
    "a critical header": lambda: f"{encoded({**HEADER, 'crit': ['exp']})}.{SEALED.partition('.')[2]}",
    "a compressed one": lambda: f"{encoded({**HEADER, 'zip': 'DEF'})}.{SEALED.partition('.')[2]}",
    "nothing": lambda: "",
    "dots": lambda: "....",
    "no text": lambda: "\ud800.\ud800.\ud800.\ud800.\ud800",
    "no base64": lambda: "é.é.é.é.é",
    "too long": lambda: SEALED + "A" * 1_000_000,
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_what_is_not_of_our_making_is_not_opened(forge: Any) -> None:
    assert SEAL.open("code", forge(), NOW) is None


@QUICK
@given(
    st.text(max_size=60)
    | st.lists(st.binary(max_size=40), min_size=5, max_size=5).map(
        lambda parts: ".".join(encoded(part) for part in parts)
    )
)
def test_whatever_else_comes_is_not_opened(text: str) -> None:
    assert SEAL.open("code", text, NOW) is None


def test_sealed_texts_that_hold_no_object_are_not_opened() -> None:
    key = OctKey.import_key(KEY)
    for content in ("null", "[]", '"code"', "7", "", "{"):
        assert SEAL.open("code", jwe.encrypt_compact(HEADER, content, key), NOW) is None


@pytest.mark.parametrize("added", ["é", "-", ".", "\U0001f600"])
async def test_only_the_very_state_that_a_sign_in_was_begun_with_ends_it(added: str) -> None:
    expires_at = datetime.now(UTC) + timedelta(minutes=1)
    sealed = SEAL.close("sign-in", {"state": "thestate12345678"}, expires_at=expires_at)
    headers = [(b"cookie", f"afaq_sign_in_thestate12345678={sealed}".encode())]
    request = Request({"type": "http", "headers": headers})
    here = SimpleNamespace(public_url=HttpUrl("http://127.0.0.1"))
    desk: Any = SimpleNamespace(seal=SEAL, settings=here)
    with pytest.raises(Problem) as refused:
        await callback(desk, desk, request, state=f"thestate12345678{added}")
    assert refused.value.code == "sign-in-not-begun-here"


def test_nobody_tries_all_civil_ids_without_the_key() -> None:
    hashes = {civil_id_hash("200010100028", key) for key in (KEY, KEY[::-1])}
    assert len(hashes) == 2
    assert civil_id_hash("200010100028", KEY) in hashes
    assert civil_id_hash("200010100036", KEY) not in hashes
