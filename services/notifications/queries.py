"""Reads of notifications' own tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from pydantic import TypeAdapter

from services.notifications.domain.recipient import Recipient
from services.notifications.domain.sms_route import Figures
from shared.contracts.notifications import Channel
from shared.kernel.text import LocalizedText
from shared.observability import metrics
from shared.store.shell import Shell
from shared.store.statements import Statements
from shared.store.types import Pool

SENDING = {"SendSms": Channel.SMS, "SendEmail": Channel.EMAIL}
"""The effects that hand messages over, by their lanes."""
SQL = Statements(Path(__file__).parent / "sql")


@dataclass(frozen=True)
class AttemptRow:
    """How a message was sent besides, in GOV.UK Notify's statuses; `number` counts the attempts."""

    number: int
    channel: Channel
    status: str


@dataclass(frozen=True)
class Message:
    """A message in an inbox; `about_id` is the request or payment that it is about."""

    delivery_id: UUID
    purpose: str
    about_id: UUID
    title: LocalizedText
    body: LocalizedText
    sent_at: datetime
    sent_by: Sequence[AttemptRow]


_MESSAGE = TypeAdapter(Message)
_RECIPIENT = TypeAdapter(Recipient)


async def measure(shell: Shell) -> None:
    """Sets the gauges of messages that wait: by index, and no further than `COUNTED_AT_MOST`."""
    now, pool = shell.parts.clock.now(), shell.parts.pool
    for row in await pool.fetch(SQL["unsent_messages"], now, list(SENDING), metrics.COUNTED_AT_MOST):
        channel = SENDING[row["effect"]]
        metrics.MESSAGES_UNSENT.labels(channel).set(row["messages"])
        metrics.MESSAGES_UNSENT_OLDEST_SECONDS.labels(channel).set(row["oldest_seconds"])


async def messages_of_person(
    pool: Pool, person_id: UUID, before: tuple[datetime, UUID], limit: int
) -> Sequence[Message]:
    """A page of a person's messages, newest first."""
    rows = await pool.fetch(SQL["messages_of_person"], person_id, *before, limit)
    return [_MESSAGE.validate_python(dict(row)) for row in rows]


async def find_recipient(pool: Pool, person_id: UUID) -> Recipient | None:
    """A person as identity publishes them."""
    row = await pool.fetchrow(SQL["recipient"], person_id)
    return None if row is None else _RECIPIENT.validate_python(dict(row))


async def attempt_by_reference(pool: Pool, provider: str, reference: UUID) -> tuple[UUID, int] | None:
    """The delivery, and the number of its attempt, that a provider knows by this name."""
    row = await pool.fetchrow(SQL["attempt_by_reference"], reference, provider)
    return None if row is None else (row["delivery_id"], row["number"])


async def sms_figures(pool: Pool, since: datetime, now: datetime) -> Mapping[str, Figures]:
    """What each company has made of its attempts since an instant."""
    rows = await pool.fetch(SQL["sms_figures"], since, now)
    return {row["provider"]: Figures(row["attempts"], row["bad"]) for row in rows}
