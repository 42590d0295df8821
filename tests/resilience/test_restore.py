"""One service's database is lost and comes back from a backup; its topics bring the rest, and nothing happens twice."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from afaq.access import open_shell
from afaq.demo.client import Api
from afaq.local.kafka import Kafka
from afaq.local.postgres import Postgres
from afaq.local.stack import Stack
from afaq.services import NAMES, functions_of
from shared.messaging.brokers import Brokers
from shared.messaging.rewind import GroupIsAtWork, rewind
from shared.messaging.standing import LogIsBehind, compare, confirm
from shared.store.recover import plan, take_back
from shared.store.replay import verify_states
from tests.conftest import RunningStack
from tests.resilience.audit import violations
from tests.resilience.disaster import program as run
from tests.support import a_person, approve, gateway_attempts, pay, renewed, submit, until_status

LOST = "payments"


@pytest.fixture
def audited() -> None:
    """The platform is the test's own, and audited there."""


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[RunningStack]:
    """A platform of this test's own on a folder that outlives it."""
    stack = Stack(folder, say=print, echo=False)
    endpoints = await stack.start()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield RunningStack(endpoints, folder, stack, Api(endpoints.urls, session))
    await stack.stop()


@pytest.mark.timeout(300)
async def test_a_restored_database_catches_up_from_its_topics_and_nothing_happens_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, dump = tmp_path / "stack", str(tmp_path / "payments.dump")
    async with running(folder) as platform:
        settled = await a_person(platform.api)
        before = await renewed(platform.api, settled)
        run("pg_dump", "-Fc", "-f", dump, f"afaq_{LOST}", dsn=_admin(platform))
        person = await a_person(platform.api)
        request = await submit(platform.api, person)  # its fee is asked for after the backup
        path = f"/payments/{request['payment_id']}"
        await platform.api.until(lambda: platform.api.find("payments", path, person.token), "payment")
        with pytest.raises(GroupIsAtWork):
            await rewind(functions_of(LOST), Brokers(bootstrap=platform.endpoints.kafka))
        environment = platform.stack.environments[LOST]
    await _lose_and_restore(folder, dump, environment)
    async with running(folder) as platform:
        person_token = await platform.api.sign_in(civil_id=person.civil_id)
        again = type(person)(person.id, person.civil_id, person_token)
        await pay(platform.api, again, request)
        await approve(platform.api, request)
        await until_status(platform.api, again, request, "fulfilled")
        for who, what in ((again, request), (settled, before)):
            token = await platform.api.sign_in(civil_id=who.civil_id)
            payment = await platform.api.get("payments", f"/payments/{what['payment_id']}", token)
            attempts = await gateway_attempts(platform, payment)
            assert [(attempt["result"], attempt["refunds"]) for attempt in attempts] == [("CAPTURED", [])]
        operator = await platform.api.sign_in(role="operator")
        assert (await platform.api.get("payments", "/ledger/balances", operator))["sum_fils"] == 0
        expected = ["document-issued", "fee-due", "payment-captured", "request-submitted"]

        async def is_told() -> bool:
            inbox = (await platform.api.get("notifications", "/inbox", again.token))["items"]
            return sorted(message["purpose"] for message in inbox) == expected

        await platform.api.until(is_told, "messages, each once")
        await _nothing_waits_and_all_folds(platform, monkeypatch)
        assert await violations(platform, before, request) == []


async def _lose_and_restore(folder: Path, dump: str, environment: Mapping[str, str]) -> None:
    """What an operator does: the database anew from the backup, then what it has published since, and its place."""
    postgres, kafka = Postgres(folder / "postgres"), Kafka(folder / "kafka")
    await asyncio.gather(postgres.start(), kafka.start())
    try:
        run("dropdb", "--force", f"afaq_{LOST}", dsn=postgres.dsn)
        run("createdb", "-O", f"afaq_{LOST}_owner", f"afaq_{LOST}", dsn=postgres.dsn)
        run("pg_restore", "-d", f"afaq_{LOST}", dump, dsn=postgres.dsn)
        brokers = Brokers(bootstrap=kafka.bootstrap)
        await rewind(functions_of(LOST), brokers)
        async with open_shell(LOST, environment) as shell, shell.parts.pool.acquire() as connection:
            with pytest.raises(LogIsBehind):
                await confirm(connection, shell.service.events, brokers)
            missing = (await compare(connection, shell.service.events, brokers)).missing
            assert await take_back(shell, await plan(shell, missing)) == len(missing) > 0
            await confirm(connection, shell.service.events, brokers)
    finally:
        await asyncio.gather(postgres.stop(), kafka.stop())


async def _nothing_waits_and_all_folds(platform: RunningStack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        connection = await asyncpg.connect(platform.endpoints.dsns[name].app)
        parked = await connection.fetch("select name, reason from jobs where state = 'parked'")
        await connection.close()
        assert parked == []
        for variable, value in platform.stack.environments[name].items():
            monkeypatch.setenv(variable, value)
        async with open_shell(name) as shell:
            assert (await verify_states(shell)).differing == []


def _admin(platform: RunningStack) -> str:
    postgres: Any = platform.stack._postgres
    return str(postgres.dsn)
