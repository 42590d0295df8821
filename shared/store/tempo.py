"""How long a loop gathers before it begins: little that comes is done at once, much that comes is done together."""

import asyncio
import math

CALM_PER_SECOND = 100.0
"""Up to so much a second, everything is done when it comes."""
GATHERED_AT_MOST_SECONDS = 0.025
ENOUGH = 50
"""So many at once share well: nothing is gained by waiting for more."""


class Tempo:
    """The pace of one loop. A transaction, a publication or a fetch costs the same for one thing as for ten: under load
    a loop waits some milliseconds for more, and a person who comes alone waits for nothing.
    """

    def __init__(self) -> None:
        self._per_second = 0.0
        self._counted_at = 0.0
        self._last = 0

    def done(self, count: int) -> None:
        """Counts what has been done; what was done a second ago counts a third of it."""
        now = asyncio.get_running_loop().time()
        self._per_second = self._per_second * math.exp(self._counted_at - now) + count
        self._counted_at = now
        self._last = count

    async def gather(self) -> None:
        """Waits as long as is worth it: longer the more has come of late."""
        above = self._per_second / CALM_PER_SECOND - 1
        if above > 0 and self._last < ENOUGH:
            await asyncio.sleep(GATHERED_AT_MOST_SECONDS * min(1.0, above))
