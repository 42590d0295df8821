"""Problems (RFC 9457): every refusal has a stable code, and words in Arabic and English from `errors.yaml`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import structlog
import yaml
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from opentelemetry import trace
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from shared.contracts.envelope import UnknownSchemaVersion
from shared.kernel.errors import NotYet, Refused
from shared.kernel.text import LocalizedText
from shared.store.faults import Conflict, is_database_error
from shared.store.work import KeyReused, StillRunning

KIT_ERRORS = Path(__file__).parent / "errors.yaml"
_STATUS_CODES = {404: "not-found", 405: "method-not-allowed", 413: "body-too-large"}

_log = structlog.get_logger()


class Words(BaseModel):
    """What is said of one code: why it happened and what to do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: int
    title: LocalizedText
    detail: LocalizedText


class Problem(Exception):
    """A request that cannot be answered as asked. `errors` point into the body: `{"pointer": "/form/plate", …}`."""

    def __init__(
        self, code: str, *, errors: Sequence[Mapping[str, Any]] = (), details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(code)
        self.code = code
        self.errors = list(errors)
        self.details = dict(details or {})


def read_words(*files: Path) -> dict[str, Words]:
    """The words of all codes of these files."""
    words: dict[str, Words] = {}
    for file in files:
        for code, said in yaml.safe_load(file.read_text(encoding="utf-8")).items():
            words[code] = Words.model_validate(said)
    return words


class ProblemAnswers:
    """Makes problems of errors, never with what a person has typed or a secret."""

    def __init__(self, words: Mapping[str, Words]) -> None:
        self._words = words

    def answer(
        self,
        request: Request,
        code: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> JSONResponse:
        """The problem of a code, in the language that the request prefers and in both."""
        said = self._words[code]
        language = "ar" if request.headers.get("accept-language", "").lower().startswith("ar") else "en"
        context = trace.get_current_span().get_span_context()
        body: dict[str, Any] = {
            "type": f"urn:afaq:problem:{code}",
            "title": getattr(said.title, language),
            "status": said.status,
            "code": code,
            "detail": getattr(said.detail, language),
            "localized": {"title": said.title.model_dump(), "detail": said.detail.model_dump()},
            "trace_id": f"{context.trace_id:032x}" if context.is_valid else None,
        }
        if errors:
            body["errors"] = list(errors)
        if details:
            body["details"] = dict(details)
        return JSONResponse(body, said.status, dict(headers or {}), media_type="application/problem+json")

    async def problem(self, request: Request, error: Exception) -> JSONResponse:
        """A Problem as it is."""
        assert isinstance(error, Problem)
        headers = {"WWW-Authenticate": _challenge(error.details)} if self._words[error.code].status == 401 else None
        return self.answer(request, error.code, errors=error.errors, details=error.details, headers=headers)

    async def refused(self, request: Request, error: Exception) -> JSONResponse:
        """What the domain, or the shell, does not do."""
        match error:
            case Refused():
                return self.answer(request, error.code, details=error.details)
            case NotYet():
                return self.answer(request, "not-known-yet", details={"kind": error.kind}, headers={"Retry-After": "1"})
            case StillRunning():
                return self.answer(request, "request-in-progress", headers={"Retry-After": "1"})
            case _:
                return self.answer(request, "idempotency-key-reused")

    async def invalid(self, request: Request, error: Exception) -> JSONResponse:
        """What does not fit the API's models."""
        assert isinstance(error, RequestValidationError)
        return self.answer(request, "invalid-request", errors=[_pointed(found, error.body) for found in error.errors()])

    async def http(self, request: Request, error: Exception) -> JSONResponse:
        """What the framework answers by itself: no such address, no such method."""
        assert isinstance(error, HTTPException)
        code = _STATUS_CODES.get(error.status_code, "invalid-request")
        return self.answer(request, code, headers=error.headers)

    async def newer(self, request: Request, error: Exception) -> JSONResponse:
        """What newer code has written: its processes answer, or this one does once it is replaced."""
        _log.warning("a request met what only newer code can read", what=str(error), route=route_of(request))
        return self.answer(request, "temporarily-unavailable", headers={"Retry-After": "2"})

    async def unexpected(self, request: Request, error: Exception) -> JSONResponse:
        """A database that is away, or a fault of ours."""
        if is_database_error(error) and not isinstance(error, asyncpg.DataError):
            _log.warning("a request met a database that is away or busy", fault=type(error).__name__)
            return self.answer(request, "temporarily-unavailable", headers={"Retry-After": "2"})
        _log.error("a request met a fault of ours", route=route_of(request), exc_info=error)
        return self.answer(request, "internal-error")

    def give(self, app: FastAPI) -> None:
        """Has every error of an app answered as a problem."""
        app.add_exception_handler(Problem, self.problem)
        for domain_error in (Refused, NotYet, StillRunning, KeyReused):
            app.add_exception_handler(domain_error, self.refused)
        app.add_exception_handler(UnknownSchemaVersion, self.newer)
        app.add_exception_handler(RequestValidationError, self.invalid)
        app.add_exception_handler(HTTPException, self.http)
        for away in (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, Conflict):
            app.add_exception_handler(away, self.unexpected)
        app.add_exception_handler(Exception, self.unexpected)


def route_of(request: Request) -> str:
    """The route's template, without the ids that a person's address may carry."""
    return getattr(request.scope.get("route"), "path", "unknown")


def _challenge(details: Mapping[str, Any]) -> str:
    """How to be let in: with a token, or with a surer sign-in (RFC 9470)."""
    if "acr_values" not in details:
        return "Bearer"
    return f'Bearer error="insufficient_user_authentication", acr_values="{details["acr_values"]}"'


def _pointed(found: Mapping[str, Any], body: Any) -> dict[str, Any]:
    """A validation error as a JSON pointer (RFC 6901) and a code; what was typed is not repeated."""
    place, *path = found["loc"]
    if found["type"] == "json_invalid":
        path = []
    elif place == "body":
        path = _as_far_as_there_is(path, body)
    if found["type"] == "extra_forbidden":
        path = path[:-1]  # its name was made up by the caller
    if found["type"].startswith("union_tag"):
        path = [*path, found["ctx"]["discriminator"].strip("'")]
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
    message = found["msg"].partition(",")[0]  # what follows a comma may quote the input
    if found["type"] == "union_tag_invalid":  # this one quotes it at once
        message = f"Input should be {found['ctx']['expected_tags']}"
    return {"in": place, "pointer": pointer, "code": found["type"].replace("_", "-"), "message": message}


def _as_far_as_there_is(path: Sequence[str | int], body: Any) -> list[str | int]:
    """The part of a location that is in the body: the names of a union's members and `[key]` are not."""
    known: list[str | int] = []
    for part in path:
        if not isinstance(body, Mapping):
            break
        known.append(part)
        if part not in body:
            break
        body = body[part]
    return known
