"""python -m deploy.verify.bytes_of_a_transaction: what a licence renewal leaves in each table and on each topic.

On a stack of its own it plays renewals through the public APIs and takes what the servers' files have grown by. What is
emptied again (the outbox, done jobs) is left out: it does not grow with the years.
"""

import asyncio
import re
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import asyncpg

from afaq.demo.client import Api
from afaq.demo.people import SyntheticPerson, synthetic_people
from afaq.demo.renewal import renew
from afaq.local.stack import Endpoints, Stack
from afaq.local.unprivileged import remove_with_substitute
from afaq.services import NAMES

TRANSACTIONS, AT_ONCE, WARM_UP = 500, 25, 25
EMPTIED = {"outbox", "jobs", "idempotency_keys"}
TABLES = """
select relname, pg_table_size(oid) + pg_indexes_size(oid) as bytes from pg_class
where relkind = 'r' and relnamespace = 'public'::regnamespace
"""


async def main() -> None:
    """Measures, and prints bytes a transaction."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), say=print, echo=False)
        try:
            endpoints = await stack.start()
            before, after = await _grow(endpoints, Path(folder))
        finally:
            await stack.stop()
            remove_with_substitute(Path(folder) / "postgres")
    grown = {name: (after[name] - before[name]) / TRANSACTIONS for name in after}
    for name, size in sorted(grown.items(), key=lambda entry: -entry[1]):
        if size > 0:
            print(f"{size:10,.0f}  {name}")
    for kind in ("database", "topic"):
        print(f"{sum(size for name, size in grown.items() if name.startswith(kind)):10,.0f}  all of {kind}")


async def _grow(endpoints: Endpoints, folder: Path) -> tuple[Mapping[str, int], Mapping[str, int]]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:
        api = Api(endpoints.urls, session)
        desk = {"automatic": True, "agency": "moi-traffic", "delay_seconds": 0.0, "reject_every": 0}
        (await session.put(f"{endpoints.urls['simulators']}/agency/switches", json=desk)).raise_for_status()
        people = await _registered(api)
        await _renew(api, people[:WARM_UP])
        before = await _sizes(endpoints, folder)
        await _renew(api, people[WARM_UP:])
        return before, await _sizes(endpoints, folder)


async def _registered(api: Api) -> Sequence[SyntheticPerson]:
    now = datetime.now(UTC)
    people = synthetic_people(TRANSACTIONS + WARM_UP, today=now.date(), now=now.isoformat())
    registrar = await api.sign_in(role="registrar")
    for person in people:
        await api.post("identity", "/persons", person.form, registrar)
    await asyncio.sleep(5)  # until the other services know of them
    return people


async def _renew(api: Api, people: Sequence[SyntheticPerson]) -> None:
    for start in range(0, len(people), AT_ONCE):
        some = people[start : start + AT_ONCE]
        await asyncio.gather(*(renew(api, p.civil_id, officer_is_played=False, say=lambda _: None) for p in some))


async def _sizes(endpoints: Endpoints, folder: Path) -> Counter[str]:
    sizes = _topics(folder)
    for name in NAMES:
        connection = await asyncpg.connect(endpoints.dsns[name].owner)
        for table, size in await connection.fetch(TABLES):
            if table not in EMPTIED:
                sizes[f"database {name}.{table}"] = size
        await connection.close()
    return sizes


def _topics(folder: Path) -> Counter[str]:
    sizes: Counter[str] = Counter()
    for file in folder.glob("kafka/**/*.log"):
        if found := re.fullmatch(r"((?:identity|requests|payments|notifications)\.\w+)-\d+", file.parent.name):
            sizes[f"topic {found[1]}"] += file.stat().st_size
    return sizes


if __name__ == "__main__":
    asyncio.run(main())
