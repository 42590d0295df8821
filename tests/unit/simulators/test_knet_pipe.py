"""tranPipe: XML that is read with care."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.knet.pipe import Action, PipeRequest, TransactionKey, parse_pipe_request, refusal_answer
from simulators.knet.refusals import RefusalCode, RefusalError
from tests.unit.simulators.knet_builders import TERMINAL

PLAIN = {
    "id": TERMINAL.tranportal_id,
    "password": TERMINAL.password,
    "action": "8",
    "transid": "t-1",
    "udf5": "TrackID",
    "amt": "10.000",
    "trackid": "t-1",
}


def a_body(changes: dict[str, str] | None = None) -> bytes:
    root = ET.Element("request")
    for name, text in (PLAIN | (changes or {})).items():
        ET.SubElement(root, name).text = text
    return ET.tostring(root)


def code_for(body: bytes) -> RefusalCode:
    with pytest.raises(RefusalError) as refusal:
        parse_pipe_request(body, TERMINAL)
    return refusal.value.code


def test_an_inquiry_is_read() -> None:
    assert parse_pipe_request(a_body(), TERMINAL) == PipeRequest(
        action=Action.INQUIRE, key=TransactionKey("t-1", is_track_id=True), amount_fils=10_000, track_id="t-1"
    )


def test_a_refund_by_tranid_is_read() -> None:
    changes = {"action": "2", "transid": "700", "udf5": "", "amt": "4.000", "trackid": "r-1"}
    assert parse_pipe_request(a_body(changes), TERMINAL) == PipeRequest(
        action=Action.REFUND, key=TransactionKey("700", is_track_id=False), amount_fils=4_000, track_id="r-1"
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"id": "100002"}, RefusalCode.TERMINAL_REFUSED),
        ({"password": "another"}, RefusalCode.TERMINAL_REFUSED),
        ({"action": "5"}, RefusalCode.ACTION_UNKNOWN),
        ({"transid": ""}, RefusalCode.FIELD_MISSING),
        ({"amt": "10"}, RefusalCode.AMOUNT_INVALID),
        ({"trackid": "<"}, RefusalCode.FIELD_INVALID),
    ],
)
def test_a_wrong_field_is_refused(changes: dict[str, str], code: RefusalCode) -> None:
    assert code_for(a_body(changes)) is code


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'<!DOCTYPE request [<!ENTITY a "aaaa">]><request><id>&a;</id></request>', id="entity"),
        pytest.param(b'<!DOCTYPE r SYSTEM "http://127.0.0.1/x"><request/>', id="external"),
        pytest.param('<!DOCTYPE r [<!ENTITY a "a">]><request/>'.encode("utf-16"), id="hidden by an encoding"),
        pytest.param(b"<request><id>", id="not whole"),
        pytest.param(b"<response><id>1</id></response>", id="not a request"),
        pytest.param(b"<request><id><id>1</id></id></request>", id="nested"),
        pytest.param(b"<request><id>1</id><id>2</id></request>", id="twice"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_other_xml_is_refused(body: bytes) -> None:
    assert code_for(body) is RefusalCode.UNREADABLE


@given(st.binary(max_size=200))
def test_noise_is_refused_and_nothing_worse(noise: bytes) -> None:
    with pytest.raises(RefusalError):
        parse_pipe_request(noise, TERMINAL)


def test_a_refusal_is_xml_that_says_simulator() -> None:
    answer = refusal_answer(RefusalError(RefusalCode.AMOUNT_DIFFERS, "a < b"))
    root = ET.fromstring(answer)
    assert (root.findtext("error_code_tag"), root.findtext("error_text")) == ("SIM110", "a < b")
    assert "SIMULATOR" in answer
