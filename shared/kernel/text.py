"""Texts that people read, in Arabic and in English."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

NonEmpty = Annotated[str, StringConstraints(min_length=1, max_length=4000)]


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
