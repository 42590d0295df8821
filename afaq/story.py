"""What has happened to a request across all services, in plain words: who, why, and who held it how long."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import yaml
from pydantic import TypeAdapter

from afaq.access import open_shell
from afaq.local.errors import StackError
from afaq.services import NAMES
from services.requests.domain.request import request
from services.requests.domain.request_state import Event as RequestEvent
from services.requests.domain.request_state import Owner
from shared.contracts.event import Event, Recorded
from shared.contracts.personal import Erased
from shared.contracts.requests import RuleDecision
from shared.kernel.text import Language, LocalizedText
from shared.store.shell import Shell

WORDS = Path(__file__).parent / "story.yaml"
OWNERS = {
    Owner.APPLICANT: LocalizedText(en="the applicant", ar="مقدّم الطلب"),
    Owner.PARTNER: LocalizedText(en="the other party", ar="الطرف الآخر"),
    Owner.AGENCY: LocalizedText(en="the agency", ar="الجهة"),
    Owner.PLATFORM: LocalizedText(en="the platform", ar="المنصة"),
}


@dataclass(frozen=True)
class Entry:
    """One thing that has happened: when, in which service, in words, by whom, and for whom if for somebody else."""

    at: datetime
    service: str
    type: str
    words: LocalizedText
    actor: str
    on_behalf_of: str | None
    rules: Sequence[RuleDecision]


@dataclass(frozen=True)
class Story:
    """A request's whole story: `held` is how long each owner has had it; `waits_for` whose turn it is now."""

    request_id: UUID
    reference: str
    entries: Sequence[Entry]
    held: Mapping[Owner, timedelta]
    waits_for: Owner | None
    status: str


async def story_of(name: str) -> Story:
    """The story of a request, by id or by reference. Raises StackError where there is none."""
    async with open_shell("requests") as shell:
        request_id = await find_request(shell, name)
        own = await shell.history(request_id)
        now = shell.parts.clock.now()
    correlations = {event.origin.correlation_id for event in own}
    entries: list[Entry] = []
    for service in NAMES:
        async with open_shell(service) as shell:
            told = await shell.transaction(*correlations)
        entries += [entry_of(service, event) for event in told]
    state = request.initial
    for event in own:
        state = request.evolve(state, cast("RequestEvent", event.data))
    held = held_by(own, now)
    sorted_entries = sorted(entries, key=lambda entry: entry.at)
    return Story(request_id, state.reference, sorted_entries, held, state.waits_for, state.status)


async def find_request(shell: Shell, name: str) -> UUID:
    """A request by its id, or by the reference that people have."""
    try:
        wanted: UUID | None = UUID(name)
    except ValueError:
        text = "select id from requests where state ->> 'reference' = $1"
        wanted = await shell.parts.pool.fetchval(text, name.upper())
    if wanted is None or not await shell.history(wanted):
        raise StackError(f"There is no request {name} here; give its id, or a reference like AFQ-2345-6789.")
    return wanted


def entry_of(service: str, event: Recorded[Event]) -> Entry:
    """An event in words; one that nobody has words for yet is told by its name."""
    said = words().get(event.data.type)
    told = said if said is not None else LocalizedText(en=event.data.type, ar=event.data.type)
    values = _Plain({name: getattr(event.data, name) for name in type(event.data).model_fields})
    in_words = LocalizedText(
        en=told.en.format_map(values.in_language(Language.ENGLISH)),
        ar=told.ar.format_map(values.in_language(Language.ARABIC)),
    )
    decisions = getattr(event.data, "decisions", ())
    rules = () if isinstance(decisions, Erased) else tuple(decisions)
    origin = event.origin
    return Entry(event.time, service, event.data.type, in_words, origin.actor, origin.on_behalf_of, rules)


def held_by(events: Sequence[Recorded[Event]], now: datetime) -> dict[Owner, timedelta]:
    """How long each owner has had the request, up to now or to its end."""
    held: dict[Owner, timedelta] = {}
    state = request.initial
    for event, until in zip(events, [*(following.time for following in events[1:]), now], strict=True):
        state = request.evolve(state, cast("RequestEvent", event.data))
        if state.waits_for is not None:
            held[state.waits_for] = held.get(state.waits_for, timedelta()) + (until - event.time)
    return held


@cache
def words() -> Mapping[str, LocalizedText]:
    """What each type of event is called when a story is told."""
    return TypeAdapter(dict[str, LocalizedText]).validate_python(yaml.safe_load(WORDS.read_text(encoding="utf-8")))


class _Plain(dict[str, Any]):
    """Values as a sentence takes them: texts in its language, amounts in dinars, what is sealed as a dash."""

    def in_language(self, language: Language) -> "_Plain":
        """The values for a sentence in this language."""
        return _Plain({name: _plain(name, value, language) for name, value in self.items()})

    def __missing__(self, name: str) -> str:
        return "…"


def _plain(name: str, value: Any, language: Language) -> str:
    if isinstance(value, LocalizedText):
        return value.in_language(language)
    if isinstance(value, Erased) or value is None:
        return "—"
    if name == "amount_fils":
        return f"{value / 1000:.3f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(str(part) for part in value)
    return str(value)
