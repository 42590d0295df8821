"""Liveness says that the process runs; readiness says the truth about what it needs."""

import asyncio

from shared.messaging.consumer import Consumer
from shared.store.statements import SQL
from shared.store.types import Pool


class Health:
    """What a process knows of its own health."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.consumer: Consumer | None = None
        self.following = False

    async def report(self) -> dict[str, str]:
        """Each dependency and `ok`, or what is wrong with it."""
        report = await self._database()
        if self.consumer is not None:
            report["events"] = self._events(self.consumer)
        return report

    async def _database(self) -> dict[str, str]:
        try:
            async with asyncio.timeout(2):
                keys = await self._pool.fetch(SQL["access_keys"])
        except Exception as error:
            return {"database": f"away: {type(error).__name__}"}
        return {"database": "ok", "access_keys": "ok" if keys else "none has come yet: nobody can be let in"}

    def _events(self, consumer: Consumer) -> str:
        if not self.following:
            return "not joined yet: Kafka may be away"
        return "paused: too many events were parked" if consumer.paused else "ok"
