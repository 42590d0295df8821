"""Texts that people read, in Arabic and in English."""

import re
import unicodedata
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

_CONTROLS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f"
PRINTABLE = rf"^[^{_CONTROLS}]*$"
"""No control characters but tab and line ends: PostgreSQL's JSON takes no U+0000, and no screen shows the others."""

NonEmpty = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000, pattern=PRINTABLE)]


_SAME_LETTER = str.maketrans({"ة": "ه", "ى": "ي", "ٱ": "ا", "ـ": None})


_UNPRINTABLE = re.compile(rf"[{_CONTROLS}\ud800-\udfff]")
LONGEST_SHOWN = 300


def printable(text: str) -> str:
    """A text from outside as a person may be shown it: each character that no screen shows is U+FFFD, and it is cut."""
    shown = _UNPRINTABLE.sub("\ufffd", text)
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}…"


def folded(text: str) -> str:
    """A text as it is searched: letters that people write in several ways are one (alef with and without hamza, ta
    marbuta and ha, alef maqsura and ya), without diacritics, tatweel and capitals; digits are Latin.
    """
    parts = unicodedata.normalize("NFKD", text)
    letters = "".join(letter for letter in parts if not unicodedata.combining(letter))
    digits = "".join(str(unicodedata.digit(letter, letter)) for letter in letters)
    return digits.translate(_SAME_LETTER).casefold()


class Language(StrEnum):
    """A language that the platform speaks to people in."""

    ARABIC = "ar"
    ENGLISH = "en"


class LocalizedText(BaseModel):
    """The same words in both languages; neither may be empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ar: NonEmpty
    en: NonEmpty

    def in_language(self, language: Language) -> str:
        """The words in one language."""
        return self.ar if language is Language.ARABIC else self.en
