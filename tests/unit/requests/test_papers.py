"""Papers: set from signed data in both languages, signed over every byte, and known after the key has changed."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from pyhanko.pdf_utils.generic import DictionaryObject
from pyhanko.pdf_utils.reader import PdfFileReader

from afaq.secrets.made import certificate_of, signing_key
from services.requests.papers.page import page_of
from services.requests.papers.render import paper_of, render
from services.requests.papers.seal import PaperKey, code_in, sign
from services.requests.views import VerificationView

CODE = "S6DK-5QDK-56BH-F7SP"
CLAIMS: dict[str, Any] = {
    "jti": "0",
    "kind": "birth-certificate",
    "title": {"ar": "شهادة ميلاد", "en": "Birth certificate"},
    "issuer": {"ar": "السجل المركزي", "en": "Central Registry"},
    "holder": {"ar": "عبدالله (الثاني)", "en": "Abdullah #[panic()]"},
    "shows": [
        {"label": {"ar": "تاريخ الميلاد", "en": "Date of birth"}, "value": {"ar": "2026-11-24", "en": "2026-11-24"}}
    ],
    "valid_from": "2026-11-24",
    "valid_until": "2126-10-31",
    "code": CODE,
    "iat": 1_795_000_000,
}


def a_key() -> PaperKey:
    private_key = signing_key()
    return PaperKey(private_key, certificate_of(private_key))


KEY = a_key()


@pytest.fixture(scope="module")
def unsigned() -> bytes:
    return render(paper_of(CLAIMS, f"https://verify.example/verify/{CODE}"))


@pytest.fixture(scope="module")
def paper(unsigned: bytes) -> bytes:
    return sign(unsigned, KEY)


def objects_of(pdf: bytes) -> Iterator[DictionaryObject]:
    reader = PdfFileReader(io.BytesIO(pdf))
    for reference in reader.xrefs.explicit_refs_in_revision(0):
        found = reader.get_object(reference)  # type: ignore[no-untyped-call]
        if isinstance(found, DictionaryObject):
            yield found


def test_both_scripts_are_set_in_fonts_of_our_own_which_are_embedded(unsigned: bytes) -> None:
    descriptors = [found for found in objects_of(unsigned) if found.get("/Type") == "/FontDescriptor"]
    names = {str(found["/FontName"]).partition("+")[2].partition("-")[0] for found in descriptors}
    assert names == {"NotoSans", "NotoSansArabic"}
    assert all("/FontFile2" in found or "/FontFile3" in found for found in descriptors)


def test_it_says_of_itself_that_it_is_pdf_a_2b(unsigned: bytes) -> None:
    metadata = PdfFileReader(io.BytesIO(unsigned)).root["/Metadata"].data.decode()
    assert "<pdfaid:part>2</pdfaid:part>" in metadata and "<pdfaid:conformance>B</pdfaid:conformance>" in metadata


def test_the_same_data_give_the_same_paper(unsigned: bytes) -> None:
    assert render(paper_of(CLAIMS, f"https://verify.example/verify/{CODE}")) == unsigned


def test_a_genuine_paper_tells_its_code(paper: bytes) -> None:
    assert code_in(paper, KEY) == CODE


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.8, 0.97])
def test_a_changed_byte_is_found_wherever_it_is(paper: bytes, share: float) -> None:
    at = int(len(paper) * share)
    assert code_in(paper[:at] + bytes([paper[at] ^ 1]) + paper[at + 1 :], KEY) is None


@pytest.mark.parametrize("tail", [b"\n", b"%", b"\n% appended", b"\n1 0 obj<<>>endobj\n"])
def test_an_appended_byte_is_found(paper: bytes, tail: bytes) -> None:
    assert code_in(paper + tail, KEY) is None


def test_a_paper_without_a_signature_or_of_another_key_is_not_genuine(unsigned: bytes) -> None:
    assert code_in(unsigned, KEY) is None
    assert code_in(sign(unsigned, a_key()), KEY) is None


@pytest.mark.parametrize("nonsense", [b"", b"%PDF-1.7", b"hello", b"%PDF-1.7\n" + b"\x00" * 2000, b"\xff" * 5000])
def test_what_is_no_paper_is_not_genuine(nonsense: bytes) -> None:
    assert code_in(nonsense, KEY) is None


def test_what_an_older_key_has_signed_stays_genuine(paper: bytes) -> None:
    newer = a_key()
    assert code_in(paper, newer) is None
    with_the_old = PaperKey(newer.private_key, newer.certificate, (KEY.certificate,))
    assert code_in(paper, with_the_old) == CODE


@pytest.mark.parametrize(
    ("revoked", "valid", "said"),
    [(False, True, "genuine and valid"), (False, False, "not valid today"), (True, False, "revoked")],
)
def test_the_page_says_in_both_languages_how_it_stands(revoked: bool, valid: bool, said: str) -> None:
    view = VerificationView.model_validate({**CLAIMS, "genuine": True, "revoked": revoked, "valid": valid})
    page = page_of(view)
    assert said in page and 'lang="ar" dir="rtl"' in page and "<script" not in page
    assert "&#x27;" not in page and "Abdullah #[panic()]" in page


def test_what_a_page_shows_is_escaped() -> None:
    holder = {"ar": "<b>س</b>", "en": "<script>alert(1)</script>"}
    view = VerificationView.model_validate(
        {**CLAIMS, "holder": holder, "genuine": True, "revoked": False, "valid": True}
    )
    assert "<script" not in page_of(view) and "&lt;script&gt;" in page_of(view)


def test_the_page_of_what_is_unknown_says_what_to_do() -> None:
    assert "Do not rely on it" in page_of(None) and "لا تعتمد عليه" in page_of(None)
