"""The secrets of a local stack: random, made once, kept in a file that only its owner can read."""

import base64
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from afaq.services import NAMES

_NO_USAGE = (
    "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign", "encipher_only",
    "decipher_only",
)  # fmt: skip


def local_secrets(file: Path) -> Mapping[str, str]:
    """The secrets kept in `file`; those that are new since it was written are added."""
    kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    fresh = {name: make() for name, make in _WANTED.items() if name not in kept}
    if "requests.paper_certificate" not in kept:
        paper_key = kept.get("requests.paper_key") or fresh["requests.paper_key"]
        fresh["requests.paper_certificate"] = certificate_of(paper_key)
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


def certificate_of(private_key_pem: str) -> str:
    """A certificate that the key gives itself, for signing papers on this machine."""
    key = load_pem_private_key(private_key_pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Afaq documents of a local stack")])
    now, usage = datetime.now(UTC), dict.fromkeys(_NO_USAGE, False)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, content_commitment=True, **usage), critical=True)
        .sign(key, SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()


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
    "requests.paper_key": signing_key,
    "agency.webhook_secret": _webhook_secret,
    "bank.api_key": _password,
    "sms.api_key": _password,
    "sms.webhook_secret": _webhook_secret,
    "smtp.password": _password,
    "knet.tranportal_id": _sixteen_characters,
    "knet.password": _password,
    "knet.resource_key": _sixteen_characters,
}
