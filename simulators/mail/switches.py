"""What can be made to go wrong at the mail server."""

from pydantic import BaseModel, ConfigDict


class Switches(BaseModel):
    """All off by default. They are not kept over a restart: a server that comes back up is well."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    down: bool = False
    """Every new connection and command gets 421, and nothing is kept."""
    drop_after_data: bool = False
    """A message is kept, and the connection closed without an answer: its sender cannot know."""
