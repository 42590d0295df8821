"""A certificate authority of the platform's own, for TLS between its services, brokers and databases."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS, CERTIFICATE_DAYS = 3650, 730
_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


@dataclass(frozen=True)
class Credential:
    """A private key and its certificate."""

    private_key: ec.EllipticCurvePrivateKey
    x509: x509.Certificate

    @property
    def key(self) -> str:
        """The key as PEM (PKCS #8)."""
        return self.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    @property
    def certificate(self) -> str:
        """The certificate as PEM."""
        return self.x509.public_bytes(Encoding.PEM).decode()


def new_authority() -> Credential:
    """Whom everybody is to trust. Whoever has its key can be anybody: it is needed only to give certificates."""
    key, name = ec.generate_private_key(ec.SECP256R1()), _name("Afaq certificate authority")
    builder = _builder(name, name, key.public_key(), AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
    return Credential(key, builder.sign(key, SHA256()))


def authority_of(key: str, certificate: str) -> Credential:
    """The authority that was made once, from what was kept of it (PEM)."""
    private_key = load_pem_private_key(key.encode(), None)
    assert isinstance(private_key, ec.EllipticCurvePrivateKey)
    return Credential(private_key, x509.load_pem_x509_certificate(certificate.encode()))


def issue(authority: Credential, name: str, hosts: Sequence[str] = ()) -> Credential:
    """What proves to be `name`, as a client and as the server of these hosts."""
    key, by = ec.generate_private_key(ec.SECP256R1()), authority.x509
    builder = _builder(_name(name), by.subject, key.public_key(), CERTIFICATE_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage("digital_signature"), critical=True)
    uses = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if hosts else [])]
    builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.private_key.public_key())
    builder = builder.add_extension(signer, critical=False)
    if hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    return Credential(key, builder.sign(authority.private_key, SHA256()))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=days))
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _usage(*allowed: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in allowed for usage in _USAGES})
