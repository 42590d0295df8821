"""How many parts a text takes on the air (3GPP 23.038 and 23.040)."""

from collections.abc import Iterable

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")

_SEPTETS_ALONE, _SEPTETS_JOINED = 160, 153
_UNITS_ALONE, _UNITS_JOINED = 70, 67


def parts_of(text: str) -> int:
    """Parts of a text: of GSM's own characters when they suffice for all of it, else of UTF-16 units."""
    if _BASIC.union(_EXTENSION).issuperset(text):
        return _parts([2 if character in _EXTENSION else 1 for character in text], _SEPTETS_ALONE, _SEPTETS_JOINED)
    return _parts([2 if character > "\uffff" else 1 for character in text], _UNITS_ALONE, _UNITS_JOINED)


def _parts(widths: list[int], alone: int, joined: int) -> int:
    return 1 if sum(widths) <= alone else _filled(widths, joined)


def _filled(widths: Iterable[int], room: int) -> int:
    """Parts that are filled in turn: what does not fit whole, an escape or a surrogate pair, goes into the next."""
    parts, used = 1, 0
    for width in widths:
        if used + width > room:
            parts, used = parts + 1, 0
        used += width
    return parts
