"""ASGI layers around the routes: every request is measured and bounded, every answer carries the same headers."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from fastapi import HTTPException, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.observability import metrics
from shared.web.problems import Problem, ProblemAnswers

MAX_BODY_BYTES = 1024 * 1024
MAX_FILE_BYTES = 8 * 1024 * 1024
FILES = frozenset({"application/pdf", "image/jpeg", "image/png"})
"""What people send that is no JSON: it may be larger, and is read by whoever takes it."""
MAX_DEPTH = 32
MAX_WAITING = 100
"""Requests that wait in a process: with more, the last would wait for longer than a person does."""
_ALWAYS_ANSWERED = ("/health/", "/metrics")
_TOO_LARGE = 413


class Measured:
    """Measures each request, and adds what every answer carries."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def send_measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Cache-Control"] = "no-store"
                headers["X-Content-Type-Options"] = "nosniff"
                route = getattr(scope.get("route"), "path", "unknown")
                labels = (self._service, scope["method"], route, str(message["status"]))
                metrics.HTTP_SECONDS.labels(*labels).observe(time.perf_counter() - started)
            await send(message)

        await self._app(scope, receive, send_measured)


class Bounded:
    """Refuses a body of more than a mebibyte, a file of more than eight, by what it says of itself and by what came."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        announced = headers.get("content-length", "0")
        limit = MAX_FILE_BYTES if headers.get("content-type") in FILES else MAX_BODY_BYTES
        received = 0 if announced.isdigit() and int(announced) <= limit else limit + 1

        async def receive_bounded() -> Message:
            nonlocal received
            if received > limit:
                raise HTTPException(_TOO_LARGE)
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(_TOO_LARGE)
            return message

        await self._app(scope, receive_bounded, send)


class Sheds:
    """Answers "overloaded" at once where too many requests wait for an answer already: none waits without end.

    What has begun to be answered (a live stream) does not count, and health and metrics are always answered.
    """

    def __init__(self, app: ASGIApp, answers: ProblemAnswers) -> None:
        self._app = app
        self._answers = answers
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers it."""
        if scope["type"] != "http" or scope["path"].startswith(_ALWAYS_ANSWERED):
            await self._app(scope, receive, send)
            return
        if self._waiting >= MAX_WAITING:
            refused = self._answers.answer(Request(scope), "overloaded", headers={"Retry-After": "2"})
            await refused(scope, receive, send)
            return
        self._waiting += 1
        waits = True

        async def send_counted(message: Message) -> None:
            nonlocal waits
            self._waiting -= waits
            waits = False
            await send(message)

        try:
            await self._app(scope, receive, send_counted)
        finally:
            self._waiting -= waits


class Leaves:
    """Once the process is to end, every answer asks whoever keeps its connection to close it.

    In the end the process closes what is still kept, and a request that is on its way there at that moment is lost. So
    nobody should keep one by then: see `leaving_seconds`.
    """

    def __init__(self, app: ASGIApp, stop: asyncio.Event) -> None:
        self._app = app
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""

        async def send_or_close(message: Message) -> None:
            if message["type"] == "http.response.start" and self._stop.is_set():
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self._app(scope, receive, send_or_close)


async def refuse_odd_json(request: Request) -> None:
    """A dependency of every route: JSON that could not be stored, or is nested too deep, is refused.

    PostgreSQL's JSON takes neither U+0000 nor half a surrogate pair; a form does not need thirty levels.
    """
    if request.method == "GET" or request.headers.get("content-type") in FILES:
        return
    body = await request.body()
    is_suspicious = b"\\u0000" in body or b"\\ud" in body.lower() or body.count(b"[") + body.count(b"{") > MAX_DEPTH
    if not is_suspicious:
        return
    try:
        waiting: list[tuple[Any, int]] = [(await request.json(), 0)]
    except (ValueError, RecursionError):
        raise Problem("invalid-request", errors=[_fault("json-invalid")]) from None
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise Problem("invalid-request", errors=[_fault("too-deep")])
        if isinstance(value, Mapping):
            waiting.extend((part, depth + 1) for pair in value.items() for part in pair)
        elif isinstance(value, list):
            waiting.extend((part, depth + 1) for part in value)
        elif isinstance(value, str) and not _can_be_stored(value):
            raise Problem("invalid-request", errors=[_fault("character")])


def _can_be_stored(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _fault(code: str) -> dict[str, str]:
    return {"in": "body", "pointer": "", "code": code}
