"""Sign-in for frontends: OAuth 2.0 with PKCE (RFC 6749, 7636, 9700), who it is being proven by a provider of ours.

A frontend sends the browser to `/authorize`; identity sends it on to the national sign-in, and back to the frontend
with a code that is good once, for a minute, for this frontend and its verifier. Tokens never go through an address.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel

from services.identity.api.fields import hash_of
from services.identity.api.local import may_sign_in
from services.identity.domain.person import person
from services.identity.domain.session import EndSession, RedeemCode, RefreshTokens, Session, StartSession, session
from services.identity.domain.session import Status as SessionStatus
from services.identity.oidc import Challenge, NotProven, Provider, ProviderAway, s256
from services.identity.queries import find_person
from services.identity.settings import IdentitySettings
from services.identity.tokens import Seal, TokenIssuer
from shared.functions import Send
from shared.kernel.civil_id import InvalidCivilId, parse_civil_id
from shared.kernel.errors import Refused
from shared.kernel.ids import derive_id, new_id
from shared.store.shell import Shell
from shared.web.auth import LEVELS, STAFF_ROLES
from shared.web.commands import TheShell
from shared.web.problems import Problem

router = APIRouter(tags=["sign-in"])

SIGN_IN_LIVES = timedelta(minutes=10)
CODE_LIVES = timedelta(minutes=1)
_CHALLENGE, _VERIFIER = r"[A-Za-z0-9_-]{43}", r"[A-Za-z0-9._~-]{43,128}"
Text = Annotated[str, Query(max_length=2000)]
ClientState = Annotated[str, Query(max_length=1000, pattern=r"^[\x20-\x7e]*$")]
"""As RFC 6749 has it (A.5), and so short that the cookie that keeps it is one that browsers keep."""


class OAuthErrorView(BaseModel):
    """Why there are no tokens (RFC 6749, 5.2)."""

    error: str
    error_description: str


class OAuthError(Exception):
    """What RFC 6749 has a code for."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


@dataclass(frozen=True)
class Desk:
    """What signing in needs."""

    settings: IdentitySettings
    issuer: TokenIssuer
    seal: Seal
    providers: Mapping[str, Provider]


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


TheDesk = Annotated[Desk, Depends(_desk)]


@router.get("/.well-known/oauth-authorization-server")
async def metadata(desk: TheDesk) -> dict[str, Any]:
    """How a frontend's OAuth library finds its way (RFC 8414)."""
    base = str(desk.settings.public_url).rstrip("/")
    return {
        "issuer": base,
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "revocation_endpoint": f"{base}/revoke",
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "acr_values_supported": list(LEVELS),
        "ui_locales_supported": ["ar", "en"],
        "authorization_response_iss_parameter_supported": True,
    }


@router.get("/authorize", response_class=RedirectResponse, status_code=303)
async def authorize(
    desk: TheDesk,
    client_id: Text = "",
    redirect_uri: Text = "",
    response_type: Text = "",
    code_challenge: Text = "",
    code_challenge_method: Text = "",
    state: ClientState = "",
    acr_values: Text = "substantial",
    provider: Text = "",
    ui_locales: Text = "",
) -> Response:
    """Begins a sign-in: the browser goes on to the provider. `acr_values`: `substantial`, or `high` to step up."""
    if redirect_uri not in desk.settings.clients.get(client_id, ()):
        raise Problem("client-unknown")  # the browser is not sent to an address that nobody has registered
    asked = {"client_id": client_id, "redirect_uri": redirect_uri, "challenge": code_challenge, "client_state": state}
    try:
        if response_type != "code":
            raise OAuthError("unsupported_response_type", "response_type is code")
        if code_challenge_method != "S256" or not re.fullmatch(_CHALLENGE, code_challenge):
            raise OAuthError("invalid_request", "a code_challenge by S256 is needed (RFC 7636)")
        level = max((LEVELS.get(name, 0) for name in acr_values.split()), default=0)
        chosen = desk.providers.get(provider) if provider else next(iter(desk.providers.values()), None)
        if level == 0 or chosen is None:
            raise OAuthError("invalid_request", "acr_values or provider name nothing that there is")
        fresh = Challenge.fresh()
        language = ui_locales.split()[0] if ui_locales.split() else None
        url = await chosen.authorization_url(fresh, level=level, language=language)
    except OAuthError as error:
        return _back(desk, asked, {"error": error.code, "error_description": error.description})
    except ProviderAway:
        return _back(desk, asked, {"error": "temporarily_unavailable", "error_description": "the sign-in is away"})
    kept = {**asked, "provider": chosen.name, "nonce": fresh.nonce, "verifier": fresh.verifier, "state": fresh.state}
    sealed = desk.seal.close("sign-in", kept, expires_at=_now() + SIGN_IN_LIVES)
    answer = RedirectResponse(url, 303)
    answer.set_cookie(
        _cookie(desk, fresh.state),
        sealed,
        max_age=int(SIGN_IN_LIVES.total_seconds()),
        path="/sign-in/callback",
        secure=desk.settings.public_url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return answer


@router.get(
    "/sign-in/callback",
    response_class=RedirectResponse,
    status_code=303,
    responses={409: {"description": "This browser has not begun such a sign-in."}},
)
async def callback(
    desk: TheDesk, shell: TheShell, request: Request, state: Text = "", code: Text = "", error: Text = ""
) -> Response:
    """The provider has sent the browser back. Only the browser that began this sign-in can end it, once."""
    sealed = request.cookies.get(_cookie(desk, state), "")
    kept = desk.seal.open("sign-in", sealed, _now())
    if kept is None or not hmac.compare_digest(str(kept["state"]).encode(), state.encode()):
        raise Problem("sign-in-not-begun-here")
    try:
        answer = _back(desk, kept, {"code": await _prove(desk, shell, kept, code, error)})
    except OAuthError as fault:
        answer = _back(desk, kept, {"error": fault.code, "error_description": fault.description})
    except ProviderAway:
        answer = _back(desk, kept, {"error": "temporarily_unavailable", "error_description": "the sign-in is away"})
    answer.delete_cookie(
        _cookie(desk, state), path="/sign-in/callback", secure=desk.settings.public_url.scheme == "https"
    )
    return answer


class TokensView(BaseModel):
    """Tokens (RFC 6749, 5.1). The refresh token is good once."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105
    expires_in: int
    refresh_token: str
    acr: str


@router.post("/token", response_model=TokensView, responses={400: {"model": OAuthErrorView}})
async def token(request: Request, desk: TheDesk, shell: TheShell) -> Response:
    """Tokens for a code and its verifier, or for the newest refresh token. The body is a form (RFC 6749)."""
    form = await _form(request)
    try:
        match form.get("grant_type"):
            case "authorization_code":
                session_id, state = await _redeem(desk, shell, form)
            case "refresh_token":
                session_id, state = await _refresh(desk, shell, form)
            case _:
                raise OAuthError("unsupported_grant_type", "authorization_code or refresh_token")
        return JSONResponse((await _tokens(desk, shell, session_id, state)).model_dump())
    except OAuthError as error:
        return JSONResponse({"error": error.code, "error_description": error.description}, 400)


@router.post("/revoke", status_code=200)
async def revoke(request: Request, desk: TheDesk, shell: TheShell) -> dict[str, str]:
    """Ends the session of a refresh token (RFC 7009). Access tokens that are out end by themselves within minutes."""
    held = desk.seal.open("refresh", (await _form(request)).get("token", ""), _now())
    if held is not None:
        await shell.handle(session.send(UUID(held["sid"]), EndSession()))
    return {}


async def _prove(desk: Desk, shell: Shell, kept: Mapping[str, Any], code: str, error: str) -> str:
    """The code for the frontend, once the provider has told who it is."""
    if error:
        said = "declined" if error == "access_denied" else "the provider has refused"
        raise OAuthError("access_denied", said)
    provider = desk.providers[kept["provider"]]
    challenge = Challenge(kept["state"], kept["nonce"], kept["verifier"])
    try:
        claims = await provider.claims(code, challenge)
    except NotProven as fault:
        raise OAuthError("access_denied", f"not proven: {fault}") from None
    who, roles = await _who(desk, shell, provider, claims)
    session_id = new_id()
    start = StartSession(who, provider.name, kept["client_id"], roles, provider.level_of(claims), _now())
    await shell.handle(session.send(session_id, start), actor=f"{min(roles)}/{who}")
    asked = {name: kept[name] for name in ("client_id", "redirect_uri", "challenge")}
    return desk.seal.close("code", {**asked, "sid": str(session_id)}, expires_at=_now() + CODE_LIVES)


async def _who(desk: Desk, shell: Shell, provider: Provider, claims: Mapping[str, Any]) -> tuple[UUID, tuple[str, ...]]:
    """The person, or the member of staff, that the provider's claims are about."""
    if provider.settings.roles_claim is not None:
        said = claims.get(provider.settings.roles_claim)
        roles = tuple(sorted(r for r in said if re.fullmatch(STAFF_ROLES, str(r)))) if isinstance(said, list) else ()
        if not roles:
            raise OAuthError("access_denied", "no role")
        return derive_id("staff", provider.name, claims["sub"]), roles
    civil_id = claims.get(provider.settings.civil_id_claim or "")
    try:
        valid = parse_civil_id(str(civil_id), today=shell.parts.clock.now().date())
    except InvalidCivilId:
        raise OAuthError("access_denied", "the provider names no civil ID") from None
    found = await find_person(shell.parts.pool, hash_of(valid, desk.settings))
    if found is None or not await _may_go_on(shell, found, ("citizen",)):
        raise OAuthError("access_denied", "person-unknown")
    return found, ("citizen",)


async def _redeem(desk: Desk, shell: Shell, form: Mapping[str, str]) -> tuple[UUID, Session]:
    held = desk.seal.open("code", form.get("code", ""), _now())
    if held is None:
        raise OAuthError("invalid_grant", "the code is not good, or too old")
    is_theirs = (held["client_id"], held["redirect_uri"]) == (form.get("client_id"), form.get("redirect_uri"))
    verifier = form.get("code_verifier", "")
    is_proven = re.fullmatch(_VERIFIER, verifier) and hmac.compare_digest(s256(verifier), held["challenge"])
    if not (is_theirs and is_proven):
        raise OAuthError("invalid_grant", "the code was given for another client, address or verifier")
    return await _next(shell, session.send(UUID(held["sid"]), RedeemCode()))


async def _refresh(desk: Desk, shell: Shell, form: Mapping[str, str]) -> tuple[UUID, Session]:
    held = desk.seal.open("refresh", form.get("refresh_token", ""), _now())
    if held is None or held["client_id"] != form.get("client_id"):
        raise OAuthError("invalid_grant", "the refresh token is not good, or too old")
    return await _next(shell, session.send(UUID(held["sid"]), RefreshTokens(held["number"])))


async def _next(shell: Shell, send: Send) -> tuple[UUID, Session]:
    """The session after a command; ended by it where a code or a token has come twice."""
    try:
        await shell.handle(send)
    except Refused:
        raise OAuthError("invalid_grant", "the session has ended") from None
    loaded = await shell.state(session, send.aggregate_id)
    if loaded is None or loaded.state.status is not SessionStatus.ACTIVE:
        raise OAuthError("invalid_grant", "the session has ended")
    return send.aggregate_id, loaded.state


async def _tokens(desk: Desk, shell: Shell, session_id: UUID, state: Session) -> TokensView:
    now = _now()
    assert state.started_at is not None
    ends_at = state.started_at + timedelta(seconds=desk.settings.session_lifetime_seconds)
    if now >= ends_at or not await _may_go_on(shell, state.acting_as, state.roles):
        await shell.handle(session.send(session_id, EndSession()))
        raise OAuthError("invalid_grant", "the session has ended")
    access, seconds = desk.issuer.issue(state.acting_as, state.roles, state.assurance, now, session_id=session_id)
    held = {"sid": str(session_id), "number": state.token_number, "client_id": state.client_id}
    expires_at = min(ends_at, now + timedelta(seconds=desk.settings.refresh_lifetime_seconds))
    refresh = desk.seal.close("refresh", held, expires_at=expires_at)
    acr = next(name for name, level in LEVELS.items() if level == state.assurance)
    return TokensView(access_token=access, expires_in=seconds, refresh_token=refresh, acr=acr)


async def _may_go_on(shell: Shell, who: UUID, roles: tuple[str, ...]) -> bool:
    if "citizen" not in roles:
        return True
    loaded = await shell.state(person, who)
    return loaded is not None and may_sign_in(loaded.state)


def _back(desk: Desk, asked: Mapping[str, Any], said: Mapping[str, str]) -> RedirectResponse:
    """The browser goes back to the frontend. `iss` tells who answers (RFC 9207)."""
    state = {"state": asked["client_state"]} if asked["client_state"] else {}
    query = urlencode({**said, **state, "iss": str(desk.settings.public_url).rstrip("/")})
    joint = "&" if "?" in asked["redirect_uri"] else "?"
    return RedirectResponse(f"{asked['redirect_uri']}{joint}{query}", 303)


async def _form(request: Request) -> Mapping[str, str]:
    try:
        return dict(parse_qsl((await request.body()).decode("ascii"), keep_blank_values=True))
    except ValueError:
        raise Problem("invalid-request") from None


def _cookie(desk: Desk, state: str) -> str:
    """A cookie a sign-in, so that two tabs do not disturb one another; with TLS no other host can have planted it."""
    prefix = "__Secure-" if desk.settings.public_url.scheme == "https" else ""
    return f"{prefix}afaq_sign_in_{re.sub(r'[^A-Za-z0-9]', '', state)[:16]}"


def _now() -> datetime:
    """Tokens live in real time, whatever the stack's clock says."""
    return datetime.now(UTC)
