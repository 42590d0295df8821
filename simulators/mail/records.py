"""What the mail server's ledger holds, one record a line: each copy as it came."""

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter


class MailReceived(BaseModel):
    """One copy of a message, and whom the envelope names."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")

    at: AwareDatetime
    sender: str
    recipients: tuple[str, ...]
    content: bytes


RECORD: TypeAdapter[MailReceived] = TypeAdapter(MailReceived)
