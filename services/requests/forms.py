"""Checks a form against its service's JSON Schema. What a person has typed is never repeated in an error."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import takewhile
from typing import Annotated, Any

import jsonschema_rs
from jsonschema_rs import RegexOptions
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr
from pydantic_core import to_json

from services.requests.domain.definition import FactName, Slug

_MOST_ERRORS = 50
_EXACT = 2**53


def _whole(value: Any) -> Any:
    """JSON knows no whole numbers: 5.0 is 5, for whoever counts with it too."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    if isinstance(value, Mapping):
        return {name: _whole(part) for name, part in value.items()}
    return [_whole(part) for part in value] if isinstance(value, list) else value


Form = Annotated[Mapping[str, Any], Field(max_length=200), AfterValidator(_whole)]


class Submission(BaseModel):
    """What is asked for: a service of the catalogue, and its form; what registers know need not be in it."""

    model_config = ConfigDict(extra="forbid")

    service_id: Slug
    version: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)] | None = None
    form: Form = {}


class Supposed(BaseModel):
    """A service, and facts that are supposed to be so."""

    model_config = ConfigDict(extra="forbid")

    service_id: Slug
    version: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)] | None = None
    facts: Annotated[Mapping[FactName, StrictBool | StrictInt | StrictStr], Field(max_length=100)] = {}


def form_errors(schema: Mapping[str, Any], form: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each fault as a pointer into the form (RFC 6901) and the keyword not met; none for a form that is right."""
    validator = _validator(to_json(schema))
    declared = _names_in(schema)
    errors = []
    for _, error in zip(range(_MOST_ERRORS), validator.iter_errors(dict(form)), strict=False):
        path = [*error.instance_path, error.kind.property] if error.kind.name == "required" else error.instance_path
        errors.append({"pointer": _pointer(path, declared), "code": error.kind.name})
    return errors


@lru_cache(maxsize=512)
def _validator(schema: bytes) -> Any:
    """A schema refers to nothing outside of itself, and a pattern takes time in proportion to what it is tried on."""
    return jsonschema_rs.validator_for(
        schema.decode(), validate_formats=True, retriever=_refuse, pattern_options=RegexOptions()
    )


def _refuse(uri: str) -> Any:
    raise ValueError(f"a form does not refer to other documents: {uri}")


def _names_in(schema: Any) -> frozenset[str]:
    """The names of fields that a schema declares, however deep."""
    if isinstance(schema, Mapping):
        own = schema.get("properties")
        names = [name for name in own if isinstance(name, str)] if isinstance(own, Mapping) else []
        names += [name for name in schema.get("required", ()) if isinstance(name, str)]
        return frozenset(names).union(*(_names_in(part) for part in schema.values()))
    if isinstance(schema, list | tuple):
        return frozenset[str]().union(*(_names_in(part) for part in schema))
    return frozenset()


def _pointer(path: Sequence[str | int], declared: frozenset[str]) -> str:
    """As far as the names are the schema's: one that a person has made up is not repeated."""
    known = takewhile(lambda part: isinstance(part, int) or part in declared, path)
    return "/form" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in known)
