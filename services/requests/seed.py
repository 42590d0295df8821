"""The catalogue's seed: the YAML files beside this module, checked and published when the service starts."""

from pathlib import Path

import yaml

from services.requests.domain.definition import (
    AgencyTaskStep,
    FactsStep,
    FeeItem,
    FeeStep,
    IssueStep,
    ServiceDefinition,
)
from services.requests.domain.rulebook import AGENCIES, CATALOGUE, FACTS, RULEBOOK
from services.requests.forms import form_errors
from services.requests.queries import bind_life_events, publish_version
from shared.contracts.requests import OfferMode
from shared.store.types import Pool


def read_definitions(folder: Path = CATALOGUE) -> list[ServiceDefinition]:
    """The definitions of a folder, each with its rules checked. Raises ValueError that says what is wrong where."""
    found = []
    for file in sorted(folder.glob("*.yaml")):
        if file.stem in ("facts", "agencies"):
            continue
        definition = ServiceDefinition.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
        form_errors(definition.form, {})  # that the schema is one
        _must_be_known(file, definition)
        for rule in definition.eligibility:
            RULEBOOK.check(rule)
        for step in definition.steps:
            if step.when is not None:
                RULEBOOK.check_condition(step.when, f"{file.name}: the step {step.id}")
            for item in step.items if isinstance(step, FeeStep) else ():
                _can_be_counted(file, definition, item)
        for binding in definition.bindings:
            if binding.mode is not OfferMode.NUDGE and form_errors(definition.form, binding.form):
                raise ValueError(f"{file.name}: the form of the binding {binding.id} is not complete for one tap")
        found.append(definition)
    return found


def _must_be_known(file: Path, definition: ServiceDefinition) -> None:
    """That the agencies and facts that a definition names are there."""
    steps = definition.steps
    agencies = {definition.agency, *(step.agency for step in steps if isinstance(step, AgencyTaskStep))}
    shown = {fact for step in steps if isinstance(step, IssueStep) for fact in step.shows}
    needed = {fact for step in steps if isinstance(step, FactsStep) for fact in step.needs}
    unknown = sorted(agencies - AGENCIES.keys()) + sorted((shown | needed) - FACTS.keys())
    if unknown:
        raise ValueError(f"{file.name} names unknown facts or agencies: {', '.join(unknown)}")


def _can_be_counted(file: Path, definition: ServiceDefinition, item: FeeItem) -> None:
    """That a part of a fee has what it is counted by."""
    where = f"{file.name}: the part {item.id} of a fee"
    if item.exempt is not None:
        RULEBOOK.check_condition(item.exempt, where)
    if item.per is not None and definition.form.get("properties", {}).get(item.per, {}).get("type") != "integer":
        raise ValueError(f"{where} goes by {item.per}, which is no whole number of the form")
    if item.fine is not None and (item.fine.since not in FACTS or FACTS[item.fine.since].type != "date"):
        raise ValueError(f"{where} grows from {item.fine.since}, which is no date that is known")


async def publish_seed(pool: Pool) -> None:
    """Publishes the seed; versions that are there already stay as they are."""
    for definition in read_definitions():
        await publish_version(pool, definition)
    await bind_life_events(pool)
