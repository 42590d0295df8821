"""What a fee comes to for somebody: fixed amounts, amounts by number, fines that grow, and who need not pay."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from services.requests.domain.definition import FeeItem, FeeStep, Fine, ServiceDefinition
from services.requests.domain.rulebook import RULEBOOK
from services.requests.domain.rules import Verdict
from shared.contracts.requests import FeeLine
from shared.kernel.clock import KUWAIT


def planned(
    definition: ServiceDefinition, form: Mapping[str, Any], facts: Mapping[str, Any], at: datetime
) -> dict[str, list[FeeLine]]:
    """What is to be paid in each step that asks for a fee, line by line; a step with no line costs nothing."""
    fees = [step for step in definition.steps if isinstance(step, FeeStep)]
    return {step.id: lines_of(step, form, facts, at) for step in fees}


def lines_of(step: FeeStep, form: Mapping[str, Any], facts: Mapping[str, Any], at: datetime) -> list[FeeLine]:
    """The lines of one fee; what is exempt, or comes to nothing, is none."""
    lines = fixed_lines(step)
    for item in step.items:
        if not says(form, item.where):
            continue
        if item.exempt is not None and RULEBOOK.verdict(item.exempt, facts) is Verdict.PASSED:
            continue
        amount = _amount_of(item, form, facts, at)
        lines.append(FeeLine(item=item.id, text=item.text, amount_fils=amount, agency=item.agency))
    return [line for line in lines if line.amount_fils > 0]


def says(form: Mapping[str, Any], where: Mapping[str, str | int | bool]) -> bool:
    """Whether a form says all of this."""
    return all(form.get(field) == value for field, value in where.items())


def fixed_lines(step: FeeStep) -> list[FeeLine]:
    """What everybody pays in this step."""
    if not step.amount_fils:
        return []
    return [FeeLine(item=step.id, text=step.description, amount_fils=step.amount_fils)]


def total(lines: Sequence[FeeLine]) -> int:
    """What they come to, in fils."""
    return sum(line.amount_fils for line in lines)


def shares(lines: Sequence[FeeLine], agency: str) -> dict[str, int]:
    """What each agency earns of a fee, in fils; none where it is all the service's own."""
    earned: Counter[str] = Counter()
    for line in lines:
        earned[line.agency or agency] += line.amount_fils
    return {} if earned.keys() == {agency} else dict(earned)


def midnights(after: datetime, until: datetime) -> Iterator[datetime]:
    """When days are over in Kuwait, between two instants."""
    day = after.astimezone(KUWAIT).date() + timedelta(days=1)
    while (midnight := datetime.combine(day, time(), tzinfo=KUWAIT).astimezone(UTC)) < until:
        yield midnight
        day += timedelta(days=1)


def _amount_of(item: FeeItem, form: Mapping[str, Any], facts: Mapping[str, Any], at: datetime) -> int:
    if item.fine is not None:
        return fine_of(item.fine, facts.get(item.fine.since), at.astimezone(KUWAIT).date())
    if item.owed is not None:
        owed = facts.get(item.owed, 0)
        return owed if isinstance(owed, int) else 0
    return item.amount_fils * number_in(form, item.per)


def number_in(form: Mapping[str, Any], per: str | None) -> int:
    """How often something counts: once, or as often as a field of the form says; what is left out there is 0."""
    times = 1 if per is None else form.get(per, 0)
    assert isinstance(times, int), "a field that is counted by is a whole number: see the linter"
    return times


def fine_of(fine: Fine, since: Any, today: date) -> int:
    """Nothing within the days of grace; then by the day, at the first rate for its days and at the second after them;
    never more than the cap. Nothing where it is not known since when, or where a register tells what is no date.
    """
    try:
        day = since if isinstance(since, date) else date.fromisoformat(since)
    except (TypeError, ValueError):
        return 0
    late = max(0, (today - day).days - fine.grace_days)
    first = min(late, fine.rate1_days)
    return min(fine.cap_fils, first * fine.rate1_fils + (late - first) * fine.rate2_fils)
