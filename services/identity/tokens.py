"""Access tokens: short-lived ES256 JWTs, verified by every service with the published key."""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.jwk import ECKey

from shared.kernel.ids import derive_id, new_id
from shared.web.auth import AUDIENCE, ISSUER


class TokenIssuer:
    """Signs access tokens with the platform's key."""

    def __init__(self, private_key_pem: str, lifetime_seconds: int) -> None:
        self._key = ECKey.import_key(private_key_pem)
        self._lifetime = timedelta(seconds=lifetime_seconds)

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The public half."""
        return dict(self._key.as_dict(private=False))

    @property
    def key_id(self) -> UUID:
        """The id of the key: of its thumbprint (RFC 7638)."""
        return derive_id("signing-key", self._key.thumbprint())

    def issue(self, subject: UUID, roles: Iterable[str], assurance: int, now: datetime) -> tuple[str, int]:
        """A token, and for how many seconds it is good."""
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(subject),
            "roles": sorted(roles),
            "assurance": assurance,
            "iat": int(now.timestamp()),
            "exp": int((now + self._lifetime).timestamp()),
            "jti": str(new_id()),
        }
        header = {"alg": "ES256", "kid": str(self.key_id)}
        return jwt.encode(header, claims, self._key, algorithms=["ES256"]), int(self._lifetime.total_seconds())


def civil_id_hash(civil_id: str, lookup_key: bytes) -> str:
    """The keyed hash that a civil ID is found by: without the key nobody can try all numbers."""
    return hmac.new(lookup_key, civil_id.encode(), hashlib.sha256).hexdigest()
