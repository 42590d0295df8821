"""Sign-in at an OpenID Connect provider: authorization code flow with PKCE (OpenID Connect Core 1.0, RFC 7636)."""

import asyncio
import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet
from joserfc.jws import extract_compact
from pydantic import BaseModel, ConfigDict, HttpUrl, SecretStr

from shared.web.auth import LEVELS

ALGORITHMS = ["RS256", "ES256", "PS256"]
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_KEYS_READ_AGAIN_SECONDS = 10.0
_KEYS_KEPT_SECONDS = 3600.0
_LEEWAY_SECONDS = 30
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class ProviderSettings(BaseModel):
    """A provider, and what its claims mean here.

    A provider of citizens has a `civil_id_claim`. One of staff has a `roles_claim`, with roles by the names that Afaq
    has for them. `acr` gives its authentication contexts for our levels `substantial` and `high`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    issuer: HttpUrl
    client_id: str
    client_secret: SecretStr
    civil_id_claim: str | None = None
    roles_claim: str | None = None
    acr: Mapping[str, str]


@dataclass(frozen=True)
class Challenge:
    """What a sign-in is tied to: the browser's `state`, the ID token's `nonce`, and the code's `verifier`."""

    state: str
    nonce: str
    verifier: str

    @staticmethod
    def fresh() -> "Challenge":
        """256 random bits each."""
        return Challenge(*(secrets.token_urlsafe(32) for _ in range(3)))


class ProviderAway(Exception):
    """The provider does not answer as it should; to try again later may help."""


class NotProven(Exception):
    """What came back does not prove who it is: a code that is not good, or an ID token that is not for us."""


def s256(verifier: str) -> str:
    """The code challenge of a verifier (RFC 7636, 4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Provider:
    """One OpenID Connect provider, met through its discovery document."""

    def __init__(self, name: str, settings: ProviderSettings, callback_url: str) -> None:
        self.name = name
        self.settings = settings
        self._issuer = str(settings.issuer).rstrip("/")
        self._callback_url = callback_url
        self._metadata: Mapping[str, Any] | None = None
        self._keys: KeySet | None = None
        self._keys_read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None

    async def authorization_url(self, challenge: Challenge, *, level: int, language: str | None) -> str:
        """Where the browser goes to sign in. Raises ProviderAway."""
        wanted = next((acr for name, acr in self.settings.acr.items() if LEVELS.get(name) == level), None)
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self._callback_url,
            "scope": "openid profile",
            "state": challenge.state,
            "nonce": challenge.nonce,
            "code_challenge": s256(challenge.verifier),
            "code_challenge_method": "S256",
            **({"acr_values": wanted} if wanted else {}),
            **({"ui_locales": language} if language else {}),
        }
        endpoint = (await self._discovered())["authorization_endpoint"]
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def claims(self, code: str, challenge: Challenge) -> Mapping[str, Any]:
        """Who has signed in, as the verified ID token says. Raises ProviderAway or NotProven."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback_url,
            "code_verifier": challenge.verifier,
        }
        endpoint = (await self._discovered())["token_endpoint"]
        answer = await self._fetch("POST", endpoint, form)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise NotProven("no ID token came for the code")
        return await self._verified(token, challenge.nonce)

    def level_of(self, claims: Mapping[str, Any]) -> int:
        """How surely it is them: what the provider does not say is low."""
        said = claims.get("acr")
        return max((LEVELS.get(name, 1) for name, acr in self.settings.acr.items() if acr == said), default=1)

    async def close(self) -> None:
        """Ends the connections."""
        if self._session is not None:
            await self._session.close()

    async def _verified(self, token: str, nonce: str) -> Mapping[str, Any]:
        """OpenID Connect Core 1.0, 3.1.3.7."""
        rules = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": (await self._discovered())["issuer"]},
            aud={"essential": True, "value": self.settings.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            key_id = extract_compact(token.encode()).headers().get("kid")
            keys = await self._keys_with(key_id)
            claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
            rules.validate(claims)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise NotProven(f"the ID token is not good: {type(error).__name__}") from None
        is_for_another = isinstance(claims["aud"], list) and claims.get("azp") != self.settings.client_id
        if is_for_another and len(claims["aud"]) > 1:
            raise NotProven("the ID token was issued for another client")
        return claims

    async def _keys_with(self, key_id: str | None) -> KeySet:
        """The provider's keys; read again where one is new, but not for every token that names one."""
        async with self._reading:
            age = time.monotonic() - self._keys_read_at
            known = self._keys is not None and any(key.kid == key_id for key in self._keys.keys)
            if age > _KEYS_KEPT_SECONDS or (not known and age > _KEYS_READ_AGAIN_SECONDS):
                metadata = await self._discovered()
                self._keys = _key_set(await self._fetch("GET", metadata["jwks_uri"]))
                self._keys_read_at = time.monotonic()
        assert self._keys is not None
        return self._keys

    async def _discovered(self) -> Mapping[str, Any]:
        if self._metadata is None:
            found = await self._fetch("GET", f"{self._issuer}/.well-known/openid-configuration")
            if str(found.get("issuer")).rstrip("/") != self._issuer:
                raise ProviderAway("the provider's discovery document names another issuer")
            if not all(isinstance(found.get(name), str) for name in _ENDPOINTS):
                raise ProviderAway("the provider's discovery document lacks an endpoint")
            self._metadata = found
        return self._metadata

    async def _fetch(self, method: str, url: str, form: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        headers = {"Authorization": self._client_proof()} if form else None
        try:
            async with self._session.request(
                method, url, data=form, headers=headers, allow_redirects=False
            ) as response:
                if response.status in (400, 401) and form:
                    raise NotProven("the provider does not take the code")
                if response.status != 200:
                    raise ProviderAway(f"the provider answers {response.status}")
                answer = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ProviderAway(f"the provider is away: {type(error).__name__}") from None
        if not isinstance(answer, dict):
            raise ProviderAway("the provider's answer is not an object")
        return answer

    def _client_proof(self) -> str:
        """Both parts are encoded first, so that any character may be in them (RFC 6749, 2.3.1)."""
        secret = self.settings.client_secret.get_secret_value()
        return aiohttp.encode_basic_auth(quote(self.settings.client_id, safe=""), quote(secret, safe=""))


def _key_set(answer: Mapping[str, Any]) -> KeySet:
    """The keys that are understood; others are passed over (RFC 7517, 5). Raises ProviderAway where there is none."""
    said = answer.get("keys")
    keys = [key for jwk in (said if isinstance(said, list) else ()) if (key := _key(jwk)) is not None]
    if not keys:
        raise ProviderAway("the provider publishes no key that is understood")
    return KeySet(keys)


def _key(jwk: Any) -> Key | None:
    try:
        return JWKRegistry.import_key(jwk)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
