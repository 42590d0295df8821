"""What is known of each journey: now, and over the last day."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from shared.kernel.text import LocalizedText

WELL, HARDLY = 0.99, 0.5
"""A journey works while so many of those who try succeed, and in part down to the second share."""
KEPT = timedelta(hours=24)
LONGEST_STEP = timedelta(minutes=5)
"""A look counts until the next one, but no longer: what nobody has looked at is unknown."""


class State(StrEnum):
    """How a journey does; `unknown` is said where nothing could be found out, and never called well."""

    WORKS = "works"
    PARTLY = "partly"
    DOWN = "down"
    UNKNOWN = "unknown"


class Journey(BaseModel):
    """Something that people do: which services it needs, and the queries by which it is measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: LocalizedText
    needs: list[str]
    share: str
    stopped: str | None = None


class Look(BaseModel):
    """What was found of every journey at an instant."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    states: dict[str, State]


class Lately(BaseModel):
    """The last day: in which part of the time that is known a journey has worked, and until when it last did not."""

    worked_share: float | None
    known_share: float
    last_trouble: datetime | None


@cache
def journeys() -> Sequence[Journey]:
    """All journeys, in the order in which people come to them."""
    told = yaml.safe_load(Path(__file__).with_name("journeys.yaml").read_text(encoding="utf-8"))
    return [Journey.model_validate(journey) for journey in told]


def judge(
    journey: Journey, ready: Mapping[str, bool], share: float | None, stopped: float | None, *, is_measured: bool
) -> State:
    """What is to be said of a journey.

    `ready`: whether each service says that it is, as people reach it. `share`, `stopped`: what the queries gave; None:
    nothing, which is nobody's failure. `is_measured`: whether they could be asked at all.
    """
    if not all(ready[name] for name in journey.needs):
        return State.DOWN
    if not is_measured:
        return State.UNKNOWN
    if stopped is not None and stopped > 0:
        return State.DOWN
    if share is None or share >= WELL:
        return State.WORKS
    return State.PARTLY if share >= HARDLY else State.DOWN


def kept(looks: Iterable[Look], now: datetime) -> list[Look]:
    """The looks of the last day, in their order."""
    return sorted((look for look in looks if now - KEPT <= look.at <= now), key=lambda look: look.at)


def lately(id: str, looks: Sequence[Look], now: datetime) -> Lately:
    """How a journey went: each look counts for the time until the next one."""
    worked, known, trouble = timedelta(), timedelta(), None
    for look, until in zip(looks, [*(look.at for look in looks[1:]), now], strict=True):
        state = look.states.get(id, State.UNKNOWN)
        lasted = min(until - look.at, LONGEST_STEP)
        if state is State.UNKNOWN:
            continue
        known += lasted
        if state is State.WORKS:
            worked += lasted
        else:
            trouble = look.at + lasted
    return Lately(
        worked_share=worked / known if known else None, known_share=min(1.0, known / KEPT), last_trouble=trouble
    )
