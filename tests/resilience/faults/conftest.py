"""One platform for all faults: it is struck again and again, and has to be sound after each."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from afaq.demo.client import Api
from tests.resilience.faults.stricken import Stricken, stricken_stack


@pytest.fixture(scope="package")
async def stricken(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stricken]:
    folder = tmp_path_factory.mktemp("stricken")
    stack, proxies = await stricken_stack(folder)
    endpoints = await stack.start()
    connector = aiohttp.TCPConnector(keepalive_timeout=3, limit=200)  # the servers close idle ones after 5 s
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield Stricken(endpoints, folder, stack, Api(endpoints.urls, session), proxies)
    await stack.stop()
    for proxy in proxies.values():
        await proxy.stop()


@pytest.fixture
def audited() -> None:
    """The platform is these tests' own, and audited as each fault is over (`under_load`)."""
