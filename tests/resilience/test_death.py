"""A death: what runs ends with its money given back, nothing new begins, and nobody writes to the dead."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from afaq.local.errors import StackError
from tests.conftest import RunningStack
from tests.support import Person, a_person, gateway_attempts, pay, submit, until_status

SOURCE = "moh-registry"


async def tell_of_a_death(platform: RunningStack, person: Person, *, number: str, days_ago: int = 1) -> Any:
    registry = await platform.api.sign_in(role=f"officer:{SOURCE}")
    occurred_at = datetime.now(UTC).replace(hour=6, minute=0, second=0, microsecond=0) - timedelta(days=days_ago)
    form = {
        "kind": "death",
        "source": SOURCE,
        "number": number,
        "person_id": person.id,
        "occurred_at": occurred_at.isoformat(),
        "noticed_at": datetime.now(UTC).isoformat(),
    }
    return await platform.api.post("identity", "/life-events", form, registry)


async def is_refused(platform: RunningStack, person: Person) -> bool:
    try:
        await submit(platform.api, person)
    except StackError as error:
        return "applicant-deceased" in str(error)
    return False


async def test_what_the_dead_had_running_ends_and_their_fee_is_given_back(platform: RunningStack) -> None:
    person = await a_person(platform.api)
    request = await submit(platform.api, person)
    await pay(platform.api, person, request)
    await until_status(platform.api, person, request, "in_progress")
    inbox = (await platform.api.get("notifications", "/inbox", person.token))["items"]
    await tell_of_a_death(platform, person, number=uuid.uuid4().hex)
    done = await until_status(platform.api, person, request, "withdrawn")
    assert done["waits_for"] is None
    payment = await platform.api.get("payments", f"/payments/{request['payment_id']}", person.token)

    async def is_given_back() -> bool:
        attempts = await gateway_attempts(platform, payment)
        return [refund["amt_fils"] for attempt in attempts for refund in attempt["refunds"]] == [10_000]

    await platform.api.until(is_given_back, "refund of the dead person's fee")
    await asyncio.sleep(0.5)  # time for a message that must not come
    assert len((await platform.api.get("notifications", "/inbox", person.token))["items"]) <= len(inbox) + 1
    purposes = {m["purpose"] for m in (await platform.api.get("notifications", "/inbox", person.token))["items"]}
    assert "request-withdrawn" not in purposes and "refund-made" not in purposes


async def test_nothing_new_begins_for_the_dead_until_the_notice_is_taken_back(platform: RunningStack) -> None:
    person, number = await a_person(platform.api), uuid.uuid4().hex
    await tell_of_a_death(platform, person, number=number)
    await platform.api.until(lambda: is_refused(platform, person), "refusal")
    with pytest.raises(StackError, match="404"):
        await platform.api.sign_in(civil_id=person.civil_id)
    registry = await platform.api.sign_in(role=f"officer:{SOURCE}")
    await platform.api.post("identity", f"/life-events/{SOURCE}/{number}/annulment", None, registry)

    async def is_taken() -> Any:
        try:
            return await submit(platform.api, person)
        except StackError:
            return None

    await platform.api.until(is_taken, "request of the person who lives")


async def test_the_same_notice_twice_is_one_and_another_under_its_number_is_refused(platform: RunningStack) -> None:
    person, number = await a_person(platform.api), uuid.uuid4().hex
    first = await tell_of_a_death(platform, person, number=number)
    assert await tell_of_a_death(platform, person, number=number) == first
    with pytest.raises(StackError, match="life-event-told-otherwise"):
        await tell_of_a_death(platform, person, number=number, days_ago=3)


async def test_an_agency_tells_only_what_it_knows_itself(platform: RunningStack) -> None:
    person = await a_person(platform.api)
    other = await platform.api.sign_in(role="officer:moi-traffic")
    form = {
        "kind": "death",
        "source": SOURCE,
        "number": "1",
        "person_id": person.id,
        "occurred_at": "2026-01-01T00:00:00Z",
        "noticed_at": "2026-01-01T00:00:00Z",
    }
    with pytest.raises(StackError, match="not-allowed"):
        await platform.api.post("identity", "/life-events", form, other)


async def test_a_death_is_believed_of_a_registry_of_deaths_only(platform: RunningStack) -> None:
    person = await a_person(platform.api)
    bakers = await platform.api.sign_in(role="officer:bakers-guild")
    form = {
        "kind": "death",
        "source": "bakers-guild",
        "number": "1",
        "person_id": person.id,
        "occurred_at": "2026-01-01T00:00:00Z",
        "noticed_at": "2026-01-01T00:00:00Z",
    }
    with pytest.raises(StackError, match="not-allowed"):
        await platform.api.post("identity", "/life-events", form, bakers)


async def test_a_death_and_submissions_in_the_same_instant_never_both_win(platform: RunningStack) -> None:
    """Whatever is accepted before the notice arrives is ended by it; whatever comes after is refused."""
    person = await a_person(platform.api)
    accepted: list[Any] = []

    async def keep_submitting() -> None:
        while not await try_once():
            await asyncio.sleep(0)

    async def try_once() -> bool:
        try:
            accepted.append(await submit(platform.api, person))
        except StackError as error:
            return "applicant-deceased" in str(error)
        return False

    submitting = [asyncio.create_task(keep_submitting()) for _ in range(4)]
    await asyncio.sleep(0.2)
    await tell_of_a_death(platform, person, number=uuid.uuid4().hex)
    async with asyncio.timeout(30):
        await asyncio.gather(*submitting)
    assert accepted
    for request in accepted:
        await until_status(platform.api, person, request, "withdrawn")
