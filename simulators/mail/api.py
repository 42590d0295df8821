"""The mail server over HTTP: a page that shows mail, and two things for testers."""

from dataclasses import dataclass
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from simulators.mail.ledger_view import MailView, ledger_view
from simulators.mail.pages import mail_page
from simulators.mail.server import MailServer, PostOffice
from simulators.mail.switches import Switches

log = structlog.stdlib.get_logger()

router = APIRouter(prefix="/mail", tags=["mail"])


@dataclass(frozen=True)
class Mail:
    """The parts of the mail server that its routes use."""

    office: PostOffice
    server: MailServer


def mail_of(request: Request) -> Mail:
    """The mail server that the app was composed with."""
    mail = request.app.state.mail
    assert isinstance(mail, Mail)
    return mail


MailParts = Annotated[Mail, Depends(mail_of)]


@router.get("/", response_class=HTMLResponse)
async def show_mail(mail: MailParts) -> Response:
    """Every copy, newest first."""
    return mail_page(mail.office.mailbox.all())


@router.get("/ledger")
async def show_ledger(mail: MailParts) -> list[MailView]:
    """Every copy, for an auditor."""
    return ledger_view(mail.office.mailbox.all())


@router.get("/switches")
async def show_switches(mail: MailParts) -> Switches:
    """What is made to go wrong now."""
    return mail.office.switches


@router.put("/switches")
async def set_switches(switches: Switches, mail: MailParts) -> Switches:
    """Set all switches; one that is left out goes back to its default."""
    mail.office.switches = switches
    log.info("mail_switches_set", **switches.model_dump(exclude_defaults=True))
    return switches
