"""Open load by the Services' addresses: people renew licences at a constant rate, whatever becomes of the cluster.

Nothing is asked twice, but what only looks whether something is there yet: so a call that was lost is seen.
"""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import aiohttp

from afaq.demo.client import TEST_CARD, TEST_PIN, Api
from afaq.demo.people import synthetic_people
from afaq.demo.renewal import AGENCY, SERVICE
from afaq.local.errors import StackError
from deploy.verify.kubernetes.cluster import ByService

PEOPLE = 20
DONE_WITHIN_SECONDS = 240
SUBMISSION = {"service_id": SERVICE, "form": {"delivery": "digital"}}


class Lost(Exception):
    """A call was not answered as it should be; it is counted already."""


class Load:
    """Renewals from `async with` to its end, which waits until all that were accepted are fulfilled."""

    def __init__(self, urls: Mapping[str, str], names: ByService, tokens: Sequence[str], *, per_second: float) -> None:
        self._urls, self._tokens, self._per_second = urls, tokens, per_second
        self._session = session_of(names)
        self._submitting: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()
        self.calls = 0
        self.failed: Counter[str] = Counter()
        self.submitted_after: list[float] = []
        self.accepted: dict[str, bool] = {}
        """The requests that were promised, and whether each is fulfilled."""

    async def __aenter__(self) -> Self:
        self._submitting = asyncio.create_task(self._submit_all())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        assert self._submitting is not None
        self._submitting.cancel()
        if self._running:
            late = (await asyncio.wait(self._running, timeout=DONE_WITHIN_SECONDS))[1]
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._session.close()

    @property
    def unfulfilled(self) -> int:
        """How many were promised and have not come to their end."""
        return sum(not fulfilled for fulfilled in self.accepted.values())

    def __str__(self) -> str:
        slow = sorted(self.submitted_after)
        waits = f"{slow[len(slow) // 2]:.2f} s, at most {slow[-1]:.2f} s" if slow else "never"
        failed = ", ".join(f"{count} x {what}" for what, count in self.failed.most_common()) or "none failed"
        return (
            f"{self.calls:,} calls, {failed}; {len(self.accepted)} requests accepted (after {waits}),"
            f" {len(self.accepted) - self.unfulfilled} fulfilled"
        )

    async def _submit_all(self) -> None:
        began, number = time.monotonic(), 0
        while True:
            await asyncio.sleep(max(0.0, began + number / self._per_second - time.monotonic()))
            task = asyncio.create_task(self._renew(self._tokens[number % len(self._tokens)]))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            number += 1

    async def _renew(self, token: str) -> None:
        try:
            began = time.monotonic()
            request = await self._call("POST", "requests", "/requests", token, body=SUBMISSION)
            self.submitted_after.append(time.monotonic() - began)
            self.accepted[request["id"]] = False
            await self._pay(f"/payments/{request['payment_id']}", token)
            await self._until(lambda: self._is_fulfilled(request["id"], token))
            self.accepted[request["id"]] = True
        except Lost:
            return

    async def _pay(self, payment: str, token: str) -> None:
        await self._until(lambda: self._call("GET", "payments", payment, token, may_miss=True))
        await self._call("POST", "payments", f"{payment}/attempts", token)

        async def page() -> Any:
            return (await self._call("GET", "payments", payment, token))["page_url"]

        await self._count(
            "the gateway's page", "POST", await self._until(page), data={"card": TEST_CARD, "pin": TEST_PIN}
        )

    async def _is_fulfilled(self, id: str, token: str) -> bool:
        return bool((await self._call("GET", "requests", f"/requests/{id}", token))["status"] == "fulfilled")

    async def _until(self, look: Callable[[], Awaitable[Any]]) -> Any:
        pause = 0.3
        while True:
            with suppress(Lost):  # counted; whoever looks looks again
                if found := await look():
                    return found
            await asyncio.sleep(pause)
            pause = min(2.0, pause * 1.5)

    async def _call(
        self, method: str, service: str, path: str, token: str, *, body: Any = None, may_miss: bool = False
    ) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        if method == "POST":
            headers["Idempotency-Key"] = uuid.uuid4().hex
        what = f"{method} {service}"
        return await self._count(
            what, method, f"{self._urls[service]}{path}", may_miss=may_miss, json=body, headers=headers
        )

    async def _count(self, what: str, method: str, url: str, *, may_miss: bool = False, **options: Any) -> Any:
        self.calls += 1
        try:
            async with self._session.request(method, url, **options) as response:
                if response.status == 404 and may_miss:
                    return None
                if response.status < 300:
                    return (
                        await response.json() if response.content_type == "application/json" else await response.text()
                    )
                why = str(response.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            why = f"{type(error).__name__} {error}"
        self.failed[f"{what}: {why}"] += 1
        raise Lost


def session_of(names: ByService) -> aiohttp.ClientSession:
    """As an ingress calls: connections are kept, but not as long as servers keep them."""
    connector = aiohttp.TCPConnector(resolver=names, limit=0, keepalive_timeout=3)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30))


async def gather_people(urls: Mapping[str, str], names: ByService) -> list[str]:
    """Registers people, has the agency's desk decide by itself, and returns the people's access tokens."""
    now = datetime.now(UTC)
    people = synthetic_people(PEOPLE, today=now.date(), now=now.isoformat())
    async with session_of(names) as session:
        api = Api(urls, session)
        desk = {"automatic": True, "agency": AGENCY, "delay_seconds": 0.0, "reject_every": 0}
        (await session.put(f"{urls['simulators']}/agency/switches", json=desk)).raise_for_status()
        registrar = await api.sign_in(role="registrar")
        for person in people:
            with suppress(StackError):  # registered already, when scenes are played a second time
                await api.post("identity", "/persons", person.form, registrar)
        tokens = [await api.sign_in(civil_id=person.civil_id) for person in people]
        await asyncio.gather(*(api.until(lambda token=token: _may_renew(api, token), "person") for token in tokens))  # type: ignore[misc]
        return tokens


async def _may_renew(api: Api, token: str) -> bool:
    found = await api.get("requests", "/eligibility", token)
    return any(service["service_id"] == SERVICE and service["eligible"] == "yes" for service in found)
