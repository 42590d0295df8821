"""The agencies' own systems, by signed webhooks (Standard Webhooks): implements `AgencySystems`, and reads answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated
from uuid import UUID

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, ValidationError

from services.requests.effects import Case
from shared.contracts.requests import TaskDecision
from shared.kernel.errors import TryLater
from shared.kernel.text import LocalizedText
from shared.web.webhooks import Webhooks

_TIMEOUT = aiohttp.ClientTimeout(total=5)


class SystemSettings(BaseModel):
    """Where an agency's system takes tasks, and what both sides sign with: several while one replaces the other."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: HttpUrl
    secrets: Annotated[Sequence[SecretStr], Field(min_length=1)]


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
        self._webhooks = {agency: Webhooks(system.secrets) for agency, system in systems.items()}
        self._public_url = public_url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, agency: str, task_id: UUID, message_id: UUID, case: Case) -> bool:
        """Gives it a task; the same message again is known by its id. False where the agency has no system."""
        system = self._systems.get(agency)
        if system is None:
            return False
        answer_to = f"{self._public_url}/agencies/{agency}/decisions"
        body = json.dumps({"task_id": str(task_id), "answer_to": answer_to, **asdict(case)}, ensure_ascii=False)
        headers = self._webhooks[agency].signed(message_id, body)
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
        webhooks = self._webhooks.get(agency)
        if webhooks is None or not webhooks.is_genuine(body, headers):
            return None
        try:
            return Answer.model_validate_json(body)
        except ValidationError:
            return None

    async def close(self) -> None:
        """Ends the connections."""
        if self._session is not None:
            await self._session.close()
