"""A payment from PaymentInit to the browser's way back."""

import asyncio
from datetime import timedelta

import httpx2
import pytest

from simulators.app import create_app
from simulators.settings import Settings
from tests.component.simulators.merchant import GOOD_CARD, PIN, Merchant
from tests.component.simulators.settable_clock import SettableClock
from tests.component.simulators.waiting import until

CARDS = {
    "8888880000000001": "CAPTURED",
    "8888880000000002": "NOT CAPTURED",
    "8888880000000003": "DECLINED",
    "8888880000000004": "RESTRICTED",
}


@pytest.mark.parametrize(("card", "result"), CARDS.items())
async def test_each_card_is_told_to_the_merchant(merchant: Merchant, card: str, result: str) -> None:
    page = await merchant.init()
    response = await merchant.pay(page, card)
    assert (response.status_code, response.headers["Location"]) == (303, merchant.receipt_url)

    (callback,) = merchant.callbacks
    inquiry = await merchant.inquire()
    told = {name: callback[name] for name in inquiry}
    assert told == inquiry
    assert callback["result"] == result
    assert (callback["paymentid"], callback["trackid"], callback["amt"]) == (page.payment_id, "t-1", "10.000")
    assert (callback["udf1"], callback["udf2"]) == ("رقم الطلب", "")
    assert bool(callback["auth"]) == (result == "CAPTURED")


async def test_a_wrong_pin_takes_nothing(merchant: Merchant) -> None:
    await merchant.pay(await merchant.init(), GOOD_CARD, "0000")
    (attempt,) = await merchant.ledger()
    assert (attempt["result"], attempt["captured_at"]) == ("NOT CAPTURED", None)


async def test_cancel_is_told_to_the_merchant(merchant: Merchant) -> None:
    page = await merchant.init()
    response = await merchant.gateway.post(page.url, data={"card": "", "pin": "", "cancel": "1"})
    assert response.headers["Location"] == merchant.receipt_url
    assert [callback["result"] for callback in merchant.callbacks] == ["CANCELLED"]


async def test_an_unknown_card_gets_the_form_again(merchant: Merchant) -> None:
    page = await merchant.init()
    response = await merchant.pay(page, "4111111111111111")
    assert response.status_code == 422
    assert "4111" not in response.text
    assert merchant.callbacks == []
    assert (await merchant.pay(page)).status_code == 303


async def test_paying_again_shows_the_first_result(merchant: Merchant) -> None:
    page = await merchant.init()
    await merchant.pay(page, "8888880000000003")
    again = await merchant.pay(page)
    assert again.status_code == 200
    assert "DECLINED" in again.text
    assert f'href="{merchant.receipt_url}"' in again.text
    assert len(merchant.callbacks) == 1


async def test_ten_clicks_at_once_charge_once(merchant: Merchant) -> None:
    page = await merchant.init()
    responses = await asyncio.gather(*(merchant.pay(page) for _ in range(10)))
    assert sorted(response.status_code for response in responses) == [200] * 9 + [303]
    assert len(merchant.callbacks) == 1


async def test_the_page_speaks_both_languages_in_their_directions(merchant: Merchant) -> None:
    arabic = await merchant.gateway.get((await merchant.init("t-ar")).url)
    english = await merchant.gateway.get((await merchant.init("t-en", langid="EN")).url)
    assert '<html lang="ar" dir="rtl">' in arabic.text
    assert '<html lang="en" dir="ltr">' in english.text
    for page in (arabic.text, english.text):
        assert "SIMULATOR" in page
        assert "رقم البطاقة" in page
        assert "Card number" in page
        assert '<bdi dir="ltr">KD 10.000</bdi>' in page


async def test_a_page_that_nobody_asked_for(simulators: httpx2.AsyncClient) -> None:
    for response in (
        await simulators.get("/knet/kpg/pay/1"),
        await simulators.post("/knet/kpg/pay/1", data={"card": GOOD_CARD, "pin": PIN}),
    ):
        assert response.status_code == 404
        assert "SIMULATOR" in response.text


async def test_init_again_answers_the_same_page(merchant: Merchant) -> None:
    assert await merchant.init() == await merchant.init()
    (attempt,) = await merchant.ledger()
    assert attempt["inits"] == 2


async def test_init_refusals_are_answered_in_the_kits_form(merchant: Merchant) -> None:
    await merchant.init()
    assert (await merchant.init_text(amt="10.001")).startswith("!ERROR!-SIM108-")
    assert (await merchant.init_text(amt="10.0")).startswith("!ERROR!-SIM105-")
    assert (await merchant.init_text(currencycode="840")).startswith("!ERROR!-SIM106-")
    assert (await merchant.init_text(password="another")).startswith("!ERROR!-SIM104-")


async def test_an_unpaid_page_lapses(merchant: Merchant, clock: SettableClock) -> None:
    page = await merchant.init()
    assert (await merchant.inquire())["result"] == "INITIATED"
    clock.pass_time(timedelta(minutes=15))
    assert (await merchant.inquire())["result"] == "TIMEDOUT"
    assert "TIMEDOUT" in (await merchant.pay(page)).text
    assert merchant.callbacks == []


async def test_a_failed_callback_is_tried_again_and_the_browser_does_not_wait(merchant: Merchant) -> None:
    merchant.statuses = [500]
    page = await merchant.init()
    response = await merchant.pay(page)
    assert response.headers["Location"] == merchant.error_url
    await until(lambda: len(merchant.callbacks) == 2)
    assert merchant.callbacks[0] == merchant.callbacks[1]

    async def delivered() -> bool:
        (attempt,) = await merchant.ledger()
        return (attempt["callbacks_sent"], attempt["callbacks_delivered"]) == (2, 1)

    await until(delivered)
    assert f'href="{merchant.receipt_url}"' in (await merchant.gateway.get(page.url)).text


async def test_a_merchant_that_is_away_loses_nothing_but_the_callback(merchant: Merchant) -> None:
    page = await merchant.init(responseURL="http://127.0.0.1:9/callback")
    response = await merchant.pay(page)
    assert response.headers["Location"] == merchant.error_url
    assert (await merchant.inquire())["result"] == "CAPTURED"
    # Leaving here also shows that the app can stop in the middle of its retries.


async def test_a_failure_of_its_own_says_simulator_too(settings: Settings) -> None:
    never_started = httpx2.ASGITransport(create_app(settings), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=never_started, base_url=settings.public_url) as client:
        response = await client.get("/knet/ledger")
    assert response.status_code == 500
    assert "X-Simulator" in response.headers


async def test_every_answer_and_callback_says_simulator(merchant: Merchant) -> None:
    page = await merchant.init()
    await merchant.pay(page)
    pipe = await merchant.pipe(action="8")
    too_long = await merchant.gateway.post("/knet/kpg/PaymentInit", content=b"x" * 20_000)
    assert too_long.status_code == 413
    for response in (await merchant.gateway.get(page.url), pipe, too_long, await merchant.gateway.get("/nowhere")):
        assert "X-Simulator" in response.headers
    assert "SIMULATOR" in pipe.text
    assert "X-Simulator" in merchant.headers[0]
