"""Short messages (SMS): how many parts a text takes (3GPP TS 23.038 and 23.040)."""

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = "\f^{}\\[~]|€"
_GSM = {**dict.fromkeys(_BASIC, 1), **dict.fromkeys(_EXTENDED, 2)}
_PLAIN = str.maketrans(
    {"\u2068": "", "\u2069": "", "\u200f": "", "\u200e": "", "\u00a0": " ", "\u202f": " ", "’": "'", "–": "-", "—": "-"}
)


def plain(text: str) -> str:
    """The text without marks that no phone needs, each of which would make it more than twice as long."""
    return text.translate(_PLAIN)


def parts_of(text: str) -> int:
    """How many messages a text takes: 160 or 153 septets each, or with Arabic 70 or 67 UTF-16 units.

    What belongs together, an escape and its character or a surrogate pair, is in one part.
    """
    sizes = [_GSM.get(letter) for letter in text]
    if None not in sizes:
        return _parts([size for size in sizes if size], alone=160, each=153)
    return _parts([len(letter.encode("utf-16-le")) // 2 for letter in text], alone=70, each=67)


def _parts(sizes: list[int], *, alone: int, each: int) -> int:
    if sum(sizes) <= alone:
        return 1
    parts, filled = 1, 0
    for size in sizes:
        if filled + size > each:
            parts, filled = parts + 1, 0
        filled += size
    return parts
