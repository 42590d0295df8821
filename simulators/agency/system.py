"""An agency's own system: it takes tasks by a signed webhook, and answers a little later by another. A SIMULATOR.

It approves everything whose form has nothing in it that it does not like: the word "refuse" anywhere makes it reject.
While its switch says `silent` it takes tasks and never answers.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp
import structlog
from standardwebhooks import Webhook, WebhookVerificationError

from simulators.background import Background
from simulators.clock import Clock

log = structlog.stdlib.get_logger()

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_TRIES = 5
_REASON = {"en": "The agency's system has refused this.", "ar": "رفض نظام الجهة هذا الطلب."}


@dataclass
class SystemSwitches:
    """How the system behaves."""

    silent: bool = False
    down: bool = False


class AgencySystem:
    """The systems of all agencies: each task comes with the address that its answer goes to."""

    def __init__(self, http: aiohttp.ClientSession, background: Background, clock: Clock, *, secret: str) -> None:
        """Take what is needed; the HTTP session and the background stay the caller's to close."""
        self._http = http
        self._background = background
        self._clock = clock
        self._webhook = Webhook(secret)
        self._taken: set[str] = set()
        self.switches = SystemSwitches()

    def take(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Whether a task was taken: the platform has signed it. The same message again is the same task."""
        try:
            self._webhook.verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError):
            return False
        if headers["webhook-id"] not in self._taken:
            self._taken.add(headers["webhook-id"])
            if not self.switches.silent:
                self._background.start(self._answer(json.loads(body)))
        return True

    async def _answer(self, task: Mapping[str, Any]) -> None:
        refuses = "refuse" in json.dumps(task["form"])
        decision = {"decision": "reject", "reason": _REASON} if refuses else {"decision": "approve"}
        body = json.dumps({"task_id": task["task_id"], **decision})
        for number in range(_TRIES):
            if await self._post(task["answer_to"], body):
                return
            await asyncio.sleep(0.2 * 2**number)
        log.warning("agency_system_gave_up", task_id=task["task_id"])

    async def _post(self, url: str, body: str) -> bool:
        message_id, now = f"msg_{uuid4().hex}", self._clock()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(message_id, now, body),
        }
        try:
            async with self._http.post(url, data=body.encode(), headers=headers, timeout=_TIMEOUT) as response:
                return response.status < 500
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
