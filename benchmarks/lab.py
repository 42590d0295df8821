"""What every scenario is given: how long to measure, a fresh place for each system, and somebody to tell."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from afaq.local.unprivileged import remove_with_substitute
from benchmarks.servers import Servers

Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How much is measured. `rate`: arrivals a second; `people`: how many persons submit in turn."""

    rounds: int
    seconds: float
    warm_up_seconds: float
    rate: float
    people: int
    events: int
    stored: int
    find_max: bool


@dataclass(frozen=True)
class Lab:
    """Where scenarios are run."""

    options: Options
    say: Say

    @contextlib.asynccontextmanager
    async def servers(self, what: str, *, kafka: bool = True) -> AsyncIterator[Servers]:
        """A PostgreSQL and a Kafka that nobody has used, in a directory that is removed afterwards."""
        self.say(f"  {what}: fresh servers")
        directory = _new_directory()
        servers = Servers(directory, with_kafka=kafka)
        try:
            await servers.start()
            yield servers
        finally:
            await servers.stop()
            remove_with_substitute(directory / "postgres")
            remove_with_substitute(directory)


def _new_directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="afaq-bench-", dir="/var/tmp"))  # a disk: what is in /tmp may be in memory
    directory.chmod(0o755)
    return directory
