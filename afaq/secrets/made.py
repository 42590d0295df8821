"""The secrets of a platform: random, each made once, and which service is told which of them."""

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

SMS_COMPANIES = ("north", "south")
AGENCIES_WITH_SYSTEMS = ("manpower",)
_NO_USAGE = (
    "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign", "encipher_only",
    "decipher_only",
)  # fmt: skip


def local_secrets(file: Path) -> Mapping[str, str]:
    """The secrets kept in `file`; those that are new since it was written are added."""
    kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    fresh = new_secrets(kept)
    if fresh:
        kept |= fresh
        draft = file.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(kept, indent=1))
        draft.replace(file)
    return kept


def new_secrets(kept: Mapping[str, str]) -> dict[str, str]:
    """Those that `kept` lacks."""
    fresh = {name: make() for name, make in _WANTED.items() if name not in kept}
    if "requests.paper_certificate" not in kept:
        paper_key = kept.get("requests.paper_key") or fresh["requests.paper_key"]
        fresh["requests.paper_certificate"] = certificate_of(paper_key)
    return fresh


def variables_of(name: str, secrets: Mapping[str, str]) -> dict[str, str]:
    """The variables by which a service, or the simulators, are told the secrets that are theirs to know."""
    return {_variable(name, secret): secrets[secret] for secret in _TOLD[name]}


def simulated_variables_of(name: str, secrets: Mapping[str, str], *, sign_in: str, simulators: str) -> dict[str, str]:
    """Likewise what a service is told by those outside, as the simulators have it, who listen at these addresses."""
    told = {_variable(name, secret): secrets[secret] for secret in _SIMULATED.get(name, ())}
    if name == "identity":
        told["AFAQ_IDENTITY_PROVIDERS"] = json.dumps(_simulated_providers(sign_in, secrets["identity.provider_secret"]))
    if name == "requests":
        system = {"url": f"{simulators}/agency/system", "secrets": [secrets["agency.webhook_secret"]]}
        told["AFAQ_REQUESTS_AGENCY_SYSTEMS"] = json.dumps(dict.fromkeys(AGENCIES_WITH_SYSTEMS, system))
    if name == "notifications":
        told["AFAQ_NOTIFICATIONS_SMS_COMPANIES"] = json.dumps(_simulated_companies(f"{simulators}/sms", secrets))
    return told


def _simulated_companies(url: str, secrets: Mapping[str, str]) -> Mapping[str, object]:
    known = {"api_key": secrets["sms.api_key"], "webhook_secrets": [secrets["sms.webhook_secret"]]}
    return {name: {"url": f"{url}/{name}", **known} for name in SMS_COMPANIES}


def _simulated_providers(url: str, secret: str) -> Mapping[str, object]:
    """The national sign-in and the staff's, both played by one mock that believes whoever it is told to be."""
    one = {
        "issuer": url,
        "client_id": "afaq",
        "client_secret": secret,
        "acr": {"substantial": "urn:afaq:substantial", "high": "urn:afaq:high"},
    }
    return {"national": {**one, "civil_id_claim": "civil_id"}, "staff": {**one, "roles_claim": "roles"}}


def _variable(name: str, secret: str) -> str:
    return f"AFAQ_{name}_{secret.removeprefix(f'{name}.')}".upper().replace(".", "_")


def random_key() -> str:
    """32 random bytes as base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def signing_key() -> str:
    """A new P-256 private key as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def certificate_of(private_key_pem: str) -> str:
    """A certificate that the key gives itself, for signing papers until an authority gives one."""
    key = load_pem_private_key(private_key_pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Afaq documents")])
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


def password() -> str:
    """24 random bytes, written so that they may stand in an address."""
    return secrets.token_urlsafe(24)


def _webhook_secret() -> str:
    return f"whsec_{random_key()}"


def _sixteen_characters() -> str:
    return secrets.token_hex(8)


_WANTED = {
    **{f"{name}.{what}_password": password for name in NAMES for what in ("owner", "app")},
    **{f"{name}.master_key": random_key for name in NAMES},
    "identity.signing_key": signing_key,
    "identity.lookup_key": random_key,
    "identity.seal_key": random_key,
    "identity.provider_secret": password,
    "requests.document_key": signing_key,
    "requests.code_key": random_key,
    "requests.paper_key": signing_key,
    "agency.webhook_secret": _webhook_secret,
    "bank.api_key": password,
    "sms.api_key": password,
    "sms.webhook_secret": _webhook_secret,
    "smtp.password": password,
    "knet.tranportal_id": _sixteen_characters,
    "knet.password": password,
    "knet.resource_key": _sixteen_characters,
}

_TERMINAL = ("knet.tranportal_id", "knet.password", "knet.resource_key")
_TOLD = {
    **{name: (f"{name}.master_key",) for name in NAMES},
    "identity": ("identity.master_key", "identity.signing_key", "identity.lookup_key", "identity.seal_key"),
    "requests": (
        "requests.master_key", "requests.document_key", "requests.code_key", "requests.paper_key",
        "requests.paper_certificate",
    ),
    "simulators": (
        *_TERMINAL, "agency.webhook_secret", "bank.api_key", "sms.api_key", "sms.webhook_secret", "smtp.password",
    ),
}  # fmt: skip
_SIMULATED = {"payments": (*_TERMINAL, "bank.api_key"), "notifications": ("smtp.password",)}
