"""What a frontend, an officer's screen and a browser do, over HTTP."""

import asyncio
import base64
import hashlib
import json
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp

from afaq.local.errors import StackError
from afaq.local.stack import PORTAL, PORTAL_ADDRESS

TEST_CARD, TEST_PIN = "8888880000000001", "1234"
PATIENCE_SECONDS = 60.0


class Api:
    """The four services and the gateway's page, as seen from outside."""

    def __init__(self, urls: Mapping[str, str], session: aiohttp.ClientSession) -> None:
        self._urls = urls
        self._session = session

    async def sign_in(self, **who: str) -> str:
        """An access token of the local sign-in, for a civil ID or a role."""
        token: str = (await self.post("identity", "/local/sign-in", who))["access_token"]
        return token

    async def sign_in_at_provider(self, subject: str, *, acr: str = "substantial", provider: str = "national") -> Any:
        """The tokens of a frontend whose user signs in at a provider, as OAuth 2.0 with PKCE has it."""
        verifier = secrets.token_urlsafe(32)
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "client_id": PORTAL,
            "redirect_uri": PORTAL_ADDRESS,
            "response_type": "code",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "state": secrets.token_urlsafe(8),
            "acr_values": acr,
            "provider": provider,
        }
        returned = await self._through_the_browser(asked, subject)
        if returned.get("state") != asked["state"] or "code" not in returned:
            raise StackError(f"The sign-in ended with {returned.get('error')}: {returned.get('error_description')}.")
        form = {
            "grant_type": "authorization_code",
            "code": returned["code"],
            "redirect_uri": PORTAL_ADDRESS,
            "client_id": PORTAL,
            "code_verifier": verifier,
        }
        async with self._session.post(f"{self._urls['identity']}/token", data=form) as response:
            return await response.json()

    async def _through_the_browser(self, asked: Mapping[str, str], subject: str) -> dict[str, str]:
        """What the frontend's address gets in the end: the browser only follows, and keeps cookies."""
        jar = aiohttp.CookieJar(unsafe=True)  # addresses of a laptop have no name
        async with aiohttp.ClientSession(cookie_jar=jar) as browser:
            begin = f"{self._urls['identity']}/authorize"
            async with browser.get(begin, params=asked, allow_redirects=False) as response:
                at_provider = response.headers.get("Location", "")
            async with browser.post(at_provider, data={"sub": subject}, allow_redirects=False) as response:
                back = response.headers.get("Location", "")
            async with browser.get(back, allow_redirects=False) as response:
                return dict(parse_qsl(urlsplit(response.headers.get("Location", "")).query))

    async def get(self, service: str, path: str, token: str | None = None) -> Any:
        """The answer to a GET."""
        return await self._call("GET", service, path, token)

    async def post(
        self, service: str, path: str, body: Any = None, token: str | None = None, *, key: str | None = None
    ) -> Any:
        """The answer to a POST, which carries a new idempotency key unless one is given."""
        return await self._call("POST", service, path, token, body, key or uuid.uuid4().hex)

    async def events(self, service: str, path: str, token: str) -> AsyncIterator[dict[str, Any]]:
        """The data of a stream's server-sent events."""
        headers = {"Authorization": f"Bearer {token}"}
        async with self._session.get(f"{self._urls[service]}{path}", headers=headers) as response:
            async for line in response.content:
                if line.startswith(b"data:"):
                    yield json.loads(line[5:])

    async def pay_on_hosted_page(self, page_url: str) -> None:
        """What the payer does in the browser: the card, the PIN, and back again."""
        form = {"card": TEST_CARD, "pin": TEST_PIN}
        async with self._session.post(page_url, data=form, allow_redirects=True) as response:
            if response.status != 200:
                raise StackError(f"The payment did not come back from the gateway's page: {response.status}.")

    async def until(self, look: Callable[[], Awaitable[Any]], what: str) -> Any:
        """What `look` finds, once it finds something."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up_at:
            found = await look()
            if found:
                return found
            await asyncio.sleep(0.05)
        raise StackError(f"After {PATIENCE_SECONDS:.0f} s there was still no {what}.")

    async def put(self, service: str, path: str, body: Any, token: str | None = None) -> Any:
        """The answer to a PUT, which carries a new idempotency key."""
        return await self._call("PUT", service, path, token, body, uuid.uuid4().hex)

    async def patch(self, service: str, path: str, body: Any, token: str | None = None) -> Any:
        """The answer to a PATCH, which carries a new idempotency key."""
        return await self._call("PATCH", service, path, token, body, uuid.uuid4().hex)

    async def find(self, service: str, path: str, token: str) -> Any:
        """The answer to a GET, or None while there is nothing yet."""
        return await self._call("GET", service, path, token, missing_is_none=True)

    async def _call(
        self,
        method: str,
        service: str,
        path: str,
        token: str | None,
        body: Any = None,
        key: str | None = None,
        *,
        missing_is_none: bool = False,
    ) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key:
            headers["Idempotency-Key"] = key
        url = f"{self._urls[service]}{path}"
        async with self._session.request(method, url, json=body, headers=headers) as response:
            answer: Any = await response.json(content_type=None) if response.status != 204 else None
            if response.status == 404 and missing_is_none:
                return None
            if response.status >= 300:
                raise StackError(
                    f"{method} {service}{path} was answered {response.status} {answer.get('code')}: {answer}"
                )
            return answer
