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
from simulators.agency.system import AgencySystem
from simulators.background import Background
from simulators.bank import api as bank_api
from simulators.bank import payments as bank_payments
from simulators.clock import Clock, utc_now
from simulators.hospital import api as hospital_api
from simulators.hospital import records as hospital_records
from simulators.hospital.births import Births
from simulators.hospital.identity import Identity
from simulators.hospital.reporter import Reporter
from simulators.knet import api as knet_api
from simulators.knet import records as knet_records
from simulators.knet.gateway import Gateway, UnknownPaymentError
from simulators.knet.notifier import Notifier
from simulators.knet.pages import unknown_payment_page
from simulators.knet.terminal import Terminal
from simulators.labels import HEADER, HEADER_TEXT, SayingSimulator
from simulators.ledger import Ledger
from simulators.mail import api as mail_api
from simulators.mail import records as mail_records
from simulators.mail.mailbox import Mailbox
from simulators.mail.server import MailServer, PostOffice
from simulators.officer import Officer
from simulators.settings import Settings
from simulators.sms import api as sms_api
from simulators.sms import records as sms_records
from simulators.sms.messages import Messages
from simulators.sms.receipts import Receipts

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
        async with (
            _http_client() as http,
            _knet(settings, http, clock) as app.state.knet,
            _agency(settings, http, clock) as app.state.agency,
            _bank(settings, clock) as app.state.bank,
            _sms(settings, http, clock) as app.state.sms,
            _mail(settings, clock) as app.state.mail,
            _hospital(settings, http, clock) as app.state.hospital,
            _at_work(app.state.agency.desk) as app.state.desk_run,
        ):
            yield

    app = SimulatorsApp(title="Afaq simulators", lifespan=lifespan, docs_url=None, redoc_url=None)
    for part in (health, knet_api, agency_api, bank_api, sms_api, mail_api, hospital_api):
        app.include_router(part.router)
    app.add_exception_handler(UnknownPaymentError, _unknown_payment)
    return app


def _http_client() -> aiohttp.ClientSession:
    headers = {"User-Agent": "afaq-simulators", HEADER: HEADER_TEXT}
    # Without a cookie jar no merchant's session leaks into another merchant's callback.
    return aiohttp.ClientSession(headers=headers, cookie_jar=aiohttp.DummyCookieJar())


@asynccontextmanager
async def _knet(settings: Settings, http: aiohttp.ClientSession, clock: Clock) -> AsyncIterator[knet_api.Knet]:
    terminal = Terminal(
        tranportal_id=settings.knet_tranportal_id,
        password=settings.knet_password.get_secret_value(),
        resource_key=settings.knet_resource_key.get_secret_value().encode(),
    )
    with closing(Ledger(settings.directory / "knet.jsonl", knet_records.RECORD)) as ledger:
        gateway = Gateway(ledger, clock)
        async with Background() as background:
            notifier = Notifier(http, gateway, terminal, background)
            yield knet_api.Knet(terminal, gateway, notifier, settings.public_url)


@asynccontextmanager
async def _agency(settings: Settings, http: aiohttp.ClientSession, clock: Clock) -> AsyncIterator[agency_api.Agency]:
    officer = Officer(http, identity_url=settings.identity_url)
    platform = Platform(officer, requests_url=settings.requests_url)
    with closing(Ledger(settings.directory / "agency.jsonl", agency_records.RECORD)) as ledger:
        journal = Journal(ledger, clock)
        async with Background() as background:
            system = AgencySystem(http, background, clock, secret=settings.agency_webhook_secret.get_secret_value())
            yield agency_api.Agency(platform, journal, Desk(platform, journal), system)


@asynccontextmanager
async def _bank(settings: Settings, clock: Clock) -> AsyncIterator[bank_api.Bank]:
    with closing(Ledger(settings.directory / "bank.jsonl", bank_payments.RECORD)) as ledger:
        yield bank_api.Bank(settings.bank_api_key.get_secret_value(), bank_payments.Payments(ledger, clock))


@asynccontextmanager
async def _sms(settings: Settings, http: aiohttp.ClientSession, clock: Clock) -> AsyncIterator[sms_api.Sms]:
    with closing(Ledger(settings.directory / "sms.jsonl", sms_records.RECORD)) as ledger:
        messages = Messages(ledger, clock)
        async with Background() as background:
            receipts = Receipts(
                http,
                messages,
                background,
                clock,
                url=settings.sms_receipts_url,
                secret=settings.sms_webhook_secret.get_secret_value(),
            )
            yield sms_api.Sms(settings.sms_api_key.get_secret_value(), messages, receipts)


@asynccontextmanager
async def _mail(settings: Settings, clock: Clock) -> AsyncIterator[mail_api.Mail]:
    with closing(Ledger(settings.directory / "mail.jsonl", mail_records.RECORD)) as ledger:
        office = PostOffice(
            username=settings.smtp_username,
            password=settings.smtp_password.get_secret_value(),
            mailbox=Mailbox(ledger, clock),
        )
        async with MailServer(office, settings.smtp_host, settings.smtp_port) as server:
            yield mail_api.Mail(office, server)


@asynccontextmanager
async def _hospital(
    settings: Settings, http: aiohttp.ClientSession, clock: Clock
) -> AsyncIterator[hospital_api.Hospital]:
    identity = Identity(Officer(http, identity_url=settings.identity_url), identity_url=settings.identity_url)
    with closing(Ledger(settings.directory / "hospital.jsonl", hospital_records.RECORD)) as ledger:
        births = Births(ledger, clock)
        async with Background() as background:
            yield hospital_api.Hospital(births, Reporter(identity, births, background, clock))


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
