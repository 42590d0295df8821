"""Each service does what its OpenAPI document says, for requests that fit the document and for those that do not."""

from collections.abc import Mapping
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import APIOperation, Case, GenerationMode, SerializationContext
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from afaq.services import NAMES
from tests.api.conftest import World
from tests.api.support import Http
from tests.conftest import RunningStack
from tests.support import SERVICE

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
EXAMPLES = 40
CONFIG = schemathesis.Config.from_dict({"generation": {"allow-extra-parameters": False}})
"""A parameter that the document does not name is passed over, as on most of the web; a field of a body is not."""


@schemathesis.serializer("application/pdf")
def as_paper(_: SerializationContext, value: Any) -> bytes:
    """No generated text is a paper of ours; each is refused in its own way."""
    return str(value).encode()


STREAM = "GET /requests/{request_id}/stream"
"""It does not end; its tests are in a module of their own."""


@pytest.fixture(scope="module")
async def documents(http: Http) -> Mapping[str, Any]:
    return {name: (await http.get(name, "/openapi.json")).json for name in NAMES}


def token_for(label: str, world: World) -> str:
    """Of somebody who may use this operation."""
    if label == "PUT /persons/{person_id}/name":
        return world.owner.token
    if "/versions/{version}" in label:
        return world.policy
    match label.split(" ")[1].split("/")[1]:
        case "persons" | "life-events" | "relations":
            return world.registrar
        case "tasks":
            return world.officer
        case "ledger":
            return world.operator
        case _:
            return world.owner.token


def ids_for(label: str, world: World) -> dict[str, str] | None:
    """Ids of what is there, so that there is something to answer; of what has ended, so that nothing is spoilt."""
    if label.startswith(("PATCH", "DELETE")):
        return None
    known = {**world.of_owner, "service_id": SERVICE, "version": "1"}
    return {name: id for name, id in known.items() if f"{{{name}}}" in label} or None


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "unfitting"])
@pytest.mark.parametrize("service", NAMES)
def test_a_service_does_what_its_document_says(
    service: str, mode: GenerationMode, platform: RunningStack, documents: Mapping[str, Any], world: World
) -> None:
    schema = schemathesis.openapi.from_dict(documents[service], config=CONFIG)
    faults: set[str] = set()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        can_be_unfit = bool(operation.body) or any(operation.iter_parameters())
        if operation.label != STREAM and (can_be_unfit or mode is GenerationMode.POSITIVE):
            faults |= faults_of(operation, mode, platform.endpoints.urls[service], world)
    assert not faults, "\n".join(sorted(faults))


def faults_of(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, url: str, world: World) -> set[str]:
    """Where some examples of requests are answered otherwise than the document says."""
    faults: set[str] = set()
    headers = {"Authorization": f"Bearer {token_for(operation.label, world)}"}
    known = ids_for(operation.label, world)
    cases = operation.as_strategy(mode)
    if known is not None and mode is GenerationMode.POSITIVE:
        cases |= operation.as_strategy(mode, path_parameters=known)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def send(case: Case[Any]) -> None:
        response = case.call(base_url=url, headers=headers)
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            faults.update(f"{operation.label}: {response.status_code}: {summary(error)}" for error in group.exceptions)

    send()
    return faults


def summary(error: Exception) -> str:
    assert isinstance(error, Failure), error
    return f"{error.title}: {(error.message.splitlines() or [''])[0]}"
