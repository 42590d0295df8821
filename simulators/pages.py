"""Pages in two languages, with the simulator's banner on each."""

from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Literal

from fastapi.responses import HTMLResponse

Lang = Literal["ar", "en"]

_TEMPLATES = Path(__file__).parent / "templates"
_DIRECTION = {"ar": "rtl", "en": "ltr"}
_SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    # No form-action: browsers apply it to the redirect after a form too, and that leads to the merchant.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Html(str):
    """Text that is HTML already; any other text is escaped before it gets into a page."""

    __slots__ = ()


@dataclass(frozen=True)
class Text:
    """The same words in both languages."""

    ar: str
    en: str

    def in_lang(self, lang: Lang) -> str:
        """The words in one language."""
        return self.ar if lang == "ar" else self.en


def both(text: Text, lead: Lang) -> Html:
    """Both languages, the page's own first, each with its own direction."""
    other: Lang = "en" if lead == "ar" else "ar"
    spans = (
        f'<span class="{role}" lang="{lang}" dir="{_DIRECTION[lang]}">{escape(text.in_lang(lang))}</span>'
        for role, lang in (("lead", lead), ("other", other))
    )
    return Html(" ".join(spans))


def fill(template: str, **values: str) -> Html:
    """A template by its path under its folder, with every value escaped that is not Html."""
    source = Template((_TEMPLATES / template).read_text(encoding="utf-8"))
    safe = {name: value if isinstance(value, Html) else escape(value) for name, value in values.items()}
    return Html(source.substitute(safe))


def page(title: Text, lead: Lang, body: Html, *, status: int = 200) -> HTMLResponse:
    """A whole page around a body."""
    html = fill("shell.html", lang=lead, dir=_DIRECTION[lead], title=title.in_lang(lead), body=body)
    return HTMLResponse(html, status_code=status, headers=_SECURITY_HEADERS)
