"""The simulators as one app, with a merchant and a platform of the tests' own around them."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from simulators.app import create_app
from simulators.settings import Settings
from tests.component.simulators.fake_platform import FakePlatform
from tests.component.simulators.merchant import PASSWORD, RESOURCE_KEY, TRANPORTAL_ID, Merchant
from tests.component.simulators.settable_clock import SettableClock

PUBLIC_URL = "http://simulators.test"


@pytest.fixture
async def platform() -> AsyncIterator[FakePlatform]:
    async with FakePlatform() as platform:
        yield platform


@pytest.fixture
def settings(tmp_path: Path, platform: FakePlatform) -> Settings:
    return Settings.model_validate(
        {
            "directory": tmp_path / "ledgers",
            "public_url": PUBLIC_URL,
            "identity_url": platform.url,
            "requests_url": platform.url,
            "knet_tranportal_id": TRANPORTAL_ID,
            "knet_password": PASSWORD,
            "knet_resource_key": RESOURCE_KEY,
        }
    )


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def simulators(settings: Settings, clock: SettableClock) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(settings, clock=clock)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=PUBLIC_URL) as client,
    ):
        yield client


@pytest.fixture
async def merchant(simulators: httpx2.AsyncClient) -> AsyncIterator[Merchant]:
    async with Merchant(simulators) as merchant:
        yield merchant
