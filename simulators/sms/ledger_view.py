"""The ledger as an auditor reads it: what was really sent, and what was told of it."""

from pydantic import AwareDatetime, BaseModel

from simulators.sms.companies import Company
from simulators.sms.fates import ReceiptStatus
from simulators.sms.messages import Message


class ReceiptView(BaseModel):
    """What became of a message."""

    status: ReceiptStatus
    at: AwareDatetime


class MessageView(BaseModel):
    """One message, sent once."""

    company: Company
    id: str
    reference: str
    to: str
    text: str
    parts: int
    accepted_at: AwareDatetime
    receipts: list[ReceiptView]


class LedgerView(BaseModel):
    """Every message of both companies, oldest first."""

    simulator: bool = True
    messages: list[MessageView]


def ledger_view(messages: list[Message]) -> LedgerView:
    """Show messages to an auditor."""
    return LedgerView(messages=[_message_view(message) for message in messages])


def _message_view(message: Message) -> MessageView:
    accepted = message.accepted
    return MessageView(
        company=accepted.company,
        id=accepted.message_id,
        reference=accepted.reference,
        to=accepted.to,
        text=accepted.text,
        parts=accepted.parts,
        accepted_at=accepted.at,
        receipts=[ReceiptView(status=receipt.status, at=receipt.at) for receipt in message.receipts],
    )
