"""The ledger as an auditor reads it: each copy that came in, taken apart."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as MODERN  # noqa: N812

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from simulators.mail.records import MailReceived


class MailView(BaseModel):
    """One copy. Sender and recipients are the envelope's; what the message itself says of them is in its headers."""

    model_config = ConfigDict(serialize_by_alias=True)

    message_id: str | None
    sender: str = Field(serialization_alias="from")
    to: list[str]
    subject: str
    text: str | None
    html: str | None
    languages: list[str]
    """Content-Language of the message and of its parts, where they have one."""
    received_at: AwareDatetime
    headers: dict[str, str]
    """As they came; one that is there several times is several lines."""


def ledger_view(received: list[MailReceived]) -> list[MailView]:
    """Show mail to an auditor, oldest first."""
    return [mail_view(mail) for mail in received]


def mail_view(mail: MailReceived) -> MailView:
    """Take one copy apart."""
    message = message_from_bytes(mail.content, _class=EmailMessage, policy=MODERN)
    return MailView(
        message_id=message["Message-ID"],
        sender=mail.sender,
        to=list(mail.recipients),
        subject=message["Subject"] or "",
        text=_body(message, "plain"),
        html=_body(message, "html"),
        languages=[language for part in message.walk() if (language := part["Content-Language"])],
        received_at=mail.at,
        headers=_headers(message),
    )


def _body(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    if part is None:
        return None
    try:
        content: str = part.get_content()
        return content
    except LookupError:  # a character set that nobody knows
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        return payload.decode(errors="replace")


def _headers(message: EmailMessage) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, raw in message.raw_items():
        unfolded = "".join(str(raw).splitlines())
        headers[name] = f"{headers[name]}\n{unfolded}" if name in headers else unfolded
    return headers
