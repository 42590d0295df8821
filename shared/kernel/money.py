"""Kuwaiti dinars: integer fils inside, three decimals where people or a gateway read them. 1 KWD = 1000 fils."""

import re

_DINARS = re.compile(r"([0-9]{1,9})\.([0-9]{3})")


def dinars(amount_fils: int) -> str:
    """The amount as KNET and bank files write it: a dot, three decimals, no separators. 10_000 -> "10.000"."""
    if amount_fils < 0:
        raise ValueError("an amount of money is not negative here")
    return f"{amount_fils // 1000}.{amount_fils % 1000:03d}"


def fils(amount_dinars: str) -> int:
    """The fils in a text such as "10.000".

    Raises ValueError for anything but three decimals: KWD 1.860 read for 18.60 is the classic fault of
    three-decimal money, so nothing is guessed.
    """
    match = _DINARS.fullmatch(amount_dinars)
    if match is None:
        raise ValueError("an amount in dinars has a dot and exactly three decimals, such as 10.000")
    return int(match[1]) * 1000 + int(match[2])
