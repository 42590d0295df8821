"""Callers: access tokens are ES256 JWTs, verified with the public keys followed from `identity.keys`."""

import asyncio
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.jws import extract_compact

from shared.store.statements import SQL
from shared.store.types import Pool
from shared.web.problems import Problem

ISSUER = "afaq"
AUDIENCE = "afaq"
ALGORITHMS = ["ES256"]
LOW, SUBSTANTIAL, HIGH = 1, 2, 3
"""Assurance levels, as eIDAS has them."""
LEVELS = {"low": LOW, "substantial": SUBSTANTIAL, "high": HIGH}
STAFF_ROLES = r"((officer|policy):[a-z][a-z0-9-]{1,40}|registrar|operator)"
"""The roles of those who are not here for themselves."""
_CACHED_SECONDS = 30.0
_CACHE_LIMIT = 20_000
_KEYS_READ_AGAIN_SECONDS = 1.0
_KEYS_KEPT_SECONDS = 30.0  # so long a retired key may still be good
_CLAIMS = jwt.JWTClaimsRegistry(
    leeway=5,
    iss={"essential": True, "value": ISSUER},
    aud={"essential": True, "value": AUDIENCE},
    sub={"essential": True},
    exp={"essential": True},
    iat={"essential": True},
)


@dataclass(frozen=True)
class Caller:
    """Who sends a request, as the access token says: roles are `citizen`, `officer:<agency>`, `registrar`, `operator`,
    and `policy:<agency>`, who writes the services of an agency.

    `assurance` is how surely it is this person: 1 low, 2 substantial, 3 high (eIDAS). `session_id`: of a sign-in that
    can be ended.
    """

    id: UUID
    roles: frozenset[str]
    assurance: int
    session_id: UUID | None = None

    @property
    def actor(self) -> str:
        """How the event log names this caller."""
        return f"{min(self.roles, default='nobody')}/{self.id}"

    @property
    def agencies(self) -> frozenset[str]:
        """The agencies that the caller is an officer of."""
        return frozenset(role.partition(":")[2] for role in self.roles if role.startswith("officer:"))

    def has(self, role: str) -> bool:
        """Whether the caller has this role; `officer` and `policy` stand for those of any agency."""
        return role in self.roles or any(found.startswith(f"{role}:") and found[-1] != ":" for found in self.roles)


class TokenVerifier:
    """Verifies access tokens without a call to identity. Keys and verdicts are kept for a short while."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._keys: dict[str, ECKey] = {}
        self._keys_read_at = float("-inf")
        self._reading_keys = asyncio.Lock()
        self._verified: dict[bytes, tuple[float, Caller]] = {}

    async def verify(self, token: str) -> Caller:
        """The caller. Raises Problem `not-authenticated` for whatever is wrong with the token."""
        digest = sha256(token.encode()).digest()
        known = self._verified.get(digest)
        if known is not None and known[0] > time.time():
            return known[1]
        try:
            caller, expires_at = await self._read(token)
        except (JoseError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
            raise Problem("not-authenticated") from None
        if len(self._verified) >= _CACHE_LIMIT:
            self._verified.clear()
        self._verified[digest] = (min(expires_at, time.time() + _CACHED_SECONDS), caller)
        return caller

    async def _read(self, token: str) -> tuple[Caller, float]:
        header = jwt_header(token)
        key = await self._key(header["kid"])
        claims = jwt.decode(token, key, algorithms=ALGORITHMS).claims
        _CLAIMS.validate(claims)
        roles = frozenset(str(role) for role in claims["roles"])
        session_id = UUID(claims["sid"]) if "sid" in claims else None
        return Caller(UUID(claims["sub"]), roles, int(claims["assurance"]), session_id), float(claims["exp"])

    async def _key(self, key_id: str) -> ECKey:
        async with self._reading_keys:  # who comes while the keys are being read waits for them
            age = time.monotonic() - self._keys_read_at
            if age > _KEYS_KEPT_SECONDS or (key_id not in self._keys and age > _KEYS_READ_AGAIN_SECONDS):
                rows = await self._pool.fetch(SQL["access_keys"])
                self._keys = {str(row["key_id"]): ECKey.import_key(row["jwk"]) for row in rows}
                self._keys_read_at = time.monotonic()
        return self._keys[key_id]


def jwt_header(token: str) -> dict[str, Any]:
    """The header of a token, not verified: only to find the key."""
    return dict(extract_compact(token.encode()).headers())


async def authenticated(request: Request) -> Caller:
    """The caller of this request."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem("not-authenticated")
    verifier: TokenVerifier = request.app.state.verifier
    return await verifier.verify(token)


class Requires:
    """A dependency: the caller, who must have one of these roles."""

    def __init__(self, *roles: str) -> None:
        self._roles = roles

    async def __call__(self, caller: Annotated[Caller, Depends(authenticated)]) -> Caller:
        """The caller; a Problem `not-allowed` for anybody else."""
        if not any(caller.has(role) for role in self._roles):
            raise Problem("not-allowed")
        return caller


AnyCaller = Annotated[Caller, Depends(authenticated)]
Citizen = Annotated[Caller, Depends(Requires("citizen"))]
Officer = Annotated[Caller, Depends(Requires("officer"))]
PolicyOfficer = Annotated[Caller, Depends(Requires("policy"))]
Registrar = Annotated[Caller, Depends(Requires("registrar"))]
Operator = Annotated[Caller, Depends(Requires("operator"))]
