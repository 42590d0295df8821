"""A bell between the tasks of one process: who listens is woken at once, or after its own patience."""

import asyncio


class Listener:
    """One task that listens to a bell."""

    def __init__(self, bell: "Bell") -> None:
        self._rung = asyncio.Event()
        bell.listeners.append(self._rung)

    async def wait(self, patience_seconds: float) -> bool:
        """Until the bell rings or the patience ends; rung since the last wait, it ends at once. Tells which it was."""
        try:
            async with asyncio.timeout(patience_seconds):
                await self._rung.wait()
            return True
        except TimeoutError:
            return False
        finally:
            self._rung.clear()


class Bell:
    """Rung when there may be something to do, for everyone who listens."""

    def __init__(self) -> None:
        self.listeners: list[asyncio.Event] = []

    def ring(self) -> None:
        """Wakes who waits, and lets nobody else wait in vain."""
        for rung in self.listeners:
            rung.set()
