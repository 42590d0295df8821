"""What a fee comes to: by number, with fines that grow, and for whom there is none."""

from datetime import time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.requests.domain.definition import Condition, FeeItem, FeeStep, Fine, ServiceDefinition
from services.requests.domain.facts import facts_of
from services.requests.domain.fees import fine_of, lines_of, planned, total
from services.requests.domain.request import request
from services.requests.domain.request_state import TRANSITIONS, Owner
from services.requests.reactions import reactions
from services.requests.seed import read_definitions
from shared.contracts.personal import Erased
from shared.contracts.requests import RequestFeeDue
from shared.functions import Send
from shared.kernel.clock import KUWAIT
from tests.unit.builders import NOW, Life, a_text, recorded
from tests.unit.generated import QUICK
from tests.unit.requests.request_builders import (
    REQUEST_ID,
    a_day_over,
    a_definition,
    a_fee_step,
    a_person,
    a_request,
    a_submission,
    a_task_step,
    known_with,
    paid,
)

TODAY = NOW.astimezone(KUWAIT).date()
LATE = Fine(
    since="residency_expires_on", grace_days=0, rate1_fils=2_000, rate1_days=30, rate2_fils=4_000, cap_fils=1_200_000
)
RENEWAL: ServiceDefinition = next(found for found in read_definitions() if found.id == "residency-renewal")


def days_late(days: int, fine: Fine = LATE) -> int:
    return fine_of(fine, (TODAY - timedelta(days=days)).isoformat(), TODAY)


@pytest.mark.parametrize(
    ("days", "fils"),
    [(-5, 0), (0, 0), (1, 2_000), (30, 60_000), (31, 64_000), (60, 180_000), (315, 1_200_000), (4_000, 1_200_000)],
)
def test_a_fine_grows_by_the_day_at_two_rates_up_to_its_cap(days: int, fils: int) -> None:
    assert days_late(days) == fils


def test_days_of_grace_are_not_counted() -> None:
    patient = LATE.model_copy(update={"grace_days": 10})
    assert days_late(10, patient) == 0
    assert days_late(11, patient) == 2_000


def test_there_is_no_fine_where_it_is_not_known_since_when() -> None:
    assert fine_of(LATE, None, TODAY) == 0


@QUICK
@given(st.integers(-1_000, 10_000), st.integers(0, 50))
def test_a_fine_never_shrinks_and_never_exceeds_its_cap(days: int, more: int) -> None:
    assert 0 <= days_late(days) <= days_late(days + more) <= LATE.cap_fils


def quoted(years: int, **facts: Any) -> dict[str, int]:
    """What a residency renewal comes to, by its lines."""
    lines = planned(RENEWAL, {"years": years}, facts_of(a_person(**facts), NOW), NOW)["fee"]
    return {line.item: line.amount_fils for line in lines}


def test_what_goes_by_the_year_is_counted_from_the_form() -> None:
    assert quoted(1) == {"residency": 20_000, "insurance": 100_000}
    assert quoted(3) == {"residency": 60_000, "insurance": 300_000}


def test_whoever_is_exempt_has_no_such_line_and_whoever_is_not_known_to_be_has() -> None:
    assert quoted(2, is_insured=True) == {"residency": 40_000}
    assert quoted(2, is_insured=False) == {"residency": 40_000, "insurance": 200_000}


def test_who_is_late_sees_the_fine_as_a_line_of_its_own() -> None:
    ended = (TODAY - timedelta(days=40)).isoformat()
    assert quoted(1, is_insured=True, residency_expires_on=ended) == {"residency": 20_000, "late": 100_000}


def a_fee_of(*items: FeeItem, amount_fils: int = 0) -> FeeStep:
    return a_fee_step(amount_fils=amount_fils).model_copy(update={"items": items})


OLD_AGE = FeeItem(
    id="card",
    text=a_text("Card", "بطاقة"),
    amount_fils=5_000,
    exempt=Condition(reads=["age"], expression="age >= 65"),
)


def test_the_lines_add_up_to_what_is_asked_for() -> None:
    definition = a_definition(a_fee_of(OLD_AGE, amount_fils=10_000), a_task_step())
    life = Life(request, [known_with(definition)], TRANSITIONS)
    life.send(a_submission(definition))
    [due] = life.of(RequestFeeDue)
    assert not isinstance(due.lines, Erased)
    assert due.amount_fils == total(due.lines) == 15_000
    assert [line.item for line in due.lines] == ["fee", "card"]


def test_a_fee_of_which_one_is_exempt_is_no_step() -> None:
    definition = a_definition(a_fee_of(OLD_AGE), a_task_step())
    old = a_person(born_on=(NOW - timedelta(days=70 * 366)).date())
    life = Life(request, [known_with(definition, old)], TRANSITIONS)
    life.send(a_submission(definition))
    assert life.of(RequestFeeDue) == []
    assert life.state.waits_for is Owner.AGENCY


def test_a_number_that_the_form_does_not_have_is_none() -> None:
    item = FeeItem(id="years", text=a_text(), amount_fils=1_000, per="years")
    assert lines_of(a_fee_of(item), {}, {}, NOW) == []
    for odd in ("many", 5.0):  # no form that was checked has it; silence would make it free of charge
        with pytest.raises(AssertionError):
            lines_of(a_fee_of(item), {"years": odd}, {}, NOW)


def test_a_fine_is_worked_out_anew_after_each_day_on_which_it_was_not_paid() -> None:
    ended = (TODAY - timedelta(days=3)).isoformat()
    resident = a_person(residency_expires_on=ended)
    service = a_definition(a_fee_of(FeeItem(id="late", text=a_text(), fine=LATE)))
    life = a_request(definition=service, known=known_with(service, resident, beneficiary=resident))
    [due] = life.of(RequestFeeDue)
    assert (due.amount_fils, due.grows) == (6_000, True)
    [reaction] = reactions.to(RequestFeeDue)
    over = [step.at for step in reaction.react(recorded(due, REQUEST_ID)) if isinstance(step, Send) and step.at]
    assert len(over) == (due.due_by - NOW).days
    assert {instant.astimezone(KUWAIT).time() for instant in over} == {time()}
    for days, fils in ((1, 8_000), (2, 10_000)):
        [revised] = life.send(a_day_over(due.step_id, days))
        assert (revised.was_fils, revised.amount_fils) == (fils - 2_000, fils)
        assert [line.amount_fils for line in revised.lines] == [fils]
    life.send(paid(due.step_id))
    assert life.send(a_day_over(due.step_id, 3)) == []
