"""Makes a paper of a document's signed data: typst sets it, a QR code leads to its verification."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import segno
import typst

TEMPLATE = Path(__file__).parent / "document.typ"
FONTS = ("fontpkg_noto_sans", "fontpkg_noto_sans_arabic")
_HOLDER = {"ar": "حامل المستند", "en": "Holder"}
_FROM = {"ar": "صادر في", "en": "Issued on"}
_UNTIL = {"ar": "صالح حتى", "en": "Valid until"}


def paper_of(claims: Mapping[str, Any], verify_url: str) -> dict[str, Any]:
    """What the template sets: every word of it comes from the signed data."""
    issued = datetime.fromtimestamp(claims["iat"], UTC)
    rows = [{"label": _HOLDER, **claims["holder"]}]
    rows += [{"label": shown["label"], **shown["value"]} for shown in claims.get("shows", ())]
    rows += [_same(_FROM, claims["valid_from"]), _same(_UNTIL, claims["valid_until"])]
    return {
        "title": claims["title"],
        "issuer": claims["issuer"],
        "code": claims["code"],
        "verify_url": verify_url,
        "issued": {"year": issued.year, "month": issued.month, "day": issued.day},
        "rows": rows,
    }


def render(paper: Mapping[str, Any]) -> bytes:
    """The paper as PDF/A-2b, with fonts of our own only. The data go in as data, never as markup."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        template = folder / TEMPLATE.name
        template.write_bytes(TEMPLATE.read_bytes())
        segno.make(paper["verify_url"], error="m").save(str(folder / "qr.svg"), kind="svg", border=1)
        return bytes(
            typst.compile(
                str(template),
                root=str(folder),
                font_paths=[_folder_of(font) for font in FONTS],
                ignore_system_fonts=True,
                format="pdf",
                pdf_standards="a-2b",
                sys_inputs={"document": json.dumps(dict(paper))},
            )
        )


def _same(label: Mapping[str, str], value: str) -> dict[str, Any]:
    return {"label": label, "ar": value, "en": value}


def _folder_of(font: str) -> str:
    return str(Path(import_module(font).__file__ or "").parent / "files")
