"""The desk over HTTP: a page to look at, switches, and what was decided."""

from dataclasses import dataclass
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel

from simulators.agency.desk import Desk
from simulators.agency.journal import Journal
from simulators.agency.pages import desk_page
from simulators.agency.platform import Platform
from simulators.agency.records import Record
from simulators.agency.switches import Switches
from simulators.agency.system import AgencySystem, SystemSwitches
from simulators.agency.tasks import Task
from simulators.bodies import read_limited
from simulators.officer import PlatformAwayError

log = structlog.stdlib.get_logger()

router = APIRouter(prefix="/agency", tags=["agency"])


@dataclass(frozen=True)
class Agency:
    """The parts of the desk that its routes use."""

    platform: Platform
    journal: Journal
    desk: Desk
    system: AgencySystem


class JournalView(BaseModel):
    """Every choice and every outcome, oldest first."""

    simulator: bool = True
    records: list[Record]


def agency_of(request: Request) -> Agency:
    """The desk that the app was composed with."""
    agency = request.app.state.agency
    assert isinstance(agency, Agency)
    return agency


AgencyParts = Annotated[Agency, Depends(agency_of)]


@router.get("/", response_class=HTMLResponse)
async def show_desk(agency: AgencyParts) -> Response:
    """The first page of open tasks, and the switches."""
    switches = agency.desk.switches
    return desk_page(switches, await _open_tasks(agency.platform, switches.agency))


@router.get("/ledger")
async def show_ledger(agency: AgencyParts) -> JournalView:
    """What was decided, for an auditor."""
    return JournalView(records=agency.journal.records())


@router.get("/switches")
async def show_switches(agency: AgencyParts) -> Switches:
    """How the desk behaves now."""
    return agency.desk.switches


@router.put("/switches")
async def set_switches(switches: Switches, agency: AgencyParts) -> Switches:
    """Set all switches; one that is left out goes back to its default."""
    agency.desk.set_switches(switches)
    log.info("agency_switches_set", **switches.model_dump())
    return switches


@router.post("/system", status_code=202)
async def take_task(request: Request, agency: AgencyParts) -> dict[str, bool]:
    """The agency's own system takes a task; its answer comes later."""
    if agency.system.switches.down:
        raise HTTPException(503, "SIMULATOR: the system is down")
    if not agency.system.take(await read_limited(request), request.headers):
        raise HTTPException(401, "SIMULATOR: the signature is wrong")
    return {"simulator": True}


@router.put("/system/switches")
async def set_system_switches(switches: SystemSwitches, agency: AgencyParts) -> SystemSwitches:
    """Set how the system behaves; what is left out goes back to its default."""
    agency.system.switches = switches
    return switches


async def _open_tasks(platform: Platform, agency: str) -> tuple[Task, ...] | None:
    try:
        return (await platform.task_page(agency)).items
    except PlatformAwayError:
        return None
