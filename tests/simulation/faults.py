"""What goes wrong, when, by a seed."""

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg

from tests.simulation.clockwork import CURRENT

if TYPE_CHECKING:
    from tests.simulation.database import Database

OTHERS_GO_FIRST = 0.2
"""The share of steps at which the process is put aside."""


@dataclass(frozen=True)
class Rates:
    """How often, of each occasion."""

    crash: float = 0.0004
    disconnect: float = 0.0004
    lost_answer: float = 0.0006
    pause: float = 0.0001
    send_fault: float = 0.004
    redelivery: float = 0.01
    slow: float = 0.01
    outside_fault: float = 0.08


NONE = Rates(0, 0, 0, 0, 0, 0, 0, 0)


class Faults:
    """Decides at each step of a process what happens to it. Without `rates` nothing does."""

    def __init__(self, chance: random.Random, rates: Rates) -> None:
        self.chance = chance
        self.rates = rates
        self.happened: dict[str, int] = {}

    def strikes(self, rate: float, what: str) -> bool:
        """Whether it happens now; it is counted."""
        if rate == 0 or self.chance.random() >= rate:
            return False
        self.happened[what] = self.happened.get(what, 0) + 1
        return True

    def latency(self) -> float:
        """How long a step takes, in seconds."""
        if self.strikes(self.rates.slow, "slow step"):
            return self.chance.random() * 0.5
        return self.chance.random() * 0.002

    async def step(self, database: "Database | None" = None) -> None:
        """A process turns to the world outside of itself: others may go first, and it may not come back."""
        if self.chance.random() < OTHERS_GO_FIRST:
            await asyncio.sleep(self.latency())
        process = CURRENT.get()
        if process is None:
            return
        await process.while_paused()
        if self.strikes(self.rates.crash, "crash"):
            process.kill()
            await asyncio.sleep(0)
        if self.strikes(self.rates.pause, "pause"):
            process.pause(self.chance.uniform(5, 40))
            await process.while_paused()
        if database is not None and self.strikes(self.rates.disconnect, "disconnection"):
            database.drop(process)
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    def lose_answer(self) -> None:
        """A commit was done, and its answer may not come back."""
        process = CURRENT.get()
        if process is not None and self.strikes(self.rates.lost_answer, "lost answer of a commit"):
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    def choose(self, *options: Any) -> Any:
        """One of them."""
        return self.chance.choice(options)
