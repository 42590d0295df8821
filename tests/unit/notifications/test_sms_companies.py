"""Companies by HTTP: what each answer means, over a real connection."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import HttpUrl, SecretStr

from services.notifications import sms
from services.notifications.effects import AddressRefused
from services.notifications.sms import CompanySettings, HttpSmsCompanies
from shared.kernel.errors import TryLater
from tests.unit.builders import an_id
from tests.unit.notifications.delivery_builders import MOBILE

REFERENCE = an_id("message")
KEY = "north-key"


@dataclass
class Company:
    """A company that answers as it is told."""

    status: int = 202
    headers: dict[str, str] = field(default_factory=dict)
    slow_seconds: float = 0
    hangs_up: bool = False
    asked: list[tuple[str, Any, str | None]] = field(default_factory=list)
    elsewhere: int = 0
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        """Takes a message."""
        self.asked.append((request.path, await request.json(), request.headers.get("Authorization")))
        if self.hangs_up and request.transport is not None:
            request.transport.close()
        await asyncio.sleep(self.slow_seconds)
        return web.Response(status=self.status, headers=self.headers)

    async def elsewhere_asked(self, _: web.Request) -> web.Response:
        """Somebody was sent away to here."""
        self.elsewhere += 1
        return web.Response(status=200)


def settings_of(url: str) -> CompanySettings:
    """A company at an address."""
    return CompanySettings(url=HttpUrl(url), api_key=SecretStr(KEY), webhook_secrets=())


@pytest.fixture
async def company() -> AsyncIterator[Company]:
    company = Company()
    app = web.Application()
    app.router.add_post("/sms/north/messages", company.take)
    app.router.add_route("*", "/elsewhere", company.elsewhere_asked)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    company.url = f"http://127.0.0.1:{runner.addresses[0][1]}/sms/north"
    yield company
    await runner.cleanup()


@pytest.fixture
async def companies(company: Company) -> AsyncIterator[HttpSmsCompanies]:
    settings = settings_of(company.url)
    companies = HttpSmsCompanies({"north": settings})
    yield companies
    await companies.close()


async def test_a_message_is_handed_over_with_the_key_of_the_company(
    company: Company, companies: HttpSmsCompanies
) -> None:
    for _ in range(2):
        await companies.send("north", MOBILE, "مرحبًا", REFERENCE)
    body = {"to": MOBILE, "text": "مرحبًا", "reference": str(REFERENCE)}
    assert company.asked == [("/sms/north/messages", body, f"Bearer {KEY}")] * 2


async def test_an_address_may_end_with_a_slash(company: Company) -> None:
    companies = HttpSmsCompanies({"north": settings_of(f"{company.url}/")})
    await companies.send("north", MOBILE, "x", REFERENCE)
    await companies.close()
    assert [path for path, *_ in company.asked] == ["/sms/north/messages"]


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_what_is_accepted_now_or_before_is_taken(
    company: Company, companies: HttpSmsCompanies, status: int
) -> None:
    company.status = status
    await companies.send("north", MOBILE, "x", REFERENCE)


async def test_what_a_company_refuses_is_the_numbers_fault(company: Company, companies: HttpSmsCompanies) -> None:
    company.status = 422
    with pytest.raises(AddressRefused) as refused:
        await companies.send("north", MOBILE, "x", REFERENCE)
    assert MOBILE not in str(refused.value)


@pytest.mark.parametrize("status", [300, 304, 400, 401, 403, 404, 409, 429, 500, 502, 503, 504])
async def test_any_other_answer_is_the_companys_fault(
    company: Company, companies: HttpSmsCompanies, status: int
) -> None:
    company.status = status
    with pytest.raises(TryLater) as later:
        await companies.send("north", MOBILE, "x", REFERENCE)
    assert later.value.fault


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_nobody_is_followed_elsewhere(company: Company, companies: HttpSmsCompanies, status: int) -> None:
    company.status, company.headers = status, {"Location": "/elsewhere"}
    with pytest.raises(TryLater):
        await companies.send("north", MOBILE, "x", REFERENCE)
    assert company.elsewhere == 0


async def test_a_company_that_does_not_answer_in_time_is_tried_later(
    company: Company, companies: HttpSmsCompanies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sms, "_TIMEOUT", aiohttp.ClientTimeout(total=0.05))
    company.slow_seconds = 0.3
    with pytest.raises(TryLater):
        await companies.send("north", MOBILE, "x", REFERENCE)


async def test_a_company_that_hangs_up_is_tried_later(company: Company, companies: HttpSmsCompanies) -> None:
    company.hangs_up = True
    with pytest.raises(TryLater):
        await companies.send("north", MOBILE, "x", REFERENCE)


async def test_where_nobody_listens_it_is_tried_later(unused_port: int) -> None:
    settings = CompanySettings(
        url=HttpUrl(f"http://127.0.0.1:{unused_port}"), api_key=SecretStr(KEY), webhook_secrets=()
    )
    companies = HttpSmsCompanies({"north": settings})
    with pytest.raises(TryLater):
        await companies.send("north", MOBILE, "x", REFERENCE)
    await companies.close()


async def test_a_company_that_is_not_set_up_any_more_is_tried_later(companies: HttpSmsCompanies) -> None:
    with pytest.raises(TryLater):
        await companies.send("west", MOBILE, "x", REFERENCE)


async def test_companies_that_were_never_asked_can_be_closed() -> None:
    await HttpSmsCompanies({}).close()


def test_a_key_is_not_shown() -> None:
    assert KEY not in repr(settings_of("http://north.test"))
