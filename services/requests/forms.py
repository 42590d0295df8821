"""Checks a form against its service's JSON Schema. What a person has typed is never repeated in an error."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jsonschema_rs
from pydantic_core import to_json

_MOST_ERRORS = 50


def form_errors(schema: Mapping[str, Any], form: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each fault as a pointer into the form and a code; none for a form that is right."""
    validator = _validator(to_json(schema))
    errors = []
    for _, error in zip(range(_MOST_ERRORS), validator.iter_errors(dict(form)), strict=False):
        pointer = "".join(f"/{part}" for part in error.instance_path)
        errors.append({"pointer": f"/form{pointer}", "code": _code(error)})
    return errors


@lru_cache(maxsize=512)
def _validator(schema: bytes) -> Any:
    """A schema refers to nothing outside of itself: what a definition names is not fetched."""
    return jsonschema_rs.validator_for(schema.decode(), validate_formats=True, retriever=_refuse)


def _refuse(uri: str) -> Any:
    raise ValueError(f"a form does not refer to other documents: {uri}")


def _code(error: Any) -> str:
    """The keyword that is not met, such as `required` or `pattern`."""
    return str(error.schema_path[-1]) if error.schema_path else "schema"
