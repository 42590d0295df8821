"""A message as mail: in the reader's language first, then in the other, as text and as a page."""

from dataclasses import dataclass
from html import escape

from shared.kernel.text import Language, LocalizedText

_DIRECTION = {Language.ARABIC: "rtl", Language.ENGLISH: "ltr"}
_PAGE = """<!doctype html>
<html lang="{lang}" dir="{dir}"><head><meta charset="utf-8"><title>{subject}</title></head>
<body style="font-family: sans-serif; max-width: 40em; margin: 2em auto; line-height: 1.6">{parts}</body></html>
"""
_PART = '<section lang="{lang}" dir="{dir}"><h1 style="font-size: 1.3em">{title}</h1><p>{body}</p></section>'


@dataclass(frozen=True)
class Letter:
    """What a mail says."""

    subject: str
    text: str
    page: str


def letter_of(title: LocalizedText, body: LocalizedText, language: Language) -> Letter:
    """The letter for a reader of this language. What people or agencies have written is escaped on the page."""
    other = Language.ENGLISH if language is Language.ARABIC else Language.ARABIC
    both = (language, other)
    text = "\n\n".join(f"{title.in_language(each)}\n\n{body.in_language(each)}" for each in both)
    parts = "<hr>".join(_part(title, body, each) for each in both)
    subject = title.in_language(language)
    page = _PAGE.format(lang=language, dir=_DIRECTION[language], subject=escape(subject), parts=parts)
    return Letter(subject, text + "\n", page)


def _part(title: LocalizedText, body: LocalizedText, language: Language) -> str:
    said = {"title": escape(title.in_language(language)), "body": escape(body.in_language(language))}
    return _PART.format(lang=language, dir=_DIRECTION[language], **said)
