"""Reads of notifications' own tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from pydantic import TypeAdapter

from shared.kernel.text import LocalizedText
from shared.store.statements import Statements
from shared.store.types import Pool

SQL = Statements(Path(__file__).parent / "sql")


@dataclass(frozen=True)
class Message:
    """A message in an inbox; `about_id` is the request or payment that it is about."""

    delivery_id: UUID
    purpose: str
    about_id: UUID
    title: LocalizedText
    body: LocalizedText
    sent_at: datetime


_MESSAGE = TypeAdapter(Message)


async def messages_of_person(
    pool: Pool, person_id: UUID, before: tuple[datetime, UUID], limit: int
) -> Sequence[Message]:
    """A page of a person's messages, newest first."""
    rows = await pool.fetch(SQL["messages_of_person"], person_id, *before, limit)
    return [_MESSAGE.validate_python(dict(row)) for row in rows]
