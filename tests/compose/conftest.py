"""The composed stack, brought up once a run; `make compose-test` says where the engine and the images come from."""

import os
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from afaq.demo.client import Api
from tests.compose.composed import URLS, Loopback, compose

UP_SECONDS = 300


@pytest.fixture(scope="session")
async def composed() -> AsyncIterator[Api]:
    """Its services, as frontends reach them."""
    if os.environ.get("AFAQ_TEST_STACK") != "compose":
        pytest.skip("no container engine: `make compose-test` starts one where it may")
    began = time.monotonic()
    try:
        await compose("up", "--detach", "--wait", "--wait-timeout", str(UP_SECONDS))
        print(f"the composed stack is up after {time.monotonic() - began:.0f} s")
        connector = aiohttp.TCPConnector(resolver=Loopback(), keepalive_timeout=3)  # servers close idle ones after 5 s
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session:
            yield Api(URLS, session)
    finally:
        await compose("down", "--volumes", "--timeout", "10")
