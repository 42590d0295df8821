"""The catalogue's seed: what is published is complete, and what is wrong is not published."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from services.requests.domain.definition import FactsStep, ServiceDefinition
from services.requests.domain.rulebook import CATALOGUE, FACTS
from services.requests.forms import form_errors
from services.requests.seed import read_definitions
from services.requests.views import CardView, NeedView
from shared.contracts.identity import LifeEventKind
from shared.contracts.requests import OfferMode
from tests.unit.builders import an_id

DEFINITIONS = read_definitions()
FILES = sorted(file for file in CATALOGUE.glob("*.yaml") if file.stem not in ("facts", "agencies"))
ROLES = {LifeEventKind.BIRTH: {"child", "mother", "father"}, LifeEventKind.DEATH: {"deceased"}}
Raw = dict[str, Any]
each_definition = pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda definition: definition.key)


def published(tmp_path: Path, of: str, change: Callable[[Raw], object]) -> list[ServiceDefinition]:
    """A file of the catalogue, read again with one thing changed."""
    raw = yaml.safe_load((CATALOGUE / f"{of}.yaml").read_text(encoding="utf-8"))
    change(raw)
    (tmp_path / f"{of}.yaml").write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    return read_definitions(tmp_path)


def test_every_file_of_the_catalogue_is_published_under_its_name() -> None:
    assert [definition.id for definition in DEFINITIONS] == [file.stem for file in FILES]


def test_births_are_bound_to_services_of_every_mode() -> None:
    bound = [binding for definition in DEFINITIONS for binding in definition.bindings]
    assert {binding.on for binding in bound} == {LifeEventKind.BIRTH}
    assert {binding.mode for binding in bound} == set(OfferMode)


@each_definition
def test_what_is_accepted_with_one_tap_is_complete(definition: ServiceDefinition) -> None:
    for binding in definition.bindings:
        assert binding.mode is OfferMode.NUDGE or not form_errors(definition.form, binding.form)


@each_definition
def test_a_binding_names_roles_of_its_life_event_and_a_ground_on_which_the_recipient_may_ask(
    definition: ServiceDefinition,
) -> None:
    for binding in definition.bindings:
        assert {binding.recipient, binding.beneficiary} <= ROLES[binding.on]
        assert binding.after_days < binding.open_for_days
        assert binding.recipient == binding.beneficiary or definition.on_behalf_of


@each_definition
def test_what_is_asked_for_can_be_stated_somewhere(definition: ServiceDefinition) -> None:
    for step in (step for step in definition.steps if isinstance(step, FactsStep)):
        assert {*step.asks} <= {role for binding in definition.bindings for role in ROLES[binding.on]}
        for fact in step.needs:
            need = NeedView.of(fact, an_id("child"))
            assert str(an_id("child")) in (need.path or "")


@each_definition
def test_every_service_has_a_card(definition: ServiceDefinition) -> None:
    card = CardView.of(definition)
    assert card.fee_fils == definition.fee_fils()
    assert card.name.ar != card.name.en


def test_a_place_where_facts_are_stated_names_the_person() -> None:
    for fact in FACTS.values():
        assert fact.stated_at is None or "{person_id}" in fact.stated_at.path


def test_a_file_that_is_not_changed_is_published(tmp_path: Path) -> None:
    [definition] = published(tmp_path, "newborn-civil-id", lambda raw: raw)
    assert definition in DEFINITIONS


WRONG: list[tuple[str, str, Callable[[Raw], object], str]] = [
    (
        "a binding whose form is not complete",
        "newborn-civil-id",
        lambda raw: raw["bindings"][0].update(form={}),
        "newborn-civil-id.yaml: the form of the binding at-birth is not complete",
    ),
    (
        "a binding whose form is not right",
        "newborn-civil-id",
        lambda raw: raw["bindings"][0].update(form={"delivery": "by-camel"}),
        "not complete for one tap",
    ),
    (
        "what only tells is to be accepted without its form",
        "child-vaccination",
        lambda raw: raw["bindings"][0].update(mode="automatic"),
        "not complete for one tap",
    ),
    (
        "a facts step that is not the first",
        "birth-certificate",
        lambda raw: raw["steps"].reverse(),
        "a step that asks for facts comes before all others",
    ),
    (
        "two facts steps",
        "birth-certificate",
        lambda raw: raw["steps"].insert(1, {**raw["steps"][0], "id": "again"}),
        "a step that asks for facts comes before all others",
    ),
    (
        "a facts step that asks for nothing",
        "birth-certificate",
        lambda raw: raw["steps"][0].update(needs=[]),
        "at least 1 item",
    ),
    (
        "two bindings with one id",
        "newborn-civil-id",
        lambda raw: raw["bindings"].append({**raw["bindings"][0], "mode": "nudge"}),
        "two bindings have the same id",
    ),
    (
        "a rule that reads an unknown fact",
        "newborn-civil-id",
        lambda raw: raw["eligibility"][0].update(reads=["is_tall"], expression="is_tall"),
        "reads unknown facts: is_tall",
    ),
    (
        "a step that asks for an unknown fact",
        "birth-certificate",
        lambda raw: raw["steps"][0].update(needs=["is_tall"]),
        "unknown facts.*: is_tall",
    ),
    (
        "a document that shows an unknown fact",
        "birth-certificate",
        lambda raw: raw["steps"][1].update(shows=["is_tall"]),
        "unknown facts.*: is_tall",
    ),
    (
        "an agency that nobody knows",
        "newborn-civil-id",
        lambda raw: raw.update(agency="ministry-of-magic"),
        "unknown .*agencies: ministry-of-magic",
    ),
    (
        "an officer of an agency that nobody knows",
        "newborn-civil-id",
        lambda raw: raw["steps"][1].update(agency="ministry-of-magic"),
        "unknown .*agencies: ministry-of-magic",
    ),
    (
        "an example that comes out otherwise",
        "newborn-civil-id",
        lambda raw: raw["eligibility"][2].update(passes={"age": 5}),
        "its example of passed comes out as failed",
    ),
    (
        "a life event that does not exist",
        "newborn-civil-id",
        lambda raw: raw["bindings"][0].update(on="graduation"),
        "Input should be",
    ),
    (
        "a binding for no time at all",
        "newborn-civil-id",
        lambda raw: raw["bindings"][0].update(open_for_days=0),
        "greater than or equal to 1",
    ),
    (
        "a form that is no schema",
        "newborn-civil-id",
        lambda raw: raw.update(form={"type": "nonsense"}),
        "nonsense",
    ),
    (
        "a word that nobody knows",
        "newborn-civil-id",
        lambda raw: raw["bindings"][0].update(until="for ever"),
        "Extra inputs are not permitted",
    ),
    (
        "a key that YAML takes for a yes",
        "newborn-civil-id",
        lambda raw: raw["bindings"][0].update({True: raw["bindings"][0].pop("on")}),
        "Field required",
    ),
]


@pytest.mark.parametrize(("of", "change", "message"), [wrong[1:] for wrong in WRONG], ids=[wrong[0] for wrong in WRONG])
def test_what_is_wrong_is_not_published(tmp_path: Path, of: str, change: Callable[[Raw], object], message: str) -> None:
    with pytest.raises((ValueError, ValidationError), match=message):
        published(tmp_path, of, change)
