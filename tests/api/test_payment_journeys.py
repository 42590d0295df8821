"""Journeys through the gateway: what payers do there, what goes wrong there, and that no money is lost or kept."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from afaq.local.errors import StackError
from shared.kernel.clock import MovableClock
from tests.api.support import (
    AGENCY,
    CAPTURED_CARD,
    NOT_CAPTURED_CARD,
    OFFICER,
    PIN,
    Http,
    a_driver,
    a_request,
    new_key,
    sealed_callback,
    task_of,
)
from tests.conftest import RunningStack
from tests.support import Person, approve, gateway_attempts, until_status

FEE_FILS = 10_000
INQUIRED_AFTER = timedelta(minutes=3)
"""No attempt stays unknown for longer; the clock is every test's, so it is moved as little as that."""


@dataclass(frozen=True)
class Journey:
    """One payer on the way through one request's payment."""

    platform: RunningStack
    http: Http
    person: Person
    request: Any

    @property
    def path(self) -> str:
        return f"/payments/{self.request['payment_id']}"

    async def payment(self) -> Any:
        return await self.platform.api.get("payments", self.path, self.person.token)

    async def until_payment(self, holds: Callable[[Any], bool], what: str) -> Any:
        async def look() -> Any:
            payment = await self.payment()
            return payment if holds(payment) else None

        try:
            return await self.platform.api.until(look, what)
        except StackError as error:
            pytest.fail(f"{error} The payment: {await self.payment()}; the gateway: {await self.at_gateway()}")

    async def until_attempt(self, status: str, number: int = 1) -> Any:
        """The payment, once this attempt has come so far."""

        def has_come_so_far(payment: Any) -> bool:
            return any((found["number"], found["status"]) == (number, status) for found in payment["attempts"])

        return await self.until_payment(has_come_so_far, f"attempt {number} that is {status}")

    async def until_status(self, status: str) -> Any:
        return await until_status(self.platform.api, self.person, self.request, status)

    async def until_fee_paid(self) -> None:
        async def is_paid() -> bool:
            return "requests.request.fee_paid" in await self.history()

        await self.platform.api.until(is_paid, "news of the payment in requests")

    async def history(self) -> list[str]:
        story = await self.platform.api.get("requests", f"/requests/{self.request['id']}", self.person.token)
        return [event["type"] for event in story["history"]]

    async def page(self) -> str:
        """The gateway's page of an attempt."""
        answered = await self.http.post("payments", f"{self.path}/attempts", None, self.person.token)
        assert answered.status in {201, 202}, answered.text
        payment = await self.until_payment(lambda payment: payment["page_url"], "page")
        return str(payment["page_url"])

    async def submit_page(self, url: str, **fields: str) -> int:
        """What the payer types there; the status of the page that the browser ends on."""
        async with aiohttp.request("POST", url, data=fields) as response:
            if response.url.path == "/gateway/knet/return":
                assert response.headers["Cache-Control"] == "no-store"
            return response.status

    async def pay(self, card: str = CAPTURED_CARD) -> int:
        return await self.submit_page(await self.page(), card=card, pin=PIN)

    async def withdraw(self) -> None:
        path = f"/requests/{self.request['id']}/withdraw"
        assert (await self.http.post("requests", path, None, self.person.token)).status == 200

    async def at_gateway(self) -> list[Any]:
        """The gateway's own word on the attempts."""
        return await gateway_attempts(self.platform, await self.payment())

    async def callback(self, content: bytes) -> int:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        path = "/gateway/knet/notification"
        return (await self.http.send("POST", "payments", path, content=content, headers=headers)).status


@pytest.fixture
async def journey(platform: RunningStack, http: Http) -> Journey:
    person = await a_driver(platform)
    return Journey(platform, http, person, await a_request(platform, person))


Switch = Callable[..., Awaitable[None]]


@pytest.fixture
async def switch(platform: RunningStack) -> AsyncIterator[Switch]:
    """What is to go wrong at the gateway, until the test ends."""

    async def set_switches(**switches: Any) -> None:
        url = f"{platform.endpoints.urls['simulators']}/knet/switches"
        async with aiohttp.request("PUT", url, json=switches) as response:
            assert response.status == 200

    yield set_switches
    await set_switches()


@pytest.fixture(autouse=True)
async def books_balance(platform: RunningStack) -> AsyncIterator[None]:
    """Whatever a test does, every fils that is taken from one account is another's."""
    yield
    books = await ledger(platform)
    assert books["sum_fils"] == 0


async def ledger(platform: RunningStack) -> Any:
    operator = await platform.api.sign_in(role="operator")
    return await platform.api.get("payments", "/ledger/balances", operator)


async def balances(platform: RunningStack) -> dict[str, int]:
    accounts = (await ledger(platform))["accounts"]
    return {account["account"]: account["balance_fils"] for account in accounts}


def difference(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """What has moved."""
    return {name: moved for name in after if (moved := after[name] - before.get(name, 0))}


def move_time_on(platform: RunningStack) -> None:
    MovableClock(platform.directory / "clock-offset").advance(INQUIRED_AFTER)


async def test_a_card_that_is_refused_and_another_that_is_not(journey: Journey) -> None:
    before = await balances(journey.platform)
    assert await journey.pay(NOT_CAPTURED_CARD) == 200
    payment = await journey.until_attempt("failed")
    assert (payment["status"], payment["attempts"][0]["result"]) == ("requested", "NOT CAPTURED")
    assert payment["page_url"] is None, "a page that has ended is of no use"
    assert difference(before, await balances(journey.platform)) == {}
    assert await journey.pay(CAPTURED_CARD) == 200
    payment = await journey.until_attempt("captured", 2)
    assert payment["status"] == "captured"
    await journey.until_fee_paid()
    assert [attempt["result"] for attempt in await journey.at_gateway()] == ["NOT CAPTURED", "CAPTURED"]
    assert difference(before, await balances(journey.platform)) == {"gateway": FEE_FILS, f"agency:{AGENCY}": -FEE_FILS}


@pytest.mark.parametrize(("card", "result"), [("8888880000000003", "DECLINED"), ("8888880000000004", "RESTRICTED")])
async def test_whatever_the_bank_says_but_captured_is_no_payment(card: str, result: str, journey: Journey) -> None:
    await journey.pay(card)
    payment = await journey.until_attempt("failed")
    assert (payment["status"], payment["attempts"][0]["result"]) == ("requested", result)
    assert "requests.request.fee_paid" not in await journey.history()


async def test_a_wrong_pin_is_no_payment_and_an_unknown_card_decides_nothing(journey: Journey) -> None:
    url = await journey.page()
    assert await journey.submit_page(url, card="4111111111111111", pin=PIN) == 422
    assert (await journey.payment())["attempts"][0]["status"] == "open"
    await journey.submit_page(url, card=CAPTURED_CARD, pin="0000")
    assert (await journey.until_attempt("failed"))["status"] == "requested"


async def test_who_cancels_on_the_page_may_pay_later(journey: Journey) -> None:
    await journey.submit_page(await journey.page(), cancel="1")
    payment = await journey.until_attempt("failed")
    assert (payment["status"], payment["attempts"][0]["result"]) == ("requested", "CANCELLED")
    await journey.pay()
    assert (await journey.until_attempt("captured", 2))["status"] == "captured"


async def test_a_callback_that_comes_twice_at_once_captures_once(journey: Journey, switch: Switch) -> None:
    before = await balances(journey.platform)
    await switch(duplicate_callback=True)
    await journey.pay()
    await journey.until_attempt("captured")
    await journey.until_fee_paid()
    [attempt] = await journey.at_gateway()
    assert (attempt["callbacks_sent"], attempt["callbacks_delivered"]) == (2, 2)
    assert (await journey.history()).count("requests.request.fee_paid") == 1
    assert difference(before, await balances(journey.platform)) == {"gateway": FEE_FILS, f"agency:{AGENCY}": -FEE_FILS}


async def test_a_callback_that_comes_again_much_later_changes_nothing(journey: Journey) -> None:
    await journey.pay()
    await journey.until_attempt("captured")
    await journey.until_fee_paid()
    before, history, books = await journey.payment(), await journey.history(), await balances(journey.platform)
    for _ in range(3):
        assert await journey.callback(sealed_callback(journey.platform, journey.request["payment_id"])) == 200
    assert await journey.payment() == before
    assert await journey.history() == history
    assert difference(books, await balances(journey.platform)) == {}


async def test_without_a_callback_the_gateway_is_asked_in_time(journey: Journey, switch: Switch) -> None:
    await switch(no_callback=True)
    assert await journey.pay() == 200, "the browser comes back to the platform all the same"
    payment = await journey.payment()
    assert (payment["status"], payment["attempts"][0]["status"]) == ("requested", "open"), "a return proves nothing"
    move_time_on(journey.platform)
    assert (await journey.until_attempt("captured"))["status"] == "captured"
    await journey.until_fee_paid()
    [attempt] = await journey.at_gateway()
    assert (attempt["result"], attempt["callbacks_sent"]) == ("CAPTURED", 0)


async def test_a_card_that_is_charged_while_the_browser_gets_no_answer_is_not_charged_again(
    journey: Journey, switch: Switch
) -> None:
    await switch(timeout_after_charge=True)
    assert await journey.pay() == 504
    await switch()
    payment = await journey.payment()
    again = await journey.http.post("payments", f"{journey.path}/attempts", None, journey.person.token)
    assert again.json["page_url"] == payment["page_url"], "nobody is led to pay a second time"
    move_time_on(journey.platform)
    await journey.until_attempt("captured")
    await journey.until_fee_paid()
    assert [attempt["result"] for attempt in await journey.at_gateway()] == ["CAPTURED"]


async def test_an_amount_that_the_callback_claims_is_not_believed(journey: Journey, switch: Switch) -> None:
    before = await balances(journey.platform)
    await switch(wrong_amount=True)
    await journey.pay()
    payment = await journey.until_attempt("captured")
    assert (payment["status"], payment["amount_fils"]) == ("captured", FEE_FILS)
    await journey.until_fee_paid()
    assert difference(before, await balances(journey.platform)) == {"gateway": FEE_FILS, f"agency:{AGENCY}": -FEE_FILS}


async def test_a_forged_callback_captures_nothing(journey: Journey) -> None:
    """Who has the terminal's key can say what they like: only the inquiry is believed."""
    forged = sealed_callback(journey.platform, journey.request["payment_id"])
    before = await balances(journey.platform)
    assert await journey.callback(forged) == 200
    url = await journey.page()
    assert await journey.callback(forged) == 200
    payment = await journey.payment()
    assert (payment["status"], payment["attempts"][0]["status"]) == ("requested", "open")
    assert difference(before, await balances(journey.platform)) == {}
    assert await journey.submit_page(url, card=CAPTURED_CARD, pin=PIN) == 200
    assert (await journey.until_attempt("captured"))["status"] == "captured"


async def test_a_callback_about_a_payment_that_is_not_there_makes_none(journey: Journey) -> None:
    unknown = "00000000-0000-5000-8000-000000000000"
    assert await journey.callback(sealed_callback(journey.platform, unknown)) == 200
    answered = await journey.http.get("payments", f"/payments/{unknown}", journey.person.token)
    assert answered.code == "not-found"


async def test_a_fee_that_was_paid_is_given_back_when_the_request_is_withdrawn(journey: Journey) -> None:
    before = await balances(journey.platform)
    await journey.pay()
    await task_of(journey.platform, journey.request)
    await journey.withdraw()
    await journey.until_attempt("refunded")
    await expect_refunded(journey, before)


async def test_a_fee_is_given_back_when_the_agency_rejects(journey: Journey) -> None:
    before = await balances(journey.platform)
    await journey.pay()
    task = await task_of(journey.platform, journey.request)
    officer = await journey.platform.api.sign_in(role=OFFICER)
    rejection = {"decision": "reject", "reason": {"ar": "الصورة غير واضحة", "en": "The photograph is not clear"}}
    await journey.platform.api.post("requests", f"/tasks/{task['id']}/decision", rejection, officer)
    await journey.until_status("rejected")
    await journey.until_attempt("refunded")
    await expect_refunded(journey, before)


async def test_who_pays_on_a_page_that_was_open_when_the_request_ended_gets_the_money_back(journey: Journey) -> None:
    before = await balances(journey.platform)
    url = await journey.page()
    await journey.withdraw()
    await journey.until_payment(lambda payment: payment["status"] == "cancelled", "end of the payment")
    assert await journey.submit_page(url, card=CAPTURED_CARD, pin=PIN) == 200
    payment = await journey.until_attempt("refunded")
    assert payment["status"] == "cancelled"
    assert "requests.request.fee_paid" not in await journey.history()
    await expect_refunded(journey, before)


async def test_paying_and_withdrawing_at_the_same_moment_loses_no_money(platform: RunningStack, http: Http) -> None:
    """Whichever comes first: the request is withdrawn, and what was taken is given back."""
    before = await balances(platform)
    journeys = []
    for _ in range(4):
        person = await a_driver(platform)
        journeys.append(Journey(platform, http, person, await a_request(platform, person)))
    urls = [await journey.page() for journey in journeys]
    await asyncio.gather(
        *(journey.submit_page(url, card=CAPTURED_CARD, pin=PIN) for journey, url in zip(journeys, urls, strict=True)),
        *(journey.withdraw() for journey in journeys),
    )
    for journey in journeys:
        await journey.until_attempt("refunded")
        assert (await journey.until_status("withdrawn"))["document_id"] is None
    for journey in journeys:
        await expect_refunded(journey, before)


async def expect_refunded(journey: Journey, before: dict[str, int]) -> None:
    """What was taken was given back, once, by the gateway's word and by ours."""
    [attempt] = await journey.at_gateway()
    assert attempt["result"] == "CAPTURED"
    assert [refund["amt_fils"] for refund in attempt["refunds"]] == [FEE_FILS]
    assert difference(before, await balances(journey.platform)) == {}


async def test_a_refund_that_the_gateway_cannot_make_now_is_made_later(journey: Journey, switch: Switch) -> None:
    before = await balances(journey.platform)
    await journey.pay()
    await task_of(journey.platform, journey.request)
    await switch(down=True)
    await journey.withdraw()
    await journey.until_attempt("refund_due")
    owed = difference(before, await balances(journey.platform))
    assert owed == {"gateway": FEE_FILS, "refunds_due": -FEE_FILS}
    await switch()
    move_time_on(journey.platform)
    await journey.until_attempt("refunded")
    await expect_refunded(journey, before)


async def test_while_the_gateway_cannot_be_asked_nothing_is_believed(journey: Journey, switch: Switch) -> None:
    await switch(down_for_inquiry=True)
    assert await journey.pay() == 200
    payment = await journey.payment()
    assert (payment["status"], payment["attempts"][0]["status"]) == ("requested", "open")
    await switch()
    assert (await journey.until_attempt("captured"))["status"] == "captured"
    await journey.until_fee_paid()


async def test_while_the_gateway_is_away_the_payer_is_told_to_ask_again(journey: Journey, switch: Switch) -> None:
    await switch(down=True)
    answered = await journey.http.post("payments", f"{journey.path}/attempts", None, journey.person.token)
    assert (answered.status, answered.headers.get("Retry-After"), answered.json["page_url"]) == (202, "2", None)
    await switch()
    await journey.until_payment(lambda payment: payment["page_url"], "page once the gateway is back")
    await journey.pay()
    await journey.until_attempt("captured")
    assert len((await journey.payment())["attempts"]) == 1


async def test_two_tabs_get_one_page(journey: Journey) -> None:
    answers = await asyncio.gather(
        *(
            journey.http.post("payments", f"{journey.path}/attempts", None, journey.person.token, key=new_key())
            for _ in range(6)
        )
    )
    assert {answer.status for answer in answers} <= {201, 202}
    payment = await journey.until_payment(lambda payment: payment["page_url"], "page")
    assert len(payment["attempts"]) == 1
    assert {answer.json["page_url"] for answer in answers} - {None} == {payment["page_url"]}
    assert len(await journey.at_gateway()) == 1


async def test_a_payment_is_attempted_twenty_times_at_most(journey: Journey) -> None:
    for number in range(1, 21):
        await journey.submit_page(await journey.page(), cancel="1")
        await journey.until_attempt("failed", number)
    answered = await journey.http.post("payments", f"{journey.path}/attempts", None, journey.person.token)
    assert (answered.status, answered.code) == (409, "payment-too-many-attempts")
    numbers = [attempt["number"] for attempt in (await journey.payment())["attempts"]]
    assert numbers == list(range(1, 21)), "attempts are told in the order in which they were made"


async def test_the_browsers_return_shows_nothing_of_anybody(journey: Journey) -> None:
    await journey.pay()
    plain = await journey.http.get("payments", "/gateway/knet/return")
    given = await journey.http.get(
        "payments", f"/gateway/knet/return?paymentid={journey.request['payment_id']}&x=%3Cb%3E"
    )
    assert plain.status == given.status == 200
    assert plain.content == given.content
    assert plain.headers["Content-Type"].startswith("text/html")


async def test_who_has_paid_is_told_so_and_gets_the_document(journey: Journey) -> None:
    await journey.pay()
    await task_of(journey.platform, journey.request)
    await approve(journey.platform.api, journey.request)
    await journey.until_status("fulfilled")

    async def purposes() -> set[str] | None:
        inbox = await journey.platform.api.get("notifications", "/inbox", journey.person.token)
        told = {message["purpose"] for message in inbox["items"]}
        return told if "document-issued" in told else None

    assert {"request-submitted", "document-issued"} <= await journey.platform.api.until(purposes, "message")
