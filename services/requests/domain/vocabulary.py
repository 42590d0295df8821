"""The words that the catalogue is written in: the facts that rules may read, and the agencies by name."""

from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import TypeAdapter

from services.requests.domain.definition import FactDefinition
from shared.kernel.text import LocalizedText

CATALOGUE = Path(__file__).parent.parent / "catalogue"
FACTS: Mapping[str, FactDefinition] = TypeAdapter(dict[str, FactDefinition]).validate_python(
    yaml.safe_load((CATALOGUE / "facts.yaml").read_text(encoding="utf-8"))
)
OTHERWISE: Mapping[str, bool | int | str] = {
    name: fact.otherwise for name, fact in FACTS.items() if fact.otherwise is not None
}
"""What is so of those whom a register does not list."""
AGENCIES: Mapping[str, LocalizedText] = TypeAdapter(dict[str, LocalizedText]).validate_python(
    yaml.safe_load((CATALOGUE / "agencies.yaml").read_text(encoding="utf-8"))
)
