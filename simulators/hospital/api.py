"""The hospitals over HTTP: births to report, a page with a form for them, and two things for testers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel

from simulators.bodies import parse_fields, read_limited
from simulators.clock import KUWAIT
from simulators.hospital.births import Births, UnknownBirthError
from simulators.hospital.forms import BirthForm, CorrectionForm
from simulators.hospital.ledger_view import LedgerView, ledger_view
from simulators.hospital.pages import ward_page
from simulators.hospital.records import ReportsWritten
from simulators.hospital.reporter import Reporter
from simulators.hospital.switches import Switches

log = structlog.stdlib.get_logger()

PREFIX = "/hospital"
router = APIRouter(prefix=PREFIX, tags=["hospital"])


@dataclass(frozen=True)
class Hospital:
    """The parts of the hospitals that their routes use."""

    births: Births
    reporter: Reporter


class BirthRef(BaseModel):
    """Which birth it is."""

    number: str


def hospital_of(request: Request) -> Hospital:
    """The hospitals that the app was composed with."""
    hospital = request.app.state.hospital
    assert isinstance(hospital, Hospital)
    return hospital


HospitalParts = Annotated[Hospital, Depends(hospital_of)]


@router.post("/births", status_code=202)
async def report_birth(birth: BirthForm, hospital: HospitalParts) -> BirthRef:
    """Report a birth, as well as `how` says."""
    return _report(hospital, birth)


@router.post("/births/{number}/correction", status_code=202)
async def correct_birth(number: str, correction: CorrectionForm, hospital: HospitalParts) -> BirthRef:
    """Correct what was reported."""
    try:
        return _send(hospital, hospital.births.correct(number, correction))
    except UnknownBirthError as error:
        raise _unknown() from error


@router.post("/births/{number}/annulment", status_code=202)
async def annul_birth(number: str, hospital: HospitalParts) -> BirthRef:
    """Take a report back: nobody was born."""
    try:
        return _send(hospital, hospital.births.annul(number))
    except UnknownBirthError as error:
        raise _unknown() from error


@router.get("/", response_class=HTMLResponse)
async def show_ward(hospital: HospitalParts) -> Response:
    """A form to report a birth, and all births."""
    return ward_page(hospital.births.all())


@router.post("/", response_class=HTMLResponse)
async def submit_birth(request: Request, hospital: HospitalParts) -> Response:
    """Take the page's form."""
    try:
        birth = _birth_typed_in((await read_limited(request)).decode())
    except ValueError:
        return ward_page(hospital.births.all(), unreadable=True)
    _report(hospital, birth)
    return RedirectResponse(f"{PREFIX}/", status_code=303)


@router.get("/ledger")
async def show_ledger(hospital: HospitalParts) -> LedgerView:
    """Every birth, for an auditor."""
    return ledger_view(hospital.births.all())


@router.get("/switches")
async def show_switches(hospital: HospitalParts) -> Switches:
    """How the hospitals report now."""
    return hospital.reporter.switches


@router.put("/switches")
async def set_switches(switches: Switches, hospital: HospitalParts) -> Switches:
    """Set all switches; one that is left out goes back to its default."""
    hospital.reporter.set_switches(switches)
    log.info("hospital_switches_set", **switches.model_dump(exclude_defaults=True))
    return switches


def _report(hospital: Hospital, birth: BirthForm) -> BirthRef:
    return _send(hospital, hospital.births.note(birth, hospital.reporter.switches))


def _send(hospital: Hospital, written: ReportsWritten) -> BirthRef:
    hospital.reporter.send(written.number, *written.reports)
    return BirthRef(number=written.number)


def _unknown() -> HTTPException:
    return HTTPException(404, "SIMULATOR: there is no such birth")


def _birth_typed_in(form: str) -> BirthForm:
    """A birth from the page's form, where a field that is left blank is not given; raises ValueError."""
    fields = {name: text for name, text in parse_fields(form).items() if text}
    if "born_at" not in fields:
        return BirthForm.model_validate(fields)
    born_at = datetime.fromisoformat(fields["born_at"]).replace(tzinfo=KUWAIT)
    return BirthForm.model_validate(fields | {"born_at": born_at})
