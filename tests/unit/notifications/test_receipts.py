"""Receipts of companies: who has signed them, when, and what they say."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from services.notifications.receipts import Receipt, Receipts
from tests.unit.builders import an_id

OLD, NEW, STRANGERS = ("whsec_" + base64.b64encode(name * 8).decode() for name in (b"old!", b"new!", b"who?"))
REFERENCE = an_id("message")
BODY = json.dumps({"reference": str(REFERENCE), "status": "delivered", "at": "2026-11-24T09:00:00Z"}).encode()
RECEIPTS = Receipts([SecretStr(NEW), SecretStr(OLD)])


def signed(body: bytes = BODY, secret: str = NEW, *, age: timedelta = timedelta()) -> dict[str, str]:
    """The headers of a receipt."""
    at = datetime.now(UTC) - age
    signature = Webhook(secret).sign("msg_1", at, body.decode())
    return {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def said(**changes: Any) -> bytes:
    """The body of a receipt."""
    return json.dumps(json.loads(BODY) | changes).encode()


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_what_the_old_or_the_new_secret_has_signed_is_read(secret: str) -> None:
    receipt = RECEIPTS.read(BODY, signed(secret=secret))
    assert receipt == Receipt(reference=REFERENCE, status="delivered", at=datetime(2026, 11, 24, 9, tzinfo=UTC))


def test_what_somebody_else_has_signed_is_none() -> None:
    assert RECEIPTS.read(BODY, signed(secret=STRANGERS)) is None


def test_without_a_secret_nothing_is_believed() -> None:
    assert Receipts([]).read(BODY, signed()) is None


@pytest.mark.parametrize("tampered", [said(status="permanent-failure"), BODY + b" ", b"", b"\xff"])
def test_a_body_that_was_changed_is_none(tampered: bytes) -> None:
    assert RECEIPTS.read(tampered, signed()) is None


@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(days=365), -timedelta(minutes=6)])
def test_an_old_receipt_and_one_of_the_future_are_none(age: timedelta) -> None:
    assert RECEIPTS.read(BODY, signed(age=age)) is None


def test_a_receipt_of_some_minutes_ago_is_read() -> None:
    assert RECEIPTS.read(BODY, signed(age=timedelta(minutes=4))) is not None


@pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize(
    "value", [None, "", " ", "v1", "v1,", "v1,!", "v1,a,b", "v1,é", "nan", "inf", "-1", "1e400", "٣"]
)
def test_a_receipt_whose_headers_are_malformed_is_none(header: str, value: str | None) -> None:
    headers = signed() | {header: value}
    assert RECEIPTS.read(BODY, {name: text for name, text in headers.items() if text is not None}) is None


def test_another_version_of_signature_is_passed_over() -> None:
    headers = signed()
    right = headers["webhook-signature"]
    assert RECEIPTS.read(BODY, headers | {"webhook-signature": f"v2,AAAA {right}"}) is not None
    assert RECEIPTS.read(BODY, headers | {"webhook-signature": right.replace("v1,", "v2,")}) is None


def test_header_names_are_read_in_any_case() -> None:
    assert RECEIPTS.read(BODY, {name.title(): text for name, text in signed().items()}) is not None


@pytest.mark.parametrize(
    "body",
    [
        said(status="sent"),
        said(status="technical-failure"),
        said(status=None),
        said(reference="x"),
        said(at="yesterday"),
        b"[]",
        b"null",
        b"1",
        b"{}",
        b"",
        b"{",
        b"[" * 100,
    ],
)
def test_what_is_signed_and_no_receipt_is_none(body: bytes) -> None:
    assert RECEIPTS.read(body, signed(body)) is None


@pytest.mark.parametrize("status", ["delivered", "temporary-failure", "permanent-failure"])
def test_a_receipt_may_say_more_than_we_know(status: str) -> None:
    body = said(status=status, network="x")
    receipt = RECEIPTS.read(body, signed(body))
    assert receipt is not None
    assert receipt.status == status
