"""The catalogue's seed: the YAML files beside this module, checked and published when the service starts."""

from pathlib import Path

import yaml

from services.requests.domain.definition import FactsStep, ServiceDefinition
from services.requests.domain.rulebook import CATALOGUE, FACTS, RULEBOOK
from services.requests.forms import form_errors
from services.requests.queries import bind_life_events, publish_version
from shared.contracts.requests import OfferMode
from shared.store.types import Pool


def read_definitions(folder: Path = CATALOGUE) -> list[ServiceDefinition]:
    """The definitions of a folder, each with its rules checked. Raises ValueError that says what is wrong where."""
    found = []
    for file in sorted(folder.glob("*.yaml")):
        if file.stem == "facts":
            continue
        definition = ServiceDefinition.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
        form_errors(definition.form, {})  # that the schema is one
        for rule in definition.eligibility:
            RULEBOOK.check(rule)
        for step in definition.steps:
            unknown = set(step.needs) - FACTS.keys() if isinstance(step, FactsStep) else set()
            if unknown:
                raise ValueError(
                    f"{file.name}: the step {step.id} asks for unknown facts: {', '.join(sorted(unknown))}"
                )
        for binding in definition.bindings:
            if binding.mode is not OfferMode.NUDGE and form_errors(definition.form, binding.form):
                raise ValueError(f"{file.name}: the form of the binding {binding.id} is not complete for one tap")
        found.append(definition)
    return found


async def publish_seed(pool: Pool) -> None:
    """Publishes the seed; versions that are there already stay as they are."""
    for definition in read_definitions():
        await publish_version(pool, definition)
    await bind_life_events(pool)
