"""A service's database in memory: read committed, row locks with rings found, connections that break.

A statement is one step that nobody interrupts, but where it waits for a lock. Before and after each of them the process
may die, and a commit's answer may be lost.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from tests.simulation.clockwork import CURRENT, EPOCH
from tests.simulation.faults import Faults
from tests.simulation.schema import TableShape, read_schema

Row = dict[str, Any]
Writes = dict[str, dict[Any, Row | None]]
LOCK_SECONDS = 10.0


class Table:
    """Committed rows by their key, and indexes that are made when first asked for."""

    def __init__(self, shape: TableShape) -> None:
        self.shape = shape
        self.rows: dict[Any, Row] = {}
        self._indexes: dict[str, tuple[Callable[[Row], Any], dict[Any, dict[Any, None]]]] = {}

    def key_of(self, row: Row) -> Any:
        """The row's key: a value, or a tuple of them."""
        key = tuple(row[column] for column in self.shape.key)
        return key[0] if len(key) == 1 else key

    def put(self, key: Any, row: Row | None) -> None:
        """The row as it is from now on; None: gone."""
        before = self.rows.pop(key, None)
        if row is not None:
            self.rows[key] = row
        for of, found in self._indexes.values():
            if before is not None:
                found[of(before)].pop(key, None)
            if row is not None:
                found.setdefault(of(row), {})[key] = None

    def index(self, name: str, of: Callable[[Row], Any]) -> dict[Any, dict[Any, None]]:
        """The keys of rows by what `of` says of them."""
        if name not in self._indexes:
            made: dict[Any, dict[Any, None]] = {}
            for key, row in self.rows.items():
                made.setdefault(of(row), {})[key] = None
            self._indexes[name] = (of, made)
        return self._indexes[name][1]

    def having(self, name: str, of: Callable[[Row], Any], value: Any) -> list[Any]:
        """The keys of the rows for which `of` is the value."""
        return list(self.index(name, of).get(value, ()))


class Database:
    """One service's. `changed` is called after each commit with what it wrote."""

    def __init__(
        self, service: str, faults: Faults, run: Callable[..., Any], changed: Callable[["Writes"], None]
    ) -> None:
        self.service = service
        self.faults = faults
        self.run = run
        self.changed = changed
        self.tables = {name: Table(shape) for name, shape in read_schema(service).items()}
        self.locks: dict[Any, dict[Transaction, bool]] = {}
        self.waiting: dict[Any, list[asyncio.Future[None]]] = defaultdict(list)
        self.open: dict[Transaction, None] = {}
        self.sessions: dict[int, Connection] = {}
        self._next: dict[str, int] = defaultdict(int)

    def now(self) -> datetime:
        """The server's clock."""
        return EPOCH + timedelta(seconds=asyncio.get_running_loop().time())

    def next(self, sequence: str) -> int:
        """The sequence's next number; a rolled back transaction leaves a gap."""
        self._next[sequence] += 1
        return self._next[sequence]

    def drop(self, process: Any) -> None:
        """The connections of a process are gone: what it had open is rolled back."""
        for transaction in [found for found in self.open if found.process is process]:
            transaction.abort()
        for lock, connection in list(self.sessions.items()):
            if connection.process is process:
                del self.sessions[lock]

    def drop_session(self, connection: "Connection") -> None:
        """A session's own locks are free."""
        for lock, holder in list(self.sessions.items()):
            if holder is connection:
                del self.sessions[lock]

    def release(self, place: Any, transaction: "Transaction") -> None:
        """A transaction does not hold this any more; who waits for it looks again."""
        held = self.locks.get(place)
        if held is not None:
            held.pop(transaction, None)
            if not held:
                del self.locks[place]
        for waiter in self.waiting.pop(place, ()):
            if not waiter.done():
                waiter.set_result(None)


class Transaction:
    """What one has written and locked, until it is committed or not."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.process = CURRENT.get()
        self.writes: Writes = defaultdict(dict)
        self.places: dict[Any, None] = {}
        self.waits_for: set[Transaction] = set()
        self.is_over = False
        database.open[self] = None

    def check(self) -> None:
        """Raises what a broken connection raises."""
        if self.is_over:
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    def get(self, table: str, key: Any) -> Row | None:
        """The row as this transaction sees it."""
        written = self.writes.get(table)
        if written is not None and key in written:
            return written[key]
        return self.database.tables[table].rows.get(key)

    def scan(self, table: str) -> Iterator[Row]:
        """All rows as this transaction sees them."""
        written = self.writes.get(table, {})
        for key, row in self.database.tables[table].rows.items():
            if key not in written:
                yield row
        yield from (row for row in written.values() if row is not None)

    def having(self, table: str, name: str, of: Callable[[Row], Any], value: Any) -> list[Row]:
        """The rows for which `of` is the value, by an index of this name."""
        written = self.writes.get(table, {})
        kept = self.database.tables[table]
        found = [kept.rows[key] for key in kept.having(name, of, value) if key not in written]
        return found + [row for row in written.values() if row is not None and of(row) == value]

    def by(self, table: str, column: str, value: Any) -> list[Row]:
        """The rows whose column has the value; ids are alike as such and as text."""
        wanted = None if value is None else str(value)
        return self.having(table, column, lambda row: None if row[column] is None else str(row[column]), wanted)

    async def lock(self, place: Any, *, share: bool = False, wait: bool = True) -> bool:
        """Takes a lock until the end. Raises DeadlockDetectedError in a ring, LockNotAvailableError after 10 s."""
        while True:
            held = self.database.locks.setdefault(place, {})
            others = [other for other, is_share in held.items() if other is not self and not (share and is_share)]
            if not others:
                held[self] = share and held.get(self, True)
                self.places[place] = None
                return True
            if not wait:
                return False
            await self._wait_for(place, others)

    async def _wait_for(self, place: Any, others: Iterable["Transaction"]) -> None:
        self.waits_for = set(others)
        try:
            if self._is_in_ring():
                raise asyncpg.DeadlockDetectedError("deadlock detected")
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.database.waiting[place].append(waiter)
            async with asyncio.timeout(LOCK_SECONDS):
                await waiter
        except TimeoutError:
            raise asyncpg.LockNotAvailableError("canceling statement due to lock timeout") from None
        finally:
            self.waits_for = set()
        self.check()

    def _is_in_ring(self) -> bool:
        seen, looking = set[Transaction](), list(self.waits_for)
        while looking:
            other = looking.pop()
            if other is self:
                return True
            if other not in seen:
                seen.add(other)
                looking.extend(other.waits_for)
        return False

    async def write(self, table: str, key: Any, row: Row | None) -> None:
        """A row as it shall be; locked first."""
        await self.lock((table, key))
        self.set(table, key, row)

    def set(self, table: str, key: Any, row: Row | None) -> None:
        """A row as it shall be; it is locked already."""
        shape = self.database.tables[table].shape
        for column in shape.unique if row is not None else ():
            assert row is not None
            taken = self.by(table, column, row[column]) if row[column] is not None else []
            if any(self.database.tables[table].key_of(other) != key for other in taken):
                raise asyncpg.UniqueViolationError(f"duplicate key value in {table}.{column}")
        self.writes[table][key] = row

    def commit(self) -> None:
        """All of it at once."""
        self.check()
        for table, rows in self.writes.items():
            for key, row in rows.items():
                self.database.tables[table].put(key, row)
        self._end()
        if self.writes:
            self.database.changed(self.writes)

    def abort(self) -> None:
        """None of it."""
        if not self.is_over:
            self._end()

    def _end(self) -> None:
        self.is_over = True
        self.database.open.pop(self, None)
        for place in self.places:
            self.database.release(place, self)


class Cursor:
    """The rows of a statement, taken a page at a time."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows

    async def fetch(self, count: int) -> list[Row]:
        """The next so many."""
        page, self._rows = self._rows[:count], self._rows[count:]
        return page


class Connection:
    """As much of asyncpg's connection as the product uses."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.process = CURRENT.get()
        self._transaction: Transaction | None = None

    async def fetch(self, text: str, *arguments: Any) -> list[Row]:
        """The rows of a statement."""
        found = await self._run(text, arguments)
        assert isinstance(found, list), text
        return found

    async def cursor(self, text: str, *arguments: Any) -> Cursor:
        """The rows of a statement, to be taken a page at a time."""
        return Cursor(await self.fetch(text, *arguments))

    async def fetchrow(self, text: str, *arguments: Any) -> Row | None:
        """The first row."""
        return next(iter(await self.fetch(text, *arguments)), None)

    async def fetchval(self, text: str, *arguments: Any) -> Any:
        """The first value of the first row."""
        row = await self.fetchrow(text, *arguments)
        return None if row is None else next(iter(row.values()))

    async def execute(self, text: str, *arguments: Any) -> str:
        """How many rows it was about, as PostgreSQL says it."""
        found = await self._run(text, arguments)
        return f"UPDATE {found if isinstance(found, int) else len(found)}"

    async def executemany(self, text: str, many: Sequence[Sequence[Any]]) -> None:
        """One after the other."""
        for arguments in many:
            await self._run(text, tuple(arguments))

    @asynccontextmanager
    async def transaction(self, *, isolation: str = "read_committed") -> AsyncIterator[None]:
        """All or nothing. Its commit may be lost on the way, there or back."""
        assert isolation in ("read_committed", "repeatable_read")
        await self.database.faults.step(self.database)
        transaction = self._transaction = Transaction(self.database)
        try:
            yield
            await self._commit(transaction)
        except BaseException:
            transaction.abort()
            raise
        finally:
            self._transaction = None

    def terminate(self) -> None:
        """The session is gone, and its locks with it."""
        self.database.drop_session(self)

    async def _run(self, text: str, arguments: Sequence[Any]) -> Any:
        await self.database.faults.step(self.database)
        transaction = self._transaction
        if transaction is not None:
            transaction.check()
            return await self.database.run(self, transaction, text, arguments)
        alone = Transaction(self.database)
        try:
            found = await self.database.run(self, alone, text, arguments)
            await self._commit(alone)
            return found
        except BaseException:
            alone.abort()
            raise

    async def _commit(self, transaction: Transaction) -> None:
        faults = self.database.faults
        await faults.step(self.database)
        transaction.check()
        is_writing = bool(transaction.writes)
        transaction.commit()
        if is_writing:
            faults.lose_answer()


class Pool:
    """As much of asyncpg's pool as the product uses."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """A connection."""
        yield Connection(self.database)

    async def fetch(self, text: str, *arguments: Any) -> list[Row]:
        """The rows of a statement."""
        return await Connection(self.database).fetch(text, *arguments)

    async def fetchrow(self, text: str, *arguments: Any) -> Row | None:
        """The first row."""
        return await Connection(self.database).fetchrow(text, *arguments)

    async def fetchval(self, text: str, *arguments: Any) -> Any:
        """The first value."""
        return await Connection(self.database).fetchval(text, *arguments)

    async def execute(self, text: str, *arguments: Any) -> str:
        """How many rows it was about."""
        return await Connection(self.database).execute(text, *arguments)

    async def executemany(self, text: str, many: Sequence[Sequence[Any]]) -> None:
        """One after the other."""
        await Connection(self.database).executemany(text, many)
