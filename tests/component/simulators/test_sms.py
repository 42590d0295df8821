"""The companies that send text messages."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from simulators.settings import Settings
from simulators.sms.parts import parts_of
from tests.component.simulators.receipt_listener import ReceiptListener
from tests.component.simulators.running import running
from tests.component.simulators.waiting import until

API_KEY = "sms-api-key"
NUMBER = "+96550000001"


async def send(
    simulators: httpx2.AsyncClient,
    reference: str,
    *,
    to: str = NUMBER,
    text: str = "مرحبا",
    company: str = "north",
    key: str = API_KEY,
) -> httpx2.Response:
    message = {"to": to, "text": text, "reference": reference}
    return await simulators.post(f"/sms/{company}/messages", json=message, headers={"Authorization": f"Bearer {key}"})


async def switch(simulators: httpx2.AsyncClient, company: str = "north", **switches: object) -> None:
    (await simulators.put(f"/sms/{company}/switches", json=switches)).raise_for_status()


async def ledger(simulators: httpx2.AsyncClient) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = (await simulators.get("/sms/ledger")).json()["messages"]
    return messages


@pytest.fixture
def reference() -> str:
    return str(uuid4())


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("Àà@\n" * 20, 2),  # À is not GSM's, so all 80 characters are UTF-16 units
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("€" * 152, 2),
        ("€" * 153, 3),  # 306 septets would be two parts, had each not an odd one left
        ("a" + "€" * 152, 2),
        ("ع" * 70, 1),
        ("ع" * 71, 2),
        ("ع" * 134, 2),
        ("ع" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 66, 2),
        ("😀" * 67, 3),  # 134 units, and no pair is split over two parts
        ("ع" + "😀" * 66, 2),
    ],
)
def test_parts(text: str, parts: int) -> None:
    assert parts_of(text) == parts


async def test_a_message_is_accepted_and_its_receipt_is_signed(
    simulators: httpx2.AsyncClient, receipts: ReceiptListener, reference: str
) -> None:
    response = await send(simulators, reference)
    assert response.status_code == 202
    assert response.json() == {"id": response.json()["id"], "reference": reference, "parts": 1}

    await until(lambda: len(receipts.heard) == 1)  # the listener verifies the signature
    (heard,) = receipts.heard
    assert heard.company == "north"
    assert heard.body == {"reference": reference, "status": "delivered", "at": heard.body["at"]}
    assert datetime.fromisoformat(heard.body["at"]).utcoffset() == timedelta()
    assert "X-Simulator" in receipts.headers[0]

    (message,) = await ledger(simulators)
    assert message == {
        "company": "north",
        "id": response.json()["id"],
        "reference": reference,
        "to": NUMBER,
        "text": "مرحبا",
        "parts": 1,
        "accepted_at": message["accepted_at"],
        "receipts": [{"status": "delivered", "at": heard.body["at"]}],
    }


async def test_a_reference_is_sent_once_a_company(
    simulators: httpx2.AsyncClient, receipts: ReceiptListener, reference: str
) -> None:
    at_once = await asyncio.gather(*(send(simulators, reference) for _ in range(5)))
    assert sorted(response.status_code for response in at_once) == [200, 200, 200, 200, 202]
    assert len({response.text for response in at_once}) == 1
    assert (await send(simulators, reference, text="other")).status_code == 409
    assert (await send(simulators, reference, to="+96550000007")).status_code == 409
    assert (await send(simulators, reference, company="south", text="other")).status_code == 202
    assert len(await ledger(simulators)) == 2
    await until(lambda: {heard.company for heard in receipts.heard} == {"north", "south"})
    assert len(receipts.heard) == 2


async def test_strangers_and_malformed_messages_are_refused(simulators: httpx2.AsyncClient, reference: str) -> None:
    assert (await send(simulators, reference, key="another")).status_code == 401
    assert (await send(simulators, reference, company="west")).status_code == 404
    for refused in (
        await send(simulators, "not-a-uuid"),
        await send(simulators, reference, to="50000001"),
        await send(simulators, reference, text=""),
        await simulators.post("/sms/north/messages", content=b"{", headers={"Authorization": f"Bearer {API_KEY}"}),
    ):
        assert refused.status_code == 422
        assert "SIMULATOR" in refused.json()["detail"]
    assert await ledger(simulators) == []


@pytest.mark.parametrize(
    ("ending", "statuses"),
    [
        ("0002", ["permanent-failure"]),
        ("0003", ["temporary-failure"]),
        ("0004", ["delivered", "permanent-failure"]),
        ("0006", ["delivered"]),
    ],
)
async def test_a_number_says_what_becomes_of_a_message(
    simulators: httpx2.AsyncClient, receipts: ReceiptListener, reference: str, ending: str, statuses: list[str]
) -> None:
    await switch(simulators, late_bounce_seconds=0.1)
    await send(simulators, reference, to=f"+9655000{ending}")
    await until(lambda: receipts.statuses_of(reference) == statuses)
    (message,) = await ledger(simulators)
    assert [receipt["status"] for receipt in message["receipts"]] == statuses
    assert len({heard.webhook_id for heard in receipts.heard}) == len(statuses)


async def test_a_late_bounce_waits(simulators: httpx2.AsyncClient, receipts: ReceiptListener, reference: str) -> None:
    await switch(simulators, late_bounce_seconds=60)
    await send(simulators, reference, to="+96550000004")
    await until(lambda: receipts.statuses_of(reference) == ["delivered"])


async def test_of_some_messages_nothing_is_ever_told(
    simulators: httpx2.AsyncClient, receipts: ReceiptListener, reference: str
) -> None:
    await send(simulators, str(uuid4()), to="+96550000005")
    await switch(simulators, no_receipts=True)
    await send(simulators, str(uuid4()))
    await switch(simulators)
    await send(simulators, reference)
    await until(lambda: receipts.statuses_of(reference) == ["delivered"])
    assert len(receipts.heard) == 1
    assert [len(message["receipts"]) for message in await ledger(simulators)] == [0, 0, 1]


async def test_a_receipt_is_repeated_with_its_id_until_it_is_heard(
    simulators: httpx2.AsyncClient, receipts: ReceiptListener, reference: str
) -> None:
    receipts.statuses = [503, 302]
    await send(simulators, reference)
    await until(lambda: len(receipts.heard) == 3)
    assert len({heard.webhook_id for heard in receipts.heard}) == 1
    assert receipts.heard[0].body == receipts.heard[2].body
    (message,) = await ledger(simulators)
    assert len(message["receipts"]) == 1


async def test_duplicate_receipts_have_one_id(
    simulators: httpx2.AsyncClient, receipts: ReceiptListener, reference: str
) -> None:
    await switch(simulators, duplicate_receipts=True)
    await send(simulators, reference)
    await until(lambda: len(receipts.heard) == 2)
    assert receipts.heard[0].webhook_id == receipts.heard[1].webhook_id


async def test_receipts_are_delayed(simulators: httpx2.AsyncClient, receipts: ReceiptListener, reference: str) -> None:
    await switch(simulators, receipt_delay_seconds=60)
    await send(simulators, reference)
    await switch(simulators)
    await send(simulators, other := str(uuid4()))
    await until(lambda: receipts.statuses_of(other) == ["delivered"])
    assert receipts.statuses_of(reference) == []


async def test_switches_are_a_companys_own(simulators: httpx2.AsyncClient, reference: str) -> None:
    defaults = (await simulators.get("/sms/south/switches")).json()
    assert defaults == {
        "down": False,
        "refuse": False,
        "slow_seconds": 0,
        "timeout_after_accept": False,
        "receipt_delay_seconds": 0.05,
        "late_bounce_seconds": 1,
        "no_receipts": False,
        "duplicate_receipts": False,
    }
    await switch(simulators, down=True)
    assert (await simulators.get("/sms/north/switches")).json() == defaults | {"down": True}
    assert (await send(simulators, reference)).status_code == 503
    assert await ledger(simulators) == []
    assert (await send(simulators, reference, company="south")).status_code == 202
    assert (await simulators.put("/sms/north/switches", json={"unknown": True})).status_code == 422
    assert (await simulators.get("/sms/west/switches")).status_code == 404


async def test_refuse_refuses_every_message(simulators: httpx2.AsyncClient, reference: str) -> None:
    await switch(simulators, refuse=True)
    assert (await send(simulators, reference)).status_code == 422
    assert await ledger(simulators) == []


async def test_slow_and_timeout_lose_the_answer_but_not_the_message(
    simulators: httpx2.AsyncClient, receipts: ReceiptListener, reference: str
) -> None:
    await switch(simulators, slow_seconds=60)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await send(simulators, reference)
    await switch(simulators, timeout_after_accept=True)
    other = str(uuid4())
    assert (await send(simulators, other)).status_code == 504
    await until(lambda: {heard.body["reference"] for heard in receipts.heard} == {reference, other})
    await switch(simulators)
    for sent in (reference, other):
        assert (await send(simulators, sent)).status_code == 200


async def test_a_restart_and_a_torn_line_lose_no_message(
    settings: Settings, receipts: ReceiptListener, reference: str
) -> None:
    async with running(settings) as simulators:
        first = await send(simulators, reference, to="+96550000004")
        await until(lambda: receipts.statuses_of(reference) == ["delivered"])
        before = await ledger(simulators)
    with (settings.directory / "sms.jsonl").open("ab") as file:
        file.write(b'{"kind": "message-acc')
    async with running(settings) as simulators:
        assert await ledger(simulators) == before
        again = await send(simulators, reference, to="+96550000004")
        assert (again.status_code, again.text) == (200, first.text)
        assert (await send(simulators, str(uuid4()))).status_code == 202


async def test_the_page_shows_phones_newest_first(simulators: httpx2.AsyncClient) -> None:
    assert "There are no messages." in (await simulators.get("/sms/")).text
    for to, text in ((NUMBER, "first"), ("+96550000007", "<b>second</b>"), (NUMBER, "ثالثة")):
        await send(simulators, str(uuid4()), to=to, text=text)
    response = await simulators.get("/sms/")
    page = response.text
    assert "SIMULATOR" in page
    assert "X-Simulator" in response.headers
    assert '<p class="words" dir="auto">ثالثة</p>' in page
    places = [page.index(words) for words in (NUMBER, "ثالثة", "first", "+96550000007", "&lt;b&gt;second&lt;/b&gt;")]
    assert places == sorted(places)
