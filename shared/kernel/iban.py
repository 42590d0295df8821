"""International bank account numbers (ISO 13616), as Kuwait has them: thirty characters."""

import re

from shared.kernel.text import folded

_KUWAITI = re.compile(r"KW[0-9]{2}[A-Z]{4}[0-9A-Z]{22}")


def iban_in(text: str) -> str:
    """The IBAN that somebody has typed, with spaces or without, in any digits.

    Raises ValueError where it is none of a Kuwaiti bank, or where its check digits are wrong.
    """
    typed = "".join(folded(text).split()).upper()
    if not _KUWAITI.fullmatch(typed):
        raise ValueError("a Kuwaiti IBAN begins with KW and has thirty characters")
    if int("".join(str(int(character, 36)) for character in typed[4:] + typed[:4])) % 97 != 1:
        raise ValueError("the check digits of the IBAN are wrong")
    return typed


def kuwaiti_iban(bank: str, account: str) -> str:
    """The IBAN of an account at a bank, with its check digits: for tests and demonstrations."""
    number = f"{bank}{account:0>22}"
    remainder = int("".join(str(int(character, 36)) for character in f"{number}KW00")) % 97
    return f"KW{98 - remainder:02d}{number}"
