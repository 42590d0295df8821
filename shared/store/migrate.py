"""Migrations: numbered SQL, forward only, checksummed, run by one process at a time.

What takes something away begins with `-- contract`, and waits until an operator says that no process of the release
that reads it runs any more or will be gone back to. A new database has never had such a process.

A waiting process polls for its turn: one that blocks on the advisory lock holds a snapshot, and another's
`create index concurrently` would wait for it for ever (a deadlock that PostgreSQL resolves by failing).
"""

import asyncio
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from shared.store.pool import connect
from shared.store.statements import SQL
from shared.store.types import Connection

KIT = Path(__file__).parent / "migrations"
NO_TRANSACTION = "-- no-transaction"
CONTRACT = "-- contract"
MAKES_BESIDE = re.compile(
    r"create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?(\S+)\s+on\b", re.IGNORECASE
)
_LOCK = 4_615_263
_TABLE = """
create table if not exists migrations (
    folder text not null, name text not null, checksum text not null,
    applied_at timestamptz not null default clock_timestamp(), primary key (folder, name))
"""


class MigrationRefused(Exception):
    """A migration file was changed after it had been applied."""


@dataclass(frozen=True)
class Migration:
    """One file: `folder` tells the kit's from the service's."""

    folder: str
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def contracts(self) -> bool:
        """Whether it takes away what the last release may still read."""
        return self.text.startswith(CONTRACT)

    @property
    def makes_beside(self) -> list[str]:
        """The indexes that it makes beside the work."""
        return MAKES_BESIDE.findall(self.text)


async def migrate(owner_dsn: str, service: str, folder: Path, *, app_role: str, contract: bool = False) -> list[str]:
    """Brings a database to the newest form, the kit's tables first, and grants the app role what it needs.

    `contract`: also takes away what only earlier releases read.
    Returns the names of what was applied. Raises MigrationRefused before anything is changed.
    """
    connection = await connect(owner_dsn, application=f"afaq-migrate-{service}", command_timeout=None)
    try:
        await connection.execute("set statement_timeout = 0")
        while not await connection.fetchval("select pg_try_advisory_lock($1)", _LOCK):
            await asyncio.sleep(0.1)
        await connection.execute(_TABLE)
        found = [*read_migrations("kit", KIT), *read_migrations(service, folder)]
        applied = await _apply(connection, found, contract=contract)
        await connection.execute(SQL["grants"].format(role=f'"{app_role}"'))
        return applied
    finally:
        await connection.close()


def read_migrations(folder: str, path: Path) -> list[Migration]:
    """The migrations of a folder, in their order."""
    return [Migration(folder, file.stem, file.read_text(encoding="utf-8")) for file in sorted(path.glob("*.sql"))]


async def _apply(connection: Connection, found: list[Migration], *, contract: bool) -> list[str]:
    rows = await connection.fetch("select folder, name, checksum from migrations")
    known = {(row["folder"], row["name"]): row["checksum"] for row in rows}
    changed = [m.name for m in found if known.get((m.folder, m.name), m.checksum) != m.checksum]
    if changed:
        raise MigrationRefused(f"changed after being applied: {', '.join(changed)}. Restore the file; add a new one.")
    applied = []
    is_new = not known
    for migration in found:
        if (migration.folder, migration.name) not in known and (contract or is_new or not migration.contracts):
            await _apply_one(connection, migration)
            applied.append(migration.name)
    return applied


async def _apply_one(connection: Connection, migration: Migration) -> None:
    remember = "insert into migrations (folder, name, checksum) values ($1, $2, $3)"
    row = (migration.folder, migration.name, migration.checksum)
    if migration.text.startswith(NO_TRANSACTION):
        broken_off = await connection.fetch(SQL["invalid_indexes"], migration.makes_beside)
        for index in broken_off:  # `if not exists` would take it for made; others may be in the making by an operator
            await connection.execute(f"drop index concurrently {index['name']}")
        await connection.execute(migration.text)
        await connection.execute(remember, *row)
        return
    async with connection.transaction():
        await connection.execute(migration.text)
        await connection.execute(remember, *row)
