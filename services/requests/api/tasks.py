"""Tasks: what an agency's officers decide, and what a person is asked to state."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict

from services.requests import queries
from services.requests.domain.task import Decide, task
from services.requests.views import OpenTaskView, TaskView
from shared.contracts.requests import TaskDecision
from shared.kernel.text import LocalizedText
from shared.web.auth import Caller, Officer, Requires
from shared.web.commands import IdempotencyKey, TheShell, perform
from shared.web.problems import Problem

router = APIRouter(tags=["tasks"])

FIRST = UUID(int=0)
OfficerOrCitizen = Annotated[Caller, Depends(Requires("officer", "citizen"))]


class DecisionForm(BaseModel):
    """An officer's decision; a rejection has a reason for the applicant in both languages."""

    model_config = ConfigDict(extra="forbid")

    decision: TaskDecision
    reason: LocalizedText | None = None


class TaskPage(BaseModel):
    """Open tasks, and the cursor of those after them; null at the end."""

    items: list[OpenTaskView]
    next_cursor: UUID | None


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
    task_id: UUID, form: DecisionForm, caller: Officer, key: IdempotencyKey, shell: TheShell
) -> Response:
    """Decides a task of the caller's agency, once."""
    loaded = await shell.state(task, task_id)
    if loaded is None or loaded.state.agency not in caller.agencies:
        raise Problem("not-found")
    send = task.send(task_id, Decide(form.decision, caller.id, form.reason))
    return await perform(shell, send, caller=caller, key=key, answer=TaskView.of, status=200)
