"""People, an officer and the watch over the topics: all that it takes to make transactions on a running platform."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from afaq.demo.client import Api
from afaq.demo.renewal import AGENCY
from benchmarks import gate
from benchmarks.figures import Sample
from benchmarks.journey import Ends, Journey, expected_events, new_session, watch_transactions
from benchmarks.lab import Lab
from benchmarks.measure import Pace, measure
from benchmarks.people import sign_in_people
from benchmarks.platform import Platform
from benchmarks.watch import Watch

FEE_FILS = 10_000
SETTLED_WITHIN_SECONDS = 20.0
QUIET_SECONDS = 3.0
TRANSFERS = "select coalesce(sum(amount_fils), 0)::bigint from transfers where kind = 'capture' and credit = $1"


@dataclass(frozen=True)
class Crowd:
    """Those who make transactions."""

    platform: Platform
    tokens: Sequence[str]
    journey: Journey
    watch: Watch

    async def make(self, number: int) -> Ends:
        """One transaction; its number chooses whose."""
        return await self.journey.make(self.tokens[number % len(self.tokens)])

    async def measure(self, system: str, round: int, pace: Pace) -> Sample:
        """Transactions at this pace. Void unless they leave behind what they should, in every database and topic."""
        events, told, taken = await self.platform.events_by_type(), Counter(self.watch.counts), await self._taken()
        accounts, servers = self.platform.accounts(), self.platform.servers
        sample, record = await measure(system, round, self.make, pace, accounts=accounts, servers=servers)
        if not record.errors:
            expected = expected_events(len(record.made))
            sample.problems += await self._settled(expected, events, told)
            if await self._taken() - taken != FEE_FILS * len(record.made):
                sample.problems.append("the agency's account is not the sum of the fees")
        sample.problems += await self.platform.left_over()
        return sample

    async def _settled(self, expected: Counter[str], events: dict[str, int], told: Counter[str]) -> list[str]:
        """What is wrong with the log and the topics, once nothing more is on its way."""
        give_up_at = time.perf_counter() + SETTLED_WITHIN_SECONDS
        while True:
            now = await self.platform.events_by_type()
            recorded = {kind: now.get(kind, 0) - events.get(kind, 0) for kind in expected}
            published = {f"{kind} on Kafka": self.watch.counts[kind] - told[kind] for kind in expected}
            wanted = {f"{kind} on Kafka": count for kind, count in expected.items()}
            wrong = gate.check_counts(recorded, expected) + gate.check_counts(published, wanted)
            if not wrong or time.perf_counter() > give_up_at:
                return wrong
            await asyncio.sleep(0.25)

    async def _taken(self) -> int:
        return await self.platform.fetchval("payments", TRANSFERS, f"agency:{AGENCY}")


async def _until_quiet(platform: Platform) -> None:
    """Until people have had what is offered to them, and the messages of it."""
    before, now = {"": 0}, await platform.events_by_type()
    while now != before:
        await asyncio.sleep(QUIET_SECONDS)
        before, now = now, await platform.events_by_type()


@contextlib.asynccontextmanager
async def gathered(
    lab: Lab, platform: Platform, what: str, *, people: int | None = None, skip: int = 0
) -> AsyncIterator[Crowd]:
    """People who are registered and signed in, and all that they need; `skip`: so many are registered already."""
    async with new_session() as session:
        how_many = lab.options.people if people is None else people
        lab.say(f"  {what}: {how_many} people register and sign in")
        tokens = await sign_in_people(platform, session, how_many, skip=skip)
        await _until_quiet(platform)
        officer = await Api(platform.urls, session).sign_in(role=f"officer:{AGENCY}")
        watch = watch_transactions(platform.endpoints.kafka)
        await watch.start()
        try:
            yield Crowd(platform, tokens, Journey(platform.urls, session, watch, officer), watch)
        finally:
            await watch.stop()
