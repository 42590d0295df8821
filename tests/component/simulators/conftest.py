"""The simulators as one app, with a merchant and a platform of the tests' own around them."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from afaq.local.ports import claim_ports
from simulators.settings import Settings
from tests.component.simulators.fake_platform import FakePlatform
from tests.component.simulators.merchant import PASSWORD, RESOURCE_KEY, TRANPORTAL_ID, Merchant
from tests.component.simulators.receipt_listener import SECRET, ReceiptListener
from tests.component.simulators.running import running
from tests.component.simulators.settable_clock import SettableClock

PUBLIC_URL = "http://simulators.test"


@pytest.fixture
async def platform() -> AsyncIterator[FakePlatform]:
    async with FakePlatform() as platform:
        yield platform


@pytest.fixture
async def receipts() -> AsyncIterator[ReceiptListener]:
    async with ReceiptListener() as receipts:
        yield receipts


@pytest.fixture
def settings(tmp_path: Path, platform: FakePlatform, receipts: ReceiptListener) -> Settings:
    return Settings.model_validate(
        {
            "directory": tmp_path / "ledgers",
            "public_url": PUBLIC_URL,
            "identity_url": platform.url,
            "requests_url": platform.url,
            "knet_tranportal_id": TRANPORTAL_ID,
            "knet_password": PASSWORD,
            "knet_resource_key": RESOURCE_KEY,
            "agency_webhook_secret": "whsec_QWdlbmN5U3lzdGVtc1NlY3JldA==",
            "bank_api_key": "bank-api-key",
            "sms_api_key": "sms-api-key",
            "sms_receipts_url": receipts.url,
            "sms_webhook_secret": SECRET,
            "smtp_port": claim_ports(tmp_path / "ports.json", "smtp")["smtp"],
            "smtp_username": "afaq",
            "smtp_password": "smtp-password",
        }
    )


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def simulators(settings: Settings, clock: SettableClock) -> AsyncIterator[httpx2.AsyncClient]:
    async with running(settings, clock) as client:
        yield client


@pytest.fixture
async def merchant(simulators: httpx2.AsyncClient) -> AsyncIterator[Merchant]:
    async with Merchant(simulators) as merchant:
        yield merchant
