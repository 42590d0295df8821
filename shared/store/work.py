"""What the shell is given to deal with, and what became of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from shared.contracts.event import Event, Origin, Recorded
from shared.contracts.topics import Topic
from shared.functions import Send

Answer = Callable[[UUID, Any], BaseModel]


@dataclass(frozen=True)
class Idempotency:
    """A client's key for one command: `id` is derived from (caller, route, key)."""

    id: UUID
    body_hash: str
    caller: UUID
    status: int


@dataclass(frozen=True)
class ClaimedJob:
    """A row of `jobs` under our lease. `is_troubled`: its target had failed of late when it was claimed."""

    id: UUID
    kind: str
    name: str
    lane: str | None
    key: UUID
    payload: Mapping[str, Any]
    origin: Mapping[str, Any]
    target: str | None
    attempts: int
    first_due_at: datetime
    urgent: bool
    is_troubled: bool
    lease: UUID


@dataclass(frozen=True)
class Foreign:
    """Another service's event as it came: `envelope` can be kept as a job and read again.

    `trouble` says why it cannot be read.
    """

    topic: Topic
    key: UUID
    sequence: int
    envelope: Mapping[str, Any]
    trouble: Exception | None = None


@dataclass(frozen=True)
class PageDone:
    """How a walk over rows goes on after this page; None ends it."""

    payload: Mapping[str, Any]


@dataclass(eq=False)
class Work:
    """One thing to be dealt with in a transaction: messages for aggregates, or an event to react to.

    `command`: a person waits for it, so that a refusal is an answer and not a fault.
    """

    origin: Origin
    sends: Sequence[Send] = ()
    event: Recorded[Event] | None = None
    foreign: Foreign | None = None
    job: ClaimedJob | None = None
    page: PageDone | None = None
    command: bool = False
    idempotency: Idempotency | None = None
    answer: Answer | None = None

    @property
    def name(self) -> str:
        """What it is, for a trace."""
        if self.event is not None:
            return f"{'consume' if self.foreign else 'react to'} {self.event.data.type}"
        return type(self.sends[0].message).__name__ if self.sends else "count"

    @property
    def is_only_counted(self) -> bool:
        """Whether it is another service's event that means nothing here and has come in its order."""
        if self.foreign is None or self.foreign.topic.compacted or self.foreign.trouble is not None:
            return False
        return self.event is None and self.job is None

    @property
    def lane(self) -> tuple[str, UUID] | None:
        """Where this has its place in an order: nothing of the same lane may overtake it."""
        if self.foreign is not None:
            return self.foreign.topic.name, self.foreign.key
        if self.job is not None and self.job.lane is not None:
            return self.job.lane, self.job.key
        return None

    @property
    def is_own_event(self) -> bool:
        """Whether it is an event of this service that was recorded in the same transaction."""
        return self.event is not None and self.foreign is None and self.job is None


@dataclass(frozen=True)
class Done:
    """It is committed (or was before): `body` is the answer as JSON, `events` how many were recorded."""

    body: bytes | None = None
    status: int = 200
    replayed: bool = False
    duplicate: bool = False


@dataclass(frozen=True)
class Deferred:
    """It could not be done now and is kept as a job, live or parked. `no_fault`: the attempt does not count."""

    reason: str
    parked: bool
    error: str | None = None
    no_fault: bool = False


class Busy(Exception):
    """The aggregate is held by another transaction: the command goes alone and waits for it."""


class Overloaded(TimeoutError):
    """More commands wait than can be done in a reasonable time."""


class StillRunning(Exception):
    """A request with the same idempotency key is being handled."""


class KeyReused(Exception):
    """The same idempotency key came with another body before."""


Outcome = Done | Deferred | Exception


@dataclass
class Draft:
    """What one piece of work adds, kept apart until all of it has succeeded."""

    states: dict[tuple[str, UUID], "Loaded"] = field(default_factory=dict)
    events: list[tuple[str, Recorded[Event]]] = field(default_factory=list)
    own_events: list[tuple[str, Recorded[Event]]] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    erasures: list[UUID] = field(default_factory=list)


@dataclass(frozen=True)
class Loaded:
    """The state of an aggregate and how many events made it; `correlation_id` is that of its first."""

    state: Any
    version: int
    correlation_id: UUID | None
