"""Lists in pages: by key, newest first, so that a page stays right while rows are added."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel

T = TypeVar("T")
LAST = UUID(int=2**128 - 1)


class Page(BaseModel, Generic[T]):
    """Some items, and the cursor of those after them; null at the end."""

    items: Sequence[T]
    next_cursor: UUID | None


@dataclass(frozen=True)
class PageRequest:
    """Which page is asked for: the items whose ids are before the cursor."""

    before: UUID
    limit: int


async def _page_request(
    cursor: Annotated[UUID, Query()] = LAST, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> PageRequest:
    return PageRequest(cursor, limit)


PageQuery = Annotated[PageRequest, Depends(_page_request)]


def newest_first(found: Sequence[T], page: PageRequest, id_of: Callable[[T], UUID]) -> Page[T]:
    """The page of what was found with one item more than its limit."""
    items = found[: page.limit]
    return Page(items=items, next_cursor=id_of(items[-1]) if len(found) > page.limit else None)
