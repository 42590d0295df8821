"""By when a request is promised: in working days, and later by those on which its people had it."""

from datetime import date, timedelta

import pytest

from services.requests.domain.promise import KUWAITI, promised_on, still_promised_on
from tests.unit.builders import NOW, recorded
from tests.unit.requests.request_builders import a_request, decided, issued, paid


@pytest.mark.parametrize(
    ("asked", "working_days", "promised"),
    [
        ("2026-11-24", 1, "2026-11-25"),
        ("2026-11-26", 1, "2026-11-29"),  # a Thursday: then Sunday
        ("2026-11-27", 0, "2026-11-29"),  # a Friday
        ("2026-02-24", 1, "2026-03-01"),  # two national days, and a weekend
        ("2026-11-24", 10, "2026-12-08"),
    ],
)
def test_the_weekend_and_holidays_are_no_working_days(asked: str, working_days: int, promised: str) -> None:
    assert KUWAITI.after(date.fromisoformat(asked), working_days) == date.fromisoformat(promised)


def test_days_on_which_its_people_have_it_do_not_count() -> None:
    life = a_request()
    history = [recorded(event) for event in life.events]
    first = history[0].time
    promised = promised_on(1, first)
    assert still_promised_on(1, history, first) == promised
    later = still_promised_on(1, history, first + timedelta(days=7))
    assert later == KUWAITI.after(promised, 5)


def test_what_has_ended_is_not_promised_any_more() -> None:
    life = a_request(paid(), decided(), issued())
    history = [recorded(event) for event in life.events]
    assert still_promised_on(1, history, NOW) is None
