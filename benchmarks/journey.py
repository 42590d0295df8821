"""One transaction as its people make it: a licence renewal from the submission to the message in the inbox.

The people are played without a moment's thought and without asking again and again: the topics say when to act.
"""

import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from afaq.demo.client import TEST_CARD, TEST_PIN
from afaq.demo.renewal import SERVICE
from benchmarks.watch import Watch
from shared.contracts.topics import NOTIFICATIONS_EVENTS, PAYMENTS_EVENTS, REQUESTS_EVENTS

TOPICS = (REQUESTS_EVENTS, PAYMENTS_EVENTS, NOTIFICATIONS_EVENTS)
KINDS = {
    "payments.payment.requested": "",
    "requests.task.opened": "request_id",
    "requests.request.fulfilled": "",
    "notifications.delivery.requested": "about_id",
}
LAST_PURPOSE = "document-issued"
EVENTS = {
    "requests.request.submitted": 1,
    "requests.request.fee_due": 1,
    "requests.request.fee_paid": 1,
    "requests.request.task_due": 1,
    "requests.task.opened": 1,
    "requests.task.decided": 1,
    "requests.request.approved": 1,
    "requests.request.document_due": 1,
    "requests.document.issued": 1,
    "requests.request.fulfilled": 1,
    "payments.payment.requested": 1,
    "payments.payment.attempted": 1,
    "payments.payment.page_opened": 1,
    "payments.payment.captured": 1,
    "notifications.delivery.requested": 4,
    "notifications.delivery.delivered": 4,
}
"""Of each type, how many events a renewal records: its messages are about the submission, the fee, the payment and the
document, and all are for the inbox."""
STAGES = ("submitted", "fee asked for", "page opened", "paid", "task opened", "decided", "fulfilled", "in the inbox")


class Failed(Exception):
    """A call of a transaction was not answered as it should be."""


@dataclass(frozen=True)
class Ends:
    """The instants at which the stages of one transaction had ended, in the order of `STAGES`."""

    instants: tuple[float, ...]

    @property
    def submitted(self) -> float:
        """When the submission was answered."""
        return self.instants[0]

    @property
    def last(self) -> float:
        """When the message about the document was in the inbox."""
        return self.instants[-1]


class Journey:
    """Makes transactions through the public HTTP interfaces."""

    def __init__(
        self, urls: Mapping[str, str], session: aiohttp.ClientSession, watch: Watch, officer: str, body: object = None
    ) -> None:
        self._urls = urls
        self._session = session
        self._watch = watch
        self._officer = officer
        self._submission = body or {"service_id": SERVICE, "form": {"delivery": "digital"}}

    async def make(self, token: str) -> Ends:
        """One transaction of the person with this token. Raises Failed, or the client's errors."""
        request = await self._post("requests", "/requests", token, self._submission)
        ends = [time.perf_counter()]
        await self._watch.happened("payments.payment.requested", request["payment_id"])
        ends.append(time.perf_counter())
        payment = await self._post("payments", f"/payments/{request['payment_id']}/attempts", token)
        ends.append(time.perf_counter())
        await self._pay(payment["page_url"])
        ends.append(time.perf_counter())
        task_id = await self._watch.happened("requests.task.opened", request["id"])
        ends.append(time.perf_counter())
        await self._post("requests", f"/tasks/{task_id}/decision", self._officer, {"decision": "approve"})
        ends.append(time.perf_counter())
        await self._watch.happened("requests.request.fulfilled", request["id"])
        ends.append(time.perf_counter())
        await self._watch.happened("notifications.delivery.requested", request["id"])
        ends.append(time.perf_counter())
        return Ends(tuple(ends))

    async def _post(self, service: str, path: str, token: str, body: object = None) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid.uuid4().hex}
        async with self._session.post(f"{self._urls[service]}{path}", json=body, headers=headers) as response:
            if response.status not in (200, 201, 202):
                raise Failed(f"{service}{path.rpartition('/')[2]} {response.status}")
            answer: dict[str, str] = await response.json()
            return answer

    async def _pay(self, page_url: str | None) -> None:
        if page_url is None:
            raise Failed("no page of the gateway within five seconds")
        form = {"card": TEST_CARD, "pin": TEST_PIN}
        async with self._session.post(page_url, data=form, allow_redirects=True) as response:
            if response.status != 200:
                raise Failed(f"the gateway's page {response.status}")
            await response.read()


def watch_transactions(bootstrap: str) -> Watch:
    """The watch that a journey needs."""
    return Watch(bootstrap, TOPICS, KINDS, purpose=LAST_PURPOSE)


def new_session() -> aiohttp.ClientSession:
    """Connections that are kept, and let go of before the servers close them after five idle seconds."""
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=3)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60))


def expected_events(transactions: int) -> Counter[str]:
    """How many events of each type so many transactions record."""
    return Counter({kind: count * transactions for kind, count in EVENTS.items()})
