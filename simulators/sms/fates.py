"""Numbers with a meaning: the last four digits say what becomes of a message."""

from enum import StrEnum


class ReceiptStatus(StrEnum):
    """What a receipt says."""

    DELIVERED = "delivered"
    TEMPORARY_FAILURE = "temporary-failure"
    PERMANENT_FAILURE = "permanent-failure"


_FATES = {
    "0002": (ReceiptStatus.PERMANENT_FAILURE,),
    "0003": (ReceiptStatus.TEMPORARY_FAILURE,),
    "0004": (ReceiptStatus.DELIVERED, ReceiptStatus.PERMANENT_FAILURE),
    "0005": (),
}


def fate_of(number: str) -> tuple[ReceiptStatus, ...]:
    """The receipts for a message to this number, one after the other."""
    return _FATES.get(number[-4:], (ReceiptStatus.DELIVERED,))
