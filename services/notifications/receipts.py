"""Delivery receipts, as companies send them: signed by the Standard Webhooks specification."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from shared.web.webhooks import Webhooks


class Receipt(BaseModel):
    """What has become of a message, in GOV.UK Notify's words."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    reference: UUID
    status: Literal["delivered", "temporary-failure", "permanent-failure"]
    at: datetime


class Receipts:
    """Reads the receipts of one company, which one of its secrets has signed within five minutes."""

    def __init__(self, secrets: Sequence[SecretStr]) -> None:
        self._webhooks = Webhooks(secrets)

    def read(self, body: bytes, headers: Mapping[str, str]) -> Receipt | None:
        """The receipt; None for what nobody of ours has signed, or what is none."""
        try:
            return Receipt.model_validate_json(body) if self._webhooks.is_genuine(body, headers) else None
        except ValidationError:
            return None
