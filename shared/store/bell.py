"""A bell between the tasks of one process: who waits is woken at once, or after its own patience."""

import asyncio


class Bell:
    """Rung when there may be something to do."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wakes who waits; rung before a wait, the wait ends at once."""
        self._rung.set()

    async def wait(self, patience_seconds: float) -> None:
        """Until the bell rings or the patience ends."""
        try:
            async with asyncio.timeout(patience_seconds):
                await self._rung.wait()
        except TimeoutError:
            return
        finally:
            self._rung.clear()
