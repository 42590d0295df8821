"""The platform as the desk meets it: sign in, list tasks, decide one."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeVar
from urllib.parse import quote

import aiohttp
from pydantic import BaseModel, ValidationError

from simulators.agency.records import Decision
from simulators.agency.tasks import Task, TaskPage

_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_TOKEN_MARGIN_SECONDS = 30
_TRY_LATER: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
_REASON: Final = {
    "ar": "رفضه مكتب المحاكاة.",
    "en": "Rejected by the simulated desk.",
}

ModelT = TypeVar("ModelT", bound=BaseModel)


class PlatformAwayError(Exception):
    """The platform did not answer as it should; trying again later may help."""


class _Token(BaseModel):
    access_token: str
    expires_in: float


@dataclass(frozen=True)
class _Session:
    agency: str
    access_token: str
    good_until: float


class Platform:
    """An officer's connection; signs in when it has to."""

    def __init__(self, http: aiohttp.ClientSession, *, identity_url: str, requests_url: str) -> None:
        """Take what is needed; the HTTP session stays the caller's to close."""
        self._http = http
        self._identity_url = identity_url
        self._requests_url = requests_url
        self._session: _Session | None = None

    async def task_page(self, agency: str, cursor: str | None = None) -> TaskPage:
        """One page of the agency's open tasks; raises PlatformAwayError."""
        query = {"state": "open"} | ({"cursor": cursor} if cursor else {})
        status, body = await self._call(
            "GET", f"{self._requests_url}/tasks", headers=await self._as_officer(agency), params=query
        )
        page = _understood(TaskPage, status, body)
        return page.model_copy(update={"items": tuple(task for task in page.items if task.agency == agency)})

    async def decide(self, task: Task, decision: Decision) -> int:
        """Send a decision; answers the HTTP status, below 500. Raises PlatformAwayError."""
        status, _ = await self._call(
            "POST",
            f"{self._requests_url}/tasks/{quote(task.id, safe='')}/decision",
            headers=await self._as_officer(task.agency) | {"Idempotency-Key": f'"desk-{task.id}"'},
            json={"decision": decision, "reason": _REASON if decision is Decision.REJECT else None},
        )
        return status

    async def _as_officer(self, agency: str) -> dict[str, str]:
        if self._session is None or self._session.agency != agency or time.monotonic() > self._session.good_until:
            self._session = await self._sign_in(agency)
        return {"Authorization": f"Bearer {self._session.access_token}"}

    async def _sign_in(self, agency: str) -> _Session:
        status, body = await self._call(
            "POST", f"{self._identity_url}/local/sign-in", json={"role": f"officer:{agency}"}
        )
        token = _understood(_Token, status, body)
        good_seconds = max(token.expires_in - _TOKEN_MARGIN_SECONDS, token.expires_in / 2)
        return _Session(agency, token.access_token, time.monotonic() + good_seconds)

    async def _call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, object] | None = None,
    ) -> tuple[int, bytes]:
        request = self._http.request(
            method, url, headers=headers, params=params, json=json, timeout=_TIMEOUT, allow_redirects=False
        )
        try:
            async with request as response:
                status, body = response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PlatformAwayError(type(error).__name__) from error
        if status == HTTPStatus.UNAUTHORIZED:
            self._session = None
        if status in _TRY_LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise PlatformAwayError(f"HTTP {status}")
        return status, body


def _understood(model: type[ModelT], status: int, body: bytes) -> ModelT:
    if status != HTTPStatus.OK:
        raise PlatformAwayError(f"HTTP {status}")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise PlatformAwayError(f"not a {model.__name__}") from error
