"""The gateway over HTTP: two calls for a merchant's server, a page for its customer, and two things for testers."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from simulators.bodies import parse_fields, read_limited
from simulators.knet import pages
from simulators.knet.attempt import Attempt
from simulators.knet.cards import UnknownCardError
from simulators.knet.gateway import Gateway
from simulators.knet.ledger_view import LedgerView, ledger_view
from simulators.knet.notifier import WRONG_AMOUNT_EXTRA_FILS, Notifier
from simulators.knet.pipe import (
    Action,
    PipeRequest,
    inquiry_answer,
    parse_pipe_request,
    refund_answer,
    refusal_answer,
)
from simulators.knet.purchase import parse_payment_init
from simulators.knet.refusals import RefusalError
from simulators.knet.switches import Switches
from simulators.knet.terminal import Terminal

log = structlog.stdlib.get_logger()

PREFIX = "/knet"
router = APIRouter(prefix=PREFIX, tags=["knet"])


@dataclass
class Knet:
    """The parts of the gateway that its routes use."""

    terminal: Terminal
    gateway: Gateway
    notifier: Notifier
    public_url: str
    switches: Switches = field(default_factory=Switches)


def knet_of(request: Request) -> Knet:
    """The gateway that the app was composed with."""
    knet = request.app.state.knet
    assert isinstance(knet, Knet)
    return knet


KnetParts = Annotated[Knet, Depends(knet_of)]


@router.post("/kpg/PaymentInit", response_class=PlainTextResponse)
async def payment_init(request: Request, knet: KnetParts) -> Response:
    """Open a hosted page: `<paymentid>:<its address>`, or `!ERROR!-<code>-<text>`."""
    switches = knet.switches
    body = await read_limited(request)
    _refuse_when(down=switches.down)
    answer = _payment_init_answer(knet, body)
    await asyncio.sleep(switches.slow_seconds)
    return PlainTextResponse(answer)


@router.post("/kpg/tranPipe.htm")
async def tran_pipe(request: Request, knet: KnetParts) -> Response:
    """Inquire or refund, in XML."""
    switches = knet.switches
    body = await read_limited(request)
    _refuse_when(down=switches.down)
    answer = _pipe_answer(knet, switches, body)
    await asyncio.sleep(switches.slow_seconds)
    return Response(answer, media_type="application/xml")


@router.get("/kpg/pay/{payment_id}", response_class=HTMLResponse)
async def show_payment(payment_id: str, knet: KnetParts) -> Response:
    """The hosted page, or the result of an attempt that has ended."""
    return pages.payment_page(knet.gateway.attempt(payment_id))


@router.post("/kpg/pay/{payment_id}", response_class=HTMLResponse)
async def submit_payment(payment_id: str, request: Request, knet: KnetParts) -> Response:
    """Take a card or a cancellation, once; the browser is then sent back to the merchant."""
    fields = _browser_fields(await read_limited(request))
    try:
        newly_decided = _decide(knet, payment_id, fields)
    except UnknownCardError:
        return pages.payment_page(knet.gateway.attempt(payment_id), unknown_card=True)
    attempt = knet.gateway.attempt(payment_id)
    if not newly_decided:
        return pages.payment_page(attempt)
    log.info("knet_payment_decided", payment_id=payment_id, track_id=attempt.track_id, result=attempt.status)
    return await _send_back(knet, attempt)


@router.get("/ledger")
async def show_ledger(knet: KnetParts) -> LedgerView:
    """Every attempt, for an auditor."""
    return ledger_view(knet.gateway.attempts())


@router.get("/switches")
async def show_switches(knet: KnetParts) -> Switches:
    """What is made to go wrong now."""
    return knet.switches


@router.put("/switches")
async def set_switches(switches: Switches, knet: KnetParts) -> Switches:
    """Set all switches; one that is left out goes back to its default."""
    knet.switches = switches
    log.info("knet_switches_set", **switches.model_dump(exclude_defaults=True))
    return switches


def _refuse_when(*, down: bool) -> None:
    if down:
        raise HTTPException(503, "SIMULATOR: the gateway is down")


def _payment_init_answer(knet: Knet, body: bytes) -> str:
    try:
        attempt = knet.gateway.initiate(parse_payment_init(body, knet.terminal))
    except RefusalError as refusal:
        log.warning("knet_payment_init_refused", code=refusal.code)
        return str(refusal)
    log.info("knet_payment_initiated", payment_id=attempt.payment_id, track_id=attempt.track_id)
    return f"{attempt.payment_id}:{knet.public_url}{PREFIX}/kpg/pay/{attempt.payment_id}"


def _pipe_answer(knet: Knet, switches: Switches, body: bytes) -> str:
    try:
        order = parse_pipe_request(body, knet.terminal)
        if order.action is Action.REFUND:
            return _refund(knet.gateway, order)
        _refuse_when(down=switches.down_for_inquiry)
        return inquiry_answer(knet.gateway.inquire(order.key, order.amount_fils))
    except RefusalError as refusal:
        log.warning("knet_pipe_refused", code=refusal.code)
        return refusal_answer(refusal)


def _refund(gateway: Gateway, order: PipeRequest) -> str:
    attempt, refund = gateway.refund(order.key, order.track_id, order.amount_fils)
    log.info("knet_refunded", payment_id=attempt.payment_id, track_id=order.track_id)
    return refund_answer(attempt, refund)


def _browser_fields(body: bytes) -> dict[str, str]:
    try:
        return parse_fields(body.decode())
    except ValueError as error:
        raise HTTPException(422, "SIMULATOR: the form cannot be read") from error


def _decide(knet: Knet, payment_id: str, fields: dict[str, str]) -> bool:
    if "cancel" in fields:
        return knet.gateway.cancel(payment_id)
    extra_fils = WRONG_AMOUNT_EXTRA_FILS if knet.switches.charges_more else 0
    return knet.gateway.pay(payment_id, fields.get("card", ""), fields.get("pin", ""), extra_fils=extra_fils)


async def _send_back(knet: Knet, attempt: Attempt) -> Response:
    switches = knet.switches
    if switches.timeout_after_charge:
        return pages.no_answer_page(attempt)
    if not switches.no_callback:
        await knet.notifier.tell(attempt, switches)
    told = knet.gateway.attempt(attempt.payment_id)
    return RedirectResponse(told.return_url, status_code=303)
