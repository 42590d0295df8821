"""What is known of an applicant when a decision is made: registry facts, and what follows from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from shared.contracts.identity import Fact, Residence, age_on
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
    is_named: bool = True
    has_civil_id: bool = True
    birth_is_registered: bool = False


def facts_of(person: KnownPerson, at: datetime) -> dict[str, Any]:
    """Every fact that rules may read of this person at an instant."""
    today = at.astimezone(KUWAIT).date()
    registry = {name: fact.value for name, fact in person.facts.items()}
    return {
        **registry,
        "age": age_on(person.birth_date, today),
        "born_on": person.birth_date.isoformat(),
        **({} if person.died_on is None else {"died_on": person.died_on.isoformat()}),
        "residence": person.residence.value,
        "is_named": person.is_named,
        "has_civil_id": person.has_civil_id,
        "birth_is_registered": person.birth_is_registered,
        "now": at,
    }


def day_of(fact: Fact | None) -> date | None:
    """The day that a fact tells; None where it tells no day."""
    try:
        return date.fromisoformat(str(fact.value)) if fact is not None else None
    except ValueError:
        return None


def are_known(facts: Mapping[str, Any], needs: Sequence[str]) -> bool:
    """Whether all of these facts are known; of a yes-or-no fact, whether it is so."""
    return all(facts.get(name) is not None and facts[name] is not False for name in needs)
