"""The mail server, as a sender's client meets it."""

import stat
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any

import httpx2
import pytest
from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectResponseError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from simulators.settings import Settings
from tests.component.simulators.running import running

SENDER = "afaq@gov.test"
USERNAME, PASSWORD = "afaq", "smtp-password"


def a_message(to: str = "fahad@example.test") -> EmailMessage:
    message = EmailMessage()
    message["From"] = f"Afaq <{SENDER}>"
    message["To"] = to
    message["Subject"] = "صدرت رخصتك"
    message["Message-ID"] = "<1@gov.test>"
    message["X-Long"] = "long " * 30
    message.set_content("مرحبا <فهد>\n.\nSee you")
    message["Content-Language"] = "ar"  # of the text: it moves into that part
    message.add_alternative("<p>مرحبا</p>", subtype="html")
    return message


@pytest.fixture
async def client(simulators: httpx2.AsyncClient, settings: Settings) -> AsyncIterator[SMTP]:
    assert simulators
    async with a_client(settings) as client:
        yield client


def a_client(settings: Settings, *, username: str | None = USERNAME, password: str = PASSWORD) -> SMTP:
    return SMTP(
        hostname="127.0.0.1",
        port=settings.smtp_port,
        username=username,
        password=password if username else None,
        start_tls=False,
        timeout=5,
    )


async def ledger(simulators: httpx2.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await simulators.get("/mail/ledger")).json()
    return found


async def switch(simulators: httpx2.AsyncClient, **switches: object) -> None:
    (await simulators.put("/mail/switches", json=switches)).raise_for_status()


async def test_a_message_is_kept_as_it_came(simulators: httpx2.AsyncClient, client: SMTP) -> None:
    await client.send_message(a_message(), sender=SENDER, recipients=["fahad@example.test", "blind@example.test"])
    (mail,) = await ledger(simulators)
    assert mail["message_id"] == "<1@gov.test>"
    assert mail["from"] == SENDER
    assert mail["to"] == ["fahad@example.test", "blind@example.test"]
    assert mail["subject"] == "صدرت رخصتك"
    assert mail["text"].splitlines() == ["مرحبا <فهد>", ".", "See you"]
    assert mail["html"].strip() == "<p>مرحبا</p>"
    assert mail["languages"] == ["ar"]
    assert mail["headers"]["From"] == f"Afaq <{SENDER}>"
    assert mail["headers"]["Subject"].startswith("=?utf-8?")
    assert mail["headers"]["X-Long"].split() == ["long"] * 30
    assert mail["received_at"]


async def test_every_copy_is_a_record(simulators: httpx2.AsyncClient, client: SMTP) -> None:
    for _ in range(2):
        await client.send_message(a_message())
    assert [mail["message_id"] for mail in await ledger(simulators)] == ["<1@gov.test>"] * 2


@pytest.mark.parametrize("charset", ["utf-8", "windows-1256", "nobody-knows"])
async def test_what_cannot_be_read_is_shown_nonetheless(
    simulators: httpx2.AsyncClient, client: SMTP, charset: str
) -> None:
    raw = f"X-A: 1\nX-A: 2\nContent-Type: text/plain; charset={charset}\n\nplain\n"
    await client.sendmail(SENDER, ["fahad@example.test"], raw)
    (mail,) = await ledger(simulators)
    assert mail["text"].strip() == "plain"
    assert (mail["message_id"], mail["subject"], mail["html"], mail["languages"]) == (None, "", None, [])
    assert mail["headers"]["X-A"] == "1\n2"


@pytest.mark.parametrize("mechanism", ["plain", "login"])
async def test_both_ways_to_sign_in(simulators: httpx2.AsyncClient, settings: Settings, mechanism: str) -> None:
    assert simulators
    async with a_client(settings, username=None) as client:
        await client.ehlo()
        sign_in = {"plain": client.auth_plain, "login": client.auth_login}[mechanism]
        with pytest.raises(SMTPAuthenticationError, match="535"):
            await sign_in(USERNAME, "another")
        assert (await sign_in(USERNAME, PASSWORD)).code == 235


async def test_nobody_sends_without_signing_in(simulators: httpx2.AsyncClient, settings: Settings) -> None:
    async with a_client(settings, username=None) as client:
        with pytest.raises(SMTPResponseException, match="authentication required") as refusal:
            await client.send_message(a_message())
        assert refusal.value.code == 530
    with pytest.raises(SMTPAuthenticationError):
        await a_client(settings, username="another").connect()
    assert await ledger(simulators) == []


@pytest.mark.parametrize(("domain", "code"), [("bounce.test", 550), ("BUSY.test", 451)])
async def test_domains_that_refuse_a_recipient(
    simulators: httpx2.AsyncClient, client: SMTP, domain: str, code: int
) -> None:
    with pytest.raises(SMTPRecipientsRefused) as refusal:
        await client.send_message(a_message(f"somebody@{domain}"))
    assert [refused.code for refused in refusal.value.recipients] == [code]
    refused, _ = await client.send_message(a_message(f"somebody@{domain}, fahad@example.test"))
    assert [code for code, _ in refused.values()] == [code]
    (mail,) = await ledger(simulators)
    assert mail["to"] == ["fahad@example.test"]


async def test_a_domain_that_refuses_the_message(simulators: httpx2.AsyncClient, client: SMTP) -> None:
    with pytest.raises(SMTPDataError) as refusal:
        await client.send_message(a_message("somebody@full.test"))
    assert refusal.value.code == 552
    assert await ledger(simulators) == []


async def test_down_answers_421_to_connections_and_commands(
    simulators: httpx2.AsyncClient, client: SMTP, settings: Settings
) -> None:
    assert (await simulators.get("/mail/switches")).json() == {"down": False, "drop_after_data": False}
    await switch(simulators, down=True)
    with pytest.raises(SMTPConnectResponseError) as refusal:
        await a_client(settings).connect()
    assert refusal.value.code == 421
    with pytest.raises(SMTPResponseException) as refusal_of_command:
        await client.mail(SENDER)
    assert refusal_of_command.value.code == 421
    assert await ledger(simulators) == []
    await switch(simulators)
    async with a_client(settings) as again:
        await again.send_message(a_message())
    assert len(await ledger(simulators)) == 1


async def test_a_message_is_kept_and_the_answer_lost(
    simulators: httpx2.AsyncClient, client: SMTP, settings: Settings
) -> None:
    await switch(simulators, drop_after_data=True)
    with pytest.raises(SMTPServerDisconnected):
        await client.send_message(a_message())
    assert len(await ledger(simulators)) == 1
    await switch(simulators)
    async with a_client(settings) as again:
        await again.send_message(a_message())
    assert len(await ledger(simulators)) == 2


async def test_wrong_switches_are_refused(simulators: httpx2.AsyncClient) -> None:
    assert (await simulators.put("/mail/switches", json={"unknown": True})).status_code == 422


async def test_it_stops_while_a_sender_is_connected_and_remembers(settings: Settings) -> None:
    client = a_client(settings)
    async with running(settings) as simulators:
        await client.connect()
        await client.send_message(a_message())
        before = await ledger(simulators)
    with pytest.raises(SMTPException):
        await client.noop()
    file = settings.directory / "mail.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with file.open("ab") as torn:
        torn.write(b'{"at": "20')
    async with running(settings) as simulators:
        assert await ledger(simulators) == before
        async with a_client(settings) as again:
            await again.send_message(a_message())
        assert len(await ledger(simulators)) == 2


async def test_the_page_shows_text_newest_first_and_no_html_of_strangers(
    simulators: httpx2.AsyncClient, client: SMTP
) -> None:
    assert "There is no mail." in (await simulators.get("/mail/")).text
    await client.send_message(a_message())
    newer = EmailMessage()
    newer["From"], newer["To"], newer["Subject"] = SENDER, "fahad@example.test", "Only <i>HTML</i>"
    newer.set_content("<script>alert(1)</script>", subtype="html")
    await client.send_message(newer)
    response = await simulators.get("/mail/")
    page = response.text
    assert "SIMULATOR" in page
    assert "X-Simulator" in response.headers
    assert "<script>" not in page
    assert "There is no plain text in this message." in page
    assert '<p class="words" dir="auto">مرحبا &lt;فهد&gt;' in page
    assert page.index("Only &lt;i&gt;HTML&lt;/i&gt;") < page.index("صدرت رخصتك")
