"""Time that passes only where everybody waits, so that a seed is the same run each time and years take seconds."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.process import Process

EPOCH = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
CURRENT: ContextVar["Process | None"] = ContextVar("process", default=None)
"""The simulated process that the running task is part of; None for people and for the world."""


class _NoWaiting(selectors.DefaultSelector):
    """Nothing comes from outside: to wait is to let time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("the simulation stands still: nobody will ever do anything again")
        self.now += max(0.0, timeout)
        return []


class Clockwork(asyncio.SelectorEventLoop):
    """An event loop on simulated time; tasks of a simulated process are known to it, so that they die with it."""

    def __init__(self) -> None:
        self._selector_of_time = _NoWaiting()
        super().__init__(self._selector_of_time)
        self._clock_resolution = 1e-6  # what is so near is now: floating seconds of years know no less
        self.set_task_factory(_owned)  # type: ignore[arg-type]

    def time(self) -> float:
        """Seconds since the simulation began."""
        return self._selector_of_time.now


def _owned(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **options: Any) -> "asyncio.Task[Any]":
    task = asyncio.Task(coro, loop=loop, **options)
    process = CURRENT.get()
    if process is not None:
        process.own(task)
    return task


def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Runs a simulation to its end."""
    with asyncio.Runner(loop_factory=Clockwork) as runner:
        return runner.run(main())


class SimulatedClock:
    """The domain's clock; implements `Clock`."""

    def now(self) -> datetime:
        """The instant it is, aware, in UTC."""
        return EPOCH + timedelta(seconds=asyncio.get_running_loop().time())
