"""Message templates in ICU MessageFormat, Arabic and English, and the rules that say whom to tell of what."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from icu4py.messageformat import MessageFormat
from pydantic import BaseModel, ConfigDict, TypeAdapter

from shared.contracts.event import Event
from shared.kernel.text import Language, LocalizedText

TELLING = Path(__file__).parent.parent / "telling"
_LOCALES = {Language.ARABIC: "ar_KW@numbers=latn", Language.ENGLISH: "en"}
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"


class Rule(BaseModel):
    """Of which event whom to tell. `recipient`, `about`, `expires` and `only_by` name fields of the event.

    Without `about` it is about the event's aggregate; `when`: only where these fields have these values; nothing is
    sent after `expires`; `only_by`: by this channel and no other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: str
    purpose: str
    recipient: str
    about: str | None = None
    when: Mapping[str, str | bool] = {}
    expires: str | None = None
    only_by: str | None = None

    def is_about(self, data: Event) -> bool:
        """Whether the rule is meant for this event."""
        return all(getattr(data, field) == value for field, value in self.when.items())


class Template(BaseModel):
    """What is said for a purpose; `sms` where a short message says it in other words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: LocalizedText
    body: LocalizedText
    sms: LocalizedText | None = None


def _read(name: str) -> Any:
    return yaml.safe_load((TELLING / name).read_text(encoding="utf-8"))


RULES: Sequence[Rule] = TypeAdapter(list[Rule]).validate_python(_read("rules.yaml"))
TEMPLATES: Mapping[str, Template] = TypeAdapter(dict[str, Template]).validate_python(_read("templates.yaml"))


def render(text: LocalizedText, arguments: Mapping[str, Any]) -> LocalizedText:
    """The text in both languages with its arguments in place."""
    return LocalizedText(
        ar=_format(text.ar, Language.ARABIC, arguments), en=_format(text.en, Language.ENGLISH, arguments)
    )


def _format(pattern: str, language: Language, arguments: Mapping[str, Any]) -> str:
    spoken = {name: _spoken(value, language) for name, value in arguments.items()}
    return _compiled(pattern, _LOCALES[language]).format(spoken)


def _spoken(value: Any, language: Language) -> Any:
    """A text in the reader's language, isolated so that a Latin reference does not turn an Arabic sentence round."""
    if isinstance(value, LocalizedText):
        value = value.in_language(language)
    return f"{_FIRST_STRONG_ISOLATE}{value}{_POP_ISOLATE}" if isinstance(value, str) else value


@cache
def _compiled(pattern: str, locale: str) -> MessageFormat:
    return MessageFormat(pattern, locale)
