"""What can be made to go wrong at the gateway."""

from pydantic import BaseModel, ConfigDict, Field


class Switches(BaseModel):
    """All off by default. They are not kept over a restart: a gateway that comes back up is well."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slow_seconds: float = Field(default=0, ge=0, le=600)
    """Server calls do their work, then answer this much later: a merchant that gives up has lost an answer only."""
    down: bool = False
    """Server calls get 503 and nothing is done."""
    down_for_inquiry: bool = False
    """The same, for inquiries alone."""
    duplicate_callback: bool = False
    """The merchant is told twice, at the same moment."""
    callback_delay_seconds: float = Field(default=0, ge=0, le=600)
    """The merchant is told this much later; the customer's browser waits for it."""
    no_callback: bool = False
    """The merchant is not told, and the browser goes straight to errorURL."""
    wrong_amount: bool = False
    """The merchant is told another amount than the one that was charged."""
    charges_more: bool = False
    """The card is charged a dinar more than the page said; asked by the merchant, the gateway says so."""
    timeout_after_charge: bool = False
    """The card is charged, the browser gets 504, and the merchant is not told."""
