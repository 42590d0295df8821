"""All simulators as the one process that people run."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from tests.component.simulators.merchant import PASSWORD, RESOURCE_KEY, TRANPORTAL_ID, Merchant
from tests.component.simulators.receipt_listener import SECRET


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[tuple[Process, httpx2.AsyncClient]]:
    """A process on a free port, once it says where it listens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", env=os.environ | an_environment(directory), stdout=PIPE, stderr=DEVNULL
    )
    try:
        async with httpx2.AsyncClient(base_url=await address_of(process)) as client:
            yield process, client
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def an_environment(directory: Path) -> dict[str, str]:
    settings = {
        "port": "0",
        "directory": str(directory),
        "public_url": "http://127.0.0.1",
        "identity_url": "http://127.0.0.1:9",
        "requests_url": "http://127.0.0.1:9",
        "knet_tranportal_id": TRANPORTAL_ID,
        "knet_password": PASSWORD,
        "knet_resource_key": RESOURCE_KEY,
        "agency_webhook_secret": "whsec_QWdlbmN5U3lzdGVtc1NlY3JldA==",
        "bank_api_key": "bank-api-key",
        "sms_api_key": "sms-api-key",
        "sms_receipts_url": "http://127.0.0.1:9",
        "sms_webhook_secret": SECRET,
        "smtp_port": "0",
        "smtp_username": "afaq",
        "smtp_password": "smtp-password",
    }
    return {f"AFAQ_SIMULATORS_{name.upper()}": text for name, text in settings.items()}


async def address_of(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        async for line in process.stdout:
            event = str(json.loads(line)["event"])
            if event.startswith("Uvicorn running on "):
                return event.split()[3]
    raise AssertionError("the process ended before it listened")


async def pay(client: httpx2.AsyncClient, track_id: str) -> str:
    """A captured payment; answers its payment id."""
    async with Merchant(client) as merchant:
        page = await merchant.init(track_id)
        await client.post(f"/knet/kpg/pay/{page.payment_id}", data={"card": "8888880000000001", "pin": "1234"})
        return page.payment_id


async def test_it_is_healthy_and_ends_cleanly(tmp_path: Path) -> None:
    async with running(tmp_path) as (process, client):
        for path in ("/health/live", "/health/ready"):
            response = await client.get(path)
            assert (response.status_code, response.json()["simulator"]) == (200, True)
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        lines = (await process.stdout.read()).splitlines()
        assert await process.wait() == 0
    for line in map(json.loads, lines):
        assert {"timestamp", "level", "event"} <= line.keys()
        assert line["simulator"] is True


async def test_a_charge_survives_a_kill(tmp_path: Path) -> None:
    async with running(tmp_path) as (process, client):
        payment_id = await pay(client, "t-1")
        before = (await client.get("/knet/ledger")).json()
        process.kill()
        await process.wait()
    async with running(tmp_path) as (_, client):
        assert (await client.get("/knet/ledger")).json() == before
        assert "CAPTURED" in (await client.get(f"/knet/kpg/pay/{payment_id}")).text


@pytest.mark.parametrize("missing", ["KNET_PASSWORD", "KNET_RESOURCE_KEY", "SMS_WEBHOOK_SECRET", "SMTP_PASSWORD"])
async def test_it_does_not_start_without_its_secrets(tmp_path: Path, missing: str) -> None:
    environment = an_environment(tmp_path)
    del environment[f"AFAQ_SIMULATORS_{missing}"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", env=os.environ | environment, stdout=DEVNULL, stderr=PIPE
    )
    _, complaint = await process.communicate()
    assert process.returncode == 1
    assert missing.lower() in complaint.decode()
    assert RESOURCE_KEY not in complaint.decode()
