"""Asks the services whether they are ready, and Prometheus how it went."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from datetime import datetime

import aiohttp

from afaq.status.journeys import Journey, Look, State, judge

SECONDS = 5.0


class Unmeasured(Exception):
    """Prometheus did not answer."""


async def look(journeys: Sequence[Journey], addresses: Mapping[str, str], prometheus: str | None, at: datetime) -> Look:
    """What can be said of every journey at this moment; raises nothing: who does not answer is away."""
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        answers = await asyncio.gather(*(_is_ready(session, url) for url in addresses.values()))
        ready = dict(zip(addresses, answers, strict=True))
        found = await asyncio.gather(*(_state(session, journey, ready, prometheus) for journey in journeys))
    return Look(at=at, states=dict(zip((journey.id for journey in journeys), found, strict=True)))


async def _state(
    session: aiohttp.ClientSession, journey: Journey, ready: Mapping[str, bool], prometheus: str | None
) -> State:
    try:
        share = await _measured(session, prometheus, journey.share)
        stopped = await _measured(session, prometheus, journey.stopped)
    except Unmeasured:
        return judge(journey, ready, None, None, is_measured=False)
    return judge(journey, ready, share, stopped, is_measured=True)


async def _is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/health/ready") as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _measured(session: aiohttp.ClientSession, prometheus: str | None, query: str | None) -> float | None:
    """The one value of a query; None where it has none. Raises Unmeasured."""
    if query is None:
        return None
    if prometheus is None:
        raise Unmeasured
    try:
        async with session.get(f"{prometheus}/api/v1/query", params={"query": query}) as response:
            response.raise_for_status()
            found = (await response.json())["data"]["result"]
        value = float(found[0]["value"][1]) if found else math.nan
    except (aiohttp.ClientError, TimeoutError, KeyError, IndexError, TypeError, ValueError):
        raise Unmeasured from None
    return None if math.isnan(value) else value
