"""A licence and a birth carried through the composed stack, while its parts are killed and paused; then the audit."""

import asyncio
import uuid
from typing import Any

import aiohttp
import pytest

from afaq.demo.birth import be_born, register_parents
from afaq.demo.client import Api
from afaq.demo.people import the_parents
from afaq.local.errors import StackError
from tests.compose.composed import URLS, compose, struck
from tests.support import Person, a_person, approve, pay, submit, until_status

AWAY_SECONDS = 12.0  # longer than brokers and groups take to miss somebody
accepted: list[str] = []


async def patiently_submitted(api: Api, person: Person) -> Any:
    """What a frontend does: it asks again under the same key until it is told that the request is accepted."""
    key = uuid.uuid4().hex
    while True:
        try:
            request = await submit(api, person, key=key)
        except (StackError, aiohttp.ClientError, TimeoutError):
            await asyncio.sleep(0.5)
        else:
            accepted.append(request["id"])
            return request


async def finished(api: Api, person: Person, request: Any) -> None:
    await pay(api, person, request)
    await approve(api, request)
    await until_status(api, person, request, "fulfilled")


async def test_a_licence_is_renewed(composed: Api) -> None:
    person = await a_person(composed)
    await finished(composed, person, await patiently_submitted(composed, person))


async def test_what_follows_a_birth_comes_to_the_parents(composed: Api) -> None:
    people = the_parents()
    told = await be_born(composed, URLS, await register_parents(composed, people), people, lambda text: None)
    assert {message.channel.partition(" by ")[0] for message in told} == {"inbox", "SMS", "mail"}


@pytest.mark.parametrize("act", ["kill", "pause"])
@pytest.mark.parametrize("part", ["kafka-2", "requests-db", "payments-db", "requests-worker", "payments-worker"])
async def test_a_licence_is_renewed_although(composed: Api, part: str, act: str) -> None:
    person = await a_person(composed)
    async with struck(part, act):
        submitting = asyncio.create_task(patiently_submitted(composed, person))
        await asyncio.sleep(AWAY_SECONDS)
    await finished(composed, person, await submitting)


async def test_the_audit_finds_nothing(composed: Api) -> None:
    command = ["run", "--rm", "-T", "operator", "audit", "--patience", "60", "--acknowledged", "/dev/stdin"]
    code, said = await compose(*command, given="\n".join(accepted).encode(), must=False)
    print(said)
    assert code == 0
    assert f"{len(accepted)} acknowledged" in said
