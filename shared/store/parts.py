"""The concrete parts that the shell of one process works with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.functions import Service
from shared.kernel.clock import Clock
from shared.store.keyring import KeyRing
from shared.store.statements import SQL
from shared.store.types import Pool


@dataclass(frozen=True)
class Parts:
    """A service, its database, its keys and its clock; and what is learnt about the database once.

    `has_recovered`: its log was restored and has taken events back from its topic, so that what caused them may come
    again.
    """

    service: Service
    pool: Pool
    keyring: KeyRing
    clock: Clock
    primary_keys: Mapping[str, tuple[str, ...]]
    has_recovered: bool = False
    immutable_rows: dict[tuple[Any, Any], Any] = field(default_factory=dict)


async def assemble(service: Service, pool: Pool, keyring: KeyRing, clock: Clock) -> Parts:
    """The parts, with the primary keys that projections' rows are found by read from the database."""
    rows = await pool.fetch(SQL["primary_keys"])
    primary_keys = {row["table"]: tuple(row["columns"]) for row in rows}
    return Parts(service, pool, keyring, clock, primary_keys, await pool.fetchval(SQL["has_recovered"]))
