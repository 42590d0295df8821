"""The platform as an agency's officer meets it: she signs in, and calls."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError

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

ModelT = TypeVar("ModelT", bound=BaseModel)


class PlatformAwayError(Exception):
    """The platform did not answer as it should; trying again later may help."""


@dataclass(frozen=True)
class Answer:
    """What the platform has answered, with a status below 500."""

    status: int
    body: bytes
    says_later: bool
    """Whether it has a `Retry-After`."""


class _Token(BaseModel):
    access_token: str
    expires_in: float


@dataclass(frozen=True)
class _Session:
    agency: str
    access_token: str
    good_until: float


class Officer:
    """An officer's connection; signs in when it has to."""

    def __init__(self, http: aiohttp.ClientSession, *, identity_url: str) -> None:
        """Take what is needed; the HTTP session stays the caller's to close."""
        self._http = http
        self._identity_url = identity_url
        self._session: _Session | None = None
        self._signing_in = asyncio.Lock()

    async def call(
        self,
        agency: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, object] | None = None,
    ) -> Answer:
        """Call as an officer of this agency; raises PlatformAwayError."""
        credentials = await self._as_officer(agency)
        return await self._call(method, url, headers=credentials | dict(headers or {}), params=params, json=json)

    async def _as_officer(self, agency: str) -> dict[str, str]:
        async with self._signing_in:  # calls at the same moment share one session
            session = self._session
            if session is None or session.agency != agency or time.monotonic() > session.good_until:
                session = self._session = await self._sign_in(agency)
        return {"Authorization": f"Bearer {session.access_token}"}

    async def _sign_in(self, agency: str) -> _Session:
        answer = await self._call("POST", f"{self._identity_url}/local/sign-in", json={"role": f"officer:{agency}"})
        token = understood(_Token, answer)
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
    ) -> Answer:
        request = self._http.request(
            method, url, headers=headers, params=params, json=json, timeout=_TIMEOUT, allow_redirects=False
        )
        try:
            async with request as response:
                answer = Answer(response.status, await response.read(), "Retry-After" in response.headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PlatformAwayError(type(error).__name__) from error
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self._session = None
        if answer.status in _TRY_LATER or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise PlatformAwayError(f"HTTP {answer.status}")
        return answer


def understood(model: type[ModelT], answer: Answer) -> ModelT:
    """What an answer says; raises PlatformAwayError when it is not what was asked for."""
    if answer.status != HTTPStatus.OK:
        raise PlatformAwayError(f"HTTP {answer.status}")
    try:
        return model.model_validate_json(answer.body)
    except ValidationError as error:
        raise PlatformAwayError(f"not a {model.__name__}") from error
