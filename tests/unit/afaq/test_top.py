"""The live screen, and the figures on it."""

from aiohttp import web
from textual.widgets import DataTable, Static

from afaq.figures import figures_of, sample_of, slowest
from afaq.top import Top

EARLIER = """
afaq_works_total{service="requests",outcome="done"} 100
afaq_commit_seconds_count{service="requests"} 10
afaq_commit_seconds_sum{service="requests"} 1
"""
LATER = """
afaq_works_total{service="requests",outcome="done"} 160
afaq_works_total{service="requests",outcome="parked"} 9
afaq_events_published_total{service="requests"} 20
afaq_commit_seconds_count{service="requests"} 30
afaq_commit_seconds_sum{service="requests"} 1.1
afaq_outbox_depth{service="requests"} 7
afaq_outbox_oldest_seconds{service="requests"} 1.5
afaq_consumer_lag{service="requests",topic="a",partition="0"} 3
afaq_consumer_lag{service="requests",topic="a",partition="1"} 4
afaq_jobs{service="requests",kind="effect",state="live"} 5
afaq_jobs{service="requests",kind="event",state="parked"} 2
afaq_effect_seconds_count{service="requests",effect="SignDocument",outcome="done"} 4
afaq_effect_seconds_sum{service="requests",effect="SignDocument",outcome="done"} 2
afaq_http_seconds_count{service="requests",method="GET",route="/tasks",status="200"} 10
afaq_http_seconds_sum{service="requests",method="GET",route="/tasks",status="200"} 1
"""


def test_rates_are_between_two_looks_and_backlogs_are_of_the_last() -> None:
    figures = figures_of("requests", sample_of([EARLIER], 10.0), sample_of([LATER], 12.0))
    assert (figures.handled, figures.published, round(figures.commit_ms, 3)) == (30.0, 10.0, 5.0)
    assert (figures.outbox, figures.oldest_seconds, figures.lag) == (7, 1.5, 7)
    assert (figures.jobs, figures.parked) == (5, 2)


def test_two_processes_of_a_service_are_added_up_and_one_that_began_anew_is_no_negative_rate() -> None:
    both = figures_of("requests", sample_of([EARLIER, EARLIER], 0.0), sample_of([LATER, LATER], 1.0))
    assert (both.handled, both.lag) == (120.0, 14)
    assert figures_of("requests", sample_of([LATER], 0.0), sample_of([EARLIER], 1.0)).handled == 0.0


def test_the_slowest_kind_of_work_comes_first() -> None:
    found = slowest(sample_of([LATER], 0.0), 5)
    assert [(slow.what, slow.mean_ms) for slow in found] == [("SignDocument", 500.0), ("/tasks", 100.0)]


async def test_the_screen_shows_the_figures_and_who_does_not_answer() -> None:
    app = web.Application()
    app.router.add_get("/metrics", _answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    screen = Top({"requests": f"http://127.0.0.1:{port}", "payments": "http://127.0.0.1:9"})
    async with screen.run_test() as pilot:
        await screen.look()
        await pilot.pause()
        services = screen.query_one("#services", DataTable)
        assert [str(cell) for cell in services.get_row_at(0)][4:] == ["7", "1.5", "7", "5", "2"]
        assert screen.query_one("#slow", DataTable).get_row_at(0)[0] == "SignDocument"
        assert "payments" in str(screen.query_one("#away", Static).render())
    await runner.cleanup()


async def _answer(_: web.Request) -> web.Response:
    return web.Response(text=LATER)
