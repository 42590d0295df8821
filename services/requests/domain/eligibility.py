"""Whether somebody may have a service: its audience, its rules, and on what ground one asks for another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.requests.domain.definition import ServiceDefinition
from services.requests.domain.facts import KnownPerson, facts_of
from services.requests.domain.rulebook import FACTS, RULEBOOK
from services.requests.domain.rules import Ruling, Verdict
from shared.contracts.identity import RelationKind, is_of_age
from shared.contracts.requests import FactSource, RuleDecision
from shared.kernel.clock import KUWAIT
from shared.kernel.errors import Refused


@dataclass(frozen=True)
class KnownRelation:
    """A row of `relations`: who may act for whom, as identity tells it."""

    id: UUID
    kind: RelationKind
    holder_id: UUID
    for_id: UUID
    scopes: Sequence[str]
    until: date | None
    in_force: bool

    def allows(self, definition: ServiceDefinition, beneficiary: KnownPerson, at: datetime) -> bool:
        """Whether its holder may ask for this service for the other at this instant."""
        is_over = self.until is not None and at.astimezone(KUWAIT).date() > self.until
        is_child = self.kind is not RelationKind.GUARDIAN or not is_of_age(beneficiary.birth_date, at)
        is_in_scope = not self.scopes or definition.id in self.scopes
        is_known_ground = self.kind in definition.on_behalf_of
        return self.in_force and not is_over and is_child and is_in_scope and is_known_ground


def judge(definition: ServiceDefinition, person: KnownPerson, at: datetime) -> list[RuleDecision]:
    """The decisions of all rules. Raises Refused where one fails, or where one cannot be decided."""
    if person.residence not in definition.audience:
        raise Refused("not-eligible", {"rules": [{"id": "audience"}]})
    rulings = rulings_on(definition, facts_of(person, at))
    failed = [ruling.rule for ruling in rulings if ruling.verdict is Verdict.FAILED]
    if failed:
        said = [{"id": rule.id, "reason": rule.reason.model_dump()} for rule in failed]
        raise Refused("not-eligible", {"rules": said})
    undecided = [ruling for ruling in rulings if ruling.verdict is Verdict.UNDECIDED]
    if undecided:
        raise Refused(
            "eligibility-undecided",
            {"rules": [{"id": ruling.rule.id, "waits_for": owners_of(ruling)} for ruling in undecided]},
        )
    return decisions_of(rulings, person)


def rulings_on(definition: ServiceDefinition, facts: Mapping[str, Any]) -> list[Ruling]:
    """How every rule comes out for somebody of whom this is known."""
    return [RULEBOOK.judge(rule, facts) for rule in definition.eligibility]


def owners_of(ruling: Ruling) -> list[str]:
    """The agencies that have still to tell a fact; where none is missing, nobody: then the rule itself is at fault, and
    is the service's agency's to mend.
    """
    missing = (fact for fact in ruling.rule.reads if fact not in ruling.facts)
    return sorted({told_by for fact in missing if (told_by := FACTS[fact].told_by)})


def decisions_of(rulings: Sequence[Ruling], person: KnownPerson) -> list[RuleDecision]:
    """Rulings as they are kept: which rule, the facts that it read, and whence they are."""
    return [
        RuleDecision(
            rule_id=ruling.rule.id,
            passed=ruling.verdict is Verdict.PASSED,
            facts=dict(ruling.facts),
            sources={
                name: FactSource(source=person.facts[name].source, as_of=person.facts[name].as_of)
                for name in ruling.facts
                if name in person.facts
            },
        )
        for ruling in rulings
    ]
