from datetime import UTC, date, datetime

import pytest
from hypothesis import given

from services.requests.domain.facts import facts_of
from services.requests.domain.rulebook import FACTS
from shared.contracts.identity import age_on
from tests.unit.builders import NOW
from tests.unit.generated import DATES, QUICK
from tests.unit.requests.request_builders import a_person


@pytest.mark.parametrize(
    ("born_on", "day", "age"),
    [
        (date(2008, 11, 24), date(2026, 11, 23), 17),
        (date(2008, 11, 24), date(2026, 11, 24), 18),
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
        (date(2026, 11, 24), date(2026, 11, 24), 0),
    ],
)
def test_an_age_counts_completed_years(born_on: date, day: date, age: int) -> None:
    assert age_on(born_on, day) == age


@QUICK
@given(DATES, DATES)
def test_nobody_grows_younger(born_on: date, day: date) -> None:
    later = date(day.year + 1, day.month, 28 if day.month == 2 else day.day)
    assert age_on(born_on, later) >= age_on(born_on, day)


def test_a_birthday_begins_at_midnight_in_kuwait() -> None:
    assert facts_of(a_person(), datetime(2026, 5, 4, 20, 59, tzinfo=UTC))["age"] == 35
    assert facts_of(a_person(), datetime(2026, 5, 4, 21, 0, tzinfo=UTC))["age"] == 36


def test_no_registry_says_how_old_somebody_is_or_what_time_it_is() -> None:
    facts = facts_of(a_person(age=99, residence="resident", now="1999-01-01", other="x"), NOW)
    assert (facts["age"], facts["residence"], facts["now"], facts["other"]) == (36, "citizen", NOW, "x")


def test_every_fact_that_the_platform_knows_by_itself_is_in_the_vocabulary() -> None:
    assert facts_of(a_person(), NOW).keys() <= FACTS.keys()
