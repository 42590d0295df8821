"""The secrets of a local stack: random, made once, kept in a file that only its owner can read."""

import base64
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from afaq.services import NAMES


def local_secrets(file: Path) -> Mapping[str, str]:
    """The secrets kept in `file`; those that are new since it was written are added."""
    kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    fresh = {name: make() for name, make in _WANTED.items() if name not in kept}
    if fresh:
        kept |= fresh
        draft = file.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(kept, indent=1))
        draft.replace(file)
    return kept


def random_key() -> str:
    """32 random bytes as base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def signing_key() -> str:
    """A new P-256 private key as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _password() -> str:
    return secrets.token_urlsafe(24)


def _webhook_secret() -> str:
    return f"whsec_{random_key()}"


def _sixteen_characters() -> str:
    return secrets.token_hex(8)


_WANTED = {
    **{f"{name}.{what}": _password for name in NAMES for what in ("owner_password", "app_password")},
    **{f"{name}.master_key": random_key for name in NAMES},
    "identity.signing_key": signing_key,
    "identity.lookup_key": random_key,
    "identity.seal_key": random_key,
    "identity.provider_secret": _password,
    "requests.document_key": signing_key,
    "requests.code_key": random_key,
    "sms.api_key": _password,
    "sms.webhook_secret": _webhook_secret,
    "smtp.password": _password,
    "knet.tranportal_id": _sixteen_characters,
    "knet.password": _password,
    "knet.resource_key": _sixteen_characters,
}
