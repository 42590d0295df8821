"""The status page tells what was found, in both languages, and never calls well what nobody knows."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic_core import from_json

from afaq.services import NAMES
from afaq.status.asked import look
from afaq.status.journeys import Look, State, journeys, judge, lately
from afaq.status.page import write

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
JOURNEY = next(journey for journey in journeys() if journey.id == "pay")
READY = dict.fromkeys(NAMES, True)


def looks(*states: State, step: timedelta = timedelta(minutes=1)) -> list[Look]:
    """The newest is of now."""
    first = NOW - step * (len(states) - 1)
    return [
        Look(at=first + step * number, states={journey.id: state for journey in journeys()})
        for number, state in enumerate(states)
    ]


@pytest.mark.parametrize(
    ("share", "stopped", "state"),
    [
        (1.0, 0.0, State.WORKS),
        (None, None, State.WORKS),
        (0.9, 0.0, State.PARTLY),
        (0.2, 0.0, State.DOWN),
        (1.0, 1.0, State.DOWN),
    ],
)
def test_a_journey_is_judged_by_how_many_succeed(share: float | None, stopped: float | None, state: State) -> None:
    assert judge(JOURNEY, READY, share, stopped, is_measured=True) is state


def test_a_service_that_is_away_takes_its_journeys_with_it_and_what_is_not_measured_is_unknown() -> None:
    assert judge(JOURNEY, {**READY, "payments": False}, 1.0, 0.0, is_measured=True) is State.DOWN
    assert judge(JOURNEY, {**READY, "identity": False}, 1.0, 0.0, is_measured=True) is State.WORKS
    assert judge(JOURNEY, READY, None, None, is_measured=False) is State.UNKNOWN


def test_the_last_day_counts_time_and_not_what_nobody_looked_at() -> None:
    went = lately("pay", looks(State.WORKS, State.WORKS, State.DOWN, State.WORKS, State.WORKS), NOW)
    assert went.worked_share == 0.75
    assert went.last_trouble == NOW - timedelta(minutes=1)
    unseen = lately("pay", looks(State.WORKS, State.WORKS, step=timedelta(hours=6)), NOW)
    assert unseen.worked_share == 1.0
    assert unseen.known_share == pytest.approx(5 / (24 * 60))
    assert lately("pay", looks(State.UNKNOWN, State.UNKNOWN), NOW).worked_share is None


class Tags(HTMLParser):
    """Which tags there are, with which attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize(
    ("file", "language", "direction", "said"),
    [("index.html", "ar", "rtl", "لا تعمل"), ("en.html", "en", "ltr", "does not work")],
)
def test_the_page_is_there_in_both_languages_without_a_script_or_anything_from_elsewhere(
    tmp_path: Path, file: str, language: str, direction: str, said: str
) -> None:
    write(tmp_path, journeys(), looks(State.DOWN)[0])
    text = (tmp_path / file).read_text(encoding="utf-8")
    tags = Tags(text).found
    assert ("html", {"lang": language, "dir": direction}) in tags
    assert text.count(said) >= len(journeys())
    assert {tag for tag, _ in tags}.isdisjoint({"script", "img", "link", "iframe"})
    assert {attributes.get("href") for tag, attributes in tags if tag == "a"} <= {"index.html", "en.html"}
    assert re.search(r"url\(|https?://", text) is None
    headings = [tag for tag, _ in tags if tag in {"h1", "h2"}]
    assert headings == ["h1"] + ["h2"] * len(journeys())
    assert all((tmp_path / str(attributes["href"])).exists() for tag, attributes in tags if tag == "a")


def test_what_was_seen_is_kept_for_a_day_and_a_spoilt_file_only_forgets(tmp_path: Path) -> None:
    for number, state in enumerate((State.WORKS, State.DOWN, State.WORKS)):
        write(tmp_path, journeys(), Look(at=NOW + timedelta(hours=12 * number, minutes=number), states=_all(state)))
    told = from_json((tmp_path / "status.json").read_bytes())
    assert [found["states"]["pay"] for found in told["looks"]] == ["down", "works"]
    (tmp_path / "status.json").write_text("{")
    write(tmp_path, journeys(), Look(at=NOW, states=_all(State.WORKS)))
    assert len(from_json((tmp_path / "status.json").read_bytes())["looks"]) == 1


def _all(state: State) -> dict[str, State]:
    return {journey.id: state for journey in journeys()}


@asynccontextmanager
async def served(answer: Callable[[web.Request], web.StreamResponse]) -> AsyncIterator[str]:
    """A web server of this answer, for all paths."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return answer(request)

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


def measured(value: str | None) -> Callable[[web.Request], web.StreamResponse]:
    """Prometheus, for which every query has this value; none: no series."""
    result: list[Any] = [] if value is None else [{"metric": {}, "value": [0, value]}]
    return lambda _: web.json_response({"status": "success", "data": {"resultType": "vector", "result": result}})


async def test_services_and_prometheus_are_asked_and_who_does_not_answer_is_away() -> None:
    async with served(lambda _: web.Response()) as well, served(lambda _: web.Response(status=503)) as ill:
        addresses = dict.fromkeys(NAMES, well) | {"notifications": ill, "identity": "http://127.0.0.1:9"}
        async with served(measured(None)) as nobody_tried:
            found = await look(journeys(), addresses, nobody_tried, NOW)
        assert {id for id, state in found.states.items() if state is State.DOWN} == {"sign-in", "submit", "be-told"}
        assert {id for id, state in found.states.items() if state is State.WORKS} == {"pay", "decide", "document"}
        for prometheus in (None, "http://127.0.0.1:9", ill):
            found = await look(journeys(), dict.fromkeys(NAMES, well), prometheus, NOW)
            assert set(found.states.values()) == {State.UNKNOWN}
        async with served(measured("NaN")) as nothing:
            assert (await look(journeys(), addresses, nothing, NOW)).states["pay"] is State.WORKS
