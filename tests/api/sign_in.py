"""A frontend, its user's browser, and the page of the provider, each as far as sign-in needs them."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc.jws import extract_compact

from afaq.local.stack import PORTAL, PORTAL_ADDRESS
from services.identity.tokens import Seal
from tests.api.support import Answered, Http, as_json
from tests.conftest import RunningStack
from tests.support import Person

FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
SUBSTANTIAL, HIGH = "urn:afaq:substantial", "urn:afaq:high"


@dataclass(frozen=True)
class SignIn:
    """A sign-in that has begun: what the frontend keeps, where the provider is, and what the browser has got."""

    asked: Mapping[str, str]
    verifier: str
    provider_url: str
    cookie: str

    @property
    def provider_asked(self) -> dict[str, str]:
        """What identity asks the provider for."""
        return dict(parse_qsl(urlsplit(self.provider_url).query))


def s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def asking(verifier: str | None = None, **changes: str) -> dict[str, str]:
    """What a frontend sends its user's browser to `/authorize` with."""
    return {
        "client_id": PORTAL,
        "redirect_uri": PORTAL_ADDRESS,
        "response_type": "code",
        "code_challenge": s256(verifier or secrets.token_urlsafe(32)),
        "code_challenge_method": "S256",
        "state": secrets.token_urlsafe(8),
    } | changes


async def authorize(http: Http, asked: Mapping[str, str]) -> Answered:
    return await http.get("identity", f"/authorize?{urlencode(asked)}")


async def begin(http: Http, **changes: str) -> SignIn:
    """The browser has come to the provider."""
    verifier = secrets.token_urlsafe(32)
    asked = asking(verifier, **changes)
    answered = await authorize(http, asked)
    assert answered.status == 303, answered.text
    (morsel,) = SimpleCookie(answered.headers["Set-Cookie"]).values()
    return SignIn(asked, verifier, answered.headers["Location"], f"{morsel.key}={morsel.value}")


async def at_provider(http: Http, sign_in: SignIn, subject: str) -> str:
    """The person signs in there: the path that the browser is sent back to."""
    url = urlsplit(sign_in.provider_url)
    content = urlencode({"sub": subject}).encode()
    path = f"{url.path}?{url.query}"
    answered = await http.send("POST", "sign-in", path, content=content, headers=FORM)
    assert answered.status == 302, answered.text
    return path_of(answered.headers["Location"])


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


async def come_back(http: Http, path: str, cookie: str | None) -> Answered:
    """The browser comes back from the provider, with this cookie."""
    return await http.send("GET", "identity", path, headers={"Cookie": cookie} if cookie else None)


def frontend_gets(answered: Answered) -> dict[str, str]:
    """What the frontend's address is given, once each."""
    assert answered.status == 303, answered.text
    address, _, query = answered.headers["Location"].partition("?")
    assert address == PORTAL_ADDRESS
    found = parse_qs(query, strict_parsing=True)
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}


async def returned(http: Http, subject: str, **changes: str) -> tuple[SignIn, dict[str, str]]:
    """A whole way through the browser, and what the frontend gets of it."""
    sign_in = await begin(http, **changes)
    back = await at_provider(http, sign_in, subject)
    return sign_in, frontend_gets(await come_back(http, back, sign_in.cookie))


def redemption(sign_in: SignIn, code: str, /, **changes: str) -> dict[str, str]:
    """What a frontend sends for its tokens."""
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": sign_in.asked["redirect_uri"],
        "client_id": sign_in.asked["client_id"],
        "code_verifier": sign_in.verifier,
    } | changes


async def post_form(http: Http, path: str, form: Mapping[str, str]) -> Answered:
    return await http.send("POST", "identity", path, content=urlencode(form).encode(), headers=FORM)


async def redeem(http: Http, sign_in: SignIn, code: str, /, **changes: str) -> Answered:
    return await post_form(http, "/token", redemption(sign_in, code, **changes))


async def refresh(http: Http, token: str, **changes: str) -> Answered:
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": PORTAL}
    return await post_form(http, "/token", form | changes)


async def signed_in(http: Http, subject: str, **changes: str) -> dict[str, Any]:
    """The tokens of somebody who has signed in."""
    sign_in, back = await returned(http, subject, **changes)
    answered = await redeem(http, sign_in, back["code"])
    assert answered.status == 200, answered.text
    tokens: dict[str, Any] = answered.json
    return tokens


def claims_of(token: str) -> dict[str, Any]:
    """What a JWT says, not verified."""
    claims: dict[str, Any] = json.loads(extract_compact(token.encode()).payload)
    return claims


async def tell_provider(http: Http, subject: str, claims: Mapping[str, Any]) -> str:
    """Has the provider know somebody, with these claims in the ID token; also such as it should not make."""
    headers = {"Content-Type": "application/json"}
    answered = await http.send("PUT", "sign-in", f"/users/{subject}", content=as_json(claims), headers=headers)
    assert answered.status == 204, answered.text
    return subject


async def known_there(http: Http, person: Person, **claims: Any) -> str:
    """A person of ours has an account at the provider; what is None the provider does not say."""
    said = {"civil_id": person.civil_id, "acr": SUBSTANTIAL} | claims
    return await tell_provider(http, person.id, {name: value for name, value in said.items() if value is not None})


class Sealer:
    """Makes codes, refresh tokens and cookies as identity does: a test may have its key."""

    def __init__(self, platform: RunningStack) -> None:
        key = platform.stack.environments["identity"]["AFAQ_IDENTITY_SEAL_KEY"]
        self._seal = Seal(base64.b64decode(key))

    def opened(self, use: str, text: str) -> dict[str, Any]:
        values = self._seal.open(use, text, datetime.now(UTC))
        assert values is not None
        return {name: value for name, value in values.items() if name not in ("use", "exp")}

    def closed(self, use: str, values: Mapping[str, Any], *, seconds: float = 60) -> str:
        return self._seal.close(use, values, expires_at=datetime.now(UTC) + timedelta(seconds=seconds))
