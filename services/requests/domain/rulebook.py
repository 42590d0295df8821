"""What the catalogue is written in: its vocabulary of facts, the rule book over them, and the agencies by name."""

from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import TypeAdapter

from services.requests.domain.definition import FactDefinition
from services.requests.domain.rules import RuleBook
from shared.kernel.text import LocalizedText

CATALOGUE = Path(__file__).parent.parent / "catalogue"
FACTS: Mapping[str, FactDefinition] = TypeAdapter(dict[str, FactDefinition]).validate_python(
    yaml.safe_load((CATALOGUE / "facts.yaml").read_text(encoding="utf-8"))
)
AGENCIES: Mapping[str, LocalizedText] = TypeAdapter(dict[str, LocalizedText]).validate_python(
    yaml.safe_load((CATALOGUE / "agencies.yaml").read_text(encoding="utf-8"))
)
RULEBOOK = RuleBook({name: fact.type for name, fact in FACTS.items()})
