"""Reads of payments' own tables."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from shared.store.statements import Statements
from shared.store.types import Pool

SQL = Statements(Path(__file__).parent / "sql")


@dataclass(frozen=True)
class Balance:
    """An account: positive is owed to us, negative is owed by us or earned."""

    account: str
    balance_fils: int


async def balances(pool: Pool) -> list[Balance]:
    """Every account's balance."""
    return [Balance(row["account"], row["balance_fils"]) for row in await pool.fetch(SQL["balances"])]


async def payments_of_payer(pool: Pool, payer_id: UUID, before: UUID, limit: int, for_id: UUID | None) -> list[UUID]:
    """A page of a payer's payments, newest first."""
    rows = await pool.fetch(SQL["payments_of_payer"], payer_id, before, limit, for_id)
    return [row["id"] for row in rows]


async def payouts_of_payee(pool: Pool, payee_id: UUID, before: UUID, limit: int) -> list[UUID]:
    """A page of what a person is paid, newest first."""
    return [row["id"] for row in await pool.fetch(SQL["payouts_of_payee"], payee_id, before, limit)]
