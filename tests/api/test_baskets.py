"""Several fees paid with one visit to the gateway: all or none, whatever happens there meanwhile."""

from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from tests.api.support import (
    AGENCY,
    CAPTURED_CARD,
    NOT_CAPTURED_CARD,
    PIN,
    Answered,
    Http,
    a_driver,
    a_request,
    assert_problem,
    sealed_callback,
    task_of,
)
from tests.api.test_payment_journeys import (
    FEE_FILS,
    Switch,
    balances,
    books_balance,
    difference,
    move_time_on,
    switch,
)
from tests.conftest import RunningStack
from tests.support import Person, until_status

__all__ = ["books_balance", "switch"]  # fixtures


@dataclass(frozen=True)
class Basket:
    """Two requests of one person, and the basket of their fees."""

    platform: RunningStack
    http: Http
    person: Person
    requests: list[Any]

    @property
    def payment_ids(self) -> list[str]:
        return [request["payment_id"] for request in self.requests]

    async def gather(self, *payment_ids: str) -> Answered:
        form = {"payment_ids": list(payment_ids or self.payment_ids)}
        return await self.http.post("payments", "/baskets", form, self.person.token)

    async def open(self) -> Any:
        """The basket, once it has its page."""
        gathered = await self.gather()
        assert gathered.status in {201, 202}, gathered.text
        return await self.until(gathered.json["id"], lambda basket: basket["page_url"])

    async def until(self, id: str, holds: Any) -> Any:
        async def look() -> Any:
            basket = await self.platform.api.get("payments", f"/baskets/{id}", self.person.token)
            return basket if holds(basket) else None

        return await self.platform.api.until(look, "basket")

    async def submit_page(self, basket: Any, **fields: str) -> int:
        async with aiohttp.request("POST", basket["page_url"], data=fields) as response:
            return response.status

    async def pay(self, basket: Any, card: str = CAPTURED_CARD) -> int:
        return await self.submit_page(basket, card=card, pin=PIN)

    async def payments(self) -> list[Any]:
        api = self.platform.api
        return [await api.get("payments", f"/payments/{id}", self.person.token) for id in self.payment_ids]

    async def until_payments(self, *statuses: str) -> list[Any]:
        """The payments, once their newest attempts stand so."""

        async def look() -> Any:
            payments = await self.payments()
            return payments if tuple(found["attempts"][-1]["status"] for found in payments) == statuses else None

        found: list[Any] = await self.platform.api.until(look, f"payments that are {statuses}")
        return found

    async def at_gateway(self, basket: Any) -> Any:
        url = f"{self.platform.endpoints.urls['simulators']}/knet/ledger"
        async with aiohttp.request("GET", url) as response:
            ledger = (await response.json())["attempts"]
        ids = {basket["id"], *(attempt["id"] for payment in await self.payments() for attempt in payment["attempts"])}
        [found] = [attempt for attempt in ledger if attempt["trackid"] in ids]
        return found


@pytest.fixture
async def two(platform: RunningStack, http: Http) -> Basket:
    person = await a_driver(platform)
    return Basket(platform, http, person, [await a_request(platform, person) for _ in range(2)])


async def test_two_fees_are_paid_at_once_and_both_requests_go_on(two: Basket) -> None:
    before = await balances(two.platform)
    basket = await two.open()
    assert (basket["amount_fils"], basket["status"]) == (2 * FEE_FILS, "open")
    assert await two.pay(basket) == 200
    await two.until(basket["id"], lambda found: found["status"] == "captured")
    payments = await two.until_payments("captured", "captured")
    assert {payment["status"] for payment in payments} == {"captured"}
    assert {payment["attempts"][0]["basket_id"] for payment in payments} == {basket["id"]}
    for request in two.requests:
        await task_of(two.platform, request)
    attempt = await two.at_gateway(basket)
    assert (attempt["result"], attempt["amt_fils"]) == ("CAPTURED", 2 * FEE_FILS)
    moved = difference(before, await balances(two.platform))
    assert moved == {"gateway": 2 * FEE_FILS, f"agency:{AGENCY}": -2 * FEE_FILS}


@pytest.mark.parametrize("fields", [{"card": NOT_CAPTURED_CARD, "pin": PIN}, {"cancel": "1"}])
async def test_where_it_is_not_paid_none_is_and_each_can_be_paid_alone(two: Basket, fields: dict[str, str]) -> None:
    before = await balances(two.platform)
    basket = await two.open()
    assert await two.submit_page(basket, **fields) == 200
    await two.until(basket["id"], lambda found: found["status"] == "failed" and found["page_url"] is None)
    payments = await two.until_payments("failed", "failed")
    assert {payment["status"] for payment in payments} == {"requested"}
    assert difference(before, await balances(two.platform)) == {}
    alone = await two.http.post("payments", f"/payments/{two.payment_ids[0]}/attempts", None, two.person.token)
    assert alone.status == 201, alone.text
    assert_problem(await two.gather(), 409, "payment-under-way")


async def test_who_withdraws_one_request_while_paying_gets_its_part_back(two: Basket) -> None:
    before = await balances(two.platform)
    basket = await two.open()
    path = f"/requests/{two.requests[0]['id']}/withdraw"
    assert (await two.http.post("requests", path, None, two.person.token)).status == 200
    await two.platform.api.until(lambda: _is_cancelled(two), "end of the payment")
    assert await two.pay(basket) == 200
    await two.until_payments("refunded", "captured")
    await task_of(two.platform, two.requests[1])
    attempt = await two.at_gateway(basket)
    assert [refund["amt_fils"] for refund in attempt["refunds"]] == [FEE_FILS]
    moved = difference(before, await balances(two.platform))
    assert moved == {"gateway": FEE_FILS, f"agency:{AGENCY}": -FEE_FILS}


async def _is_cancelled(two: Basket) -> bool:
    return bool((await two.payments())[0]["status"] == "cancelled")


async def test_who_withdraws_both_later_gets_both_parts_back(two: Basket) -> None:
    before = await balances(two.platform)
    basket = await two.open()
    await two.pay(basket)
    await two.until_payments("captured", "captured")
    for request in two.requests:
        await task_of(two.platform, request)
        path = f"/requests/{request['id']}/withdraw"
        assert (await two.http.post("requests", path, None, two.person.token)).status == 200
    await two.until_payments("refunded", "refunded")
    attempt = await two.at_gateway(basket)
    assert [refund["amt_fils"] for refund in attempt["refunds"]] == [FEE_FILS, FEE_FILS]
    assert difference(before, await balances(two.platform)) == {}
    for request in two.requests:
        await until_status(two.platform.api, two.person, request, "withdrawn")


async def test_without_a_callback_the_gateway_is_asked_in_time(two: Basket, switch: Switch) -> None:
    await switch(no_callback=True)
    basket = await two.open()
    await two.pay(basket)
    assert (await two.until(basket["id"], bool))["status"] == "open"
    move_time_on(two.platform)
    await two.until_payments("captured", "captured")


async def test_a_forged_callback_captures_nothing(two: Basket) -> None:
    basket = await two.open()
    forged = sealed_callback(two.platform, basket["id"])
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answered = await two.http.send("POST", "payments", "/gateway/knet/notification", content=forged, headers=headers)
    assert answered.status == 200
    assert (await two.until(basket["id"], bool))["status"] == "open"
    await two.pay(basket)
    await two.until_payments("captured", "captured")


async def test_while_the_gateway_is_away_the_payer_is_told_to_ask_again(two: Basket, switch: Switch) -> None:
    await switch(down=True)
    gathered = await two.gather()
    assert (gathered.status, gathered.headers.get("Retry-After"), gathered.json["page_url"]) == (202, "2", None)
    await switch()
    basket = await two.until(gathered.json["id"], lambda found: found["page_url"])
    await two.pay(basket)
    await two.until_payments("captured", "captured")


async def test_what_is_in_a_basket_is_not_paid_alone_nor_in_another(two: Basket) -> None:
    basket = await two.open()
    alone = await two.http.post("payments", f"/payments/{two.payment_ids[0]}/attempts", None, two.person.token)
    problem = assert_problem(alone, 409, "payment-in-basket")
    assert problem["details"] == {"basket_id": basket["id"]}
    assert_problem(await two.gather(), 409, "payment-under-way")
    await two.pay(basket)
    await two.until_payments("captured", "captured")
    assert_problem(await two.gather(), 409, "payment-not-open")


async def test_one_that_cannot_be_paid_keeps_all_from_being_charged(two: Basket) -> None:
    before = await balances(two.platform)
    other = await a_request(two.platform, two.person)
    path = f"/payments/{other['payment_id']}"
    await two.http.post("payments", f"{path}/attempts", None, two.person.token)
    assert_problem(await two.gather(*two.payment_ids, other["payment_id"]), 409, "payment-under-way")
    assert [payment["attempts"] for payment in await two.payments()] == [[], []]
    assert difference(before, await balances(two.platform)) == {}


async def test_a_basket_is_of_different_payments_of_ones_own(two: Basket, platform: RunningStack) -> None:
    one, _ = two.payment_ids
    for payment_ids in ([one], [one, one]):
        form = {"payment_ids": payment_ids}
        assert_problem(await two.http.post("payments", "/baskets", form, two.person.token), 422, "invalid-request")
    theirs = await a_request(platform, await a_driver(platform))
    assert_problem(await two.gather(one, theirs["payment_id"]), 404, "not-found")
    assert_problem(await two.gather(one, two.person.id), 404, "not-found")
    assert [payment["attempts"] for payment in await two.payments()] == [[], []]
