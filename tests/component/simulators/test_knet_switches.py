"""Each thing that can be made to go wrong at the gateway."""

import asyncio

import httpx2
import pytest

from tests.component.simulators.merchant import Merchant
from tests.component.simulators.waiting import until


async def test_all_switches_are_off_at_first_and_after_an_empty_put(merchant: Merchant) -> None:
    first = (await merchant.gateway.get("/knet/switches")).json()
    assert not any(first.values())
    await merchant.switch(down=True)
    assert (await merchant.gateway.get("/knet/switches")).json() == first | {"down": True}
    await merchant.switch()
    assert (await merchant.gateway.get("/knet/switches")).json() == first


@pytest.mark.parametrize("switches", [{"slow_seconds": -1}, {"unknown": True}])
async def test_wrong_switches_are_refused(simulators: httpx2.AsyncClient, switches: dict[str, object]) -> None:
    assert (await simulators.put("/knet/switches", json=switches)).status_code == 422


async def test_down_refuses_server_calls_and_does_nothing(merchant: Merchant) -> None:
    page = await merchant.init()
    await merchant.switch(down=True)
    with pytest.raises(httpx2.HTTPStatusError, match="503"):
        await merchant.init("t-2")
    with pytest.raises(httpx2.HTTPStatusError, match="503"):
        await merchant.inquire()
    with pytest.raises(httpx2.HTTPStatusError, match="503"):
        await merchant.refund("r-1", "1.000")
    assert (await merchant.gateway.get(page.url)).status_code == 200
    await merchant.switch()
    assert len(await merchant.ledger()) == 1


async def test_down_for_inquiry_lets_all_else_pass(merchant: Merchant) -> None:
    await merchant.switch(down_for_inquiry=True)
    await merchant.pay(await merchant.init())
    with pytest.raises(httpx2.HTTPStatusError, match="503"):
        await merchant.inquire()
    assert (await merchant.refund("r-1", "1.000"))["result"] == "CAPTURED"


async def test_slow_loses_the_answer_but_not_the_work(merchant: Merchant) -> None:
    await merchant.switch(slow_seconds=60)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await merchant.init()
    (attempt,) = await merchant.ledger()
    await merchant.switch()
    assert (await merchant.init()).payment_id == attempt["paymentid"]


async def test_duplicate_callback_tells_twice(merchant: Merchant) -> None:
    await merchant.switch(duplicate_callback=True)
    response = await merchant.pay(await merchant.init())
    assert response.headers["Location"] == merchant.receipt_url
    assert len(merchant.callbacks) == 2
    assert merchant.callbacks[0] == merchant.callbacks[1]
    (attempt,) = await merchant.ledger()
    assert (attempt["callbacks_sent"], attempt["callbacks_delivered"]) == (2, 2)


async def test_a_late_callback_comes_after_the_charge(merchant: Merchant) -> None:
    await merchant.switch(callback_delay_seconds=0.3)
    page = await merchant.init()
    browser = asyncio.create_task(merchant.pay(page))

    async def charged() -> bool:
        return (await merchant.inquire())["result"] == "CAPTURED"

    await until(charged)
    assert merchant.callbacks == []
    assert (await browser).headers["Location"] == merchant.receipt_url
    assert len(merchant.callbacks) == 1


async def test_no_callback_sends_the_browser_to_the_error_page(merchant: Merchant) -> None:
    await merchant.switch(no_callback=True)
    response = await merchant.pay(await merchant.init())
    assert (response.status_code, response.headers["Location"]) == (303, merchant.error_url)
    assert merchant.callbacks == []
    assert (await merchant.inquire())["result"] == "CAPTURED"


async def test_wrong_amount_is_told_but_not_charged(merchant: Merchant) -> None:
    await merchant.switch(wrong_amount=True)
    await merchant.pay(await merchant.init())
    assert merchant.callbacks[0]["amt"] == "11.000"
    assert (await merchant.inquire())["amt"] == "10.000"
    assert (await merchant.ledger())[0]["amt_fils"] == 10_000


async def test_charges_more_takes_more_than_the_page_said_and_owns_up_to_it(merchant: Merchant) -> None:
    await merchant.switch(charges_more=True)
    await merchant.pay(await merchant.init())
    assert (await merchant.inquire())["amt"] == "11.000"
    assert (await merchant.ledger())[0]["amt_fils"] == 11_000
    assert (await merchant.refund("r-1", "11.000"))["result"] == "CAPTURED"


async def test_timeout_after_charge_keeps_the_charge_to_itself(merchant: Merchant) -> None:
    await merchant.switch(timeout_after_charge=True)
    response = await merchant.pay(await merchant.init())
    assert response.status_code == 504
    assert "SIMULATOR" in response.text
    assert merchant.callbacks == []
    (attempt,) = await merchant.ledger()
    assert (attempt["result"], attempt["callbacks_sent"]) == ("CAPTURED", 0)
    assert attempt["captured_at"]
