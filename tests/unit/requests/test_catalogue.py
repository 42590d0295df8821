"""The catalogue's seed: what is published is complete, and what is wrong is not published."""

from pathlib import Path

import pytest
import yaml

from services.requests.card import CardView
from services.requests.domain.definition import FactsStep, ServiceDefinition
from services.requests.domain.publication import as_written
from services.requests.domain.rulebook import CATALOGUE, FACTS
from services.requests.forms import form_errors
from services.requests.prefill import register_fields
from services.requests.seed import VOCABULARY, read_definitions
from services.requests.views import NeedView
from shared.contracts.identity import LifeEventKind
from shared.contracts.requests import OfferMode
from tests.unit.builders import an_id

DEFINITIONS = read_definitions()
FILES = sorted(file for file in CATALOGUE.glob("*.yaml") if file.stem not in VOCABULARY)
each_definition = pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda definition: definition.key)


def test_every_file_of_the_catalogue_is_published_under_its_name() -> None:
    assert [definition.id for definition in DEFINITIONS] == [file.stem for file in FILES]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_version_is_published_in_no_more_words_than_it_is_written_in(file: Path) -> None:
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert as_written(ServiceDefinition.model_validate(written)) == written


def test_births_are_bound_to_services_of_every_mode() -> None:
    bound = [binding for definition in DEFINITIONS for binding in definition.bindings]
    assert {binding.mode for binding in bound if binding.on is LifeEventKind.BIRTH} == set(OfferMode)


@each_definition
def test_what_is_accepted_with_one_tap_is_complete(definition: ServiceDefinition) -> None:
    for binding in definition.bindings:
        known = {f"/form/{name}" for name in register_fields(definition)}
        missing = {fault["pointer"] for fault in form_errors(definition.form, binding.form)} - known
        assert binding.mode is OfferMode.NUDGE or not missing


@each_definition
def test_a_binding_names_roles_of_its_life_event_and_a_ground_on_which_the_recipient_may_ask(
    definition: ServiceDefinition,
) -> None:
    for binding in definition.bindings:
        assert {binding.recipient, binding.beneficiary} <= binding.roles
        assert binding.after_days < binding.open_for_days
        assert binding.recipient == binding.beneficiary or definition.on_behalf_of


@each_definition
def test_what_is_asked_for_can_be_stated_somewhere(definition: ServiceDefinition) -> None:
    for step in (step for step in definition.steps if isinstance(step, FactsStep)):
        assert {*step.asks} <= {role for binding in definition.bindings for role in binding.roles}
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


def test_what_is_wrong_is_not_read(tmp_path: Path) -> None:
    raw = yaml.safe_load((CATALOGUE / "newborn-civil-id.yaml").read_text(encoding="utf-8"))
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump(raw | {"agency": "ministry-of-magic"}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"odd\.yaml/agency: unknown-agency"):
        read_definitions(tmp_path)
