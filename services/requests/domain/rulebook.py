"""The rule book over the catalogue's vocabulary of facts."""

from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import TypeAdapter

from services.requests.domain.definition import FactDefinition
from services.requests.domain.rules import RuleBook

CATALOGUE = Path(__file__).parent.parent / "catalogue"
FACTS: Mapping[str, FactDefinition] = TypeAdapter(dict[str, FactDefinition]).validate_python(
    yaml.safe_load((CATALOGUE / "facts.yaml").read_text(encoding="utf-8"))
)
RULEBOOK = RuleBook({name: fact.type for name, fact in FACTS.items()})
