"""Deciders (Jérémie Chassaing's pattern): the rules of one kind of aggregate, as two pure functions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, TypeVar, get_args, get_type_hints, overload
from uuid import UUID

from pydantic import TypeAdapter

from shared.contracts.event import Event
from shared.functions.given import Given, Givens

S = TypeVar("S")
M = TypeVar("M")
E = TypeVar("E", bound=Event)
G = TypeVar("G")


@dataclass(frozen=True)
class Send:
    """A message for an aggregate: now, or at an instant."""

    decider: "Decider[Any, Any, Any, Any]"
    aggregate_id: UUID
    message: Any
    at: datetime | None = None


class Decider(Generic[S, M, E, G]):
    """One kind of aggregate.

    decide(state, message, given) -> events: pure. A command may be refused (`Refused`); a notice is always dealt with.
    evolve(state, event) -> state: pure and total over the events.
    `table` holds the states; `shape` is raised when the class of the state changes, and rows of another shape are
    folded again from the log.
    """

    @overload
    def __init__(
        self: "Decider[S, M, E, None]",
        name: str,
        *,
        initial: S,
        decide: Callable[[S, M], Sequence[E]],
        evolve: Callable[[S, E], S],
        table: str | None = None,
        shape: int = 1,
    ) -> None: ...

    @overload
    def __init__(
        self,
        name: str,
        *,
        initial: S,
        decide: Callable[[S, M, G], Sequence[E]],
        evolve: Callable[[S, E], S],
        given: Given[Any] | Givens[Any],
        table: str | None = None,
        shape: int = 1,
    ) -> None: ...

    def __init__(
        self,
        name: str,
        *,
        initial: S,
        decide: Callable[..., Sequence[E]],
        evolve: Callable[[S, E], S],
        given: Given[Any] | Givens[Any] | None = None,
        table: str | None = None,
        shape: int = 1,
    ) -> None:
        self.name = name
        self.initial = initial
        self.decide = decide
        self.evolve = evolve
        self.given = given
        self.table = table or f"{name}s"
        self.shape = shape

    def send(self, aggregate_id: UUID, message: M, *, at: datetime | None = None) -> Send:
        """The message on its way to one aggregate."""
        return Send(self, aggregate_id, message, at)

    @property
    def state_class(self) -> type[S]:
        """The class of the aggregate's state."""
        return type(self.initial)

    @cached_property
    def messages(self) -> Mapping[str, TypeAdapter[Any]]:
        """Every message that the decider takes, by its class name: read from the annotation of `decide`."""
        return {cls.__name__: TypeAdapter(cls) for cls in _members(self.decide, "message")}

    @cached_property
    def events(self) -> frozenset[type[Event]]:
        """Every event of the aggregate: read from the annotation of `evolve`."""
        return frozenset(_members(self.evolve, "event"))


def fold(decider: Decider[S, Any, E, Any], *events: E, start: S | None = None) -> S:
    """The state after the events."""
    state = decider.initial if start is None else start
    for event in events:
        state = decider.evolve(state, event)
    return state


def _members(function: Callable[..., Any], parameter: str) -> tuple[type[Any], ...]:
    hint = get_type_hints(function)[parameter]
    return get_args(hint) or (hint,)
