"""From the last release to this one, back, and on again, one process after the other, while people renew licences.

`make upgrade-test` says where the images come from. The order is that of docs/operations/upgrades.md.
"""

import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp
import pytest

from afaq.demo.birth import be_born, register_parents
from afaq.demo.client import Api
from afaq.demo.people import the_parents
from afaq.services import NAMES
from services.requests.seed import read_definitions
from tests.compose.composed import URLS, Loopback, compose
from tests.resilience.faults.load import Load
from tests.support import Person, a_person, pay, until_status

LAST, THIS = "afaq:last", "afaq"
PER_SECOND = float(os.environ.get("AFAQ_UPGRADE_PER_SECOND", "0.5"))
SECONDS = {"requests": "http://requests.localhost:9082", "payments": "http://payments.localhost:9083"}
"""Services of which there are two of each process, and where the second API is."""
UP_SECONDS = "300"
COUPLES = count()
NEW_IN_THIS = "traffic-fine-payment"
"""A service whose newest version has words that the last release does not know."""
FINES, FINE_FILS = "unpaid_traffic_fines_fils", 30_000
NO_ANSWER = frozenset({"ClientConnectorError", "ServerDisconnectedError", "ClientOSError", "TimeoutError"})
LATER = frozenset(
    {
        "404 not-found",  # of a payment that is asked for again and again until its event has come
        "503 temporarily-unavailable",
        "503 overloaded",
        "409 request-in-progress",
        "409 not-known-yet",
    }
)


@dataclass(frozen=True)
class Step:
    """Something that an operator does."""

    name: str
    began_at: float
    ended_at: float


@dataclass(frozen=True)
class Rollout:
    """The composed stack, some services twice, in the hands of whoever upgrades it."""

    api: Api
    acknowledged: dict[str, Any] = field(default_factory=dict)
    strikes: list[Step] = field(default_factory=list)
    began_at: float = field(default_factory=time.monotonic)

    def addresses(self, service: str) -> Sequence[str]:
        """Of the service's processes, each of which may answer."""
        return [URLS[service], *filter(None, [SECONDS.get(service)])]

    async def what_holds_it_up(self) -> str:
        """For whoever reads of a failure."""
        return "\n".join(await parked()) or "nothing is parked"

    @asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[None]:
        """Says what is done when, and how long it took."""
        began_at = time.monotonic()
        yield
        ended_at = time.monotonic()
        self.strikes.append(Step(name, began_at, ended_at))
        self.tell(f"{name}: {ended_at - began_at:.0f} s")

    def tell(self, what: str) -> None:
        """A line of what was seen."""
        print(f"[{time.monotonic() - self.began_at:5.0f} s] {what}", flush=True)


async def once(image: str, *command: str) -> str:
    """Runs a part of a release once; what it says."""
    _, said = await compose("run", "--rm", "--no-deps", "-T", *command, AFAQ_IMAGE=image)
    return said.strip()


async def operator(*command: str) -> str:
    return await once(THIS, "operator", *command)


async def start(image: str, *parts: str, publishes_seed: bool) -> None:
    """Replaces processes, all of these at the same time, and waits until they are ready."""
    wanted = ["up", "--detach", "--no-deps", "--no-build", "--wait", "--wait-timeout", UP_SECONDS, *parts]
    await compose(*wanted, AFAQ_IMAGE=image, AFAQ_REQUESTS_PUBLISHES_SEED=str(publishes_seed).lower())


async def roll(platform: Rollout, image: str) -> None:
    """A service after the other: its second worker and API, if it has them, beside the first of before; the first."""
    for name in NAMES:
        async with platform.step(f"{name} is {image}"):
            if name in SECONDS:
                await start(image, f"{name}-worker-2", f"{name}-api-2", publishes_seed=False)
            await start(image, f"{name}-worker", f"{name}-api", publishes_seed=False)


async def a_birth(platform: Rollout) -> None:
    """What a life event brings is bound by data that both releases keep, each in a table of its own."""
    people = the_parents(next(COUPLES))
    async with platform.step("a birth, with all that follows"):
        told = await be_born(platform.api, URLS, await register_parents(platform.api, people), people, lambda _: None)
    assert {message.channel.partition(" by ")[0] for message in told} == {"inbox", "SMS", "mail"}


async def a_paid_fine(api: Api) -> Person:
    """Of somebody whose fines the register is told with an event in a version that the last release does not know."""
    told = {"value": FINE_FILS, "source": "moi-traffic", "as_of": "2026-01-01T00:00:00Z"}
    person = await a_person(api)
    path, registrar = f"/persons/{person.id}", await api.sign_in(role="registrar")
    await api.patch("identity", path, {"facts": {FINES: told}}, registrar)
    asked = {"service_id": "traffic-fine-payment", "form": {}}

    async def owes() -> bool:
        quote = await api.post("requests", "/quotes", asked, person.token)
        return bool(quote["total_fils"] == FINE_FILS)

    await api.until(owes, "fines in requests")
    request = await api.post("requests", "/requests", asked, person.token)
    await pay(api, person, request)
    await until_status(api, person, request, "fulfilled")
    return person


async def owes_nothing(api: Api, person: Person) -> bool:
    """As the register has it."""
    known = await api.get("identity", "/me", person.token)
    return bool(known["facts"][FINES]["value"] == 0)


async def parked() -> list[str]:
    """What could not be processed, as operators see it."""
    said = [await operator("parked", "list", name) for name in NAMES]
    return [table for name, table in zip(NAMES, said, strict=True) if f"parked in {name}: 0" not in table]


@pytest.fixture
async def platform(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rollout]:
    """The last release, as it runs. Two of everything on a small machine take their time."""
    monkeypatch.setattr("afaq.demo.client.PATIENCE_SECONDS", 240.0)
    if os.environ.get("AFAQ_TEST_STACK") != "compose-twice":
        pytest.skip("no container engine: `make upgrade-test` starts one where it may")
    try:
        began = time.monotonic()
        seconds = [f"{name}-{role}-2" for name in SECONDS for role in ("worker", "api")]
        firsts = [f"--scale={part}=0" for part in seconds]
        up = ["up", "--detach", "--no-build", "--wait", "--wait-timeout", UP_SECONDS]
        await compose(*up, *firsts, AFAQ_IMAGE=LAST)
        await start(LAST, *seconds, publishes_seed=False)
        print(f"the last release is up after {time.monotonic() - began:.0f} s")
        connector = aiohttp.TCPConnector(resolver=Loopback(), keepalive_timeout=3)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session:
            yield Rollout(Api(URLS, session))
    finally:
        await compose("down", "--volumes", "--timeout", "10", AFAQ_IMAGE=LAST)


@pytest.mark.timeout(1800)
async def test_a_release_comes_goes_back_and_comes_again_under_load(platform: Rollout) -> None:
    async with Load(platform, per_second=PER_SECOND, name="upgrade") as load:
        await load.until_one_more()
        await a_birth(platform)

        async with platform.step("expand: users, topics, migrations of this release; nobody is replaced"):
            await once(THIS, "kafka-access")
            await once(THIS, "topics")
            platform.tell((await once(THIS, "migrate")).replace("\n", "; "))
        await load.until_one_more()

        await roll(platform, THIS)
        await a_birth(platform)
        await roll(platform, LAST)
        await a_birth(platform)
        await roll(platform, THIS)
        assert await parked() == [], "what old processes could not read has gone on by itself"

        async with platform.step("publish: what comes with this release, once nobody goes back any more"):
            await start(THIS, "requests-worker-2", publishes_seed=True)
        offered = {service["id"]: service for service in await platform.api.get("requests", "/catalogue")}
        assert offered[NEW_IN_THIS]["version"] == next(
            found.version for found in read_definitions() if found.id == NEW_IN_THIS
        )
        async with platform.step("identity's worker is of the last release again, and fines are paid"):
            await start(LAST, "identity-worker", publishes_seed=False)
            driver = await a_paid_fine(platform.api)
            await platform.api.until(parked, "event that the last release cannot read")
            assert not await owes_nothing(platform.api, driver)
        async with platform.step("and of this release"):
            await start(THIS, "identity-worker", publishes_seed=False)
            await platform.api.until(lambda: owes_nothing(platform.api, driver), "fines that are paid")
            assert await parked() == []
        async with platform.step("contract: what only the last release read"):
            platform.tell((await once(THIS, "migrate", "migrate", "--contract")).replace("\n", "; "))
        await load.until_one_more()
        await a_birth(platform)
        await load.all_done(within_seconds=180)
    load.report()
    failed = {answer: count for answer, count in load.answers.items() if not is_later(answer)}
    assert failed == {}

    command = ["run", "--rm", "-T", "operator", "audit", "--patience", "60", "--acknowledged", "/dev/stdin"]
    given = "\n".join(platform.acknowledged).encode()
    code, said = await compose(*command, given=given, must=False, AFAQ_IMAGE=THIS)
    print(said)
    assert code == 0
    assert f"{len(platform.acknowledged)} acknowledged" in said
    assert await parked() == []


def is_later(answer: str) -> bool:
    """Whether a client was told, or had to conclude, that it comes again: the next process answers it."""
    return answer in LATER or answer.rpartition(": ")[2] in NO_ANSWER
