"""The FastAPI app of a service process: its routes, and what every service answers."""

import asyncio
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.store.job_runner import JobRunner
from shared.store.shell import Shell
from shared.web.auth import TokenVerifier
from shared.web.documents import document_refusals
from shared.web.health import Health
from shared.web.layers import Bounded, Leaves, Measured, Sheds, refuse_odd_json
from shared.web.live import Watcher
from shared.web.problems import KIT_ERRORS, ProblemAnswers, read_words

_TELEMETRY: TelemetryConfig = {"operation_spans": False}  # three spans fewer a request, which say little


def create_app(
    name: str,
    folder: Path,
    router: APIRouter | None,
    *,
    shell: Shell,
    jobs: JobRunner,
    health: Health,
    stop: asyncio.Event,
) -> FastAPI:
    """The app; without a router (a worker) it answers only for its health and its metrics."""
    app = bare_app(name, router)
    app.state.health = health
    app.state.shell = shell
    app.state.jobs = jobs
    app.state.verifier = TokenVerifier(shell.parts.pool)
    app.state.watcher = Watcher(shell, stop)
    words = read_words(KIT_ERRORS, *(file for file in [folder / "errors.yaml"] if file.exists()))
    answers = ProblemAnswers(words)
    answers.give(app)
    app.add_middleware(Bounded)
    app.add_middleware(Sheds, answers=answers)
    app.add_middleware(Measured, service=name)
    app.add_middleware(Leaves, stop=stop)
    return app


def bare_app(name: str, router: APIRouter | None) -> FastAPI:
    """The app's routes and its OpenAPI document, without what it takes to answer."""
    app = FastAPI(
        title=f"Afaq {name}",
        version="1",
        docs_url="/docs",
        redoc_url=None,
        telemetry=_TELEMETRY,
        dependencies=[Depends(refuse_odd_json)],
    )
    _add_operations(app)
    if router is not None:
        app.include_router(router)
        document_refusals(app, router.routes)
    return app


def _add_operations(app: FastAPI) -> None:
    @app.get("/health/live", tags=["operations"])
    async def live() -> dict[str, str]:
        """Whether the process runs."""
        return {"status": "ok"}

    @app.get("/health/ready", tags=["operations"])
    async def ready(request: Request) -> JSONResponse:
        """Whether the process can do its work now, and if not, what it lacks."""
        report = await request.app.state.health.report()
        is_ready = all(state == "ok" for state in report.values())
        return JSONResponse({"status": "ok" if is_ready else "not-ready", **report}, 200 if is_ready else 503)

    @app.get("/metrics", tags=["operations"], include_in_schema=False)
    async def read_metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
