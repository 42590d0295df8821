from collections.abc import Mapping
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.payments.knet import KnetTerminal, Unreadable, read_answer
from shared.kernel.errors import TryLater
from simulators.knet.trandata import UnreadableTrandataError, seal, unseal
from tests.unit.generated import QUICK, WORDS

KEY, OTHER_KEY = "0123456789abcdef", "fedcba9876543210"
FIELDS = {"paymentid": "100000000000001", "result": "CAPTURED", "trackid": "t-1", "amt": "10.000", "udf1": "مرحبا"}
CANARY = "canary-value"


def a_terminal(key: str = KEY) -> KnetTerminal:
    """A terminal that nobody has connected."""
    return KnetTerminal(
        url="http://gateway.test",
        tranportal_id="100001",
        password="a-password",
        resource_key=key,
        unknown_transaction_code="SIM109",
        public_url="http://payments.test",
    )


def an_answer(**fields: str) -> str:
    """The gateway's XML."""
    return f"<response>{''.join(f'<{name}>{value}</{name}>' for name, value in fields.items())}</response>"


def test_the_gateway_reads_what_the_terminal_has_sealed() -> None:
    text = urlencode(FIELDS)
    assert unseal(a_terminal()._seal(text), KEY.encode()) == text


def test_the_terminal_reads_what_the_gateway_has_sealed() -> None:
    assert a_terminal().read_notification(seal(urlencode(FIELDS), KEY.encode())) == FIELDS


@QUICK
@given(st.dictionaries(WORDS, WORDS, min_size=1, max_size=4))
def test_whatever_is_sealed_is_read_on_the_other_side(fields: Mapping[str, str]) -> None:
    text = urlencode(fields)
    assert dict(a_terminal().read_notification(seal(text, KEY.encode()))) == fields
    sent = parse_qs(unseal(a_terminal()._seal(text), KEY.encode()))
    assert sent == {name: [value] for name, value in fields.items()}


def test_what_another_key_has_sealed_cannot_be_read() -> None:
    with pytest.raises(Unreadable):
        a_terminal().read_notification(seal(urlencode(FIELDS), OTHER_KEY.encode()))
    with pytest.raises(UnreadableTrandataError):
        unseal(a_terminal()._seal(urlencode(FIELDS)), OTHER_KEY.encode())


@pytest.mark.parametrize("trandata", ["", "0", "zz", "00" * 15, "00" * 16, "é", seal(CANARY, KEY.encode())])
def test_what_is_no_message_of_the_gateway_is_unreadable(trandata: str) -> None:
    with pytest.raises(Unreadable) as unreadable:
        a_terminal().read_notification(trandata)
    assert CANARY not in str(unreadable.value)


@QUICK
@given(st.text(max_size=80) | st.binary(max_size=64).map(bytes.hex))
def test_any_text_is_a_message_or_unreadable(trandata: str) -> None:
    try:
        assert isinstance(a_terminal().read_notification(trandata), dict)
    except Unreadable:
        return


def test_an_answer_is_read_by_its_tags() -> None:
    assert read_answer(an_answer(result="CAPTURED", amt="10.000", ref=" 1234 ")) == {
        "result": "CAPTURED",
        "amt": "10.000",
        "ref": "1234",
    }


def test_a_tag_without_a_text_is_empty() -> None:
    assert read_answer("<response><result/></response>") == {"result": ""}


def test_an_error_of_the_gateway_is_tried_again() -> None:
    with pytest.raises(TryLater, match="IPAY0100124"):
        read_answer(an_answer(error_code_tag="IPAY0100124", error_service_tag="null"))


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE r [<!ENTITY x "y">]><r><result>&x;</result></r>',
        '<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>',
        '<?xml version="1.0"?>\n<!DOCTYPE r><r/>',
        '<!ENTITY x "y"><r/>',
        '<!doctype r [<!entity x "y">]><r>&x;</r>',
    ],
)
def test_an_answer_that_declares_anything_is_not_read(text: str) -> None:
    with pytest.raises(TryLater):
        read_answer(text)


@pytest.mark.parametrize(
    "text", ["", "CAPTURED", "<r>", "<r></s>", "<r>&x;</r>", "<a/><b/>", "<html><br></html>", "\x00", "{}"]
)
def test_what_is_no_answer_is_tried_again(text: str) -> None:
    with pytest.raises(TryLater):
        read_answer(text)


def test_a_fault_of_the_gateway_counts_as_trouble_at_the_gateway() -> None:
    with pytest.raises(TryLater) as later:
        read_answer("")
    assert later.value.fault


@QUICK
@given(st.text(max_size=60))
def test_any_text_is_an_answer_or_is_tried_again(text: str) -> None:
    for answer in (text, f"<r>{text}</r>", f"<r><result>{text}</result></r>"):
        try:
            assert isinstance(read_answer(answer), dict)
        except TryLater:
            continue
