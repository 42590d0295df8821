"""Reads of identity's own tables."""

from pathlib import Path
from uuid import UUID

from shared.store.statements import Statements
from shared.store.types import Pool

SQL = Statements(Path(__file__).parent / "sql")


async def find_person(pool: Pool, civil_id_hash: str) -> UUID | None:
    """The person with this civil ID."""
    found: UUID | None = await pool.fetchval(SQL["find_person"], civil_id_hash)
    return found


async def relations_of(pool: Pool, person_id: UUID) -> list[UUID]:
    """The relations of a person, on either side; the newest hundred."""
    return [row["id"] for row in await pool.fetch(SQL["relations_of"], person_id)]
