"""The agencies' own systems, by signed webhooks (Standard Webhooks): implements `AgencySystems`, and reads answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from uuid import UUID

import aiohttp
from pydantic import BaseModel, ConfigDict, HttpUrl, SecretStr, ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from services.requests.effects import Case
from shared.contracts.requests import TaskDecision
from shared.kernel.errors import TryLater
from shared.kernel.text import LocalizedText

_TIMEOUT = aiohttp.ClientTimeout(total=5)


class SystemSettings(BaseModel):
    """Where an agency's system takes tasks, and what both sides sign with: several while one replaces the other."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: HttpUrl
    secrets: Sequence[SecretStr]


class Answer(BaseModel):
    """What an agency's system has decided on a task."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task_id: UUID
    decision: TaskDecision
    reason: LocalizedText | None = None


class HttpAgencySystems:
    """Systems by their agencies."""

    def __init__(self, systems: Mapping[str, SystemSettings], public_url: str) -> None:
        self._systems = systems
        self._public_url = public_url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, agency: str, task_id: UUID, message_id: UUID, case: Case) -> bool:
        """Gives it a task; the same message again is known by its id. False where the agency has no system."""
        system = self._systems.get(agency)
        if system is None:
            return False
        answer_to = f"{self._public_url}/agencies/{agency}/decisions"
        body = json.dumps({"task_id": str(task_id), "answer_to": answer_to, **asdict(case)}, ensure_ascii=False)
        now, name = datetime.now(UTC), f"msg_{message_id.hex}"
        headers = {
            "Content-Type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(system.secrets[0].get_secret_value()).sign(name, now, body),
        }
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        try:
            async with self._session.post(
                str(system.url), data=body.encode(), headers=headers, allow_redirects=False
            ) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TryLater(f"the agency's system is away: {type(error).__name__}") from None
        if status >= 300:
            raise TryLater(f"the agency's system answers {status}")
        return True

    def read(self, agency: str, body: bytes, headers: Mapping[str, str]) -> Answer | None:
        """The answer of an agency's system; None for what it has not signed within five minutes, or what is none."""
        system = self._systems.get(agency)
        for secret in system.secrets if system else ():
            try:
                Webhook(secret.get_secret_value()).verify(body, dict(headers), json_parse=False)
                return Answer.model_validate_json(body)
            except (WebhookVerificationError, ValidationError, ValueError, TypeError, IndexError):
                continue  # the library meets malformed headers with errors of its own making
        return None

    async def close(self) -> None:
        """Ends the connections."""
        if self._session is not None:
            await self._session.close()
