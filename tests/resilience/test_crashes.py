"""SIGKILL of real processes at the worst moments: nothing lost, nothing twice, order kept."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import aiohttp
import asyncpg

from shared.contracts.topics import REQUESTS_EVENTS
from tests.conftest import RunningStack
from tests.support import (
    Person,
    Record,
    a_person,
    approve,
    everything_on,
    gateway_attempts,
    header,
    pay,
    renewed,
    submit,
    until_status,
)


async def until_back(platform: RunningStack, service: str) -> None:
    """Until the armed process has died, and the next one is ready."""
    async with asyncio.timeout(60):
        while platform.crash_file(service).exists() or not await is_ready(platform, service):
            await asyncio.sleep(0.05)


async def is_ready(platform: RunningStack, service: str) -> bool:
    try:
        async with aiohttp.request("GET", f"{platform.endpoints.urls[service]}/health/ready") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


async def submit_in_any_case(platform: RunningStack, person: Person) -> Any:
    """A client does as the API says: where no answer came it sends the same request with the same key again."""
    key = uuid.uuid4().hex
    try:
        return await submit(platform.api, person, key=key)
    except aiohttp.ClientError:
        await until_back(platform, "requests")
        return await submit(platform.api, person, key=key)


async def test_a_process_that_dies_after_the_commit_and_before_the_publication_loses_nothing(
    platform: RunningStack,
) -> None:
    api = platform.api
    person = await a_person(api)
    platform.arm("requests", "after_commit_before_publish")
    request = await submit_in_any_case(platform, person)
    await until_back(platform, "requests")
    await pay(api, person, request)
    await approve(api, request)
    done = await until_status(api, person, request, "fulfilled")
    assert [entry["sequence"] for entry in done["history"]] == list(range(1, len(done["history"]) + 1))


def repeats(records: Sequence[Record]) -> int:
    """How many records tell what another has told."""
    return len(records) - len({header(record, "ce_id") for record in records})


async def test_a_process_that_dies_after_the_publication_and_before_the_deletion_repeats_and_nobody_minds(
    platform: RunningStack,
) -> None:
    api = platform.api
    person = await a_person(api)
    before = repeats(await everything_on(platform, REQUESTS_EVENTS))
    platform.arm("requests", "after_publish_before_delete")
    request = await submit_in_any_case(platform, person)
    await until_back(platform, "requests")
    await pay(api, person, request)
    await approve(api, request)
    await until_status(api, person, request, "fulfilled")

    async def has_repeated() -> Sequence[Record] | None:
        """The new process leads when it has read its topic's end; all else has gone on with what was published."""
        everything = await everything_on(platform, REQUESTS_EVENTS)
        return everything if repeats(everything) > before else None

    everything = await api.until(has_repeated, "what was published when the process died again")
    records = [record for record in everything if record.key == request["id"].encode()]
    sequences = list(dict.fromkeys(int(header(record, "ce_sequence")) for record in records))
    assert sequences == sorted(sequences)
    inbox = await api.get("notifications", "/inbox", person.token)
    purposes = [message["purpose"] for message in inbox["items"]]
    assert len(purposes) == len(set(purposes))


async def test_an_effect_whose_record_is_lost_is_repeated_with_its_key_and_charges_once(platform: RunningStack) -> None:
    api = platform.api
    person = await a_person(api)
    request = await submit(api, person)
    path = f"/payments/{request['payment_id']}"
    await api.until(lambda: api.find("payments", path, person.token), "payment")
    platform.arm("payments", "after_effect_before_record")
    await asyncio.gather(
        api.post("payments", f"{path}/attempts", None, person.token), return_exceptions=True
    )  # the process that was asked dies
    await until_back(platform, "payments")
    await pay_when_back(platform, person, request)
    await approve(api, request)
    await until_status(api, person, request, "fulfilled")
    payment = await api.get("payments", path, person.token)
    attempts = await gateway_attempts(platform, payment)
    assert [attempt["result"] for attempt in attempts] == ["CAPTURED"]
    assert attempts[0]["inits"] == 2


async def pay_when_back(platform: RunningStack, person: Person, request: Any) -> None:
    """The lease of the dead process has to end first: a minute of real time that the test shortens."""
    owner = await asyncpg.connect(platform.endpoints.dsns["payments"].owner)
    await owner.execute("update jobs set leased_until = now() where leased_until is not null")
    await owner.close()

    async def back() -> bool:
        try:
            await pay(platform.api, person, request)
        except Exception:
            return False
        return True

    await platform.api.until(back, "payment after the crash")


async def test_every_key_is_in_order_on_its_topic_after_all_this(platform: RunningStack) -> None:
    await renewed(platform.api, await a_person(platform.api))
    seen: dict[bytes, int] = defaultdict(int)
    for record in await everything_on(platform, REQUESTS_EVENTS):
        sequence = int(header(record, "ce_sequence"))
        assert sequence <= seen[record.key] + 1
        seen[record.key] = max(sequence, seen[record.key])
