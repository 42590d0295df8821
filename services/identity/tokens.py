"""Access tokens, and what only identity itself reads again: refresh tokens, codes and a sign-in's cookie."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from joserfc import jwe, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey

from shared.kernel.ids import derive_id, new_id
from shared.web.auth import AUDIENCE, ISSUER


class TokenIssuer:
    """Signs access tokens with the platform's key: short-lived ES256 JWTs, verified by every service."""

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

    def issue(
        self, subject: UUID, roles: Iterable[str], assurance: int, now: datetime, *, session_id: UUID | None = None
    ) -> tuple[str, int]:
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
            **({"sid": str(session_id)} if session_id else {}),
        }
        header = {"alg": "ES256", "kid": str(self.key_id)}
        return jwt.encode(header, claims, self._key, algorithms=["ES256"]), int(self._lifetime.total_seconds())


class Seal:
    """Seals what goes through a browser and comes back: encrypted, authenticated, for one use and a time (RFC 7516)."""

    def __init__(self, key: bytes) -> None:
        self._key = OctKey.import_key(key)

    def close(self, use: str, values: Mapping[str, Any], *, expires_at: datetime) -> str:
        """The values as a text that only this key opens, for this use."""
        content = json.dumps({**values, "use": use, "exp": int(expires_at.timestamp())})
        return jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, content, self._key)

    def open(self, use: str, text: str, now: datetime) -> Mapping[str, Any] | None:
        """The values; None for what is forged, was made for another use, or is too old."""
        try:
            values = json.loads(jwe.decrypt_compact(text, self._key, algorithms=["dir", "A256GCM"]).plaintext or b"")
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            return None  # the library meets some malformed texts with errors of its own making
        is_good = isinstance(values, dict) and values.get("use") == use and now.timestamp() < values["exp"]
        return values if is_good else None


def civil_id_hash(civil_id: str, lookup_key: bytes) -> str:
    """The keyed hash that a civil ID is found by: without the key nobody can try all numbers."""
    return hmac.new(lookup_key, civil_id.encode(), hashlib.sha256).hexdigest()
