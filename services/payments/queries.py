"""Reads of payments' own tables."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from shared.observability import metrics
from shared.store.shell import Shell
from shared.store.statements import Statements
from shared.store.types import Pool

LEDGER_PAGE = 50_000
SETTLED = timedelta(minutes=1)
SQL = Statements(Path(__file__).parent / "sql")


@dataclass(frozen=True)
class Balance:
    """An account: positive is owed to us, negative is owed by us or earned."""

    account: str
    balance_fils: int


async def balances(pool: Pool) -> list[Balance]:
    """Every account's balance."""
    return [Balance(row["account"], row["balance_fils"]) for row in await pool.fetch(SQL["balances"])]


class Measure:
    """Sets the gauges of what is owed and of the ledger.

    What is owed is found by index and counted no further than `COUNTED_AT_MOST`. The ledger is added up in the order of
    its bookings, a page at a time from where the last measure ended: balances are told once all pages are counted. What
    is younger than a minute counts later, because its transaction may still be open.
    """

    def __init__(self) -> None:
        self._balances: Counter[str] = Counter()
        self._place = (datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))

    async def __call__(self, shell: Shell) -> None:
        """Measures once."""
        pool, now = shell.parts.pool, shell.parts.clock.now()
        for row in await pool.fetch(SQL["owed"], now, metrics.COUNTED_AT_MOST):
            metrics.OWED.labels(row["kind"]).set(row["cases"])
            metrics.OWED_OLDEST_SECONDS.labels(row["kind"]).set(row["oldest_seconds"])
        rows = await pool.fetch(SQL["booked_since"], *self._place, now - SETTLED, LEDGER_PAGE)
        for row in rows:
            self._balances[_named(row["account"])] += row["fils"]
            self._place = (row["booked_at"], row["id"])
        if not rows or rows[0]["transfers"] < LEDGER_PAGE:
            for account, fils in self._balances.items():
                metrics.LEDGER_FILS.labels(account).set(fils)


def _named(account: str) -> str:
    """Agencies are told together: each is a series else."""
    return "agencies" if account.startswith("agency:") else account


async def payments_of_payer(pool: Pool, payer_id: UUID, before: UUID, limit: int, for_id: UUID | None) -> list[UUID]:
    """A page of a payer's payments, newest first."""
    rows = await pool.fetch(SQL["payments_of_payer"], payer_id, before, limit, for_id)
    return [row["id"] for row in rows]


async def payouts_of_payee(pool: Pool, payee_id: UUID, before: UUID, limit: int) -> list[UUID]:
    """A page of what a person is paid, newest first."""
    return [row["id"] for row in await pool.fetch(SQL["payouts_of_payee"], payee_id, before, limit)]
