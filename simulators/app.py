"""Composition root: all simulators as one ASGI app."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress

import aiohttp
import structlog
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.types import ASGIApp

from simulators import health
from simulators.agency import api as agency_api
from simulators.agency import records as agency_records
from simulators.agency.desk import Desk
from simulators.agency.journal import Journal
from simulators.agency.platform import Platform
from simulators.clock import Clock, utc_now
from simulators.knet import api as knet_api
from simulators.knet import records as knet_records
from simulators.knet.gateway import Gateway, UnknownPaymentError
from simulators.knet.notifier import Notifier
from simulators.knet.pages import unknown_payment_page
from simulators.knet.terminal import Terminal
from simulators.labels import HEADER, HEADER_TEXT, SayingSimulator
from simulators.ledger import Ledger
from simulators.settings import Settings

log = structlog.stdlib.get_logger()


class SimulatorsApp(FastAPI):
    """An app whose every answer carries the header, those about its own failures too."""

    def build_middleware_stack(self) -> ASGIApp:
        """Wrap the outermost layer: middleware that is added in the usual way sits below error handling."""
        return SayingSimulator(super().build_middleware_stack())


def create_app(settings: Settings, *, clock: Clock = utc_now) -> FastAPI:
    """All simulators, wired by the settings. Ledgers are opened when the app starts and closed when it stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        knet_ledger = Ledger(settings.directory / "knet.jsonl", knet_records.RECORD)
        agency_ledger = Ledger(settings.directory / "agency.jsonl", agency_records.RECORD)
        with closing(knet_ledger), closing(agency_ledger):
            async with _http_client() as http:
                app.state.knet = _knet(settings, http, Gateway(knet_ledger, clock))
                app.state.agency = _agency(settings, http, Journal(agency_ledger, clock))
                async with _at_work(app.state.agency.desk) as app.state.desk_run:
                    yield
                await app.state.knet.notifier.close()

    app = SimulatorsApp(title="Afaq simulators", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.include_router(health.router)
    app.include_router(knet_api.router)
    app.include_router(agency_api.router)
    app.add_exception_handler(UnknownPaymentError, _unknown_payment)
    return app


def _http_client() -> aiohttp.ClientSession:
    headers = {"User-Agent": "afaq-simulators", HEADER: HEADER_TEXT}
    # Without a cookie jar no merchant's session leaks into another merchant's callback.
    return aiohttp.ClientSession(headers=headers, cookie_jar=aiohttp.DummyCookieJar())


def _knet(settings: Settings, http: aiohttp.ClientSession, gateway: Gateway) -> knet_api.Knet:
    terminal = Terminal(
        tranportal_id=settings.knet_tranportal_id,
        password=settings.knet_password.get_secret_value(),
        resource_key=settings.knet_resource_key.get_secret_value().encode(),
    )
    return knet_api.Knet(terminal, gateway, Notifier(http, gateway, terminal), settings.public_url)


def _agency(settings: Settings, http: aiohttp.ClientSession, journal: Journal) -> agency_api.Agency:
    platform = Platform(http, identity_url=settings.identity_url, requests_url=settings.requests_url)
    return agency_api.Agency(platform, journal, Desk(platform, journal))


@asynccontextmanager
async def _at_work(desk: Desk) -> AsyncIterator[asyncio.Task[None]]:
    run = asyncio.create_task(desk.run())
    run.add_done_callback(_log_failure)
    yield run
    run.cancel()
    with suppress(asyncio.CancelledError):
        await run


def _log_failure(run: asyncio.Task[None]) -> None:
    if not run.cancelled() and (error := run.exception()) is not None:
        log.error("agency_desk_stopped", exc_info=error)


async def _unknown_payment(_request: Request, _error: Exception) -> Response:
    return unknown_payment_page()
