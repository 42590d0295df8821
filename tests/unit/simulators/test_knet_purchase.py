"""PaymentInit: what the gateway reads, and what it refuses."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.knet.purchase import Language, Purchase, parse_payment_init
from simulators.knet.refusals import RefusalCode, RefusalError
from tests.unit.simulators.knet_builders import TERMINAL

PLAIN = {
    "id": TERMINAL.tranportal_id,
    "password": TERMINAL.password,
    "action": "1",
    "langid": "EN",
    "currencycode": "414",
    "amt": "10.000",
    "trackid": "0190-abc",
    "udf1": "قيمة & more",
    "udf5": "five",
    "responseURL": "https://merchant.test/response?a=1&b=2",
    "errorURL": "https://merchant.test/error",
}


def a_body(changes: dict[str, str] | None = None, *, tranportal_id: str = TERMINAL.tranportal_id) -> bytes:
    fields = {name: text for name, text in (PLAIN | (changes or {})).items() if text != "(missing)"}
    return urlencode({"tranportalId": tranportal_id, "trandata": TERMINAL.seal(urlencode(fields))}).encode()


def test_a_purchase_is_read() -> None:
    assert parse_payment_init(a_body(), TERMINAL) == Purchase(
        track_id="0190-abc",
        amount_fils=10_000,
        language=Language.ENGLISH,
        response_url="https://merchant.test/response?a=1&b=2",
        error_url="https://merchant.test/error",
        user_fields=("قيمة & more", "", "", "", "five"),
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"id": "100002"}, RefusalCode.TERMINAL_REFUSED),
        ({"password": "another"}, RefusalCode.TERMINAL_REFUSED),
        ({"password": "(missing)"}, RefusalCode.FIELD_MISSING),
        ({"action": "4"}, RefusalCode.ACTION_UNKNOWN),
        ({"currencycode": "840"}, RefusalCode.CURRENCY_INVALID),
        ({"langid": "FR"}, RefusalCode.FIELD_INVALID),
        ({"amt": "10"}, RefusalCode.AMOUNT_INVALID),
        ({"amt": "0.000"}, RefusalCode.AMOUNT_INVALID),
        ({"amt": "(missing)"}, RefusalCode.FIELD_MISSING),
        ({"trackid": "(missing)"}, RefusalCode.FIELD_MISSING),
        ({"trackid": "a b"}, RefusalCode.FIELD_INVALID),
        ({"trackid": "x" * 65}, RefusalCode.FIELD_INVALID),
        ({"responseURL": "javascript:alert(1)"}, RefusalCode.FIELD_INVALID),
        ({"errorURL": "/error"}, RefusalCode.FIELD_INVALID),
        ({"errorURL": "https://merchant.test/\r\nSet-Cookie: a=b"}, RefusalCode.FIELD_INVALID),
        ({"udf3": "x" * 256}, RefusalCode.FIELD_INVALID),
    ],
)
def test_a_wrong_field_is_refused(changes: dict[str, str], code: RefusalCode) -> None:
    with pytest.raises(RefusalError) as refusal:
        parse_payment_init(a_body(changes), TERMINAL)
    assert refusal.value.code is code


def test_another_terminals_form_is_refused() -> None:
    with pytest.raises(RefusalError) as refusal:
        parse_payment_init(a_body(tranportal_id="100002"), TERMINAL)
    assert refusal.value.code is RefusalCode.TERMINAL_REFUSED


def test_a_field_given_twice_is_refused() -> None:
    sealed = TERMINAL.seal(urlencode(PLAIN) + "&amt=0.001")
    body = urlencode({"tranportalId": TERMINAL.tranportal_id, "trandata": sealed}).encode()
    with pytest.raises(RefusalError) as refusal:
        parse_payment_init(body, TERMINAL)
    assert refusal.value.code is RefusalCode.UNREADABLE


@given(st.binary(max_size=300))
def test_noise_is_refused_and_nothing_worse(noise: bytes) -> None:
    with pytest.raises(RefusalError):
        parse_payment_init(noise, TERMINAL)


def test_a_refusal_never_repeats_a_secret() -> None:
    with pytest.raises(RefusalError) as refusal:
        parse_payment_init(a_body({"password": "hunter2"}), TERMINAL)
    assert "hunter2" not in str(refusal.value)
    assert TERMINAL.password not in repr(TERMINAL)
    assert repr(TERMINAL.resource_key) not in repr(TERMINAL)
