"""Personal data is where it has to be and nowhere else; an erased person is nowhere."""

import asyncio
import re
from collections.abc import Iterable

import aiohttp
import asyncpg
import pytest

from afaq.access import open_shell
from afaq.services import NAMES
from shared.contracts.topics import IDENTITY_PERSONS, TOPICS
from shared.store.replay import verify_states
from tests.conftest import RunningStack
from tests.support import Person, a_person, as_text, everything_on, header, renewed, submit

NAME_AR, NAME_EN, MOBILE, EMAIL = "كناري الاختبار", "Canary Quetzal", "+96555512345", "canary@quetzal.example"


async def a_canary(platform: RunningStack) -> Person:
    return await a_person(
        platform.api, name={"ar": NAME_AR, "en": NAME_EN}, mobile="٥٥٥١٢٣٤٥", email=EMAIL, language="en"
    )


def traces_of(person: Person) -> re.Pattern[str]:
    words = [NAME_AR, NAME_EN, "Quetzal", MOBILE, "55512345", EMAIL, person.civil_id]
    return re.compile("|".join(re.escape(word) for word in words))


async def test_personal_data_is_on_no_topic_but_persons_in_no_log_and_no_metric(platform: RunningStack) -> None:
    person = await a_canary(platform)
    await renewed(platform.api, person)
    traces = traces_of(person)
    others = [topic for topic in TOPICS if topic is not IDENTITY_PERSONS]
    assert [
        as_text(record) for record in await everything_on(platform, *others) if traces.search(as_text(record))
    ] == []
    on_persons = [as_text(record) for record in await everything_on(platform, IDENTITY_PERSONS)]
    assert any(NAME_EN in text for text in on_persons)
    assert not any(person.civil_id in text for text in on_persons)
    assert _in_logs(platform, traces) == []
    async with aiohttp.ClientSession() as session:
        for name in NAMES:
            async with session.get(f"{platform.endpoints.urls[name]}/metrics") as response:
                assert not traces.search(await response.text())


async def test_the_civil_id_is_kept_sealed_and_found_by_a_keyed_hash(platform: RunningStack) -> None:
    person = await a_canary(platform)
    text = "\n".join(await _tables_as_text(platform, ["identity"]))
    assert person.civil_id not in text and NAME_EN not in text
    assert (await platform.api.get("identity", "/me", person.token))["name"]["en"] == NAME_EN


async def test_an_erased_person_is_nowhere_and_the_log_still_folds(
    platform: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await a_canary(platform)
    done = await renewed(platform.api, person)
    document = await platform.api.get("requests", f"/documents/{done['document_id']}", person.token)
    running = await submit(platform.api, person)
    assert any(NAME_EN in text for text in await _tables_as_text(platform, ["requests", "notifications"]))
    registrar = await platform.api.sign_in(role="registrar")
    url = f"{platform.endpoints.urls['identity']}/persons/{person.id}"
    async with aiohttp.request("DELETE", url, headers={"Authorization": f"Bearer {registrar}"}) as response:
        assert response.status == 204

    async def is_withdrawn() -> bool:
        connection = await asyncpg.connect(platform.endpoints.dsns["requests"].app)
        status = await connection.fetchval("select status from requests where id = $1", running["id"])
        await connection.close()
        return bool(status == "withdrawn")

    await platform.api.until(is_withdrawn, "end of the erased person's request")
    await platform.api.until(lambda: _is_gone(platform, document["code"]), "end of the document's code")
    traces = re.compile("|".join(re.escape(word) for word in [person.civil_id, document["code"]]))
    async with asyncio.timeout(20):
        while any(traces.search(text) for text in await _tables_as_text(platform, NAMES)):
            await asyncio.sleep(0.2)
    for name in ("requests", "notifications"):
        rows = await _rows_about(platform, name, person.id)
        assert not any(NAME_EN in row for row in rows)
    newest = [record for record in await everything_on(platform, IDENTITY_PERSONS) if record.key == person.id.encode()][
        -1
    ]
    assert newest.value is None and header(newest, "ce_type") == "identity.person.forgotten"
    for name in NAMES:
        for variable, value in platform.stack.environments[name].items():
            monkeypatch.setenv(variable, value)
        async with open_shell(name) as shell:
            assert (await verify_states(shell)).differing == []


async def test_no_service_can_open_what_another_has_sealed(platform: RunningStack) -> None:
    person = await a_canary(platform)
    keys = []
    for name in ("identity", "requests"):
        connection = await asyncpg.connect(platform.endpoints.dsns[name].app)
        keys.append(await connection.fetchval("select wrapped from subject_keys where subject_id = $1", person.id))
        await connection.close()
    assert keys[0] is not None and keys[0] != keys[1]


async def test_a_service_cannot_reach_anothers_database(platform: RunningStack) -> None:
    dsn = platform.endpoints.dsns["payments"].app.rpartition("/")[0] + "/afaq_identity"
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
        await asyncpg.connect(dsn)


async def _is_gone(platform: RunningStack, code: str) -> bool:
    async with aiohttp.request("GET", f"{platform.endpoints.urls['requests']}/verify/{code}") as response:
        return response.status == 404


def _in_logs(platform: RunningStack, traces: re.Pattern[str]) -> list[str]:
    lines = [
        line
        for file in (platform.directory / "logs").iterdir()
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    return [line for line in lines if traces.search(line)]


async def _tables_as_text(platform: RunningStack, names: Iterable[str]) -> list[str]:
    texts = []
    for name in names:
        connection = await asyncpg.connect(platform.endpoints.dsns[name].app)
        tables = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
        for table in tables:
            rows = await connection.fetch(f'select t::text as text from "{table["tablename"]}" t')
            texts += [row["text"] for row in rows]
        await connection.close()
    return texts


async def _rows_about(platform: RunningStack, name: str, person_id: str) -> list[str]:
    return [text for text in await _tables_as_text(platform, [name]) if person_id in text]
