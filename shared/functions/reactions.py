"""Reactions: what an event, another service's or one's own, brings about here."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from shared.contracts.event import Event
from shared.functions.decider import Decider, Send
from shared.functions.effects import Effect
from shared.functions.given import Given, Givens


@dataclass(frozen=True)
class Perform:
    """An effect to be done after the commit: at once or at an instant.

    Effects of one class and key keep their order, unless each has a `lane` of its own.
    """

    effect: Effect
    key: UUID | None = None
    at: datetime | None = None
    lane: UUID | None = None


@dataclass(frozen=True)
class ForEach:
    """A message for every row's aggregate, walked in pages of 500, each page a transaction of its own."""

    table: str
    by: str
    equals: UUID
    decider: Decider[Any, Any, Any, Any]
    message: Any


@dataclass(frozen=True)
class Erase:
    """The subject's key is destroyed here: what is sealed with it is unreadable from the commit on."""

    subject_id: UUID


Step: TypeAlias = Send | Perform | ForEach | Erase
React: TypeAlias = Callable[..., Iterable[Step]]


@dataclass(frozen=True)
class Reaction:
    """A function that reacts to some events, and what it has to be given."""

    react: React
    given: Given[Any] | Givens[Any] | None


class Reactions:
    """The reactions of a service, by event class."""

    def __init__(self) -> None:
        self._by_event: dict[type[Event], list[Reaction]] = defaultdict(list)

    def on(self, *events: type[Event], given: Given[Any] | Givens[Any] | None = None) -> Callable[[React], React]:
        """Registers `react(event)`, or `react(event, given)` where something is given, for these events."""

        def register(react: React) -> React:
            for event in events:
                self._by_event[event].append(Reaction(react, given))
            return react

        return register

    def to(self, event: type[Event]) -> list[Reaction]:
        """The reactions to one class of event, in the order of their registration."""
        return self._by_event.get(event, [])

    def events(self) -> list[type[Event]]:
        """The event classes that are registered here."""
        return list(self._by_event)


def perform(
    effect: Effect, *, key: UUID | None = None, at: datetime | None = None, lane: UUID | None = None
) -> Perform:
    """Have `effect` done; without a `key` it is of the aggregate that the event is about.

    With a `lane` it waits only for effects of the same class, key and lane.
    """
    return Perform(effect, key, at, lane)


def for_each(table: str, *, by: str, equals: UUID, decider: Decider[Any, Any, Any, Any], message: Any) -> ForEach:
    """Send `message` to the aggregate `id` of every row of `table` whose column `by` equals the value."""
    return ForEach(table, by, equals, decider, message)


def erase(subject_id: UUID) -> Erase:
    """Destroy the key of a person who was erased."""
    return Erase(subject_id)
