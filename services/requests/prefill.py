"""Once only: what a register knows is filled into a form, shows its source and date, and is not asked for.

A field of a form says with `x-fact` which fact it is.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from services.requests.domain.definition import ServiceDefinition
from services.requests.domain.facts import KnownPerson
from services.requests.domain.rulebook import AGENCIES
from shared.kernel.text import LocalizedText


class Prefilled(BaseModel):
    """A value that a register knows, who says so, and as of when."""

    value: bool | int | str
    source: str
    source_name: LocalizedText | None
    as_of: datetime


def register_fields(definition: ServiceDefinition) -> dict[str, str]:
    """The fields of the form that a register may know, and as which fact."""
    return {name: field["x-fact"] for name, field in definition.fields.items() if isinstance(field.get("x-fact"), str)}


def prefilled(definition: ServiceDefinition, person: KnownPerson) -> dict[str, Prefilled]:
    """The fields of the form that are known of a person."""
    asked = register_fields(definition)
    return {
        name: Prefilled(
            value=person.facts[fact].value,
            source=person.facts[fact].source,
            source_name=AGENCIES.get(person.facts[fact].source),
            as_of=person.facts[fact].as_of,
        )
        for name, fact in asked.items()
        if fact in person.facts
    }


def filled_form(definition: ServiceDefinition, form: Mapping[str, Any], person: KnownPerson | None) -> dict[str, Any]:
    """A form with what registers know: what they say counts, not what is sent in its place."""
    known = {} if person is None else prefilled(definition, person)
    return {**form, **{name: field.value for name, field in known.items()}}
