"""Tasks: what an agency's officers or another party decide, and what a person is asked to state."""

from secrets import compare_digest
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from services.requests import queries
from services.requests.domain.task import Claim, Decide, Task, task
from services.requests.signing import CODE
from services.requests.views import OpenTaskView, TaskView
from shared.contracts.requests import TaskDecision
from shared.kernel.text import LocalizedText
from shared.web.auth import Caller, Citizen, Requires
from shared.web.commands import IdempotencyKey, TheShell, perform
from shared.web.problems import Problem

router = APIRouter(tags=["tasks"])

FIRST = UUID(int=0)
Code = Annotated[str, StringConstraints(pattern=CODE)]
OfficerOrCitizen = Annotated[Caller, Depends(Requires("officer", "citizen"))]


class DecisionForm(BaseModel):
    """A decision. Who rejects, or gives the request back for more, says the applicant why in both languages."""

    model_config = ConfigDict(extra="forbid")

    decision: TaskDecision
    reason: LocalizedText | None = None


class TaskPage(BaseModel):
    """Open tasks, and the cursor of those after them; null at the end."""

    items: list[OpenTaskView]
    next_cursor: UUID | None


class ClaimForm(BaseModel):
    """The code that the applicant has handed on."""

    model_config = ConfigDict(extra="forbid")

    code: Code


@router.get("/tasks")
async def list_tasks(
    caller: OfficerOrCitizen,
    shell: TheShell,
    state: Annotated[Literal["open"], Query()] = "open",
    cursor: Annotated[UUID, Query()] = FIRST,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> TaskPage:
    """The open tasks of the caller's agency, or what the caller is asked for; oldest first."""
    pool = shell.parts.pool
    if caller.has("citizen"):
        found = await queries.open_tasks_of_person(pool, caller.id, cursor, limit + 1)
    else:
        found = await queries.open_tasks(pool, caller.agencies, cursor, limit + 1)
    items = [OpenTaskView.of(row) for row in found[:limit]]
    return TaskPage(items=items, next_cursor=items[-1].id if len(found) > limit else None)


@router.post("/tasks/{task_id}/decision", status_code=200, response_model=TaskView)
async def decide_task(
    task_id: UUID, form: DecisionForm, caller: OfficerOrCitizen, key: IdempotencyKey, shell: TheShell
) -> Response:
    """Decides a task of the caller's agency, or agrees as the party who is asked; once."""
    loaded = await shell.state(task, task_id)
    if loaded is None or not _is_theirs(loaded.state, caller):
        raise Problem("not-found")
    send = task.send(task_id, Decide(form.decision, caller.id, form.reason))
    return await perform(shell, send, caller=caller, key=key, answer=TaskView.of, status=200)


@router.post("/tasks/{task_id}/claim", status_code=200, response_model=TaskView)
async def claim_task(
    task_id: UUID, form: ClaimForm, caller: Citizen, key: IdempotencyKey, shell: TheShell, http: Request
) -> Response:
    """Whoever has the code of a task that waits for another party is that party from now on."""
    if await shell.state(task, task_id) is None:
        raise Problem("not-found")
    has_code = compare_digest(form.code, http.app.state.signer.code(task_id))
    send = task.send(task_id, Claim(caller.id, has_code))
    return await perform(shell, send, caller=caller, key=key, answer=TaskView.of, status=200)


def _is_theirs(found: Task, caller: Caller) -> bool:
    if caller.has("citizen"):
        return found.party is not None and found.person_id == caller.id
    return found.agency in caller.agencies
