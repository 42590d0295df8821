"""Why the gateway refuses a message; the codes are the simulator's own, and say so."""

from enum import StrEnum


class RefusalCode(StrEnum):
    """Stable codes that a merchant may branch on."""

    UNREADABLE = "SIM101"
    FIELD_MISSING = "SIM102"
    FIELD_INVALID = "SIM103"
    TERMINAL_REFUSED = "SIM104"
    AMOUNT_INVALID = "SIM105"
    CURRENCY_INVALID = "SIM106"
    ACTION_UNKNOWN = "SIM107"
    TRACK_ID_TAKEN = "SIM108"
    TRANSACTION_UNKNOWN = "SIM109"
    AMOUNT_DIFFERS = "SIM110"
    NOT_REFUNDABLE = "SIM111"
    REFUND_TOO_LARGE = "SIM112"


class RefusalError(Exception):
    """The gateway says no; nothing was charged, refunded or changed."""

    def __init__(self, code: RefusalCode, text: str) -> None:
        """Keep a code for programs and a text for people; neither holds what a merchant keeps secret."""
        super().__init__(text)
        self.code = code
        self.text = text

    def __str__(self) -> str:
        """The form in which the classic kit answers."""
        return f"!ERROR!-{self.code}-{self.text}"
