"""The live stream of a request: what has happened, then what happens, in order, and on from where it broke."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from tests.api.conftest import World
from tests.api.support import Http, a_driver, a_request, assert_problem, task_of
from tests.conftest import RunningStack
from tests.support import Person, approve, pay, until_status

SUBMITTED, FEE_DUE = "requests.request.submitted", "requests.request.fee_due"
RENEWED = [
    SUBMITTED,
    FEE_DUE,
    "requests.request.fee_paid",
    "requests.request.task_due",
    "requests.request.approved",
    "requests.request.document_due",
    "requests.request.document_ready",
    "requests.request.fulfilled",
]
Message = tuple[int, str, dict[str, Any]]


async def until(messages: AsyncIterator[Message], type: str) -> list[Message]:
    """The messages of a stream up to the first of a type."""
    seen: list[Message] = []
    async with asyncio.timeout(30), aclosing(messages):  # type: ignore[type-var]
        async for message in messages:
            seen.append(message)
            if message[1] == type:
                return seen
    raise AssertionError(f"the stream ended before {type}: {seen}")


async def test_events_come_in_order_with_their_ids_as_they_happen(platform: RunningStack, http: Http) -> None:
    person = await a_driver(platform)
    request = await a_request(platform, person)
    path = f"/requests/{request['id']}"
    watching = asyncio.create_task(until(http.messages(f"{path}/stream", person.token), RENEWED[-1]))
    await pay(platform.api, person, request)
    await task_of(platform, request)
    await approve(platform.api, request)
    messages = await watching
    assert [id for id, _, _ in messages] == list(range(1, len(RENEWED) + 1))
    assert [type for _, type, _ in messages] == RENEWED
    history = (await http.get("requests", path, person.token)).json["history"]
    assert [data for _, _, data in messages] == history
    for id, type, data in messages:
        assert (data["sequence"], data["type"]) == (id, type)
        assert set(data["text"]) == {"ar", "en"}


async def test_a_broken_stream_goes_on_after_the_last_event_that_came(http: Http, world: World) -> None:
    path = f"/requests/{world.of_owner['request_id']}/stream"
    for last in range(len(RENEWED)):
        rest = await until(http.messages(path, world.owner.token, after=last), RENEWED[-1])
        assert [id for id, _, _ in rest] == list(range(last + 1, len(RENEWED) + 1))


async def test_who_has_seen_everything_hears_only_of_what_is_new(platform: RunningStack, http: Http) -> None:
    person = await a_driver(platform)
    request = await a_request(platform, person)
    path = f"/requests/{request['id']}"
    withdrawn = "requests.request.withdrawn"
    watching = asyncio.create_task(until(http.messages(f"{path}/stream", person.token, after=2), withdrawn))
    await asyncio.sleep(0)
    await http.post("requests", f"{path}/withdraw", None, person.token)
    assert [(id, type) for id, type, _ in await watching] == [(3, withdrawn)]


async def test_applicant_and_officer_watch_the_same(platform: RunningStack, http: Http, world: World) -> None:
    path = f"/requests/{world.of_owner['request_id']}/stream"
    watchers = [world.owner.token, world.officer, world.owner.token]
    seen = await asyncio.gather(*(until(http.messages(path, token), RENEWED[-1]) for token in watchers))
    assert seen[0] == seen[1] == seen[2]


async def test_a_foreign_caller_is_told_that_there_is_nothing_before_any_stream(http: Http, world: World) -> None:
    path = f"/requests/{world.of_owner['request_id']}/stream"
    for token in (world.another.token, world.officer_elsewhere, world.registrar, world.operator):
        answered = await http.get("requests", path, token)
        assert_problem(answered, 404, "not-found")
        assert world.of_owner["request_id"] not in answered.text
    assert_problem(await http.get("requests", path), 401, "not-authenticated")


async def test_many_watchers_of_many_requests_each_see_their_own(platform: RunningStack, http: Http) -> None:
    persons: list[Person] = [await a_driver(platform) for _ in range(3)]
    requests = [await a_request(platform, person) for person in persons]
    watching = [
        asyncio.create_task(until(http.messages(f"/requests/{request['id']}/stream", person.token), RENEWED[2]))
        for person, request in zip(persons, requests, strict=True)
        for _ in range(3)
    ]
    for person, request in zip(persons, requests, strict=True):
        await pay(platform.api, person, request)
    for seen in await asyncio.gather(*watching):
        assert [type for _, type, _ in seen] == RENEWED[:3]


async def test_a_stream_that_is_left_harms_nobody(platform: RunningStack, http: Http) -> None:
    person = await a_driver(platform)
    request = await a_request(platform, person)
    path = f"/requests/{request['id']}"
    for _ in range(5):
        assert [type for _, type, _ in await until(http.messages(f"{path}/stream", person.token), FEE_DUE)] == [
            SUBMITTED,
            FEE_DUE,
        ]
    await pay(platform.api, person, request)
    await approve(platform.api, request)
    await until_status(platform.api, person, request, "fulfilled")
    assert len(await until(http.messages(f"{path}/stream", person.token), RENEWED[-1])) == len(RENEWED)
