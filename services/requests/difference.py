"""How one version of a service differs from another, in words that people read in both languages."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from services.requests.domain.definition import ServiceDefinition
from shared.kernel.money import dinars
from shared.kernel.text import Language, LocalizedText

Kind = Literal["added", "removed", "changed"]
_NAMING = ("title", "description", "text", "reason", "x-title")
"""What a part is called by, where it has one of these."""
_NOTHING: Any = object()


class Change(BaseModel):
    """One difference: where, what it was and what it is, and the same in words."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    pointer: str
    before: Any
    after: Any
    text: LocalizedText


@cache
def _words() -> Mapping[str, LocalizedText]:
    said = yaml.safe_load((Path(__file__).parent / "words.yaml").read_text(encoding="utf-8"))
    return TypeAdapter(dict[str, LocalizedText]).validate_python(said)


def word(name: str, language: Language) -> str:
    """What people call a part of a definition."""
    return _words()[name].in_language(language)


def differences(old: ServiceDefinition, new: ServiceDefinition) -> list[Change]:
    """All that is otherwise in `new`, but for the number of the version."""
    before, after = (found.model_dump(mode="json", exclude={"version"}) for found in (old, new))
    return list(_compare(before, after, (), ()))


def _compare(before: Any, after: Any, at: Sequence[str | int], path: Sequence[LocalizedText | str]) -> Iterator[Change]:
    """Goes down as long as both have the same form; parts of a list that have names are compared by them."""
    if before == after:
        return
    match before, after:
        case {"ar": _, "en": _}, {"ar": _, "en": _}:
            yield _change(before, after, at, path)
        case dict(), dict():
            for name in [*before, *(name for name in after if name not in before)]:
                was, now = before.get(name, _NOTHING), after.get(name, _NOTHING)
                yield from _compare(was, now, (*at, name), (*path, _label(name, now if was is _NOTHING else was)))
        case list(), list() if all(isinstance(part, dict) and "id" in part for part in [*before, *after]):
            named_before, named_after = ({part["id"]: part for part in parts} for parts in (before, after))
            for id in [*named_before, *(id for id in named_after if id not in named_before)]:
                was, now = named_before.get(id, _NOTHING), named_after.get(id, _NOTHING)
                yield from _compare(was, now, (*at, id), (*path, _label(id, now if was is _NOTHING else was)))
            if list(named_before) != list(named_after) and set(named_before) == set(named_after):
                yield _change(list(named_before), list(named_after), at, path)
        case _:
            yield _change(before, after, at, path)


def _label(name: str, part: Any) -> LocalizedText | str:
    """What people call a part: its own title, else the word for it."""
    titles = (part.get(key) for key in _NAMING) if isinstance(part, Mapping) else ()
    title = next((title for title in titles if isinstance(title, Mapping) and {"ar", "en"} <= title.keys()), None)
    if title is not None:
        return LocalizedText(ar=f"«{title['ar']}»", en=f'"{title["en"]}"')
    return _words().get(name, name)


def _change(before: Any, after: Any, at: Sequence[str | int], path: Sequence[LocalizedText | str]) -> Change:
    kind: Kind = "added" if before is _NOTHING else "removed" if after is _NOTHING else "changed"
    return Change(
        kind=kind,
        pointer="".join(f"/{part}" for part in at),
        before=None if before is _NOTHING else before,
        after=None if after is _NOTHING else after,
        text=LocalizedText(**{language.value: _said(kind, before, after, at, path, language) for language in Language}),
    )


def _said(
    kind: Kind,
    before: Any,
    after: Any,
    at: Sequence[str | int],
    path: Sequence[LocalizedText | str],
    language: Language,
) -> str:
    place = " › ".join(part if isinstance(part, str) else part.in_language(language) for part in path)
    was, now = (_value(found, str(at[-1]) if at else "", language) for found in (before, after))
    values = {"added": now, "removed": was, "changed": f"{was} → {now}"}[kind]
    return f"{place}: {word(kind, language)}{': ' if values else ''}{values}"


def _value(value: Any, name: str, language: Language) -> str:
    """A value as people read it; what has parts of its own is not repeated whole."""
    match value:
        case {"ar": str(), "en": str()}:
            return str(value[language.value])
        case bool() | None:
            return word({True: "yes", False: "no", None: "nothing"}[value], language)
        case int() if name.endswith("_fils"):
            return f"{dinars(value)} {word('currency', language)}"
        case str() | int() | float():
            return str(value)
        case list() if all(isinstance(part, str | int) for part in value):
            return ", ".join(str(part) for part in value) or word("nothing", language)
        case _:
            return ""
