"""Events and their envelope: CloudEvents 1.0 over Kafka in binary mode (ADR 3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

EventT = TypeVar("EventT", bound="Event", covariant=True)

_REGISTRY: dict[tuple[str, int], type["Event"]] = {}


class Event(BaseModel):
    """Something that has happened to an aggregate, in the past tense.

    `class PermitGranted(Event, type="permits.permit.granted"): …`. Unknown fields are ignored, so that an older
    reader understands a newer writer; a change that an old reader would misread gets a new `version`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: ClassVar[str]
    version: ClassVar[int]

    def __init_subclass__(cls, *, type: str, version: int = 1) -> None:
        super().__init_subclass__()
        cls.type, cls.version = type, version
        if (type, version) in _REGISTRY:
            raise TypeError(f"two classes for the event {type} version {version}")
        _REGISTRY[type, version] = cls


def event_class(type: str, version: int) -> type[Event] | None:
    """The class of an event type in this version; None where this code does not know it."""
    return _REGISTRY.get((type, version))


def all_events() -> Iterator[type[Event]]:
    """Every event class, in the order of its declaration."""
    yield from _REGISTRY.values()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something comes from: which transaction it belongs to, what caused it, who did it and for whom.

    `urgent`: a person waits at this moment for what follows; it is not published.
    """

    correlation_id: UUID
    causation_id: UUID | None = None
    actor: str = "platform"
    on_behalf_of: str | None = None
    traceparent: str | None = None
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Recorded(Generic[EventT]):
    """An event as it stands in the log.

    `sequence` counts the events of its aggregate from 1 without gaps; `time` is when it was recorded (UTC).
    """

    id: UUID
    aggregate_id: UUID
    sequence: int
    time: datetime
    origin: Origin
    data: EventT

    def caused(self) -> Origin:
        """The origin of what this event brings about."""
        return Origin(
            correlation_id=self.origin.correlation_id,
            causation_id=self.id,
            on_behalf_of=self.origin.on_behalf_of,
            traceparent=self.origin.traceparent,
            urgent=self.origin.urgent,
        )
