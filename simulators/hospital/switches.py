"""How the hospitals report."""

from pydantic import BaseModel, ConfigDict, Field

DAY_SECONDS = 24 * 60 * 60


class Switches(BaseModel):
    """At their defaults again after a restart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    late_days: float = Field(default=3, ge=0, le=3650)
    """How long ago a birth was that is reported late."""
    correct_after_seconds: float = Field(default=DAY_SECONDS, ge=0, le=365 * DAY_SECONDS)
    """How much later a report's error is put right."""
    down: bool = False
    """Reports wait until this is false again."""
