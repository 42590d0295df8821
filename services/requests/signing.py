"""The platform's seal on documents: ES256 over their fields, and codes that verify them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

_ALGORITHM = "ES256"
CODE = r"^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$"


class DocumentSigner:
    """Signs with one key and verifies with all that ever were; implements `Signer`."""

    def __init__(self, private_key_pem: str, code_key: bytes, retired_keys: Sequence[str] = ()) -> None:
        self._key = ECKey.import_key(private_key_pem)
        keys = [self._key, *(ECKey.import_key(text) for text in retired_keys)]
        self._keys = {key.thumbprint(): key for key in keys}
        self._code_key = code_key

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A compact JWS over the claims."""
        header = {"alg": _ALGORITHM, "kid": self._key.thumbprint()}
        text = json.dumps(claims, ensure_ascii=False, separators=(",", ":"))
        return jws.serialize_compact(header, text, self._key, algorithms=[_ALGORITHM])

    def read(self, signed: str) -> dict[str, Any] | None:
        """The claims, if the signature is ours; else None."""
        try:
            key = self._keys[str(jws.extract_compact(signed.encode()).headers()["kid"])]
            claims = json.loads(jws.deserialize_compact(signed, key, algorithms=[_ALGORITHM]).payload)
        except (JoseError, ValueError, TypeError, AttributeError, KeyError):
            return None  # the library meets some malformed headers with errors of its own making
        return claims if isinstance(claims, dict) else None

    def code(self, id: UUID) -> str:
        """What verifies a document, or opens a task, for whoever it was given to: sixteen letters and digits in groups
        of four, 80 bits of a keyed hash, the same each time.
        """
        digest = hmac.new(self._code_key, id.bytes, hashlib.sha256).digest()
        letters = base64.b32encode(digest[:10]).decode()
        return "-".join(letters[start : start + 4] for start in range(0, 16, 4))
