"""Reads of requests' own tables."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from uuid import UUID

import structlog
from pydantic import TypeAdapter

from services.requests.domain.definition import ServiceDefinition, read_definition
from services.requests.domain.eligibility import KnownRelation
from services.requests.domain.facts import KnownPerson
from services.requests.domain.request_state import Owner
from shared.contracts.envelope import UnknownSchemaVersion
from shared.kernel.clock import KUWAIT
from shared.kernel.text import LocalizedText
from shared.observability import metrics
from shared.store.shell import Shell
from shared.store.statements import Statements
from shared.store.types import Pool, Record

OWNERS = list(Owner)
SQL = Statements(Path(__file__).parent / "sql")
_PERSON = TypeAdapter(KnownPerson)

_log = structlog.get_logger()


@dataclass(frozen=True)
class TaskRow:
    """An open task: in an agency's queue, or of a person, who states what it `needs` about somebody, or agrees as the
    `party` that they are of the request.
    """

    id: UUID
    request_id: UUID
    service_id: str
    agency: str | None
    about_id: UUID | None
    needs: Sequence[str]
    title: LocalizedText
    state: str
    opened_at: datetime
    party: str | None = None


_TASK = TypeAdapter(TaskRow)
_RELATION = TypeAdapter(KnownRelation)


_read = lru_cache(maxsize=1000)(read_definition)
"""A definition as its text says it: read once, because a version never changes."""


async def measure(shell: Shell) -> None:
    """Sets the gauges of what waits: by index, and no further than `COUNTED_AT_MOST`."""
    pool, now = shell.parts.pool, shell.parts.clock.now()
    for gauge in (metrics.TASKS_OPEN, metrics.TASKS_OLDEST_SECONDS):
        gauge.clear()  # an agency may have none any more
    for row in await pool.fetch(SQL["waiting_tasks"], now, metrics.COUNTED_AT_MOST):
        metrics.TASKS_OPEN.labels(row["agency"]).set(row["open"])
        metrics.TASKS_OLDEST_SECONDS.labels(row["agency"]).set(row["oldest_seconds"])
    for row in await pool.fetch(SQL["waiting_requests"], OWNERS, metrics.COUNTED_AT_MOST):
        metrics.REQUESTS_WAITING.labels(row["owner"]).set(row["waiting"])


async def current_versions(pool: Pool, at: datetime) -> list[ServiceDefinition]:
    """The newest version of every service that is in effect at an instant, as far as this code can read them."""
    today = at.astimezone(KUWAIT).date()
    return list(_readable(await pool.fetch(SQL["current_versions"], None, today)))


async def current_version(pool: Pool, at: datetime, service_id: str) -> ServiceDefinition | None:
    """The newest version of one service. Raises UnknownSchemaVersion: an older one would be the wrong rules."""
    definition = await pool.fetchval(SQL["current_versions"], service_id, at.astimezone(KUWAIT).date())
    return None if definition is None else _read(definition)


async def service_ids(pool: Pool) -> set[str]:
    """The names of all services that have a version."""
    return {row["service_id"] for row in await pool.fetch(SQL["service_ids"])}


async def version_by_key(pool: Pool, key: str) -> ServiceDefinition | None:
    """One version of one service."""
    definition = await pool.fetchval(SQL["version_by_key"], key)
    return None if definition is None else _read(definition)


async def seeded_before_events(pool: Pool) -> list[ServiceDefinition]:
    """Versions that are in the catalogue and have no event yet."""
    return list(_readable(await pool.fetch(SQL["seeded_before_events"])))


def _readable(rows: Sequence[Record]) -> Iterator[ServiceDefinition]:
    """What newer code has published in words of its own is left out: the other services go on."""
    for row in rows:
        try:
            yield _read(row["definition"])
        except UnknownSchemaVersion:
            _log.warning("a service is left out: its definition has words that only newer code knows")


async def find_person(pool: Pool, person_id: UUID) -> KnownPerson | None:
    """A person as identity publishes them."""
    row = await pool.fetchrow(SQL["person"], person_id)
    return None if row is None else _PERSON.validate_python(dict(row))


async def requests_of_applicant(pool: Pool, applicant_id: UUID, before: UUID, limit: int) -> list[UUID]:
    """A page of the requests that a person has sent, or that are for them; newest first."""
    return [row["id"] for row in await pool.fetch(SQL["requests_of_applicant"], applicant_id, before, limit)]


async def open_tasks(pool: Pool, agencies: Iterable[str], after: UUID, limit: int) -> Sequence[TaskRow]:
    """A page of the open tasks of these agencies."""
    rows = await pool.fetch(SQL["open_tasks"], sorted(agencies), after, limit)
    return [_TASK.validate_python({**dict(row), "state": row["status"]}) for row in rows]


async def open_tasks_of_person(pool: Pool, person_id: UUID, after: UUID, limit: int) -> Sequence[TaskRow]:
    """A page of what a person is asked for."""
    rows = await pool.fetch(SQL["open_tasks_of_person"], person_id, after, limit)
    return [_TASK.validate_python({**dict(row), "state": row["status"]}) for row in rows]


async def offers_of_person(pool: Pool, person_id: UUID, before: UUID, limit: int) -> list[UUID]:
    """A page of the offers that a person has now."""
    return [row["id"] for row in await pool.fetch(SQL["offers_of_person"], person_id, before, limit)]


async def standing_offers(pool: Pool, service_id: str, recipient_id: UUID, beneficiary_id: UUID) -> list[UUID]:
    """The offers of a service that a person can answer now, for themselves or for another."""
    rows = await pool.fetch(SQL["standing_offers"], service_id, recipient_id, beneficiary_id)
    return [row["id"] for row in rows]


async def relations_between(pool: Pool, holder_id: UUID, for_id: UUID) -> list[KnownRelation]:
    """On what grounds one acts for the other."""
    return [_RELATION.validate_python(dict(row)) for row in await pool.fetch(SQL["relations"], holder_id, for_id)]


async def document_by_code(pool: Pool, code: str) -> UUID | None:
    """The document that a verification code is of."""
    found: UUID | None = await pool.fetchval(SQL["document_by_code"], code)
    return found


async def drafts_of_person(pool: Pool, person_id: UUID, limit: int) -> list[UUID]:
    """The forms that a person has begun, the newest first."""
    return [row["id"] for row in await pool.fetch(SQL["drafts_of_person"], person_id, limit)]


async def agencies_of_service(pool: Pool, service_id: str) -> list[str]:
    """The agencies that have written a version of a service, published or not: one, or none yet."""
    return [row["agency"] for row in await pool.fetch(SQL["agencies_of_service"], service_id)]
