"""Messages between systems, signed by the Standard Webhooks specification."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError


class Webhooks:
    """What goes to and comes from one other system. It has several secrets while one replaces the other: the first
    signs, each of them is believed. Raises ValueError for what is no secret.
    """

    def __init__(self, secrets: Sequence[SecretStr]) -> None:
        self._webhooks = [Webhook(secret.get_secret_value()) for secret in secrets]

    def is_genuine(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Whether the other system has signed the body within five minutes."""
        return any(_has_signed(webhook, body, headers) for webhook in self._webhooks)

    def signed(self, message_id: UUID, body: str) -> dict[str, str]:
        """The headers of a JSON message; its id is the same in every repeat, so that a repeat is known for one."""
        now, name = datetime.now(UTC), f"msg_{message_id.hex}"
        return {
            "Content-Type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhooks[0].sign(name, now, body),
        }


def _has_signed(webhook: Webhook, body: bytes, headers: Mapping[str, str]) -> bool:
    try:
        webhook.verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError, TypeError, IndexError):
        return False  # the library meets malformed headers with errors of its own making
    return True
