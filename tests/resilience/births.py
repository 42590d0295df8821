"""Persons, hospitals and what they tell, for tests of the running platform."""

import uuid
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import aiohttp

from afaq.demo.client import Api
from shared.kernel.civil_id import synthetic_civil_id
from tests.conftest import RunningStack
from tests.support import Person

HOSPITALS = "moh-hospitals"
_serials = count(1)


def a_civil_id() -> str:
    """A number that nobody has yet."""
    while True:
        civil_id = synthetic_civil_id(date(1903, 4, 5), next(_serials))
        if civil_id is not None:
            return civil_id


async def a_parent(api: Api, civil_id: str | None = None, **changes: Any) -> Person:
    """A registered person who is signed in."""
    number = civil_id or a_civil_id()
    form = {"civil_id": number, "name": {"ar": "اسم تجريبي", "en": "A Test Name"}, "residence": "citizen"} | changes
    registrar = await api.sign_in(role="registrar")
    registered = await api.post("identity", "/persons", form, registrar)
    return Person(registered["id"], number, await api.sign_in(civil_id=number))


async def tell_of_a_birth(
    api: Api, mother_civil_id: str, number: str, *, source: str = HOSPITALS, key: str | None = None, **changes: Any
) -> Any:
    """A hospital reports that a child was born an hour ago."""
    officer = await api.sign_in(role=f"officer:{source}")
    noticed_at = datetime.now(UTC).replace(microsecond=0)
    form = {
        "kind": "birth",
        "source": source,
        "number": number,
        "occurred_at": (noticed_at - timedelta(hours=1)).isoformat(),
        "noticed_at": noticed_at.isoformat(),
        "mother_civil_id": mother_civil_id,
        "child": {"sex": "female"},
    } | changes
    return await api.post("identity", "/life-events", form, officer, key=key)


async def correct(api: Api, number: str, **changes: Any) -> Any:
    """The hospital corrects what it has told."""
    officer = await api.sign_in(role=f"officer:{HOSPITALS}")
    return await api.post("identity", f"/life-events/{HOSPITALS}/{number}/correction", changes, officer)


async def annul(api: Api, number: str) -> Any:
    """The hospital takes back what it has told."""
    officer = await api.sign_in(role=f"officer:{HOSPITALS}")
    return await api.post("identity", f"/life-events/{HOSPITALS}/{number}/annulment", None, officer)


async def name_the_child(api: Api, parent: Person, child_id: str) -> None:
    """The parent gives the name that the task asks for."""
    name = {"ar": "نور", "en": "Noor"}
    await api.put("identity", f"/persons/{child_id}/name", {"name": name}, parent.token)


async def until_task(api: Api, parent: Person) -> Any:
    """What the parent is asked for first."""

    async def look() -> Any:
        items = (await api.get("requests", "/tasks", parent.token))["items"]
        return items[0] if items else None

    return await api.until(look, "task of the parent")


async def offers_of(api: Api, parent: Person) -> list[Any]:
    """What the parent is offered now."""
    items: list[Any] = (await api.get("requests", "/offers", parent.token))["items"]
    return items


async def until_offered(api: Api, parent: Person, how_many: int = 1) -> list[Any]:
    """What the parent is offered, once it is so much."""

    async def look() -> Any:
        found = await offers_of(api, parent)
        return (found, True) if len(found) == how_many else None

    found: list[Any] = (await api.until(look, f"{how_many} offers"))[0]
    return found


async def requests_of(api: Api, parent: Person, service_id: str) -> list[Any]:
    """The parent's requests for a service."""
    items = (await api.get("requests", "/requests", parent.token))["items"]
    return [request for request in items if request["service_id"] == service_id]


async def until_request(api: Api, parent: Person, service_id: str, status: str) -> Any:
    """The parent's newest request for a service, once it stands there."""

    async def look() -> Any:
        found = await requests_of(api, parent, service_id)
        return found[0] if found and found[0]["status"] == status else None

    return await api.until(look, f"{service_id} that is {status}")


async def ledger_of(platform: RunningStack, path: str) -> Any:
    """What a simulator has written down: `/sms/ledger` or `/mail/ledger`."""
    async with aiohttp.request("GET", f"{platform.endpoints.urls['simulators']}{path}") as response:
        found = await response.json()
    return found["messages"] if isinstance(found, dict) else found


async def switch(platform: RunningStack, path: str, **switches: Any) -> None:
    """Sets what is to go wrong at a simulator; without any nothing is."""
    url = f"{platform.endpoints.urls['simulators']}{path}/switches"
    async with aiohttp.request("PUT", url, json=switches) as response:
        response.raise_for_status()


def a_number() -> str:
    """A notice's own number."""
    return uuid.uuid4().hex


async def is_ready(platform: RunningStack, name: str) -> bool:
    """Whether a service's process says that it is ready."""
    try:
        async with aiohttp.request("GET", f"{platform.endpoints.urls[name]}/health/ready") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False
