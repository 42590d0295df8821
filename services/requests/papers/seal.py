"""The platform's signature on papers: PAdES (ETSI EN 319 142), made with one key, checked with all that ever were."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from asn1crypto import keys, pem, x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore


@dataclass(frozen=True)
class PaperKey:
    """What papers are signed with now (PEM), and the certificates of keys that were used before."""

    private_key: str
    certificate: str
    retired_certificates: Sequence[str] = ()


def sign(pdf: bytes, key: PaperKey) -> bytes:
    """The paper with a signature over all of it."""
    signer = SimpleSigner(
        signing_cert=_certificate(key.certificate),
        signing_key=keys.PrivateKeyInfo.load(_der(key.private_key)),
        cert_registry=SimpleCertificateStore(),  # type: ignore[no-untyped-call]
    )
    what = PdfSignatureMetadata(field_name="Afaq", subfilter=SigSeedSubFilter.PADES, md_algorithm="sha256")
    signed = PdfSigner(what, signer=signer).sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)))
    return bytes(signed.getvalue())


def code_in(pdf: bytes, key: PaperKey) -> str | None:
    """The verification code of a genuine paper; None where a byte was changed or added, or another key has signed."""
    try:
        reader = PdfFileReader(io.BytesIO(pdf))
        (signature,) = reader.embedded_signatures
        roots = [_certificate(text) for text in (key.certificate, *key.retired_certificates)]
        at = signature.self_reported_timestamp
        context = ValidationContext(trust_roots=roots, allow_fetching=False, moment=at, best_signature_time=at)
        status = validate_pdf_signature(signature, context)
        # What is appended after the signature leaves it valid: only a signature over the whole file will do.
        is_whole = status.coverage is SignatureCoverageLevel.ENTIRE_FILE
        return str(reader.trailer_view["/Info"]["/Keywords"]) if status.bottom_line and is_whole else None
    except (PdfError, SignatureValidationError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None  # malformed files meet the library in many ways


def _certificate(text: str) -> x509.Certificate:
    return x509.Certificate.load(_der(text))


def _der(text: str) -> bytes:
    _, _, der = pem.unarmor(text.encode())
    return bytes(der)
