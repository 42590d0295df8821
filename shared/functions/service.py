"""A service as the shell sees it: its functions, and the topics that it writes and reads."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from shared.contracts.event import Event
from shared.contracts.topics import Topic
from shared.functions.decider import Decider
from shared.functions.effects import Effects
from shared.functions.projections import Projections
from shared.functions.reactions import Reactions


@dataclass(frozen=True)
class Snapshot:
    """The newest state of each aggregate, published on a compacted topic in the order of its versions.

    `of(aggregate_id, state)` gives what is published; None publishes `gone`, a tombstone without a value.
    """

    topic: Topic
    decider: Decider[Any, Any, Any, Any]
    of: Callable[[UUID, Any], Event | None]
    gone: type[Event]


@dataclass(frozen=True)
class Service:
    """Everything that the shell needs to run a service."""

    name: str
    events: Topic
    deciders: tuple[Decider[Any, Any, Any, Any], ...]
    reactions: Reactions = field(default_factory=Reactions)
    projections: Projections = field(default_factory=Projections)
    effects: Effects = field(default_factory=Effects)
    snapshots: tuple[Snapshot, ...] = ()
    reads: tuple[Topic, ...] = ()

    def decider(self, name: str) -> Decider[Any, Any, Any, Any]:
        """The decider of this name."""
        return next(decider for decider in self.deciders if decider.name == name)

    def snapshot_of(self, decider: Decider[Any, Any, Any, Any]) -> Snapshot | None:
        """How states of this decider are published, if they are."""
        return next((snapshot for snapshot in self.snapshots if snapshot.decider is decider), None)

    def cares_for(self, event_type: str) -> bool:
        """Whether any version of this event type is reacted to or projected here."""
        return event_type in self._types_cared_for

    @cached_property
    def _types_cared_for(self) -> frozenset[str]:
        return frozenset(event.type for event in (*self.reactions.events(), *self.projections.events()))

    def reacts_to(self, event: type[Event]) -> bool:
        """Whether this service reacts to its own events of this class."""
        return bool(self.reactions.to(event))
