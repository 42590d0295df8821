"""Domains with a meaning: what the server says to a recipient, and to a message."""

from collections.abc import Iterable

_AT_RECIPIENT = {
    "bounce.test": "550 5.1.1 SIMULATOR: there is no such mailbox",
    "busy.test": "451 4.3.0 SIMULATOR: try again later",
}
_AFTER_DATA = {"full.test": "552 5.2.2 SIMULATOR: the mailbox is full"}


def refusal_of_recipient(address: str) -> str | None:
    """The answer to RCPT that refuses this address, if any does."""
    return _AT_RECIPIENT.get(_domain(address))


def refusal_of_message(recipients: Iterable[str]) -> str | None:
    """The answer to a message's end that refuses it for all its recipients, if one of them makes it."""
    return next((_AFTER_DATA[domain] for domain in map(_domain, recipients) if domain in _AFTER_DATA), None)


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()
