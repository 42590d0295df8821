"""Several processes of a service: streams and keys work on any of them, and one ends without losing a request."""

import asyncio
import json
import signal
import time
import uuid

import aiohttp
import asyncpg
import pytest

from afaq.local.ports import claim_ports
from tests.api.support import a_definition, published
from tests.conftest import RunningStack
from tests.support import SUBMISSION, a_person, another_process, pay, submit


def a_port(platform: RunningStack) -> int:
    return claim_ports(platform.directory / "more-ports.json", "another")["another"]


async def test_a_stream_is_served_by_a_replica_that_did_not_handle_the_event(platform: RunningStack) -> None:
    person, port = await a_person(platform.api), a_port(platform)
    request = await submit(platform.api, person)
    async with another_process(platform, "requests", "api", port), aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}/requests/{request['id']}/stream"
        headers = {"Authorization": f"Bearer {person.token}", "Last-Event-ID": "1"}
        async with asyncio.timeout(30), session.get(url, headers=headers) as stream:
            paying = asyncio.create_task(pay(platform.api, person, request))
            types = []
            async for line in stream.content:
                if line.startswith(b"data:"):
                    types.append(json.loads(line[5:])["type"].rpartition(".")[2])
                if types and types[-1] == "task_due":
                    break
            await paying
    assert types == ["fee_due", "fee_paid", "task_due"]  # after the first, as Last-Event-ID asked


async def test_a_key_that_is_repeated_on_another_replica_gets_the_first_answer(platform: RunningStack) -> None:
    person, port, key = await a_person(platform.api), a_port(platform), uuid.uuid4().hex
    first = await submit(platform.api, person, key=key)
    async with another_process(platform, "requests", "api", port), aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {person.token}", "Idempotency-Key": key}
        url = f"http://127.0.0.1:{port}/requests"
        async with session.post(url, json=SUBMISSION, headers=headers) as response:
            assert response.status == 202
            assert response.headers["Idempotency-Replayed"] == "true"
            assert await response.json() == first


async def test_what_is_published_at_one_replica_is_live_at_the_others_within_a_second(platform: RunningStack) -> None:
    person, port, service_id = await a_person(platform.api), a_port(platform), f"test-{uuid.uuid4().hex[:12]}"
    definition = a_definition(service_id, service_level_working_days=3)
    async with another_process(platform, "requests", "api", port), aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}"
        async with session.get(f"{url}/catalogue/{service_id}") as response:
            assert response.status == 404
        await published(platform, definition)
        since = time.monotonic()
        async with session.get(f"{url}/catalogue/{service_id}") as response:
            assert (response.status, (await response.json())["version"]) == (200, 1)
        headers = {"Authorization": f"Bearer {person.token}", "Idempotency-Key": uuid.uuid4().hex}
        asked = {"service_id": service_id, "form": {}}
        async with session.post(f"{url}/requests", json=asked, headers=headers) as response:
            assert response.status == 202
        assert time.monotonic() - since < 1.0


async def test_nobody_keeps_a_connection_to_a_process_that_leaves(
    platform: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From SIGTERM on it answers as before for a while, and each answer closes the connection that it came by."""
    monkeypatch.setenv("AFAQ_LEAVING_SECONDS", "3")
    port = a_port(platform)
    async with another_process(platform, "requests", "api", port) as process, aiohttp.ClientSession() as session:

        async def asked() -> tuple[int, str | None]:
            async with session.get(f"http://127.0.0.1:{port}/health/live") as response:
                return response.status, response.headers.get("Connection")

        assert await asked() == (200, None)
        process.send_signal(signal.SIGTERM)
        told_at = time.monotonic()
        answers = []
        while time.monotonic() - told_at < 2:
            answers.append(await asked())
            await asyncio.sleep(0.05)
        assert {status for status, _ in answers} == {200}
        assert answers[-1] == (200, "close")
        async with asyncio.timeout(15):
            assert await process.wait() == 0


async def test_a_process_told_to_end_under_load_ends_in_order_and_keeps_what_it_accepted(
    platform: RunningStack,
) -> None:
    """SIGTERM at 100 submissions a second: exit code 0 within ten seconds, and every accepted request is there."""
    person, port = await a_person(platform.api), a_port(platform)
    accepted: list[str] = []
    async with another_process(platform, "requests", "all", port) as process, aiohttp.ClientSession() as session:

        async def submit_one() -> None:
            headers = {"Authorization": f"Bearer {person.token}", "Idempotency-Key": uuid.uuid4().hex}
            try:
                url = f"http://127.0.0.1:{port}/requests"
                async with session.post(url, json=SUBMISSION, headers=headers) as response:
                    if response.status == 202:
                        accepted.append((await response.json())["id"])
            except aiohttp.ClientError:
                return

        submissions = []
        for number in range(300):
            submissions.append(asyncio.create_task(submit_one()))
            if number == 150:
                process.send_signal(signal.SIGTERM)
                told_at = time.monotonic()
            await asyncio.sleep(0.01)
        async with asyncio.timeout(15):
            assert await process.wait() == 0
        print(f"ended {time.monotonic() - told_at:.1f} s after SIGTERM; {len(accepted)} accepted")
        assert time.monotonic() - told_at < 10
        await asyncio.gather(*submissions)
    connection = await asyncpg.connect(platform.endpoints.dsns["requests"].app)
    rows = await connection.fetch("select id from requests where id = any($1::uuid[])", accepted)
    await connection.close()
    assert len(accepted) > 50
    assert {str(row["id"]) for row in rows} == set(accepted)
