"""Delivery receipts, as companies send them: signed by the Standard Webhooks specification."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from standardwebhooks import Webhook, WebhookVerificationError


class Receipt(BaseModel):
    """What has become of a message, in GOV.UK Notify's words."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    reference: UUID
    status: Literal["delivered", "temporary-failure", "permanent-failure"]
    at: datetime


class Receipts:
    """Reads the receipts of one company, which one of its secrets has signed within five minutes."""

    def __init__(self, secrets: Sequence[SecretStr]) -> None:
        self._webhooks = [Webhook(secret.get_secret_value()) for secret in secrets]

    def read(self, body: bytes, headers: Mapping[str, str]) -> Receipt | None:
        """The receipt; None for what nobody of ours has signed, or what is none."""
        for webhook in self._webhooks:
            try:
                webhook.verify(body, dict(headers), json_parse=False)
                return Receipt.model_validate(json.loads(body))
            except (WebhookVerificationError, ValidationError, ValueError, TypeError, IndexError):
                continue  # the library meets malformed headers with errors of its own making
        return None
