"""What can be made to go wrong at a company."""

from pydantic import BaseModel, ConfigDict, Field


class Switches(BaseModel):
    """All off by default. They are not kept over a restart: a company that comes back up is well."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    down: bool = False
    """Messages get 503 and nothing is done."""
    refuse: bool = False
    """Every message gets 422, and none is accepted."""
    slow_seconds: float = Field(default=0, ge=0, le=600)
    """A message is accepted, and that answered this much later."""
    timeout_after_accept: bool = False
    """A message is accepted, and the answer is 504."""
    receipt_delay_seconds: float = Field(default=0.05, ge=0, le=600)
    """Receipts come this much after the message."""
    late_bounce_seconds: float = Field(default=1, ge=0, le=600)
    """A receipt that contradicts an earlier one comes this much after it."""
    no_receipts: bool = False
    """What becomes of messages that are accepted now is never told."""
    duplicate_receipts: bool = False
    """Each receipt is sent twice, at the same moment."""
