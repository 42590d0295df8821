"""A licence nears its end: whoever has it is offered the renewal before they ask, once; not after they have renewed."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.kernel.clock import KUWAIT
from tests.api.support import Http
from tests.conftest import RunningStack
from tests.support import Person, a_person, approve, pay, submit, until_status

SERVICE = "driving-licence-renewal"


def a_licence(days: int) -> dict[str, Any]:
    """Facts of a licence that ends in so many days."""
    now = datetime.now(UTC)
    ends_on = (now.astimezone(KUWAIT).date() + timedelta(days=days)).isoformat()
    known = {"driving_licence_expires_on": ends_on, "unpaid_traffic_fines_fils": 0, "sees_well_enough": True}
    return {name: {"value": value, "source": "moi-traffic", "as_of": now.isoformat()} for name, value in known.items()}


async def offers(platform: RunningStack, person: Person) -> list[Any]:
    """Those that stand."""
    found = (await platform.api.get("requests", "/offers?limit=100", person.token))["items"]
    return [offer for offer in found if offer["service_id"] == SERVICE]


async def the_offer(platform: RunningStack, person: Person) -> Any:
    async def look() -> Any:
        return next(iter(await offers(platform, person)), None)

    return await platform.api.until(look, "offer")


async def until_it_is(platform: RunningStack, person: Person, offer: Any, status: str) -> None:
    async def look() -> Any:
        found = await platform.api.get("requests", f"/offers/{offer['id']}", person.token)
        return found["status"] == status

    await platform.api.until(look, f"offer that is {status}")


async def test_a_licence_that_ends_is_renewed_with_one_tap(platform: RunningStack) -> None:
    api, driver = platform.api, await a_person(platform.api, facts=a_licence(20))
    offer = await the_offer(platform, driver)
    why = await api.get("requests", f"/offers/{offer['id']}/why", driver.token)
    assert (why["occasion"]["kind"], why["occasion"]["source"]) == ("expiry", "moi-traffic")
    assert "about to end" in why["reason"]["en"]
    request = await api.post("requests", f"/offers/{offer['id']}/accept", {}, driver.token)
    await pay(api, driver, request)
    await approve(api, request)
    await until_status(api, driver, request, "fulfilled")
    registrar = await api.sign_in(role="registrar")
    await api.patch("identity", f"/persons/{driver.id}", {"facts": a_licence(20)}, registrar)  # told once more
    await until_it_is(platform, driver, offer, "accepted")
    assert await offers(platform, driver) == []


async def test_whoever_asks_by_themselves_is_not_offered_it_any_more(platform: RunningStack) -> None:
    api, driver = platform.api, await a_person(platform.api, facts=a_licence(20))
    offer = await the_offer(platform, driver)
    request = await submit(api, driver)
    found = await api.get("requests", f"/offers/{offer['id']}", driver.token)
    assert (found["status"], found["request_id"]) == ("accepted", request["id"])
    assert await offers(platform, driver) == []


async def test_whoever_has_renewed_at_the_counter_is_not_asked_any_more(platform: RunningStack) -> None:
    api, driver = platform.api, await a_person(platform.api, facts=a_licence(20))
    offer = await the_offer(platform, driver)
    registrar = await api.sign_in(role="registrar")
    await api.patch("identity", f"/persons/{driver.id}", {"facts": a_licence(3650)}, registrar)
    await until_it_is(platform, driver, offer, "withdrawn")
    await api.patch("identity", f"/persons/{driver.id}", {"facts": a_licence(10)}, registrar)  # it was a mistake
    assert (await the_offer(platform, driver))["id"] != offer["id"]


async def test_what_ends_in_years_is_not_offered_yet(platform: RunningStack, http: Http) -> None:
    api = platform.api
    early, late = await a_person(api), await a_person(api)
    registrar = await api.sign_in(role="registrar")
    await api.patch("identity", f"/persons/{early.id}", {"facts": a_licence(400)}, registrar)
    await api.patch("identity", f"/persons/{late.id}", {"facts": a_licence(5)}, registrar)

    async def has_the_later() -> Any:
        return len(await offers(platform, late)) == 1

    async def has_none() -> Any:
        return await offers(platform, early) == []

    await api.until(has_the_later, "offer of somebody who was told of later")
    await api.until(has_none, "withdrawal of what was offered before the register told of the day")
