"""All mail that came in."""

from collections.abc import Sequence

from simulators.clock import Clock
from simulators.ledger import Ledger
from simulators.mail.records import MailReceived


class Mailbox:
    """Messages, kept in a ledger that a restart reads back."""

    def __init__(self, ledger: Ledger[MailReceived], clock: Clock) -> None:
        """Take in everything that the ledger remembers."""
        self._ledger = ledger
        self._clock = clock
        self._received = ledger.read()

    def all(self) -> list[MailReceived]:
        """Every copy, oldest first."""
        return list(self._received)

    def keep(self, sender: str, recipients: Sequence[str], content: bytes) -> None:
        """Write one copy down; it is safe on return."""
        mail = MailReceived(at=self._clock(), sender=sender, recipients=tuple(recipients), content=content)
        self._ledger.append(mail, durable=True)
        self._received.append(mail)
