"""HTTP of notifications: a person's inbox."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel

from services.notifications.queries import Message, messages_of_person
from shared.web.auth import Citizen
from shared.web.commands import TheShell
from shared.web.pages import LAST
from shared.web.problems import Problem

router = APIRouter()
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


class InboxPage(BaseModel):
    """Messages, newest first; `next_before` and `next_before_id` ask for those after them."""

    items: Sequence[Message]
    next_before: datetime | None
    next_before_id: UUID | None


@router.get("/inbox", tags=["inbox"])
async def inbox(
    caller: Citizen,
    shell: TheShell,
    before: Annotated[AwareDatetime, Query()] = NEVER,
    before_id: Annotated[UUID, Query()] = LAST,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> InboxPage:
    """The caller's messages, newest first."""
    try:
        before.astimezone(UTC)
    except OverflowError:
        raise Problem("invalid-request", errors=[{"in": "query", "pointer": "/before", "code": "range"}]) from None
    found = await messages_of_person(shell.parts.pool, caller.id, (before, before_id), limit + 1)
    items = found[:limit]
    last = items[-1] if len(found) > limit else None
    return InboxPage(
        items=items, next_before=last.sent_at if last else None, next_before_id=last.delivery_id if last else None
    )
