"""Waiting for a condition."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], Awaitable[bool]] | Callable[[], bool], *, seconds: float = 10) -> None:
    """Return once the condition holds; TimeoutError when it never does."""
    async with asyncio.timeout(seconds):
        while True:
            held = condition()
            if held if isinstance(held, bool) else await held:
                return
            await asyncio.sleep(0.01)
