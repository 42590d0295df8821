"""What a merchant says in PaymentInit: take this much from my customer, and tell me there."""

from dataclasses import dataclass
from enum import StrEnum

from simulators.bodies import parse_fields
from simulators.knet import fields as field_rules
from simulators.knet.money import KWD_NUMERIC
from simulators.knet.refusals import RefusalCode, RefusalError
from simulators.knet.terminal import Terminal

_PURCHASE_ACTION = "1"


class Language(StrEnum):
    """Which language leads on the hosted page."""

    ARABIC = "AR"
    ENGLISH = "EN"


@dataclass(frozen=True)
class Purchase:
    """One attempt at one payment, as its merchant describes it."""

    track_id: str
    amount_fils: int
    language: Language
    response_url: str
    error_url: str
    user_fields: tuple[str, ...]


def parse_payment_init(body: bytes, terminal: Terminal) -> Purchase:
    """Read the form of PaymentInit; raises RefusalError for whatever the gateway would not accept."""
    form = _form(body)
    terminal.check_id(field_rules.required(form, "tranportalId"))
    fields = terminal.open(field_rules.required(form, "trandata"))
    terminal.check(fields)
    _check_kind(fields)
    return Purchase(
        track_id=field_rules.track_id(fields),
        amount_fils=field_rules.amount_fils(fields),
        language=_language(fields),
        response_url=field_rules.web_address(fields, "responseURL"),
        error_url=field_rules.web_address(fields, "errorURL"),
        user_fields=field_rules.user_fields(fields),
    )


def _form(body: bytes) -> dict[str, str]:
    try:
        return parse_fields(body.decode())
    except ValueError as error:
        raise RefusalError(RefusalCode.UNREADABLE, "the form cannot be read") from error


def _check_kind(fields: dict[str, str]) -> None:
    if field_rules.required(fields, "action") != _PURCHASE_ACTION:
        raise RefusalError(RefusalCode.ACTION_UNKNOWN, "action must be 1 (purchase)")
    if field_rules.required(fields, "currencycode") != KWD_NUMERIC:
        raise RefusalError(RefusalCode.CURRENCY_INVALID, "currencycode must be 414 (KWD)")


def _language(fields: dict[str, str]) -> Language:
    try:
        return Language(field_rules.required(fields, "langid"))
    except ValueError as error:
        raise RefusalError(RefusalCode.FIELD_INVALID, "langid must be AR or EN") from error
