"""What the agencies' own systems answer."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request

from services.requests.agency_systems import HttpAgencySystems
from services.requests.domain.definition import Slug
from services.requests.domain.task import Decide, Task, task
from shared.kernel.errors import Refused
from shared.kernel.ids import derive_id
from shared.web.commands import TheShell
from shared.web.problems import Problem

router = APIRouter(tags=["tasks"])


_NOT_GENUINE: dict[int | str, dict[str, Any]] = {401: {"description": "The agency's system has not signed it."}}


@router.post("/agencies/{agency}/decisions", status_code=204, responses=_NOT_GENUINE)
async def decide_by_system(agency: Slug, http: Request, shell: TheShell) -> None:
    """An agency's own system has decided a task, signed by the Standard Webhooks specification.

    The same answer again changes nothing; an officer may have decided meanwhile, and then that counts.
    """
    systems: HttpAgencySystems = http.app.state.agency_systems
    answer = systems.read(agency, await http.body(), http.headers)
    if answer is None:
        raise Problem("webhook-not-genuine")
    loaded = await shell.state(task, answer.task_id)
    if loaded is None or loaded.state.agency != agency:
        raise Problem("not-found")
    state: Task = loaded.state
    if state.decision is not None:
        return
    try:
        await shell.handle(
            task.send(answer.task_id, Decide(answer.decision, system_id(agency), answer.reason)),
            actor=f"agency-system/{agency}",
        )
    except Refused as refused:
        if refused.code != "task-not-open":
            raise


def system_id(agency: str) -> UUID:
    """By what an agency's system is named as the one who has decided."""
    return derive_id("agency-system", agency)
