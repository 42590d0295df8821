"""The companies' rules: a reference is sent once, and the ledger knows before anybody is told.

Nothing here awaits, so requests that come at once see each other's outcome.
"""

from dataclasses import dataclass, replace
from uuid import uuid4

from simulators.clock import Clock
from simulators.ledger import Ledger
from simulators.sms.companies import Company
from simulators.sms.fates import ReceiptStatus
from simulators.sms.parts import parts_of
from simulators.sms.records import MessageAccepted, ReceiptMade, Record


class ReferenceTakenError(Exception):
    """The reference belongs to another text or number."""


@dataclass(frozen=True)
class Message:
    """A message as it stands now."""

    accepted: MessageAccepted
    receipts: tuple[ReceiptMade, ...] = ()


class Messages:
    """All messages of both companies, kept in a ledger that a restart reads back."""

    def __init__(self, ledger: Ledger[Record], clock: Clock) -> None:
        """Take in everything that the ledger remembers."""
        self._ledger = ledger
        self._clock = clock
        self._messages: dict[str, Message] = {}
        self._ids_by_reference: dict[tuple[Company, str], str] = {}
        for record in ledger.read():
            self._take_in(record)

    def all(self) -> list[Message]:
        """Every message, oldest first."""
        return list(self._messages.values())

    def accept(self, company: Company, reference: str, to: str, text: str) -> tuple[MessageAccepted, bool]:
        """Take a message on, and whether it is a new one; raises ReferenceTakenError."""
        if (known_id := self._ids_by_reference.get((company, reference))) is not None:
            return _same_message(self._messages[known_id].accepted, to, text), False
        accepted = MessageAccepted(
            message_id=str(uuid4()),
            at=self._clock(),
            company=company,
            reference=reference,
            to=to,
            text=text,
            parts=parts_of(text),
        )
        self._write(accepted)
        return accepted, True

    def make_receipt(self, message_id: str, status: ReceiptStatus) -> ReceiptMade:
        """Write down what became of a message."""
        receipt = ReceiptMade(message_id=message_id, at=self._clock(), receipt_id=f"msg_{uuid4().hex}", status=status)
        self._write(receipt)
        return receipt

    def _write(self, record: Record) -> None:
        self._ledger.append(record, durable=True)
        self._take_in(record)

    def _take_in(self, record: Record) -> None:
        match record:
            case MessageAccepted():
                self._messages[record.message_id] = Message(record)
                self._ids_by_reference[record.company, record.reference] = record.message_id
            case ReceiptMade():
                message = self._messages[record.message_id]
                self._messages[record.message_id] = replace(message, receipts=(*message.receipts, record))


def _same_message(first: MessageAccepted, to: str, text: str) -> MessageAccepted:
    if (first.to, first.text) != (to, text):
        raise ReferenceTakenError("the reference belongs to another text or number")
    return first
