"""`afaq top`: a live screen of what the processes do, what waits, and what is slow."""

import asyncio
import time
from collections.abc import Mapping
from typing import ClassVar

import aiohttp
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import DataTable, Footer, Header, Static

from afaq.figures import Sample, ServiceFigures, figures_of, sample_of, slowest

SECONDS = 2.0
SLOWEST = 12
_TIMEOUT = aiohttp.ClientTimeout(total=2)


class Top(App[None]):
    """Looks at every process's `/metrics` every two seconds."""

    TITLE = "Afaq"
    CSS = "DataTable { height: auto; margin-bottom: 1 } #away { color: $error }"
    BINDINGS: ClassVar[list[BindingType]] = [("q", "quit", "Quit")]

    def __init__(self, urls: Mapping[str, str]) -> None:
        super().__init__()
        self._urls = urls
        self._before: Sample | None = None

    def compose(self) -> ComposeResult:
        """Two tables, and who does not answer."""
        yield Header(show_clock=True)
        yield DataTable(id="services", cursor_type="none")
        yield DataTable(id="slow", cursor_type="none")
        yield Static(id="away")
        yield Footer()

    async def on_mount(self) -> None:
        """Begins to look."""
        columns = ("service", "handled/s", "published/s", "commit ms", "outbox", "oldest s", "lag", "jobs", "parked")
        self.query_one("#services", DataTable).add_columns(*columns)
        self.query_one("#slow", DataTable).add_columns("slowest", "service", "mean ms", "of", "times")
        await self.look()
        self.set_interval(SECONDS, self.look)

    async def look(self) -> None:
        """One look at all processes."""
        texts = dict(zip(self._urls, await asyncio.gather(*map(_metrics, self._urls.values())), strict=True))
        away = [name for name, text in texts.items() if text is None]
        sample = sample_of((text for text in texts.values() if text is not None), time.monotonic())
        before, self._before = self._before or sample, sample
        services = self.query_one("#services", DataTable)
        services.clear()
        for name in self._urls:
            services.add_row(*_row(figures_of(name, before, sample)))
        slow = self.query_one("#slow", DataTable)
        slow.clear()
        for found in slowest(sample, SLOWEST):
            slow.add_row(found.what, found.service, f"{found.mean_ms:.1f}", found.of, str(found.times))
        self.query_one("#away", Static).update(f"no answer from: {', '.join(away)}" if away else "")


def _row(figures: ServiceFigures) -> tuple[str, ...]:
    return (
        figures.name,
        f"{figures.handled:.1f}",
        f"{figures.published:.1f}",
        f"{figures.commit_ms:.1f}",
        str(figures.outbox),
        f"{figures.oldest_seconds:.1f}",
        str(figures.lag),
        str(figures.jobs),
        str(figures.parked),
    )


async def _metrics(url: str) -> str | None:
    try:
        async with aiohttp.request("GET", f"{url}/metrics", timeout=_TIMEOUT) as response:
            return await response.text()
    except (aiohttp.ClientError, TimeoutError):
        return None
