"""Fills the stores with what so many transactions would have left behind: copies of one that was really made.

Every row that the transaction left in a table is copied under new ids, also inside its JSON. A copy's ids of version 7
lie each a millisecond before the last copy's, so that they are in the order of time as real ones are; derived ids
(version 5) are scattered as real ones are. What is sealed is copied as it is: it has its size, but nobody can open it.
Indexes are made once the rows are there, as a restore does it.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence

import asyncpg

from benchmarks.lab import Say
from benchmarks.platform import Platform

SERVICES = ("requests", "payments", "notifications")
LEFT_OUT = frozenset(
    {
        "migrations",
        "service_versions",
        "bound_versions",
        "publications",
        "access_keys",
        "circuits",
        "outbox",
        "seals",
    }
)
AT_ONCE = 5000
_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[57][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b")
_CODE = re.compile(r"\b(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}\b")
_TABLES = """
select c.relname as name,
       array_agg(a.attname::text order by a.attnum)
         filter (where a.attgenerated = '' and a.attidentity = '') as columns
from pg_class c
join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'public'
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relkind = 'r' group by c.relname order by c.relname
"""


async def store_copies(platform: Platform, how_many: int, say: Say) -> int:
    """Copies all that is stored so many times; how many rows there are then. Nothing may be on its way meanwhile."""
    rows = await asyncio.gather(*(_copy_service(platform, service, how_many) for service in SERVICES))
    await platform.servers.checkpoint()
    say(f"  {sum(rows):,} rows stored")
    return sum(rows)


async def _copy_service(platform: Platform, service: str, how_many: int) -> int:
    # The catalogue is the superuser's; whatever is copied stays the owner's.
    database = platform.endpoints.dsns[service].owner.rpartition("/")[2]
    connection, rows = await asyncpg.connect(platform.servers.dsn, database=database), 0
    try:
        await connection.execute("set synchronous_commit = off; set maintenance_work_mem = '1GB'")
        for table in await connection.fetch(_TABLES):
            if table["name"] not in LEFT_OUT:
                rows += await _copy(connection, table["name"], table["columns"], how_many)
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()
    return rows


async def _copy(connection: "asyncpg.Connection[asyncpg.Record]", table: str, columns: Sequence[str], n: int) -> int:
    # Of jobs only a transaction's timers stay that long; what a service always does is there once, whatever is stored.
    which = "where run_at > now() + interval '1 day'" if table == "jobs" else ""
    found = await connection.fetch(f'select t::text as text from "{table}" t {which}')  # noqa: S608
    names = ", ".join(f'"{column}"' for column in columns)
    values = ", ".join(f'(made.row)."{column}"' for column in columns)
    about_somebody = [row for row in found if _UUID.search(row["text"])]
    if not about_somebody:
        return 0
    # No insert looks at an index that is not ready; making it anew makes it ready.
    await connection.execute("update pg_index set indisready = false where indrelid = $1::regclass", f'"{table}"')
    for row in about_somebody:
        # The text of a row is a parameter, and the ids in it are from it: nothing of it becomes SQL but ids and codes.
        query = (
            f'insert into "{table}" ({names}) select {values} from ('  # noqa: S608
            f'select ({_renewed(row["text"])})::"{table}" as row '
            "from generate_series($2::bigint, $3::bigint) as k offset 0) as made"
        )
        for first in range(1, n + 1, AT_ONCE):
            await connection.execute(query, row["text"], first, min(first + AT_ONCE - 1, n))
    await connection.execute(f'reindex table "{table}"')
    return len(about_somebody) * n


def _renewed(text: str) -> str:
    """An expression for the text of a row ($1) with the ids of its copy k."""
    expression = "$1::text"
    for old, new in [*_new_ids(text), *_new_codes(text)]:
        expression = f"replace({expression}, '{old}', {new})"
    return expression


def _new_ids(text: str) -> Iterator[tuple[str, str]]:
    for old in sorted(set(_UUID.findall(text))):
        if old[14] == "5":
            yield old, f"md5('{old}' || k)::uuid::text"
        else:
            # An id of version 7 begins with its milliseconds; the copies lie before the original.
            milliseconds = int(old[:8] + old[9:13], 16)
            moved = f"lpad(to_hex({milliseconds} - k), 12, '0')"
            yield old, f"(substr({moved}, 1, 8) || '-' || substr({moved}, 9, 4) || '{old[13:]}')"


def _new_codes(text: str) -> Iterator[tuple[str, str]]:
    for old in sorted(set(_CODE.findall(text))):
        yield old, f"'{old}-' || k"
