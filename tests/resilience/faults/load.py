"""Open load: people renew their licences at a constant rate, whatever becomes of the platform meanwhile.

Each is a client as the API wants it: where no answer came, or one that says "later", the same request goes again with
the same key. So every promise that was made is known here, and whether it was kept.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import aiohttp

from afaq.demo.client import Api
from tests.compose.composed import Loopback
from tests.support import SUBMISSION, Person, a_person

OFFICER = "officer:moi-traffic"
CARD = {"card": "8888880000000001", "pin": "1234"}
LATER = frozenset({"request-in-progress", "not-known-yet", "overloaded", "temporarily-unavailable", "internal-error"})
FEE_FILS = 10_000


class Strike(Protocol):
    """Something that was done to a platform: when it began and was over, on the loop's clock."""

    @property
    def name(self) -> str: ...
    @property
    def began_at(self) -> float: ...
    @property
    def ended_at(self) -> float: ...


class Platform(Protocol):
    """What people see of a platform. `acknowledged`: the requests that they were promised."""

    @property
    def api(self) -> Api: ...
    @property
    def acknowledged(self) -> dict[str, Any]: ...
    @property
    def strikes(self) -> Sequence[Strike]: ...
    def addresses(self, service: str) -> Sequence[str]:
        """Of the service's processes, each of which may answer."""
        ...

    async def what_holds_it_up(self) -> str:
        """For whoever reads of a failure."""
        ...


class Client:
    """Calls with patience: until there is an answer that is one, from whichever process of the service gives it."""

    def __init__(self, platform: Platform, answers: Counter[str]) -> None:
        self._platform = platform
        self._answers = answers
        self._turn: Counter[str] = Counter()  # which process of a service answers: as a load balancer finds out
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=Loopback(), keepalive_timeout=3, limit=0),
            timeout=aiohttp.ClientTimeout(total=6),
        )

    async def close(self) -> None:
        await self._session.close()

    async def get(self, service: str, path: str, token: str) -> Any:
        """The answer to a GET, or None where there is nothing yet."""
        return await self._call("GET", service, path, token, None, None)

    async def post(self, service: str, path: str, body: Any, token: str, *, key: str) -> Any:
        """The answer to a POST, sent with the same key until there is one; None where it is refused."""
        return await self._call("POST", service, path, token, body, key)

    async def browse(self, url: str) -> bool:
        """What the payer does on the gateway's page; whether it answered."""
        try:
            async with self._session.post(url, data=CARD, allow_redirects=True) as response:
                await response.read()
                return True
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._answers[f"the gateway's page: {type(error).__name__}"] += 1
            return False

    async def _call(self, method: str, service: str, path: str, token: str, body: Any, key: str | None) -> Any:
        headers = {"Authorization": f"Bearer {token}", **({"Idempotency-Key": key} if key else {})}
        pause = 0.1
        while True:
            turn = self._turn[service]
            urls = self._platform.addresses(service)
            url = urls[turn % len(urls)]
            try:
                async with self._session.request(method, f"{url}{path}", json=body, headers=headers) as response:
                    answer = await response.json(content_type=None)
                    status = response.status
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                self._answers[type(error).__name__] += 1
                self._turn[service] = max(self._turn[service], turn + 1)
            else:
                if status < 300:
                    return answer
                self._answers[f"{status} {answer.get('code')}"] += 1
                if answer.get("code") not in LATER:
                    return None
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 1.5)


@dataclass
class Renewal:
    """One person's renewal; instants are of the loop's clock."""

    person: Person
    due_at: float
    key: str
    request: Any = None
    accepted_at: float | None = None
    fulfilled_at: float | None = None


class Load:
    """Renewals at a constant rate from `async with` to its end; `all_done` then waits for what was promised."""

    def __init__(self, platform: Platform, *, per_second: float, name: str) -> None:
        self._platform = platform
        self._per_second = per_second
        self._name = name
        self._persons: list[Person] = []
        self._officer = ""
        self._submitting: asyncio.Task[None] | None = None
        self._deciding: asyncio.Task[None] | None = None
        self._running: set[asyncio.Future[None]] = set()
        self._failures: list[BaseException] = []
        self.renewals: list[Renewal] = []
        self.answers: Counter[str] = Counter()
        self._client = Client(platform, self.answers)

    async def __aenter__(self) -> Self:
        api = self._platform.api
        self._persons = [await a_person(api, mobile="+96551234567", email="somebody@example.test") for _ in range(4)]
        self._officer = await api.sign_in(role=OFFICER)
        self._deciding = asyncio.create_task(self._decide_all())
        self._submitting = asyncio.create_task(self._submit_all())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await self.stop()
        for task in [self._deciding, *self._running]:
            if task is not None:
                task.cancel()
        await asyncio.gather(*[task for task in (self._deciding, *self._running) if task], return_exceptions=True)
        await self._client.close()

    async def stop(self) -> None:
        """Nobody comes any more; who is there is carried on with."""
        if self._submitting is not None:
            self._submitting.cancel()
            await asyncio.gather(self._submitting, return_exceptions=True)

    @property
    def accepted(self) -> list[Renewal]:
        """What was promised."""
        return [renewal for renewal in self.renewals if renewal.accepted_at is not None]

    @property
    def unfulfilled(self) -> list[Renewal]:
        """What was promised and is not yet done."""
        return [renewal for renewal in self.accepted if renewal.fulfilled_at is None]

    async def until_one_more(self, *, within_seconds: float = 180) -> float:
        """Until somebody who comes from now on has their licence; how many seconds that took."""
        began_at = time.monotonic()
        if not await _holds(lambda: self._has_served_since(began_at), within_seconds=within_seconds):
            held_up = await self._platform.what_holds_it_up()
            raise AssertionError(f"nobody who came in {within_seconds:.0f} s has a licence: {held_up}")
        return time.monotonic() - began_at

    async def all_done(self, *, within_seconds: float) -> None:
        """Until everybody who came has an answer, and everybody who was promised a licence has it."""
        await self.stop()
        if not await _holds(lambda: not self._running, within_seconds=within_seconds):
            stuck = [(r.request or {}).get("reference") or f"{r.key}, not answered" for r in self._still_open()]
            held_up = await self._platform.what_holds_it_up()
            raise AssertionError(f"{len(stuck)} renewals have not ended: {stuck[:10]}; {held_up}")
        assert self._failures == []
        assert [answer for answer in self.answers if answer.startswith("500")] == [], (
            "a fault was answered as a mistake"
        )

    def _has_served_since(self, instant: float) -> bool:
        return any(renewal.due_at >= instant and renewal.fulfilled_at for renewal in self.renewals)

    def report(self) -> None:
        """Prints what clients saw, and how long the platform was hurt by each fault."""
        print(f"{self._name}: {len(self.renewals)} came, {len(self.accepted)} were accepted and fulfilled")
        if self.answers:
            print(f"  other answers: {', '.join(f'{count} x {what}' for what, count in self.answers.most_common())}")
        for strike in self._platform.strikes:
            if self.renewals and self.renewals[0].due_at <= strike.began_at <= self.renewals[-1].due_at:
                print(f"  {strike.name}: {self._recovery(strike.ended_at)}")

    def _recovery(self, ended_at: float) -> str:
        before = [r for r in self.accepted if r.accepted_at and r.accepted_at <= ended_at]
        open_then = [r.fulfilled_at - ended_at for r in before if r.fulfilled_at and r.fulfilled_at > ended_at]
        after = [r.accepted_at - r.due_at for r in self.accepted if r.accepted_at and r.due_at >= ended_at]
        through = [r.fulfilled_at - ended_at for r in self.accepted if r.due_at >= ended_at and r.fulfilled_at]
        return (
            f"the next was accepted in {after[0]:.1f} s, the first new one had its licence after {min(through):.1f} s, "
            f"all {len(open_then)} that were under way after {max(open_then, default=0):.1f} s"
            if after and through
            else "the load ended with it"
        )

    def _still_open(self) -> list[Renewal]:
        return [renewal for renewal in self.renewals if renewal.fulfilled_at is None]

    async def _submit_all(self) -> None:
        began_at, number = time.monotonic(), 0
        while True:
            due_at = began_at + number / self._per_second
            await asyncio.sleep(max(0, due_at - time.monotonic()))
            person = self._persons[number % len(self._persons)]
            self._start(self._renew(Renewal(person, due_at, f"{self._name}-{number}")))
            number += 1

    def _start(self, what: Awaitable[None]) -> None:
        task = asyncio.ensure_future(what)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Future[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failures.append(error)

    async def _renew(self, renewal: Renewal) -> None:
        self.renewals.append(renewal)
        request = await self._client.post("requests", "/requests", SUBMISSION, renewal.person.token, key=renewal.key)
        assert request is not None, "a renewal was refused"
        renewal.request, renewal.accepted_at = request, time.monotonic()
        self._platform.acknowledged[request["id"]] = renewal
        await self._pay(renewal)
        pause = 0.2
        while True:
            found = await self._client.get("requests", f"/requests/{request['id']}", renewal.person.token)
            if found is not None and found["status"] == "fulfilled":
                renewal.fulfilled_at = time.monotonic()
                return
            await asyncio.sleep(pause)
            pause = min(1.5, pause * 1.3)

    async def _pay(self, renewal: Renewal) -> None:
        """Goes to the gateway's page, once for each page that there is, until the fee is paid."""
        path, token = f"/payments/{renewal.request['payment_id']}", renewal.person.token
        visited: set[str] = set()
        pause = 0.1
        while True:
            payment = await self._client.get("payments", path, token)
            if payment is not None and payment["status"] != "requested":
                return
            if payment is not None:
                page = payment["page_url"]
                if page is None and all(a["status"] not in {"started", "open"} for a in payment["attempts"]):
                    key = f"{renewal.key}-{len(payment['attempts'])}"
                    started = await self._client.post("payments", f"{path}/attempts", None, token, key=key)
                    page = started and started["page_url"]
                if page is not None and page not in visited and await self._client.browse(page):
                    visited.add(page)
            await asyncio.sleep(pause)
            pause = min(1.5, pause * 1.3)

    async def _decide_all(self) -> None:
        """The traffic department's officers approve whatever comes."""
        decided: set[str] = set()
        while True:
            page = await self._client.get("requests", "/tasks?state=open&limit=100", self._officer)
            tasks = [task for task in page["items"] if task["id"] not in decided] if page else []
            await asyncio.gather(*(self._approve(task["id"]) for task in tasks))
            decided |= {task["id"] for task in tasks}
            await asyncio.sleep(0.2)

    async def _approve(self, task_id: str) -> None:
        body, key = {"decision": "approve"}, f"approve-{task_id}"
        await self._client.post("requests", f"/tasks/{task_id}/decision", body, self._officer, key=key)


async def _holds(condition: Callable[[], bool], *, within_seconds: float) -> bool:
    give_up_at = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > give_up_at:
            return False
        await asyncio.sleep(0.05)
    return True
