"""The companies over HTTP: one call for a sender, a page that shows the phones, and two things for testers."""

import asyncio
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulators.bodies import read_limited
from simulators.sms.companies import Company
from simulators.sms.ledger_view import LedgerView, ledger_view
from simulators.sms.messages import Messages, ReferenceTakenError
from simulators.sms.pages import phones_page
from simulators.sms.receipts import Receipts
from simulators.sms.records import MessageAccepted
from simulators.sms.switches import Switches

log = structlog.stdlib.get_logger()

router = APIRouter(prefix="/sms", tags=["sms"])


@dataclass
class Sms:
    """The parts of the companies that their routes use."""

    api_key: str = field(repr=False)
    messages: Messages
    receipts: Receipts
    switches: dict[Company, Switches] = field(default_factory=lambda: {company: Switches() for company in Company})


class MessageForm(BaseModel):
    """What a sender asks for. `reference` is its own number of the message."""

    model_config = ConfigDict(extra="forbid")

    to: str = Field(pattern=r"^\+[1-9][0-9]{6,14}$")
    text: str = Field(min_length=1)
    reference: UUID


class MessageRef(BaseModel):
    """What a sender is answered."""

    id: str
    reference: str
    parts: int


def sms_of(request: Request) -> Sms:
    """The companies that the app was composed with."""
    sms = request.app.state.sms
    assert isinstance(sms, Sms)
    return sms


def company_of(company: str) -> Company:
    """The company that a path names."""
    try:
        return Company(company)
    except ValueError as error:
        raise HTTPException(404, "SIMULATOR: there is no such company") from error


SmsParts = Annotated[Sms, Depends(sms_of)]
NamedCompany = Annotated[Company, Depends(company_of)]


@router.post("/{company}/messages", status_code=202)
async def send_message(company: NamedCompany, request: Request, response: Response, sms: SmsParts) -> MessageRef:
    """Accept a message, once a reference."""
    switches = sms.switches[company]
    body = await read_limited(request)
    _refuse_when_down(switches)
    _check_key(request, sms.api_key)
    accepted, is_new = _accept(sms.messages, company, _form(body, switches))
    if is_new:
        sms.receipts.promise(accepted, switches)
    await asyncio.sleep(switches.slow_seconds)
    if switches.timeout_after_accept:
        raise HTTPException(504, "SIMULATOR: the answer was lost")
    response.status_code = 202 if is_new else 200
    return MessageRef(id=accepted.message_id, reference=accepted.reference, parts=accepted.parts)


@router.get("/", response_class=HTMLResponse)
async def show_phones(sms: SmsParts) -> Response:
    """What the phones show."""
    return phones_page(sms.messages.all())


@router.get("/ledger")
async def show_ledger(sms: SmsParts) -> LedgerView:
    """Every message, for an auditor."""
    return ledger_view(sms.messages.all())


@router.get("/{company}/switches")
async def show_switches(company: NamedCompany, sms: SmsParts) -> Switches:
    """What is made to go wrong now."""
    return sms.switches[company]


@router.put("/{company}/switches")
async def set_switches(company: NamedCompany, switches: Switches, sms: SmsParts) -> Switches:
    """Set all switches; one that is left out goes back to its default."""
    sms.switches[company] = switches
    log.info("sms_switches_set", company=company, **switches.model_dump(exclude_defaults=True))
    return switches


def _refuse_when_down(switches: Switches) -> None:
    if switches.down:
        raise HTTPException(503, "SIMULATOR: the company is down")


def _check_key(request: Request, api_key: str) -> None:
    given = request.headers.get("Authorization", "")
    if not compare_digest(given.encode(), f"Bearer {api_key}".encode()):
        raise HTTPException(401, "SIMULATOR: the API key is wrong", {"WWW-Authenticate": "Bearer"})


def _form(body: bytes, switches: Switches) -> MessageForm:
    if switches.refuse:
        raise HTTPException(422, "SIMULATOR: the company refuses every message")
    try:
        return MessageForm.model_validate_json(body)
    except ValidationError as error:
        complaints = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise HTTPException(422, f"SIMULATOR: {complaints}") from error


def _accept(messages: Messages, company: Company, form: MessageForm) -> tuple[MessageAccepted, bool]:
    try:
        accepted, is_new = messages.accept(company, str(form.reference), form.to, form.text)
    except ReferenceTakenError as error:
        raise HTTPException(409, f"SIMULATOR: {error}") from error
    log.info("sms_accepted", company=company, message_id=accepted.message_id, parts=accepted.parts, is_new=is_new)
    return accepted, is_new
