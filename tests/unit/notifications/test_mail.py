"""Mail by SMTP, with a real server on the loopback."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import SecretStr

from services.notifications.domain.letter import letter_of
from services.notifications.effects import AddressRefused
from services.notifications.mail import SmtpServer
from shared.kernel.errors import TryLater
from shared.kernel.text import Language
from tests.unit.builders import a_text, an_id
from tests.unit.notifications.delivery_builders import EMAIL

PASSWORD = "smtp-password"
REFERENCE = an_id("message")
TITLE = a_text("A fee is due", "رسم مستحق")
BODY = a_text("Pay <b>10</b> & be 'done'", "ادفع <b>10</b> & انتهِ")
LETTER = letter_of(TITLE, BODY, Language.ARABIC)


@dataclass
class PostOffice:
    """A server that answers as it is told, and keeps what it takes."""

    greeting: str | None = None
    at_ehlo: str | None = None
    at_sender: str = "250 OK"
    at_recipient: str = "250 OK"
    at_end: str = "250 OK"
    kept: list[tuple[str | None, list[str], bytes]] = field(default_factory=list)
    port: int = 0

    def sign_in(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, login: LoginPassword) -> AuthResult:
        """Whether the password is the right one."""
        return AuthResult(success=login.password == PASSWORD.encode(), handled=False)

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """A message begins."""
        if not session.authenticated:
            return "530 5.7.0 authentication required"
        if self.at_sender.startswith("2"):
            envelope.mail_from = address
        return self.at_sender

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Somebody is to get it."""
        if self.at_recipient.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.at_recipient

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """It is complete."""
        if self.at_end.startswith("2"):
            assert envelope.original_content is not None
            self.kept.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        return self.at_end


class Connection(SMTP):
    """One sender's connection."""

    def __init__(self, office: PostOffice) -> None:
        super().__init__(
            office,
            hostname="mail.test",
            auth_require_tls=False,
            authenticator=office.sign_in,
            loop=asyncio.get_running_loop(),
        )
        self.office = office

    async def push(self, status: Any) -> None:
        """Answers."""
        said = status.decode() if isinstance(status, bytes) else status
        if said.startswith("220 ") and self.office.greeting is not None:
            said = self.office.greeting
        await super().push(said)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        """Who is there?"""
        if self.office.at_ehlo is None:
            await super().smtp_EHLO(hostname)
        else:
            await self.push(self.office.at_ehlo)

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802
        """Who is there, in the old way?"""
        await self.smtp_EHLO(hostname)


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    office = PostOffice()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(office), "127.0.0.1", 0)
    office.port = server.sockets[0].getsockname()[1]
    yield office
    server.close()
    await server.wait_closed()


async def send(
    office: PostOffice,
    *,
    password: str = PASSWORD,
    security: str = "none",
    letter: Any = LETTER,
    address: str = EMAIL,
) -> None:
    """Hands a letter over."""
    server = SmtpServer(
        host="127.0.0.1",
        port=office.port,
        username="afaq",
        password=SecretStr(password),
        security=security,
        sender="Afaq <no-reply@afaq.test>",
    )
    await server.send(address, letter, REFERENCE)


async def received(office: PostOffice, letter: Any = LETTER) -> EmailMessage:
    """A letter as its reader's program gets it."""
    await send(office, letter=letter)
    message = message_from_bytes(office.kept[-1][2], policy=default)
    assert isinstance(message, EmailMessage)
    return message


def part(message: EmailMessage, kind: str) -> str:
    """The letter as text, or as a page."""
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content())


async def test_a_repeat_has_the_same_message_id(office: PostOffice) -> None:
    first, again = await received(office), await received(office)
    assert first["Message-ID"] == again["Message-ID"] == f"<{REFERENCE}@afaq.test>"


async def test_a_letter_says_from_whom_to_whom_and_when_and_that_a_machine_wrote_it(office: PostOffice) -> None:
    message = await received(office)
    assert (message["From"], message["To"]) == ("Afaq <no-reply@afaq.test>", EMAIL)
    assert message["Subject"] == "رسم مستحق"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    assert abs(parsedate_to_datetime(message["Date"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert office.kept[0][:2] == ("no-reply@afaq.test", [EMAIL])


@pytest.mark.parametrize("language", Language)
async def test_a_letter_says_it_in_both_languages_the_readers_first(office: PostOffice, language: Language) -> None:
    other = Language.ENGLISH if language is Language.ARABIC else Language.ARABIC
    message = await received(office, letter_of(TITLE, a_text("Please pay", "يرجى السداد"), language))
    assert message["Subject"] == TITLE.in_language(language)
    for kind in ("plain", "html"):
        said = part(message, kind)
        words = [
            title.in_language(each)
            for each in (language, other)
            for title in (TITLE, a_text("Please pay", "يرجى السداد"))
        ]
        assert [said.index(word) for word in words[1:]] == sorted(said.index(word) for word in words[1:])


async def test_what_people_write_is_escaped_on_the_page_and_as_it_is_in_the_text(office: PostOffice) -> None:
    letter = letter_of(a_text("<i>&", "<i>&"), BODY, Language.ENGLISH)
    message = await received(office, letter)
    page, text = part(message, "html"), part(message, "plain")
    assert "<b>" not in page
    assert "<i>" not in page
    assert "Pay &lt;b&gt;10&lt;/b&gt; &amp; be &#x27;done&#x27;" in page
    assert BODY.en in text
    assert BODY.ar in text


async def test_a_page_turns_each_language_its_own_way(office: PostOffice) -> None:
    page = part(await received(office), "html")
    assert '<html lang="ar" dir="rtl">' in page
    assert page.index('<section lang="ar" dir="rtl">') < page.index('<section lang="en" dir="ltr">')


@pytest.mark.parametrize("code", [550, 553, 501])
async def test_a_recipient_who_is_refused_is_the_addresss_fault(office: PostOffice, code: int) -> None:
    office.at_recipient = f"{code} no such mailbox {EMAIL}"
    with pytest.raises(AddressRefused) as refused:
        await send(office)
    assert refused.value.why == f"smtp-{code}"


async def test_an_address_in_another_script_is_refused_where_the_server_knows_no_such_addresses(
    office: PostOffice,
) -> None:
    with pytest.raises(AddressRefused) as refused:
        await send(office, address="فهد@example.test")
    assert refused.value.why == "smtp-utf8-not-supported"
    assert office.kept == []


@pytest.mark.parametrize("code", [552, 554])
async def test_a_message_that_is_refused_is_refused_for_good(office: PostOffice, code: int) -> None:
    office.at_end = f"{code} the mailbox is full"
    with pytest.raises(AddressRefused) as refused:
        await send(office)
    assert refused.value.why == f"smtp-{code}"


@pytest.mark.parametrize("stage", ["at_sender", "at_recipient", "at_end", "greeting", "at_ehlo"])
@pytest.mark.parametrize("answer", ["451 try again later", "421 closing"])
async def test_what_is_put_off_is_tried_later(office: PostOffice, stage: str, answer: str) -> None:
    setattr(office, stage, answer)
    with pytest.raises(TryLater) as later:
        await send(office)
    assert later.value.fault
    assert EMAIL not in str(later.value)


@pytest.mark.parametrize("stage", ["greeting", "at_ehlo", "at_sender"])
@pytest.mark.parametrize("answer", ["554 no service here", "550 go away", "530 sign in"])
async def test_a_server_that_does_not_speak_with_us_is_not_the_addresss_fault(
    office: PostOffice, stage: str, answer: str
) -> None:
    setattr(office, stage, answer)
    with pytest.raises(TryLater):
        await send(office)


async def test_a_wrong_password_is_not_the_addresss_fault(office: PostOffice) -> None:
    with pytest.raises(TryLater) as later:
        await send(office, password="wrong")
    assert "wrong" not in str(later.value)


async def test_a_server_that_would_have_us_sign_in_at_the_recipient_is_tried_later(office: PostOffice) -> None:
    office.at_recipient = "530 5.7.0 authentication required"
    with pytest.raises(TryLater):
        await send(office)


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_nothing_is_sent_in_the_open_where_it_has_to_be_sealed(office: PostOffice, security: str) -> None:
    with pytest.raises(TryLater):
        await send(office, security=security)
    assert office.kept == []


async def test_where_nobody_listens_it_is_tried_later(unused_port: int) -> None:
    with pytest.raises(TryLater):
        await send(PostOffice(port=unused_port))
