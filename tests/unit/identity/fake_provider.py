"""An OpenID Connect provider on a loopback port, for tests: it checks what it is sent, and can misbehave."""

import base64
import hashlib
import hmac
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey

CLIENT_ID, CLIENT_SECRET = "https://afaq.example", "a secret: 100% the client's + nobody else's"
CALLBACK_URL = "https://identity.example/sign-in/callback"
DISCOVERY, AUTHORIZE, TOKEN, JWKS = "/.well-known/openid-configuration", "/authorize", "/token", "/jwks"
RSA = RSAKey.generate_key(2048, {"kid": "rsa-1"})
EC = ECKey.generate_key("P-256", {"kid": "ec-1"})
ALG_OF = {"RSA": "RS256", "EC": "ES256"}

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Claims = dict[str, Any]
Forge = Callable[[Claims], Any]


def encoded(value: Mapping[str, Any] | bytes) -> str:
    """Base64url, as the parts of a token are."""
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def signed(claims: Claims, key: Key = RSA, **header: Any) -> str:
    """A token, signed with a key."""
    whole = {"alg": ALG_OF[key.key_type], "kid": key.kid, **header}
    return jwt.encode({k: v for k, v in whole.items() if v is not None}, claims, key, algorithms=[whole["alg"]])


def signed_with_secret(claims: Claims, secret: bytes, kid: str | None) -> str:
    """An HS256 token, made by hand: no library signs with a public key."""
    content = f"{encoded({'alg': 'HS256', 'kid': kid})}.{encoded(claims)}"
    return f"{content}.{encoded(hmac.new(secret, content.encode(), hashlib.sha256).digest())}"


class FakeProvider:
    """`keys` are published; `forge` makes what is given as the ID token; `answers` replace those of a path."""

    def __init__(self) -> None:
        self.keys: list[Mapping[str, Any]] = [key.as_dict(private=False) for key in (RSA, EC)]
        self.forge: Forge = signed
        self.answers: dict[str, Answer] = {}
        self.metadata: dict[str, Any] = {}
        self.reads: Counter[str] = Counter()
        self._codes: dict[str, Mapping[str, str]] = {}
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._server = TestServer(application)

    async def start(self) -> None:
        """Takes connections."""
        await self._server.start_server()

    async def stop(self) -> None:
        """Is away."""
        await self._server.close()

    @property
    def issuer(self) -> str:
        """The name that it goes by."""
        return str(self._server.make_url("/")).rstrip("/")

    def sign_in(self, url: str) -> str:
        """Somebody proves who they are on the page that the browser was sent to: the code that it comes back with."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert (asked["client_id"], asked["redirect_uri"]) == (CLIENT_ID, CALLBACK_URL)
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert "openid" in asked["scope"].split()
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        return code

    def claims(self, nonce: str) -> Claims:
        """What it says of whoever has signed in."""
        now = int(time.time())
        common = {"iss": self.metadata.get("issuer", self.issuer), "aud": CLIENT_ID, "iat": now, "exp": now + 300}
        return {**common, "sub": "somebody", "nonce": nonce, "civil_id": "200010100028", "acr": "urn:substantial"}

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.reads[request.path] += 1
        normal: dict[str, Answer] = {DISCOVERY: self._discovery, JWKS: self._jwks, TOKEN: self._token}
        return await (self.answers.get(request.path) or normal[request.path])(request)

    async def _discovery(self, _: web.Request) -> web.StreamResponse:
        at = self.issuer
        known = {"authorization_endpoint": at + AUTHORIZE, "token_endpoint": at + TOKEN, "jwks_uri": at + JWKS}
        said = {"issuer": at, **known, **self.metadata}
        return web.json_response({name: value for name, value in said.items() if value is not None})

    async def _jwks(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"keys": self.keys})

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        proof = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        if [unquote_plus(part) for part in proof.split(":")] != [CLIENT_ID, CLIENT_SECRET]:
            return web.json_response({"error": "invalid_client"}, status=401)
        asked = self._codes.pop(str(form["code"]), None)  # a code is good once
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        if asked is None or encoded(digest) != asked["code_challenge"] or form["redirect_uri"] != CALLBACK_URL:
            return web.json_response({"error": "invalid_grant"}, status=400)
        token = self.forge(self.claims(asked["nonce"]))
        return web.json_response({"token_type": "Bearer", "access_token": "x", "id_token": token})
