"""Synthetic people who are registered and signed in before anything is measured."""

import asyncio
from datetime import UTC, datetime

import aiohttp

from afaq.demo.client import Api
from afaq.demo.people import SyntheticPerson, synthetic_people
from benchmarks.platform import Platform

AT_ONCE = 32


async def sign_in_people(
    platform: Platform, session: aiohttp.ClientSession, how_many: int, *, skip: int = 0
) -> list[str]:
    """The access tokens of so many people, whom all services know by now; `skip`: those who have registered before."""
    api = Api(platform.urls, session)
    now = datetime.now(UTC)
    people = synthetic_people(skip + how_many, today=now.date(), now=now.isoformat())[skip:]
    known = await _known(platform)
    registrar, gate = await api.sign_in(role="registrar"), asyncio.Semaphore(AT_ONCE)

    async def register(person: SyntheticPerson) -> None:
        async with gate:
            await api.post("identity", "/persons", person.form, registrar)

    async def sign_in(person: SyntheticPerson) -> str:
        async with gate:
            return await api.sign_in(civil_id=person.civil_id)

    await asyncio.gather(*(register(person) for person in people))
    tokens = await asyncio.gather(*(sign_in(person) for person in people))
    while any(now - before < len(people) for now, before in zip(await _known(platform), known, strict=True)):
        await asyncio.sleep(0.2)
    return list(tokens)


async def _known(platform: Platform) -> list[int]:
    """How many people requests and notifications know."""
    tables = {"requests": "persons", "notifications": "recipients"}
    return [await platform.fetchval(name, f"select count(*) from {table}") for name, table in tables.items()]  # noqa: S608
