"""Who comes while too many wait is told so at once; whoever has been answered makes room."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from fastapi import APIRouter, FastAPI
from fastapi.responses import StreamingResponse

from shared.web.app import create_app
from shared.web.layers import MAX_WAITING

Headers = dict[bytes, bytes]


class Rush:
    """An app whose `/slow` waits for `let_go`, and whose `/stream` has begun and does not end."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.done = 0
        self._tasks: list[asyncio.Task[None]] = []
        router = APIRouter()

        @router.post("/slow")
        async def slow() -> str:
            await self.let_go.wait()
            self.done += 1
            return "done"

        @router.get("/stream")
        async def stream() -> StreamingResponse:
            return StreamingResponse(self._without_end())

        self.app = _app(router)

    async def _without_end(self) -> AsyncIterator[str]:
        yield "begun"
        await self.let_go.wait()

    async def ask(self, method: str, path: str) -> tuple[int, Headers]:
        """The status and the headers, as soon as they come."""
        answered: asyncio.Future[tuple[int, Headers]] = asyncio.get_running_loop().create_future()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answered.set_result((message["status"], dict(message["headers"])))

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [],
        }
        self._tasks.append(asyncio.create_task(self.app(scope, receive, send)))
        return await answered


def _app(router: APIRouter) -> FastAPI:
    parts = SimpleNamespace(pool=None)
    shell, health = SimpleNamespace(parts=parts), SimpleNamespace(report=_ready)
    stop = asyncio.Event()
    return create_app(
        "toy",
        Path("/nowhere"),
        router,
        shell=cast("Any", shell),
        jobs=cast("Any", None),
        health=cast("Any", health),
        stop=stop,
    )


async def _ready() -> dict[str, str]:
    return {"postgres": "ok"}


async def test_one_more_than_can_wait_is_told_to_come_again_and_nothing_of_it_is_done() -> None:
    rush = Rush()
    waiting = [asyncio.create_task(rush.ask("POST", "/slow")) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0.05)
    status, headers = await rush.ask("POST", "/slow")
    assert (status, headers[b"retry-after"]) == (503, b"2")
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"cache-control"] == b"no-store"
    rush.let_go.set()
    assert {status for status, _ in await asyncio.gather(*waiting)} == {200}
    assert rush.done == MAX_WAITING
    assert (await rush.ask("POST", "/slow"))[0] == 200


async def test_a_full_house_still_tells_how_it_is() -> None:
    rush = Rush()
    waiting = [asyncio.create_task(rush.ask("POST", "/slow")) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0.05)
    assert [(await rush.ask("GET", path))[0] for path in ("/health/live", "/health/ready", "/metrics")] == [200] * 3
    rush.let_go.set()
    await asyncio.gather(*waiting)


async def test_streams_that_have_begun_take_no_place() -> None:
    rush = Rush()
    for _ in range(MAX_WAITING + 1):
        assert (await rush.ask("GET", "/stream"))[0] == 200
    rush.let_go.set()
    assert (await rush.ask("POST", "/slow"))[0] == 200
