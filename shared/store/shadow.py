"""A table beside a projection's table, with the same columns, keys, indexes and grants, that can take its place."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from shared.store.statements import SQL, for_table
from shared.store.types import Connection, Record

Values = Mapping[str, Any]
_NOBODY = object()


class Shadow:
    """Rows are gathered, those of one key as one, and written together in `flush`."""

    def __init__(self, connection: Connection, table: str, key: Sequence[str], shape: Record) -> None:
        self.table = table
        self.name = f"{table}_rebuilt"
        self.was_written = False
        self._connection = connection
        self._key = tuple(key)
        self._shape = shape
        self._rows: dict[Any, dict[str, Any]] = {}
        self._gone: dict[str, list[Any]] = {}
        self._writing: asyncio.Task[None] | None = None

    @classmethod
    async def create(cls, connection: Connection, table: str, key: Sequence[str] | None) -> "Shadow | None":
        """An empty one, in the place of one that was left behind; None where there is no such table that has a key, or
        where it has triggers, which would be lost.
        """
        shape = await connection.fetchrow(SQL["table_shape"], table)
        if shape is None or not key or shape["has_triggers"]:
            return None
        shadow = cls(connection, table, key, shape)
        async with connection.transaction():
            await connection.execute(f"drop table if exists {_quoted(shadow.name)}")
            for statement in shadow._creation():
                await connection.execute(statement)
        return shadow

    def put(self, values: Values) -> None:
        """Columns of one row, found by its key and made where it is not there yet."""
        key = tuple([values[column] for column in self._key])
        known = self._rows.get(key)
        if known is None:
            self._rows[key] = dict(values)
        else:
            known.update(values)

    async def delete(self, by: str, equals: Any) -> None:
        """The rows whose column equals the value are gone."""
        if any(by not in values for values in self._rows.values()):
            await self.flush()  # only the table knows that column of theirs
        for key in [key for key, values in self._rows.items() if values.get(by, _NOBODY) == equals]:
            del self._rows[key]
        self._gone.setdefault(by, []).append(equals)

    async def flush(self) -> None:
        """Has what was gathered written while more is gathered: what is gone goes before the rows come."""
        await self.written()
        if self._gone or self._rows:
            self.was_written = True
            self._writing = asyncio.create_task(self._write(self._gone, self._rows))
            self._gone, self._rows = {}, {}

    async def written(self) -> None:
        """Returns when all that was flushed is written; raises what went wrong with it."""
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing

    async def _write(self, gone: Mapping[str, list[Any]], rows: Mapping[Any, Values]) -> None:
        for by, values in gone.items():
            await self._connection.execute(f"delete from {_quoted(self.name)} where {by} = any($1)", values)  # noqa: S608
        by_columns: dict[tuple[str, ...], list[Values]] = {}
        for row in rows.values():
            by_columns.setdefault(tuple(row), []).append(row)
        for columns, found in by_columns.items():
            await self._connection.execute(self._upsert(columns), to_json(found))

    async def settle(self) -> None:
        """From here on it lasts as any table does, which would have cost others much while it was filled; and the
        planner knows what is in it before anybody reads it.
        """
        await self._connection.execute(f"alter table {_quoted(self.name)} set logged")
        await self._connection.execute(f"analyze {_quoted(self.name)}")

    async def count(self, table: str) -> int:
        """How many rows a table has, by the name that it has now."""
        count: int = await self._connection.fetchval(f"select count(*) from {_quoted(table)}")  # noqa: S608
        return count

    async def lock_table(self, gate: Connection) -> None:
        """From here to the end of the transaction nobody else reads or writes the table that is to be replaced."""
        await gate.execute(f"lock table {_quoted(self.table)} in access exclusive mode")

    async def take_the_place(self, gate: Connection) -> None:
        """In a transaction that holds the table's lock: the table is dropped, and this one has its names."""
        await gate.execute(f"drop table {_quoted(self.table)}")
        await gate.execute(f"alter table {_quoted(self.name)} rename to {_quoted(self.table)}")
        for number, (name, *_) in enumerate(self._shape["keys"]):
            renaming = f"rename constraint {_quoted(self._part('key', number))} to {_quoted(name)}"
            await gate.execute(f"alter table {_quoted(self.table)} {renaming}")
        for number, (name, *_) in enumerate(self._shape["indexes"]):
            await gate.execute(f"alter index {_quoted(self._part('index', number))} rename to {_quoted(name)}")

    async def drop(self) -> None:
        """Away with it, if it is there still by its own name."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        await self._connection.execute(f"drop table if exists {_quoted(self.name)}")

    def _creation(self) -> list[str]:
        name, shape = _quoted(self.name), self._shape
        options = f" with ({', '.join(shape['options'])})" if shape["options"] else ""
        statements = [
            f"create unlogged table {name} (like {_quoted(self.table)} including all excluding indexes){options}"
        ]
        for number, (_, definition) in enumerate(shape["keys"]):
            statements.append(f"alter table {name} add constraint {_quoted(self._part('key', number))} {definition}")
        for number, (_, definition, is_unique) in enumerate(shape["indexes"]):
            kind, on = "unique index" if is_unique else "index", definition.partition(" USING ")[2]
            statements.append(f"create {kind} {_quoted(self._part('index', number))} on {name} using {on}")
        statements += [f"grant {privilege} on {name} to {grantee}" for grantee, privilege in shape["grants"]]
        return statements

    def _part(self, kind: str, number: int) -> str:
        return f"{self.name}_{kind}_{number}"

    def _upsert(self, columns: tuple[str, ...]) -> str:
        assignments = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in self._key)
        changes = f"update set {assignments}" if assignments else "nothing"
        return for_table(
            "upsert_rows", self.name, columns=", ".join(columns), key=", ".join(self._key), changes=changes
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
