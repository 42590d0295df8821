"""Dinars on the wire, fils inside: 1 KD is 1000 fils, and an amount is written `10.000`."""

import re

KWD_NUMERIC = "414"
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,6})\.([0-9]{3})")


def parse_amount(text: str) -> int:
    """Fils of an amount with exactly three decimals; ValueError for any other form and for nothing at all."""
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError("an amount has the form 10.000")
    amount_fils = int(match[1]) * 1000 + int(match[2])
    if amount_fils == 0:
        raise ValueError("an amount is more than nothing")
    return amount_fils


def format_amount(amount_fils: int) -> str:
    """`10.000` for 10000 fils."""
    dinars, fils = divmod(amount_fils, 1000)
    return f"{dinars}.{fils:03}"
