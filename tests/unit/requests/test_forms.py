import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.requests.forms import form_errors
from services.requests.seed import read_definitions
from tests.unit.generated import JSON_VALUES, QUICK, WORDS

CANARY = "what a person has typed"
RENEWAL = next(definition for definition in read_definitions() if definition.id == "driving-licence-renewal").form


def an_object(**parts: Any) -> dict[str, Any]:
    """A schema of a form."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", **parts}


def with_field(**field: Any) -> dict[str, Any]:
    """A schema of a form with one field."""
    return an_object(properties={"field": field})


def codes(schema: Mapping[str, Any], form: dict[str, Any]) -> list[tuple[str, str]]:
    """The pointers and codes of a form's faults."""
    return [(error["pointer"], error["code"]) for error in form_errors(schema, form)]


def test_a_form_that_is_right_has_no_faults() -> None:
    assert form_errors(RENEWAL, {"delivery": "digital"}) == []
    assert form_errors(RENEWAL, {"delivery": "kiosk", "kiosk": "avenues-1"}) == []


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"delivery": "by-camel"}, ("/form/delivery", "enum")),
        ({"delivery": "kiosk", "kiosk": "UPPER CASE"}, ("/form/kiosk", "pattern")),
        ({"delivery": "kiosk", "kiosk": 5}, ("/form/kiosk", "type")),
        ({"delivery": "digital", CANARY: 1}, ("/form", "additionalProperties")),
    ],
)
def test_a_fault_is_a_pointer_into_the_form_and_a_code(form: dict[str, Any], expected: tuple[str, str]) -> None:
    assert codes(RENEWAL, form) == [expected]


def test_a_field_that_is_missing_is_pointed_at() -> None:
    assert codes(RENEWAL, {}) == [("/form/delivery", "required")]
    assert codes(RENEWAL, {"delivery": "kiosk"}) == [("/form/kiosk", "required")]


def test_of_two_fields_that_are_missing_each_is_told_apart() -> None:
    faults = codes(an_object(required=["first", "second"]), {})
    assert len(set(faults)) == 2


def test_a_pointer_goes_into_lists_and_objects() -> None:
    child = an_object(properties={"name": {"type": "string"}})
    schema = an_object(properties={"children": {"type": "array", "items": child}})
    assert codes(schema, {"children": [{"name": "a"}, {"name": 5}]}) == [("/form/children/1/name", "type")]


def test_a_pointer_escapes_what_would_be_read_as_a_path() -> None:
    schema = an_object(properties={"a/b": {"type": "integer"}, "c~d": {"type": "integer"}})
    assert set(codes(schema, {"a/b": "x", "c~d": "x"})) == {("/form/a~1b", "type"), ("/form/c~0d", "type")}


def test_the_code_of_a_field_that_may_not_be_there_is_no_name_of_a_field() -> None:
    assert codes(an_object(properties={"never": False}), {"never": 1}) != [("/form/never", "never")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ({"type": "integer"}, CANARY),
        ({"enum": ["a", "b"]}, CANARY),
        ({"const": "a"}, CANARY),
        ({"pattern": "^[0-9]+$", "type": "string"}, CANARY),
        ({"maxLength": 3, "type": "string"}, CANARY),
        ({"type": "string", "format": "date"}, CANARY),
        ({"type": "string", "format": "email"}, CANARY),
        ({"type": "string", "format": "uuid"}, CANARY),
        ({"not": {"type": "string"}}, CANARY),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, CANARY),
        ({"type": "object", "additionalProperties": False}, {CANARY: CANARY}),
        ({"type": "object", "unevaluatedProperties": False}, {CANARY: CANARY}),
        ({"type": "object", "propertyNames": {"pattern": "^x"}}, {CANARY: 1}),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {CANARY: CANARY}),
        ({"type": "object", "patternProperties": {"^w": {"type": "integer"}}}, {CANARY: CANARY}),
        ({"type": "array", "uniqueItems": True}, [CANARY, CANARY]),
    ],
)
def test_nothing_that_was_typed_is_repeated(field: dict[str, Any], value: Any) -> None:
    errors = form_errors(with_field(**field), {"field": value})
    assert errors
    assert CANARY not in json.dumps(errors)


def test_errors_are_limited() -> None:
    schema = with_field(type="array", items={"type": "integer"})
    assert len(form_errors(schema, {"field": ["x"] * 1000})) == 50


def test_formats_are_checked() -> None:
    assert codes(with_field(type="string", format="date"), {"field": "2026-02-30"}) == [("/form/field", "format")]
    assert codes(with_field(type="string", format="date"), {"field": "2026-02-28"}) == []


@pytest.mark.parametrize(
    "reference",
    ["https://example.org/schema.json", "http://127.0.0.1:1/x", "file:///etc/passwd", "/etc/passwd", "other.json"],
)
@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef"])
def test_a_form_refers_to_nothing_outside_of_itself(reference: str, keyword: str) -> None:
    with pytest.raises(ValueError, match="retrieving it failed"):
        form_errors(an_object(properties={"field": {keyword: reference}}), {})


def test_a_form_may_refer_to_its_own_parts() -> None:
    schema = an_object(**{"$defs": {"count": {"type": "integer"}}}, properties={"field": {"$ref": "#/$defs/count"}})
    assert codes(schema, {"field": "x"}) == [("/form/field", "type")]
    assert codes(schema, {"field": 1}) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"$schema": "https://example.org/dialect"},
        {"type": "nonsense"},
        with_field(pattern="(unclosed"),
        with_field(**{"$ref": "#/$defs/missing"}),
        with_field(pattern="(((a{100}){100}){100})"),
        with_field(pattern="^(?=(a+)+$)a"),  # looking ahead and back takes time out of proportion
        with_field(pattern=r"^(a|a)*\1$"),
    ],
)
def test_what_is_no_schema_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        form_errors(schema, {})


@pytest.mark.timeout(10)
@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(.*)*b$"])
def test_a_pattern_that_explodes_elsewhere_is_quick_here(pattern: str) -> None:
    assert codes(with_field(type="string", pattern=pattern), {"field": "a" * 5000 + "!"}) == [
        ("/form/field", "pattern")
    ]


@QUICK
@given(st.dictionaries(WORDS | st.sampled_from(["delivery", "kiosk"]), JSON_VALUES, max_size=4))
def test_any_form_is_right_or_has_faults(form: dict[str, Any]) -> None:
    for error in form_errors(RENEWAL, form):
        assert error["pointer"].startswith("/form")
        assert error["code"]


def test_what_is_not_a_number_of_json_is_no_number() -> None:
    assert codes(with_field(type="number"), {"field": float("nan")}) == [("/form/field", "type")]
