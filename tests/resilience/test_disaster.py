"""The database cluster or Kafka is lost and comes back from an earlier time: what differs is told, and healed."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest

from afaq.services import NAMES
from shared.store.pool import NotConfirmed, open_pool
from tests.conftest import RunningStack
from tests.resilience.audit import violations
from tests.resilience.disaster import Site, archive_all, everything_published, make_topics_anew
from tests.support import Person, a_person, approve, gateway_attempts, pay, renewed, submit, until_status


@pytest.fixture
def audited() -> None:
    """Each platform is its test's own, and audited there."""


async def now(platform: RunningStack) -> datetime:
    """A moment at which nothing is on its way."""
    await asyncio.sleep(1.5)
    connection = await asyncpg.connect(admin(platform))
    moment: datetime = await connection.fetchval("select clock_timestamp()")
    await connection.close()
    await asyncio.sleep(0.2)
    return moment


def admin(platform: RunningStack) -> str:
    postgres = platform.stack._postgres
    assert postgres is not None
    return postgres.dsn


async def signed_in(platform: RunningStack, person: Person) -> Person:
    return Person(person.id, person.civil_id, await platform.api.sign_in(civil_id=person.civil_id))


async def purposes(platform: RunningStack, person: Person) -> list[str]:
    inbox = (await platform.api.get("notifications", "/inbox", person.token))["items"]
    return sorted(message["purpose"] for message in inbox)


async def paid_once(platform: RunningStack, person: Person, request: Any) -> bool:
    payment = await platform.api.get("payments", f"/payments/{request['payment_id']}", person.token)
    attempts = await gateway_attempts(platform, payment)
    return [(attempt["result"], attempt["refunds"]) for attempt in attempts] == [("CAPTURED", [])]


async def recovered(site: Site) -> None:
    """What an operator does: is told what differs while nobody works; takes it back; is told that all is well."""
    code, said = await site.afaq("doctor")
    assert code == 1 and "events that the log has not" in said, said
    with pytest.raises(NotConfirmed):
        await open_pool(site.environment()["AFAQ_PAYMENTS_POSTGRES_DSN"], application="tests", only_confirmed=True)
    for name in NAMES:
        code, said = await site.afaq("replay", "recover", name, "--yes")
        assert code == 0, said
    code, said = await site.afaq("doctor")
    assert code == 0, said


async def erase(platform: RunningStack, person: Person, registrar: str) -> None:
    url, key = f"{platform.endpoints.urls['identity']}/persons/{person.id}", {"Idempotency-Key": person.id}
    headers = {"Authorization": f"Bearer {registrar}"} | key
    async with aiohttp.request("DELETE", url, headers=headers) as response:
        assert response.status == 204


async def is_erased(platform: RunningStack, person: Person) -> None:
    """Whoever was erased after the recovery point is so again: their key is gone, in every service."""
    for name in NAMES:
        connection = await asyncpg.connect(platform.endpoints.dsns[name].app)
        keys = await connection.fetch("select wrapped from subject_keys where subject_id = $1", UUID(person.id))
        await connection.close()
        assert all(row["wrapped"] is None for row in keys), name


@pytest.mark.timeout(600)
async def test_databases_restored_to_a_time_before_the_topics_take_back_what_was_published(tmp_path: Path) -> None:
    site = Site(tmp_path / "stack")
    await site.prepare()
    async with site.running() as platform:
        site.back_up(admin(platform))
        api = platform.api
        settled, payer, late, mover, leaver = [await a_person(api) for _ in range(5)]
        before = await renewed(api, settled)
        request = await submit(api, payer)  # its fee is asked for before the recovery point, and paid after it
        await api.until(lambda: api.find("payments", f"/payments/{request['payment_id']}", payer.token), "payment")
        moment = await now(platform)
        told = await purposes(platform, payer)
        await pay(api, payer, request)
        await approve(api, request)
        await until_status(api, payer, request, "fulfilled")
        after = await submit(api, late)  # nothing of this is in the restored databases
        await pay(api, late, after)
        await until_status(api, late, after, "in_progress")
        registrar = await api.sign_in(role="registrar")
        for person in (mover, leaver):
            await api.patch("identity", f"/persons/{person.id}", {"mobile": "+96550000009"}, registrar)
        await erase(platform, leaver, registrar)
        await archive_all(admin(platform))
    site.destroy()
    await site.restore(moment)
    async with site.servers():
        await recovered(site)
    async with site.running() as platform:
        payer, late, settled = [await signed_in(platform, person) for person in (payer, late, settled)]
        await until_status(platform.api, payer, request, "fulfilled")
        await approve(platform.api, after)
        await until_status(platform.api, late, after, "fulfilled")
        for person, what in ((settled, before), (payer, request), (late, after)):
            assert await paid_once(platform, person, what)
        again = await renewed(platform.api, await a_person(platform.api))
        mover = await signed_in(platform, mover)  # what was changed is on the topic of snapshots
        assert (await platform.api.get("identity", "/me", mover.token))["mobile"] == "+96550000009"
        await is_erased(platform, leaver)
        assert await purposes(platform, payer) == told  # the words of what was told later are on no topic
        assert await violations(platform, before, request, after, again) == []


@pytest.mark.timeout(600)
async def test_databases_and_topics_restored_to_different_times_agree_and_lost_topics_are_filled_again(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path / "stack")
    await site.prepare()
    async with site.running() as platform:
        site.back_up(admin(platform))
        api = platform.api
        payer, forgotten = [await a_person(api) for _ in range(2)]
        request = await submit(api, payer)
        await api.until(lambda: api.find("payments", f"/payments/{request['payment_id']}", payer.token), "payment")
        moment = await now(platform)  # the databases come back from here …
        await pay(api, payer, request)
        await until_status(api, payer, request, "in_progress")
        await now(platform)
        copy = await everything_published(platform)  # … the topics from here …
        lost = await submit(api, forgotten)  # … and of this nobody knows any more
        await archive_all(admin(platform))
    site.destroy()
    await site.restore(moment)
    async with site.servers() as (_, kafka):
        await make_topics_anew(kafka.bootstrap, copy)
        await recovered(site)
    async with site.running() as platform:
        await approve(platform.api, request)
        payer = await signed_in(platform, payer)
        await until_status(platform.api, payer, request, "fulfilled")
        assert await paid_once(platform, payer, request)
        assert await violations(platform, request) == []
        assert await violations(platform, lost) == [f"I1 request {lost['id']} was acknowledged and does not exist"]
        older = await everything_published(platform)
        later = await renewed(platform.api, await a_person(platform.api))
        await now(platform)
    async with site.servers() as (_, kafka):
        await make_topics_anew(kafka.bootstrap, older)
        code, said = await site.afaq("doctor")
        assert code == 1 and said.count("published events that the topic has not") == 4, said
        for name in NAMES:
            assert (await site.afaq("replay", "rewind", name, "--yes"))[0] == 0
    async with site.running() as platform:
        for name in NAMES:
            code, said = await site.afaq("replay", "redrive", "--service", name, "--yes")
            assert code == 0, said
        code, said = await site.afaq("replay", "redrive", "--service", "identity", "--snapshots", "--yes")
        assert code == 0, said
        again = await renewed(platform.api, await a_person(platform.api))
        assert await violations(platform, request, later, again) == []
        code, said = await site.afaq("doctor")
        assert code == 0, said
