"""Builders that several unit tests need: ids, texts, recorded events, and the life of an aggregate."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from enum import EnumType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import from_json, to_json

from shared.contracts.event import Event, Origin, Recorded
from shared.contracts.personal import ERASED, codec_of
from shared.functions import Decider, fold
from shared.kernel.errors import NotYet, Refused
from shared.kernel.ids import derive_id
from shared.kernel.text import LocalizedText
from shared.store.keyring import SubjectBox

AnyDecider = Decider[Any, Any, Any, Any]
T = TypeVar("T")
EventT = TypeVar("EventT", bound=Event)

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
BOX = SubjectBox(b"0123456789abcdef0123456789abcdef")


def an_id(*name: object) -> UUID:
    """The id that goes by this name in the tests."""
    return derive_id("test", *name)


def a_text(en: str = "some words", ar: str = "بعض الكلمات") -> LocalizedText:
    """A text in both languages."""
    return LocalizedText(ar=ar, en=en)


_PLAIN: Mapping[Any, Any] = {
    UUID: an_id("somebody or something"),
    str: "AFQ-2345-6789",
    int: 10_000,
    bool: True,
    date: NOW.date(),
    datetime: NOW,
    LocalizedText: a_text("Driving licence", "رخصة قيادة"),
}


def an_event(kind: type[EventT], /, **changes: Any) -> EventT:
    """An event of any kind, with plain values where none are given."""
    return kind(**_plain_fields(kind) | changes)


def _plain_fields(kind: type[BaseModel]) -> dict[str, Any]:
    return {name: _plain(field.annotation) for name, field in kind.model_fields.items()}


def _plain(hint: Any) -> Any:
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (dict, list):
        return origin()
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint(**_plain_fields(hint))
    return next(iter(hint)) if isinstance(hint, EnumType) else _plain(parts[0])


def recorded(data: EventT, aggregate_id: UUID | None = None, *, sequence: int = 1) -> Recorded[EventT]:
    """An event as it stands in the log."""
    id = aggregate_id or an_id("aggregate")
    origin = Origin(correlation_id=an_id("transaction"))
    return Recorded(an_id("event", data.type, id, sequence), id, sequence, NOW, origin, data)


def through_json(value: Any) -> Any:
    """What comes back of a value that a JSON column has kept."""
    return from_json(to_json(value))


def stored_and_read(value: T, aggregate_id: UUID) -> T:
    """The value as it comes back of the database: sealed, kept as JSON, opened."""
    codec = codec_of(type(value))
    kept = codec.store(value, aggregate_id, BOX)
    return codec.load(through_json(kept.data), through_json(kept.sealed), aggregate_id, BOX)


def without_personal_data(state: T) -> T:
    """The state of an aggregate as it is read after its subject was erased."""
    return replace(state, **dict.fromkeys(codec_of(type(state)).private, ERASED))  # type: ignore[type-var]


def is_command(message: type) -> bool:
    """Whether a message is what a person asks, so that it may be refused; all others tell what has happened."""
    return (message.__doc__ or "").startswith("A command")


def messages_of(decider: AnyDecider) -> list[type]:
    """Every class of message that the decider takes."""
    hint = get_type_hints(decider.decide)["message"]
    return list(get_args(hint) or (hint,))


GivenTo = Sequence[Any] | Callable[[Any, Any], Sequence[Any]]
"""What a decider is given: always the same, or found for (message, state)."""


class Life:
    """The life of one aggregate: messages are sent to it, and what a Decider promises is checked each time.

    `refusal`: why the last command was refused; `waits_for`: for whom the last notice has to wait.
    """

    def __init__(
        self, decider: AnyDecider, given: GivenTo = (), transitions: Mapping[Any, frozenset[Any]] | None = None
    ) -> None:
        self.decider = decider
        self.given = given
        self.transitions = transitions
        self.state: Any = decider.initial
        self.events: list[Any] = []
        self.refusal: str | None = None
        self.waits_for: UUID | None = None

    def send(self, *messages: Any) -> list[Any]:
        """The events that the messages bring about; a refused command brings about none."""
        return [event for message in messages for event in self._send(message)]

    def of(self, kind: type[EventT]) -> list[EventT]:
        """The events of one kind that have happened."""
        return [event for event in self.events if isinstance(event, kind)]

    def _send(self, message: Any) -> list[Any]:
        self.refusal = self.waits_for = None
        given = self.given(message, self.state) if callable(self.given) else self.given
        try:
            answer = self.decider.decide(self.state, message, *given)
        except NotYet as not_yet:
            assert not is_command(type(message)), f"a command was put off: {message}"
            self.waits_for = not_yet.id
            return []
        except Refused as refused:
            assert is_command(type(message)), f"a notice was refused: {message}"
            self.refusal = refused.code
            return []
        assert isinstance(answer, Sequence)
        for event in answer:
            self._happen(event)
        assert self.state == fold(self.decider, *self.events), "folding the log gives another state"
        return list(answer)

    def _happen(self, event: Any) -> None:
        assert type(event) in self.decider.events
        before = self.state
        self.state = self.decider.evolve(before, event)
        self.events.append(event)
        if self.transitions is not None and self.state.status is not before.status:
            assert self.state.status in self.transitions[before.status], f"{before.status} became {self.state.status}"


def a_life(decider: AnyDecider, *messages: Any, given: Sequence[Any] = ()) -> Life:
    """An aggregate that these messages were sent to."""
    life = Life(decider, given)
    life.send(*messages)
    return life
