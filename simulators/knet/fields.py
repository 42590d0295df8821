"""The rules that single fields obey, whether they come in a query string or in XML."""

import re
from collections.abc import Mapping

from simulators.knet.money import parse_amount
from simulators.knet.refusals import RefusalCode, RefusalError

_TRACK_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_WEB_ADDRESS = re.compile(r"https?://[!-~]{1,1000}")
_UDF_LIMIT_CHARACTERS = 255


def required(fields: Mapping[str, str], name: str) -> str:
    """A field's text; it may not be missing or blank."""
    if not (text := fields.get(name, "")):
        raise RefusalError(RefusalCode.FIELD_MISSING, f"{name} is missing")
    return text


def amount_fils(fields: Mapping[str, str]) -> int:
    """The field `amt` in fils."""
    try:
        return parse_amount(required(fields, "amt"))
    except ValueError as error:
        raise RefusalError(RefusalCode.AMOUNT_INVALID, f"amt: {error}") from error


def track_id(fields: Mapping[str, str]) -> str:
    """The merchant's own number of one attempt, or of one refund."""
    return _matching(_TRACK_ID, fields, "trackid")


def web_address(fields: Mapping[str, str], name: str) -> str:
    """An address that a browser, or the gateway, can be sent to."""
    return _matching(_WEB_ADDRESS, fields, name)


def user_fields(fields: Mapping[str, str]) -> tuple[str, ...]:
    """udf1 to udf5: the merchant's own words, given back unread."""
    texts = tuple(fields.get(f"udf{number}", "") for number in range(1, 6))
    if any(len(text) > _UDF_LIMIT_CHARACTERS for text in texts):
        raise RefusalError(RefusalCode.FIELD_INVALID, "a udf field is too long")
    return texts


def _matching(pattern: re.Pattern[str], fields: Mapping[str, str], name: str) -> str:
    text = required(fields, name)
    if not pattern.fullmatch(text):
        raise RefusalError(RefusalCode.FIELD_INVALID, f"{name} is not valid")
    return text
