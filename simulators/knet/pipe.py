"""tranPipe: the merchant's server asks and orders in XML, with no browser in between."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from xml.etree import ElementTree as ET

from simulators.knet import fields as field_rules
from simulators.knet.attempt import Attempt
from simulators.knet.money import format_amount
from simulators.knet.records import RefundMade, Slip
from simulators.knet.refusals import RefusalCode, RefusalError
from simulators.knet.terminal import Terminal

_SAYS_SIMULATOR = "<!-- SIMULATOR -->"


class Action(StrEnum):
    """What tranPipe can do."""

    REFUND = "2"
    INQUIRE = "8"


@dataclass(frozen=True)
class TransactionKey:
    """Which attempt is meant: by the merchant's trackid, or by the bank's tranid."""

    text: str
    is_track_id: bool

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Self:
        """Read `transid`, which `udf5` says how to understand."""
        return cls(field_rules.required(fields, "transid"), fields.get("udf5") == "TrackID")


@dataclass(frozen=True)
class PipeRequest:
    """One inquiry or refund. In a refund `track_id` is the refund's own number."""

    action: Action
    key: TransactionKey
    amount_fils: int
    track_id: str


def parse_pipe_request(body: bytes, terminal: Terminal) -> PipeRequest:
    """Read the body of tranPipe; raises RefusalError for whatever the gateway would not accept."""
    fields = _leaves(body)
    terminal.check(fields)
    return PipeRequest(
        action=_action(fields),
        key=TransactionKey.of(fields),
        amount_fils=field_rules.amount_fils(fields),
        track_id=field_rules.track_id(fields),
    )


def inquiry_answer(attempt: Attempt) -> str:
    """What became of an attempt."""
    slip = attempt.decided.slip if attempt.decided else Slip()
    return _answer(attempt, attempt.status, attempt.track_id, attempt.final_fils, slip)


def refund_answer(attempt: Attempt, refund: RefundMade) -> str:
    """What became of a refund; CAPTURED is the classic kit's word for a refund that went through."""
    return _answer(attempt, "CAPTURED", refund.refund_track_id, refund.amount_fils, refund.slip)


def refusal_answer(refusal: RefusalError) -> str:
    """Why nothing was done."""
    return _xml({"error_code_tag": refusal.code, "error_text": refusal.text})


def _answer(attempt: Attempt, result: str, track_id: str, amount_fils: int, slip: Slip) -> str:
    return _xml(
        {
            "result": result,
            "paymentid": attempt.payment_id,
            "trackid": track_id,
            "amt": format_amount(amount_fils),
            "ref": slip.ref,
            "auth": slip.auth,
            "tranid": slip.tran_id,
            "postdate": slip.postdate,
        }
    )


def _xml(fields: Mapping[str, str]) -> str:
    root = ET.Element("response")
    for name, text in fields.items():
        ET.SubElement(root, name).text = text
    return _SAYS_SIMULATOR + ET.tostring(root, encoding="unicode", short_empty_elements=False)


def _leaves(body: bytes) -> dict[str, str]:
    root = _parse(body)
    names = [child.tag for child in root]
    if root.tag != "request" or len(set(names)) != len(names) or any(len(child) for child in root):
        raise RefusalError(RefusalCode.UNREADABLE, "expected <request> with plain fields, each once")
    return {child.tag: (child.text or "").strip() for child in root}


def _parse(body: bytes) -> ET.Element:
    """Parse, but not before declarations are ruled out: entities are where XML turns dangerous.

    Decoding first leaves no other encoding in which a declaration could hide.
    """
    try:
        text = body.decode("utf-8")
        if "<!" in text:
            raise RefusalError(RefusalCode.UNREADABLE, "declarations and comments are not accepted")
        return ET.fromstring(text)
    except (UnicodeDecodeError, ET.ParseError) as error:
        raise RefusalError(RefusalCode.UNREADABLE, "the XML cannot be read") from error


def _action(fields: Mapping[str, str]) -> Action:
    try:
        return Action(field_rules.required(fields, "action"))
    except ValueError as error:
        raise RefusalError(RefusalCode.ACTION_UNKNOWN, "action must be 2 (refund) or 8 (inquiry)") from error
