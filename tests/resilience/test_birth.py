"""A birth brings what follows from it, once, whatever is told twice, corrected or annulled, and whoever is killed."""

import asyncio
import os
import random
import signal
from typing import Any

from tests.conftest import RunningStack
from tests.resilience.births import (
    a_civil_id,
    a_number,
    a_parent,
    annul,
    correct,
    is_ready,
    name_the_child,
    offers_of,
    requests_of,
    tell_of_a_birth,
    until_offered,
    until_request,
    until_task,
)
from tests.support import Person

CERTIFICATE, CIVIL_ID = "birth-certificate", "newborn-civil-id"


async def take_the_offer(platform: RunningStack, parent: Person, offer: Any) -> Any:
    api = platform.api
    request = await api.post("requests", f"/offers/{offer['id']}/accept", {}, parent.token)
    path = f"/payments/{request['payment_id']}"
    await api.until(lambda: api.find("payments", path, parent.token), "payment")
    await api.post("payments", f"{path}/attempts", None, parent.token)

    async def page() -> Any:
        return (await api.get("payments", path, parent.token))["page_url"]

    await api.pay_on_hosted_page(await api.until(page, "page"))
    await decide(platform, "paci", request["id"], "approve")
    return await until_request(api, parent, CIVIL_ID, "fulfilled")


async def decide(platform: RunningStack, agency: str, request_id: str, decision: str) -> None:
    api = platform.api
    officer = await api.sign_in(role=f"officer:{agency}")

    async def task() -> Any:
        items = (await api.get("requests", "/tasks?limit=100", officer))["items"]
        return next((item for item in items if item["request_id"] == request_id), None)

    found = await api.until(task, "task")
    reason = {"ar": "لم تقع الولادة", "en": "There was no birth"} if decision == "reject" else None
    form = {"decision": decision, "reason": reason}
    await api.post("requests", f"/tasks/{found['id']}/decision", form, officer)


async def code_of(platform: RunningStack, parent: Person, request: Any) -> str:
    document = await platform.api.get("requests", f"/documents/{request['document_id']}", parent.token)
    return str(document["code"])


async def test_the_same_birth_told_twice_and_by_two_registries_is_one_child_and_one_offer(
    platform: RunningStack,
) -> None:
    api = platform.api
    mother, father, number = await a_parent(api), await a_parent(api), a_number()
    tell = tell_of_a_birth(api, mother.civil_id, number, father_civil_id=father.civil_id, key="once")
    first = await tell
    again = await tell_of_a_birth(
        api, mother.civil_id, a_number(), source="moh-registry", father_civil_id=father.civil_id
    )
    assert again["person_id"] == first["person_id"]
    task = await until_task(api, mother)
    assert (await until_task(api, father))["about_id"] == task["about_id"] == first["person_id"]
    assert await offers_of(api, mother) == []
    await name_the_child(api, father, first["person_id"])
    await until_request(api, mother, CERTIFICATE, "fulfilled")
    (offer,) = await until_offered(api, mother)
    assert (offer["mode"], offer["beneficiary_id"]) == ("offer", first["person_id"])
    assert (await api.get("requests", "/tasks", mother.token))["items"] == []
    done = await take_the_offer(platform, mother, offer)
    assert done["beneficiary_id"] == first["person_id"]
    assert len(await requests_of(api, mother, CERTIFICATE)) == len(await requests_of(api, mother, CIVIL_ID)) == 1
    assert await offers_of(api, mother) == await offers_of(api, father) == []


async def test_a_mother_who_is_not_known_yet_is_waited_for(platform: RunningStack) -> None:
    api, civil_id = platform.api, a_civil_id()
    told = await tell_of_a_birth(api, civil_id, a_number())
    assert told["status"] == "noticed"
    mother = await a_parent(api, civil_id)
    assert (await until_task(api, mother))["about_id"] == told["person_id"]


async def test_another_mother_the_next_day_has_the_offer_and_the_first_has_none_any_more(
    platform: RunningStack,
) -> None:
    api, number = platform.api, a_number()
    first, second = await a_parent(api), await a_parent(api)
    told = await tell_of_a_birth(api, first.civil_id, number)
    await until_task(api, first)
    await name_the_child(api, first, told["person_id"])
    await until_offered(api, first)
    await correct(api, number, mother_civil_id=second.civil_id)
    (offer,) = await until_offered(api, second)
    assert offer["beneficiary_id"] == told["person_id"]
    await until_offered(api, first, 0)
    relations = await api.get("identity", "/relations", first.token)
    assert [relation["status"] for relation in relations] == ["ended"]


async def test_an_annulled_birth_withdraws_what_is_open_and_opens_a_review_of_what_was_issued(
    platform: RunningStack,
) -> None:
    api, number = platform.api, a_number()
    mother = await a_parent(api)
    told = await tell_of_a_birth(api, mother.civil_id, number)
    await until_task(api, mother)
    await name_the_child(api, mother, told["person_id"])
    certificate = await until_request(api, mother, CERTIFICATE, "fulfilled")
    code = await code_of(platform, mother, certificate)
    assert (await api.get("requests", f"/verify/{code}"))["valid"]
    (offer,) = await until_offered(api, mother)
    running = await api.post("requests", f"/offers/{offer['id']}/accept", {}, mother.token)
    await annul(api, number)
    await until_request(api, mother, CIVIL_ID, "withdrawn")
    await decide(platform, "moh-registry", certificate["id"], "reject")

    async def is_revoked() -> bool:
        found = await api.get("requests", f"/verify/{code}")
        return bool(found["revoked"]) and not found["valid"]

    await api.until(is_revoked, "revocation of the certificate")
    assert await offers_of(api, mother) == []
    assert running["id"] != certificate["id"]


async def test_whoever_is_killed_meanwhile_each_birth_ends_with_one_certificate_and_one_offer(
    platform: RunningStack,
) -> None:
    api = platform.api
    mothers = await asyncio.gather(*(a_parent(api) for _ in range(8)))
    chaos = asyncio.create_task(_kill_at_random(platform, seconds=12))
    await asyncio.gather(*(_a_birth_in_any_case(platform, mother) for mother in mothers))
    await chaos
    for mother in mothers:
        await until_request(api, mother, CERTIFICATE, "fulfilled")
        assert len(await requests_of(api, mother, CERTIFICATE)) == 1
        await until_offered(api, mother)
        inbox = (await api.get("notifications", "/inbox", mother.token))["items"]
        told = [(message["purpose"], message["about_id"]) for message in inbox]
        assert len(told) == len(set(told))


async def _a_birth_in_any_case(platform: RunningStack, mother: Person) -> None:
    """Everybody does as the API says: what had no answer is sent again, with the same number."""
    number = a_number()

    async def tell() -> Any:
        return await tell_of_a_birth(platform.api, mother.civil_id, number, occurred_at="2026-11-01T08:00:00+03:00")

    told = await _until_answered(tell)
    await _until_answered(lambda: until_task(platform.api, mother))
    await _until_answered(lambda: _named(platform, mother, told["person_id"]))


async def _named(platform: RunningStack, mother: Person, child_id: str) -> bool:
    child = await platform.api.get("identity", f"/persons/{child_id}", mother.token)
    if not child["is_named"]:
        await name_the_child(platform.api, mother, child_id)
    return True


async def _until_answered(ask: Any) -> Any:
    async with asyncio.timeout(60):
        while True:
            try:
                return await ask()
            except Exception:
                await asyncio.sleep(0.2)


async def _kill_at_random(platform: RunningStack, *, seconds: float) -> None:
    """SIGKILL of a process of ours every second or so; they start again by themselves."""
    choose = random.Random(4)
    assert platform.stack.supervisor is not None
    async with asyncio.timeout(seconds + 60):
        for _ in range(int(seconds)):
            name = choose.choice(("identity", "requests", "notifications"))
            pid = platform.stack.supervisor.pids.get(name)
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(choose.uniform(0.5, 1.5))
        for name in ("identity", "requests", "notifications"):
            while not await is_ready(platform, name):
                await asyncio.sleep(0.1)
