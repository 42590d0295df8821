"""A merchant: asks the gateway from its server, and hears callbacks on a real port."""

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode
from xml.etree import ElementTree as ET

import httpx2
from aiohttp import web
from aiohttp.test_utils import TestServer

from simulators.knet.trandata import seal, unseal

TRANPORTAL_ID = "100001"
PASSWORD = "a-password"
RESOURCE_KEY = "0123456789abcdef"
KEY = RESOURCE_KEY.encode()

GOOD_CARD = "8888880000000001"
PIN = "1234"


@dataclass
class Page:
    """A hosted page that a customer has open."""

    payment_id: str
    url: str


class Merchant:
    """Its answers to callbacks can be set; `answers` are used up first, then `answer` for all others."""

    def __init__(self, gateway: httpx2.AsyncClient) -> None:
        """Take a client of the gateway."""
        self.gateway = gateway
        self.callbacks: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.statuses: list[int] = []
        self._server = TestServer(self._app())

    async def __aenter__(self) -> Self:
        """Listen."""
        await self._server.start_server()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Stop listening."""
        await self._server.close()

    @property
    def receipt_url(self) -> str:
        """Where this merchant wants its customer after a callback."""
        return str(self._server.make_url("/receipt?from=bank"))

    @property
    def error_url(self) -> str:
        """Where the customer goes when no callback named a place."""
        return str(self._server.make_url("/error"))

    async def init_text(self, track_id: str = "t-1", amt: str = "10.000", **changes: str) -> str:
        """PaymentInit's answer as it is."""
        fields = {
            "id": TRANPORTAL_ID,
            "password": PASSWORD,
            "action": "1",
            "langid": "AR",
            "currencycode": "414",
            "amt": amt,
            "trackid": track_id,
            "udf1": "رقم الطلب",
            "responseURL": str(self._server.make_url("/callback")),
            "errorURL": self.error_url,
        } | changes
        form = {"tranportalId": TRANPORTAL_ID, "trandata": seal(urlencode(fields), KEY)}
        response = await self.gateway.post("/knet/kpg/PaymentInit", data=form)
        response.raise_for_status()
        return response.text

    async def init(self, track_id: str = "t-1", amt: str = "10.000", **changes: str) -> Page:
        """Open a page."""
        payment_id, url = (await self.init_text(track_id, amt, **changes)).split(":", 1)
        return Page(payment_id, url)

    async def pay(self, page: Page, card: str = GOOD_CARD, pin: str = PIN) -> httpx2.Response:
        """What a customer's browser does."""
        return await self.gateway.post(page.url, data={"card": card, "pin": pin})

    async def inquire(self, track_id: str = "t-1", amt: str = "10.000") -> dict[str, str]:
        """Ask what became of an attempt."""
        response = await self.pipe(action="8", transid=track_id, udf5="TrackID", amt=amt, trackid=track_id)
        response.raise_for_status()
        return fields_of(response)

    async def refund(self, refund_track_id: str, amt: str, *, track_id: str = "t-1") -> dict[str, str]:
        """Give money back."""
        response = await self.pipe(action="2", transid=track_id, udf5="TrackID", amt=amt, trackid=refund_track_id)
        response.raise_for_status()
        return fields_of(response)

    async def pipe(self, **fields: str) -> httpx2.Response:
        """Call tranPipe."""
        root = ET.Element("request")
        for name, text in ({"id": TRANPORTAL_ID, "password": PASSWORD} | fields).items():
            ET.SubElement(root, name).text = text
        return await self.gateway.post("/knet/kpg/tranPipe.htm", content=ET.tostring(root))

    async def ledger(self) -> list[dict[str, Any]]:
        """The gateway's attempts, as an auditor sees them."""
        attempts: list[dict[str, Any]] = (await self.gateway.get("/knet/ledger")).json()["attempts"]
        return attempts

    async def switch(self, **switches: object) -> None:
        """Set the gateway's switches."""
        (await self.gateway.put("/knet/switches", json=switches)).raise_for_status()

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/callback", self._hear)
        return app

    async def _hear(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.callbacks.append(dict(parse_qsl(unseal(str(form["trandata"]), KEY), keep_blank_values=True)))
        self.headers.append(dict(request.headers))
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, text=f"REDIRECT={self.receipt_url}\n")


def fields_of(response: httpx2.Response) -> dict[str, str]:
    """The fields of tranPipe's answer."""
    return {child.tag: child.text or "" for child in ET.fromstring(response.text)}
