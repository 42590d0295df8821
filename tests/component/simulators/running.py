"""The simulators, started and stopped: twice over the same ledgers is a restart."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from simulators.app import create_app
from simulators.clock import Clock, utc_now
from simulators.settings import Settings


@asynccontextmanager
async def running(settings: Settings, clock: Clock = utc_now) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the app for as long as it runs."""
    app = create_app(settings, clock=clock)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=settings.public_url) as client,
    ):
        yield client
