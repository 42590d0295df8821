"""Mail by SMTP (RFC 5321, 6409): implements `MailServer`."""

from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from uuid import UUID

import aiosmtplib
from pydantic import SecretStr

from services.notifications.domain.letter import Letter
from services.notifications.effects import AddressRefused
from shared.kernel.errors import TryLater

_TIMEOUT_SECONDS = 15


class SmtpServer:
    """One mail server, met with a connection a message."""

    def __init__(self, *, host: str, port: int, username: str, password: SecretStr, security: str, sender: str) -> None:
        self._host = host
        self._port = port
        self._username = username
        self._password = password
        self._security = security
        self._sender = sender

    async def send(self, address: str, letter: Letter, reference: UUID) -> None:
        """Hands the letter over."""
        message = self._message(address, letter, reference)
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=self._username,
                password=self._password.get_secret_value(),
                use_tls=self._security == "tls",
                start_tls=self._security == "starttls",
                timeout=_TIMEOUT_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            raise _refusal(refused.recipients[0].code) from None
        except aiosmtplib.SMTPDataError as answer:
            raise _refusal(answer.code) from None
        except aiosmtplib.SMTPNotSupported:
            raise AddressRefused("smtp-utf8-not-supported") from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise TryLater(f"the mail server is away: {type(error).__name__}") from None

    def _message(self, address: str, letter: Letter, reference: UUID) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = address
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = f"<{reference}@{self._sender.rpartition('@')[2].rstrip('>')}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office note comes back
        message.set_content(letter.text)
        message.add_alternative(letter.page, subtype="html")
        return message


def _refusal(code: int) -> Exception:
    """5xx about this recipient or message is for good; 4xx, or that we have to sign in, is not the address's fault."""
    if 500 <= code < 600 and code not in (530, 534, 535, 538):
        return AddressRefused(f"smtp-{code}")
    return TryLater(f"the mail server answers {code}")
