"""What a browser shows of a document's verification, in both languages. It needs no script and loads nothing."""

from html import escape

from services.requests.views import VerificationView
from shared.kernel.text import Language, LocalizedText

_WORDS = {
    "valid": LocalizedText(en="This document is genuine and valid.", ar="هذا المستند صحيح وساري المفعول."),
    "revoked": LocalizedText(en="This document was revoked by the agency.", ar="ألغت الجهة هذا المستند."),
    "out-of-date": LocalizedText(
        en="This document is genuine, but not valid today.", ar="هذا المستند صحيح لكنه غير ساري اليوم."
    ),
    "unknown": LocalizedText(
        en="This document cannot be confirmed. Do not rely on it; compare the code with the document.",
        ar="تعذر تأكيد هذا المستند. لا تعتمد عليه، وقارن الرمز بالمستند.",
    ),
}
_LABELS = {
    "title": LocalizedText(en="Document", ar="المستند"),
    "issuer": LocalizedText(en="Issued by", ar="جهة الإصدار"),
    "holder": LocalizedText(en="Holder", ar="حامل المستند"),
    "valid_from": LocalizedText(en="Issued on", ar="صادر في"),
    "valid_until": LocalizedText(en="Valid until", ar="صالح حتى"),
}
_PAGE = """<!doctype html>
<html lang="ar" dir="rtl"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>Afaq — آفاق</title><style>
body {{ font-family: sans-serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem; line-height: 1.6 }}
.verdict {{ border-inline-start: .4rem solid {colour}; padding: .6rem 1rem; background: #f4f7f8; font-size: 1.15rem }}
dl {{ display: grid; grid-template-columns: auto 1fr; gap: .4rem 1.2rem }} dt {{ color: #51646d }} dd {{ margin: 0 }}
section + section {{ border-top: 1px solid #ccd6da; margin-top: 2rem; padding-top: 1rem }}
</style></head><body>{sections}</body></html>
"""
_DIRECTION = {Language.ARABIC: "rtl", Language.ENGLISH: "ltr"}


def page_of(found: VerificationView | None) -> str:
    """The page of what was confirmed; None: nothing was."""
    verdict = _verdict(found)
    sections = "".join(_section(found, verdict, language) for language in (Language.ARABIC, Language.ENGLISH))
    colour = "#1b7f5c" if verdict == "valid" else "#b3372f"
    return _PAGE.format(colour=colour, sections=sections)


def _verdict(found: VerificationView | None) -> str:
    if found is None:
        return "unknown"
    if found.revoked:
        return "revoked"
    return "valid" if found.valid else "out-of-date"


def _section(found: VerificationView | None, verdict: str, language: Language) -> str:
    said = f'<p class="verdict" role="status">{escape(_WORDS[verdict].in_language(language))}</p>'
    rows = "" if found is None else "".join(_row(found, name, language) for name in _LABELS)
    return f'<section lang="{language}" dir="{_DIRECTION[language]}">{said}<dl>{rows}</dl></section>'


def _row(found: VerificationView, name: str, language: Language) -> str:
    value = getattr(found, name)
    text = value.in_language(language) if isinstance(value, LocalizedText) else str(value)
    return f"<dt>{escape(_LABELS[name].in_language(language))}</dt><dd>{escape(text)}</dd>"
