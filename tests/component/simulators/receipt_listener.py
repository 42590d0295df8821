"""Who hears what became of messages, and believes only what is signed."""

from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True)
class HeardReceipt:
    """One receipt as it came in."""

    company: str
    webhook_id: str
    timestamp: int
    body: dict[str, Any]


@dataclass
class ReceiptListener:
    """`statuses` are used up first as answers, then 204 for all others."""

    heard: list[HeardReceipt] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Lay out the route."""
        app = web.Application()
        app.router.add_post("/receipts/{company}", self._hear)
        self._server = TestServer(app)

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
    def url(self) -> str:
        """Where receipts are to go."""
        return str(self._server.make_url("/receipts"))

    def statuses_of(self, reference: str) -> list[str]:
        """What became of a message, as it was heard."""
        return [heard.body["status"] for heard in self.heard if heard.body["reference"] == reference]

    async def _hear(self, request: web.Request) -> web.Response:
        body = Webhook(SECRET).verify(await request.read(), dict(request.headers))
        headers = request.headers
        self.headers.append(dict(headers))
        self.heard.append(
            HeardReceipt(request.match_info["company"], headers["webhook-id"], int(headers["webhook-timestamp"]), body)
        )
        return web.Response(status=self.statuses.pop(0) if self.statuses else 204)
