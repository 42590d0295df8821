"""Waiting for the end of a process, but not for ever."""

import asyncio
import contextlib


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Returns after so many seconds, or as soon as `stop` is set."""
    with contextlib.suppress(TimeoutError):  # that it is over is what was waited for
        await asyncio.wait_for(stop.wait(), seconds)
