"""What is known of an applicant when a decision is made: registry facts, and what follows from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from shared.contracts.identity import Fact, Residence
from shared.kernel.clock import KUWAIT
from shared.kernel.text import LocalizedText


@dataclass(frozen=True)
class KnownPerson:
    """A row of `persons`: identity's snapshot as this service follows it."""

    person_id: UUID
    name: LocalizedText
    birth_date: date
    residence: Residence
    facts: Mapping[str, Fact]
    died_on: date | None = None


def facts_of(person: KnownPerson, at: datetime) -> dict[str, Any]:
    """Every fact that rules may read of this person at an instant."""
    today = at.astimezone(KUWAIT).date()
    registry = {name: fact.value for name, fact in person.facts.items()}
    return {
        **registry,
        "age": age_on(person.birth_date, today),
        "residence": person.residence.value,
        "now": at,
    }


def age_on(birth_date: date, day: date) -> int:
    """Completed years."""
    had_birthday = (day.month, day.day) >= (birth_date.month, birth_date.day)
    return day.year - birth_date.year - (0 if had_birthday else 1)
