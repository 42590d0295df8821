"""HTTP to the running platform, and the two citizens whose things the tests of the APIs are about."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from tests.api.support import ELSEWHERE, OFFICER, POLICY, POLICY_ELSEWHERE, Http, a_driver, a_renewal
from tests.conftest import RunningStack
from tests.support import Person


@pytest.fixture(scope="session")
async def http(platform: RunningStack) -> AsyncIterator[Http]:
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield Http(platform.endpoints.urls, session)


@dataclass(frozen=True)
class World:
    """Two citizens with a finished renewal each, and those who work here."""

    owner: Person
    another: Person
    of_owner: dict[str, Any]
    of_another: dict[str, Any]
    officer: str
    officer_elsewhere: str
    registrar: str
    operator: str
    policy: str
    policy_elsewhere: str


@pytest.fixture(scope="session")
async def world(platform: RunningStack) -> World:
    owner, another = await a_driver(platform), await a_driver(platform)
    return World(
        owner=owner,
        another=another,
        of_owner=await a_renewal(platform, owner),
        of_another=await a_renewal(platform, another),
        officer=await platform.api.sign_in(role=OFFICER),
        officer_elsewhere=await platform.api.sign_in(role=ELSEWHERE),
        registrar=await platform.api.sign_in(role="registrar"),
        operator=await platform.api.sign_in(role="operator"),
        policy=await platform.api.sign_in(role=POLICY, name="reader"),
        policy_elsewhere=await platform.api.sign_in(role=POLICY_ELSEWHERE),
    )
