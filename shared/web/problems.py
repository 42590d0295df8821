"""Problems (RFC 9457): every refusal has a stable code, and words in Arabic and English from `errors.yaml`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog
import yaml
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from opentelemetry import trace
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from shared.kernel.errors import NotYet, Refused
from shared.kernel.text import LocalizedText
from shared.store.faults import is_database_error
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


def answer_problems(app: FastAPI, words: Mapping[str, Words]) -> None:
    """Has every error of an app answered as a problem, never with what a person has typed or a secret."""

    def problem(
        request: Request,
        code: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> JSONResponse:
        said = words[code]
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

    @app.exception_handler(Problem)
    async def _problem(request: Request, error: Problem) -> JSONResponse:
        headers = {"WWW-Authenticate": "Bearer"} if words[error.code].status == 401 else None
        return problem(request, error.code, errors=error.errors, details=error.details, headers=headers)

    @app.exception_handler(Refused)
    async def _refused(request: Request, error: Refused) -> JSONResponse:
        return problem(request, error.code, details=error.details)

    @app.exception_handler(NotYet)
    async def _not_yet(request: Request, error: NotYet) -> JSONResponse:
        return problem(request, "not-known-yet", details={"kind": error.kind}, headers={"Retry-After": "1"})

    @app.exception_handler(StillRunning)
    async def _still_running(request: Request, _: StillRunning) -> JSONResponse:
        return problem(request, "request-in-progress", headers={"Retry-After": "1"})

    @app.exception_handler(KeyReused)
    async def _key_reused(request: Request, _: KeyReused) -> JSONResponse:
        return problem(request, "idempotency-key-reused")

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return problem(request, "invalid-request", errors=[_pointed(found) for found in error.errors()])

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        return problem(request, _STATUS_CODES.get(error.status_code, "invalid-request"), headers=error.headers)

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> JSONResponse:
        if is_database_error(error):
            _log.warning("a request met a database that is away or busy", fault=type(error).__name__)
            return problem(request, "temporarily-unavailable", headers={"Retry-After": "2"})
        _log.error("a request met a fault of ours", route=request.scope.get("path", ""), exc_info=error)
        return problem(request, "internal-error")


def _pointed(found: Mapping[str, Any]) -> dict[str, Any]:
    """A validation error as a JSON pointer and a code; what was typed is not repeated."""
    place, *path = found["loc"]
    pointer = "".join(f"/{part}" for part in path)
    return {"in": place, "pointer": pointer, "code": found["type"].replace("_", "-"), "message": found["msg"]}
