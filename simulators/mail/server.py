"""SMTP, in the loop of this process and on a port of its own."""

import asyncio
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any, AnyStr

import structlog
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from simulators.mail.fates import refusal_of_message, refusal_of_recipient
from simulators.mail.mailbox import Mailbox
from simulators.mail.switches import Switches

log = structlog.stdlib.get_logger()

HOSTNAME = "mail.simulator.test"
_DOWN = f"421 {HOSTNAME} SIMULATOR: the server is down"
_NOT_SIGNED_IN = "530 5.7.0 SIMULATOR: authentication required"
_ACCEPTED = "250 2.0.0 SIMULATOR: kept, and not delivered"


@dataclass
class PostOffice:
    """What all connections share: who may send, what goes wrong, and where mail is kept."""

    username: str
    password: str = field(repr=False)
    mailbox: Mailbox
    switches: Switches = field(default_factory=Switches)

    def may_send(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, login: LoginPassword
    ) -> AuthResult:
        """Whether these are the sender's name and password; which of the two is wrong is not told."""
        same_name = compare_digest(login.login, self.username.encode())
        same_password = compare_digest(login.password, self.password.encode())
        return AuthResult(success=same_name and same_password, handled=False)


class Handler:
    """The server's rules, in the names by which aiosmtpd calls them."""

    def __init__(self, office: PostOffice) -> None:
        """Take what is shared."""
        self._office = office

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Begin a message, for those who have signed in.

        aiosmtpd could demand that by itself, but warns at each connection that there is no TLS.
        """
        if not session.authenticated:
            return _NOT_SIGNED_IN
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, if its domain lets it."""
        if (refusal := refusal_of_recipient(address)) is not None:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a message, then answer."""
        switches = self._office.switches
        if switches.down:
            return _DOWN
        if (refusal := refusal_of_message(envelope.rcpt_tos)) is not None:
            return refusal
        assert envelope.original_content is not None
        self._office.mailbox.keep(envelope.mail_from or "", envelope.rcpt_tos, envelope.original_content)
        log.info("mail_kept", recipients=len(envelope.rcpt_tos), answered=not switches.drop_after_data)
        if switches.drop_after_data and server.transport is not None:
            server.transport.close()
        return _ACCEPTED


class Connection(SMTP):
    """One sender's connection."""

    def __init__(self, office: PostOffice, connections: "set[Connection]") -> None:
        """Be one of the connections for as long as it lasts."""
        super().__init__(
            Handler(office),
            hostname=HOSTNAME,
            ident="SIMULATOR",
            auth_require_tls=False,
            authenticator=office.may_send,
            loop=asyncio.get_running_loop(),
        )
        self._office = office
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Be gone."""
        self._connections.discard(self)
        super().connection_lost(error)

    def close(self) -> None:
        """Hang up."""
        if self.transport is not None:
            self.transport.close()

    async def push(self, status: AnyStr) -> None:
        """Answer. While the server is down, its greeting too is 421; after that, as the number says, it hangs up."""
        if self.transport is None or self.transport.is_closing():
            return
        if not self._office.switches.down:
            await super().push(status)
            return
        await super().push(_DOWN)
        self.close()


class MailServer:
    """Listens while it is entered."""

    def __init__(self, office: PostOffice, host: str, port: int) -> None:
        """Take where to listen; port 0 is any free one."""
        self._office = office
        self._host = host
        self._port = port
        self._connections: set[Connection] = set()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aenter__(self) -> "MailServer":
        """Listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._office, self._connections), self._host, self._port
        )
        log.info("mail_server_listening", host=self._host, port=self.port)
        return self

    async def __aexit__(self, *_: Any) -> None:
        """Hang up on everybody: what was not answered is the sender's to repeat."""
        self._server.close()
        for connection in list(self._connections):
            connection.close()
        await self._server.wait_closed()
