"""An amount that a register keeps is lowered by what was paid, whatever the register has told meanwhile."""

from datetime import UTC, date, datetime

import pytest

from services.identity.domain.person import AmountsLowered, Register, person
from services.identity.reactions import keep_what_is_so_from_now_on
from shared.contracts.identity import Fact, PersonChanged, Residence
from shared.contracts.personal import Erased
from shared.contracts.requests import RequestEmittedAndLowered
from shared.functions import Send
from shared.kernel.text import Language
from tests.unit.builders import a_life, a_text, an_id, recorded
from tests.unit.identity.person_builders import NOBODY_ELSE

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
FINES = "unpaid_traffic_fines_fils"


def somebody(**facts: int | bool) -> Register:
    told = {name: Fact(value=value, source="moi-traffic", as_of=NOW) for name, value in facts.items()}
    name, born = a_text("A Name", "اسم"), date(1990, 5, 5)
    return Register("290050500011", "hash", name, born, Residence.CITIZEN, None, None, Language.ARABIC, told)


@pytest.mark.parametrize(("owed", "paid", "left"), [(75_000, 75_000, 0), (105_000, 75_000, 30_000), (5_000, 75_000, 0)])
def test_what_was_paid_is_taken_from_what_is_owed_by_now(owed: int, paid: int, left: int) -> None:
    life = a_life(
        person, somebody(**{FINES: owed}), AmountsLowered({FINES: paid}, "moi-traffic", NOW), given=[NOBODY_ELSE]
    )
    [changed] = life.of(PersonChanged)
    assert not isinstance(changed.facts, Erased)
    assert changed.facts[FINES].value == left


def test_what_no_register_tells_is_not_lowered() -> None:
    lowered = AmountsLowered({FINES: 75_000, "is_married": 1}, "moi-traffic", NOW)
    assert a_life(person, somebody(is_married=True), given=[NOBODY_ELSE]).send(lowered) == []


def test_the_second_version_of_the_event_lowers() -> None:
    told = RequestEmittedAndLowered(
        step_id="settled",
        person_id=an_id("p"),
        source="moi-traffic",
        facts={},
        life_event=None,
        lowered={FINES: 75_000},
    )
    [step] = keep_what_is_so_from_now_on(recorded(told))
    assert isinstance(step, Send)
    assert step.message == AmountsLowered({FINES: 75_000}, "moi-traffic", recorded(told).time)
