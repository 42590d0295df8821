"""What the companies' ledger holds, one record a line."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from simulators.sms.companies import Company
from simulators.sms.fates import ReceiptStatus


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    message_id: str
    at: AwareDatetime


class MessageAccepted(_Record):
    """A company took a message on; there is one such record a reference."""

    kind: Literal["message-accepted"] = "message-accepted"
    company: Company
    reference: str
    to: str
    text: str
    parts: int


class ReceiptMade(_Record):
    """A company knows what became of a message; written before anybody is told."""

    kind: Literal["receipt-made"] = "receipt-made"
    receipt_id: str
    status: ReceiptStatus


Record = Annotated[MessageAccepted | ReceiptMade, Field(discriminator="kind")]
RECORD: TypeAdapter[Record] = TypeAdapter(Record)
