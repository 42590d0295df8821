"""The OpenAPI document of an app, with what its routes refuse: read off what they depend on."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from shared.web.auth import authenticated
from shared.web.commands import request_key

MAY_BE_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"description": "What the request refers to is not known."}}
"""`responses=` of a route whose body or caller may refer to something that is not there."""

_TEXT = {"type": "object", "required": ["ar", "en"], "properties": {"ar": {"type": "string"}, "en": {"type": "string"}}}
_PROBLEM: dict[str, Any] = {
    "description": "A problem (RFC 9457). `code` is stable; `errors` point into the request by JSON pointers.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "localized", "trace_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "localized": {
            "type": "object",
            "required": ["title", "detail"],
            "properties": {"title": _TEXT, "detail": _TEXT},
        },
        "trace_id": {"type": ["string", "null"]},
        "errors": {"type": "array", "items": {"type": "object"}},
        "details": {"type": "object"},
    },
}
_CONTENT = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def document_refusals(app: FastAPI, routes: Iterable[Any]) -> None:
    """Has the app's OpenAPI document say what each route refuses, and who has to be signed in."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _documented(app, list(_api_routes(routes)))
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _documented(app: FastAPI, routes: list[APIRoute]) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    for replaced in ("HTTPValidationError", "ValidationError"):
        schemas.pop(replaced, None)
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for route in routes:
        for method in route.methods or ():
            operation = document["paths"].get(route.path, {}).get(method.lower())
            if operation is not None:
                _document(route, operation)
    return document


def _document(route: APIRoute, operation: dict[str, Any]) -> None:
    depends_on = set(_calls(route.dependant))
    statuses = {413, 422, 503} | {int(status) for status in operation["responses"] if int(status) >= 400}
    if authenticated in depends_on:
        statuses |= {401, 403}
        operation["security"] = [{"bearer": []}]
    if request_key in depends_on:
        statuses |= {400, 409}
    if "{" in route.path:
        statuses.add(404)
    answers_its_own_way = {int(status) for status, said in route.responses.items() if "model" in said}
    for status in sorted(statuses - answers_its_own_way):
        described = operation["responses"].get(str(status), {}).get("description", "Refused")
        operation["responses"][str(status)] = {"description": described, "content": _CONTENT}


def _calls(dependant: Any) -> Iterator[Callable[..., Any]]:
    for part in dependant.dependencies:
        if part.call is not None:
            yield part.call
        yield from _calls(part)


def _api_routes(routes: Iterable[Any]) -> Iterator[APIRoute]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        else:
            inner = getattr(route, "original_router", route)
            yield from _api_routes(getattr(inner, "routes", ()) or ())
