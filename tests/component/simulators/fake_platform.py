"""Identity and requests, as far as an agency's desk and the hospitals meet them."""

from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from aiohttp.test_utils import TestServer

PAGE_SIZE = 2


@dataclass(frozen=True)
class Heard:
    """One decision as it came in."""

    task_id: str
    idempotency_key: str
    body: dict[str, Any]


@dataclass(frozen=True)
class Told:
    """Something of a life event as it came in."""

    path: str
    idempotency_key: str
    body: dict[str, Any] | None


@dataclass
class FakePlatform:
    """Open tasks, two on a page; `statuses` are used up first as answers to decisions, then 200 for all others.

    Likewise `refusals` of what is told of life events: a status, a code and whether to try again later.
    """

    open_tasks: dict[str, str] = field(default_factory=dict)
    """Agencies by task id."""
    heard: list[Heard] = field(default_factory=list)
    sign_ins: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    away: bool = False
    lists_decided_tasks: bool = False
    told: list[Told] = field(default_factory=list)
    refusals: list[tuple[int, str, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Lay out the routes."""
        app = web.Application()
        app.router.add_post("/local/sign-in", self._sign_in)
        app.router.add_get("/tasks", self._tasks)
        app.router.add_post("/tasks/{id}/decision", self._decide)
        app.router.add_post("/life-events", self._hear_of_life)
        app.router.add_post("/life-events/{source}/{number}/{what}", self._hear_of_life)
        self._server = TestServer(app)
        self._token = ""

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
        """Where both services listen."""
        return str(self._server.make_url("/"))

    def expire_tokens(self) -> None:
        """Accept no token that was given out so far."""
        self._token = ""

    async def _sign_in(self, request: web.Request) -> web.Response:
        self.sign_ins.append((await request.json())["role"])
        self._token = f"token-{len(self.sign_ins)}"
        return web.json_response({"access_token": self._token, "expires_in": 3600})

    async def _tasks(self, request: web.Request) -> web.Response:
        self._check(request)
        assert request.query["state"] == "open"
        start = int(request.query.get("cursor", "0"))
        ids = sorted(self.open_tasks)
        shown = [_task(task_id, self.open_tasks[task_id]) for task_id in ids[start : start + PAGE_SIZE]]
        following = start + PAGE_SIZE
        return web.json_response({"items": shown, "next_cursor": str(following) if following < len(ids) else None})

    async def _decide(self, request: web.Request) -> web.Response:
        self._check(request)
        task_id = request.match_info["id"]
        self.heard.append(Heard(task_id, request.headers["Idempotency-Key"], await request.json()))
        status = self.statuses.pop(0) if self.statuses else 200
        if status < 500 and not self.lists_decided_tasks:
            self.open_tasks.pop(task_id, None)
        return web.json_response({}, status=status)

    async def _hear_of_life(self, request: web.Request) -> web.Response:
        self._check(request)
        body = await request.json() if request.can_read_body else None
        self.told.append(Told(request.path, request.headers["Idempotency-Key"], body))
        if not self.refusals:
            return web.json_response({"status": "recorded"}, status=202 if request.path == "/life-events" else 200)
        status, code, later = self.refusals.pop(0)
        return web.json_response({"code": code}, status=status, headers={"Retry-After": "1"} if later else None)

    def _check(self, request: web.Request) -> None:
        if self.away:
            raise web.HTTPServiceUnavailable
        if request.headers.get("Authorization") != f"Bearer {self._token}":
            raise web.HTTPUnauthorized


def _task(task_id: str, agency: str) -> dict[str, Any]:
    return {
        "id": task_id,
        "request_id": f"request-of-{task_id}",
        "service_id": "licence-renewal",
        "agency": agency,
        "title": {"ar": "مراجعة <الطلب>", "en": "Review the request"},
        "state": "open",
        "opened_at": "2026-03-01T08:00:00Z",
    }
