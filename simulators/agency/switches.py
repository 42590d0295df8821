"""How the desk behaves."""

from pydantic import BaseModel, ConfigDict, Field


class Switches(BaseModel):
    """Off by default, and off again after a restart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    automatic: bool = False
    """Decide open tasks without anybody at the desk."""
    agency: str = Field(default="moi-traffic", pattern=r"^[a-z][a-z0-9-]{0,62}$")
    """Whose desk it is; the officer signs in for this agency and leaves other agencies' tasks alone."""
    delay_seconds: float = Field(default=0, ge=0, le=3600)
    """How long a task lies on the desk before it is decided."""
    reject_every: int = Field(default=0, ge=0)
    """Reject every so many tasks, counted over the desk's life; 0 approves all."""
