"""By when a request is promised to be done: in working days, of which those do not count in which people had it."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Literal, cast

import yaml
from pydantic import BaseModel, ConfigDict

from services.requests.domain.request_state import FINAL, Owner, Request, evolve
from services.requests.domain.request_state import Event as RequestEvent
from services.requests.domain.rulebook import CATALOGUE
from shared.contracts.event import Event, Recorded
from shared.kernel.clock import KUWAIT
from shared.kernel.text import LocalizedText

ONE_DAY = timedelta(days=1)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OF_PEOPLE = frozenset({Owner.APPLICANT, Owner.PARTNER})


class Holiday(BaseModel):
    """A day on which nobody works."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: date
    name: LocalizedText


class Calendar(BaseModel):
    """When the agencies' people work."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weekend: Sequence[Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]]
    holidays: Sequence[Holiday]

    def is_working_day(self, day: date) -> bool:
        """Whether they work on this day."""
        return DAYS[day.weekday()] not in self.weekend and all(holiday.day != day for holiday in self.holidays)

    def after(self, day: date, working_days: int) -> date:
        """The day so many working days after this one; for none the first on which they work, from this one on."""
        left = working_days if working_days or self.is_working_day(day) else 1
        while left:
            day += ONE_DAY
            left -= self.is_working_day(day)
        return day

    def between(self, first: date, last: date) -> int:
        """How many working days lie after the first of two days, up to the second."""
        return sum(self.is_working_day(first + ONE_DAY * n) for n in range(1, (last - first).days + 1))


KUWAITI = Calendar.model_validate(yaml.safe_load((CATALOGUE / "calendar.yaml").read_text(encoding="utf-8")))


def promised_on(working_days: int, asked_at: datetime) -> date:
    """The day on which what is asked for at an instant is to be there, if nobody has to be waited for."""
    return KUWAITI.after(_day(asked_at), working_days)


def still_promised_on(working_days: int, history: Sequence[Recorded[Event]], at: datetime) -> date | None:
    """The same of a request that runs: later by the days on which people, and no agency, had it; None at its end."""
    waited = sum(KUWAITI.between(_day(begin), _day(end)) for begin, end in _with_people(history, at))
    runs = any(state.status not in FINAL for state in [*_states(history)][-1:])
    return promised_on(working_days + waited, history[0].time) if runs else None


def _with_people(history: Sequence[Recorded[Event]], at: datetime) -> Iterator[tuple[datetime, datetime]]:
    ends = [*(event.time for event in history[1:]), at]
    for event, end, state in zip(history, ends, _states(history), strict=True):
        if state.waits_for in OF_PEOPLE:
            yield event.time, end


def _states(history: Sequence[Recorded[Event]]) -> Iterator[Request]:
    """The request after each of its events."""
    state = Request()
    for event in history:
        state = evolve(state, cast("RequestEvent", event.data))
        yield state


def _day(instant: datetime) -> date:
    return instant.astimezone(KUWAIT).date()
