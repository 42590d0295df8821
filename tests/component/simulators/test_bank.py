"""The bank that pays people for agencies."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from simulators.settings import Settings
from tests.component.simulators.running import running
from tests.component.simulators.settable_clock import SettableClock

IBAN = "KW81CBKU0000000000001234560101"


async def pay(simulators: httpx2.AsyncClient, reference: str, *, key: str = "bank-api-key", **changes: Any) -> Any:
    form = {"reference": reference, "iban": IBAN, "amount_fils": 150_000} | changes
    return await simulators.post("/bank/payments", json=form, headers={"Authorization": f"Bearer {key}"})


async def ledger(simulators: httpx2.AsyncClient) -> list[dict[str, Any]]:
    payments: list[dict[str, Any]] = (await simulators.get("/bank/ledger")).json()["payments"]
    return payments


async def test_a_reference_is_paid_once_whatever_is_repeated(simulators: httpx2.AsyncClient) -> None:
    reference = str(uuid4())
    first, again = await pay(simulators, reference), await pay(simulators, reference)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert [(paid["reference"], paid["amount_fils"]) for paid in await ledger(simulators)] == [(reference, 150_000)]


async def test_a_reference_is_of_one_payment(simulators: httpx2.AsyncClient) -> None:
    reference = str(uuid4())
    await pay(simulators, reference)
    assert (await pay(simulators, reference, amount_fils=1)).status_code == 409
    assert len(await ledger(simulators)) == 1


async def test_an_account_that_the_bank_does_not_have_is_not_paid(simulators: httpx2.AsyncClient) -> None:
    answered = await pay(simulators, str(uuid4()), iban=f"{IBAN[:-4]}0000")
    assert answered.status_code == 422
    assert await ledger(simulators) == []


async def test_a_stranger_has_nobody_paid(simulators: httpx2.AsyncClient) -> None:
    assert (await pay(simulators, str(uuid4()), key="guessed")).status_code == 401
    assert await ledger(simulators) == []


@pytest.mark.parametrize(("switch", "status", "paid"), [("down", 503, 0), ("timeout_after_payment", 504, 1)])
async def test_a_bank_in_trouble_pays_not_or_does_not_say_so(
    simulators: httpx2.AsyncClient, switch: str, status: int, paid: int
) -> None:
    reference = str(uuid4())
    await simulators.put("/bank/switches", json={switch: True})
    assert (await pay(simulators, reference)).status_code == status
    await simulators.put("/bank/switches", json={})
    assert (await pay(simulators, reference)).status_code == 201
    assert len(await ledger(simulators)) == 1


async def test_what_was_paid_is_known_after_a_restart(settings: Settings, clock: SettableClock) -> None:
    reference = str(uuid4())
    async with running(settings, clock) as simulators:
        first = await pay(simulators, reference)
    async with running(settings, clock) as simulators:
        assert (await pay(simulators, reference)).json() == first.json()
        assert len(await ledger(simulators)) == 1
