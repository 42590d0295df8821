"""Writes what was found as files that any web server can hand out: a page in each language, and JSON.

They need no script, nothing from elsewhere, and nothing of the platform: they are still there when it is not.
"""

import os
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import yaml
from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from afaq.status.journeys import Journey, Look, State, kept, lately
from shared.kernel.clock import KUWAIT
from shared.kernel.text import Language

HERE = Path(__file__).parent
PAGES = {Language.ARABIC: "index.html", Language.ENGLISH: "en.html"}
SIGNS = {State.WORKS: "✓", State.PARTLY: "!", State.DOWN: "✗", State.UNKNOWN: "?"}
FILE = "status.json"
_LOOKS = TypeAdapter(list[Look])


def write(folder: Path, journeys: Sequence[Journey], found: Look) -> None:
    """Adds a look to those that the folder keeps of the last day, and writes its files anew, each at once."""
    folder.mkdir(parents=True, exist_ok=True)
    looks = kept([*_kept_in(folder / FILE), found], found.at)
    for language in Language:
        _put(folder / PAGES[language], page(journeys, looks, language).encode())
    _put(folder / FILE, to_json(_told(journeys, looks), indent=1))


def page(journeys: Sequence[Journey], looks: Sequence[Look], language: Language) -> str:
    """The page in one language. `looks` are those of the last day, the newest last."""
    words, now, other = _words()[language], looks[-1], next(one for one in Language if one is not language)
    states = [now.states[journey.id] for journey in journeys]
    overall = _overall(states)
    return Template((HERE / "page.html").read_text(encoding="utf-8")).substitute(
        language=language,
        direction="rtl" if language is Language.ARABIC else "ltr",
        title=escape(words["title"]),
        other=words["other"],
        other_language=other,
        other_page=PAGES[other],
        overall=escape(words["overall"][overall]),
        overall_class={"works": State.WORKS, "trouble": State.DOWN, "unknown": State.UNKNOWN}[overall],
        journeys="".join(_journey(journey, looks, language) for journey in journeys),
        accepted=escape(words["accepted"]),
        made=escape(words["made"]).format(when=_when(now.at)),
    )


def _journey(journey: Journey, looks: Sequence[Look], language: Language) -> str:
    words, now = _words()[language], looks[-1]
    state, went = now.states[journey.id], lately(journey.id, looks, now.at)
    if went.worked_share is None:
        said = [words["nothing_known"]]
    else:
        said = [words["worked"].format(share=_percent(went.worked_share))]
        said += [words["known"].format(share=_percent(went.known_share))] if went.known_share < 0.99 else []
        if state in (State.PARTLY, State.DOWN):
            said.append(words["going_on"])
        elif went.last_trouble is None:
            said.append(words["no_trouble"])
        else:
            said.append(words["trouble"].format(when=_when(went.last_trouble)))
    name, told = escape(journey.name.in_language(language)), escape(words["states"][state])
    sign = f'<span aria-hidden="true">{SIGNS[state]}</span>'
    return (
        f'<li><div><h2>{name}</h2><span class="state {state}">{sign} {told}</span></div><p>{" ".join(said)}</p></li>\n'
    )


def _overall(states: Sequence[State]) -> str:
    if any(state in (State.PARTLY, State.DOWN) for state in states):
        return "trouble"
    return "unknown" if State.UNKNOWN in states else "works"


def _told(journeys: Sequence[Journey], looks: Sequence[Look]) -> dict[str, Any]:
    now = looks[-1]
    return {
        "at": now.at,
        "journeys": [
            {"id": one.id, "name": one.name, "state": now.states[one.id], "lately": lately(one.id, looks, now.at)}
            for one in journeys
        ],
        "looks": looks,
    }


def _kept_in(file: Path) -> list[Look]:
    """What is known of the last day; nothing where the file is not there or is not what we have written."""
    try:
        return _LOOKS.validate_python(from_json(file.read_bytes())["looks"])
    except (OSError, ValueError, TypeError, KeyError):
        return []


def _put(file: Path, content: bytes) -> None:
    draft = file.with_suffix(".new")
    draft.write_bytes(content)
    os.replace(draft, file)  # noqa: PTH105 whoever reads has the old one or the new one


def _percent(share: float) -> str:
    """Never rounded up to all of it."""
    text = f"{int(share * 1000) / 10:.1f}".removesuffix(".0")
    return f'<bdi dir="ltr">{text}%</bdi>'


def _when(at: datetime) -> str:
    local = at.astimezone(KUWAIT)
    return f'<time datetime="{at.isoformat()}"><bdi dir="ltr">{local:%Y-%m-%d %H:%M}</bdi></time>'


@cache
def _words() -> dict[str, Any]:
    words: dict[str, Any] = yaml.safe_load((HERE / "words.yaml").read_text(encoding="utf-8"))
    return words
