"""Time that a test moves."""

from datetime import UTC, datetime, timedelta


class SettableClock:
    """The present, plus whatever a test let pass."""

    def __init__(self) -> None:
        """Start in the present."""
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        """The instant that the simulators take for now."""
        return datetime.now(UTC) + self._ahead

    def pass_time(self, time: timedelta) -> None:
        """Let time pass."""
        self._ahead += time
