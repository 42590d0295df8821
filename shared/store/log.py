"""Rows of the event log as events, and back."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from shared.contracts.envelope import UnknownSchemaVersion
from shared.contracts.event import Event, Origin, Recorded, event_class
from shared.contracts.personal import codec_of
from shared.store.keyring import Boxes, KeyRing
from shared.store.statements import SQL
from shared.store.types import AnyConnection


def class_of(row: Mapping[str, Any]) -> type[Event]:
    """The event class of a log row."""
    cls = event_class(row["type"], row["schema_version"])
    if cls is None:
        raise UnknownSchemaVersion(f"{row['type']} version {row['schema_version']}")
    return cls


def subject_of(row: Mapping[str, Any]) -> UUID | None:
    """Whose key opens a log row."""
    return codec_of(class_of(row)).subject_in(row["data"], row["aggregate_id"])


def subject_if_known(row: Any) -> UUID | None:
    """As subject_of; None also for an event that this code does not know."""
    return None if event_class(row["type"], row["schema_version"]) is None else subject_of(row)


def recorded(row: Any, boxes: Boxes) -> Recorded[Event]:
    """A log row as an event, opened as far as the keys are there."""
    codec = codec_of(class_of(row))
    subject = codec.subject_in(row["data"], row["aggregate_id"])
    box = boxes.get(subject) if subject else None
    return Recorded(
        id=row["id"],
        aggregate_id=row["aggregate_id"],
        sequence=row["sequence"],
        time=row["recorded_at"],
        origin=Origin(
            correlation_id=row["correlation_id"],
            causation_id=row["causation_id"],
            actor=row["actor"],
            on_behalf_of=row["on_behalf_of"],
            traceparent=row["traceparent"],
        ),
        data=codec.load(row["data"], row["sealed"], row["aggregate_id"], box),
    )


async def read_all(connection: AnyConnection, keyring: KeyRing, rows: Iterable[Any]) -> list[Recorded[Event]]:
    """Log rows as events, with the keys of all of them fetched at once."""
    kept = list(rows)
    subjects = {subject for row in kept if (subject := subject_of(row))}
    boxes = await keyring.boxes(connection, subjects)
    return [recorded(row, boxes) for row in kept]


async def history(
    connection: AnyConnection, keyring: KeyRing, aggregate_id: UUID, after: int = 0
) -> list[Recorded[Event]]:
    """What has happened to one aggregate after a sequence, in order."""
    return await read_all(connection, keyring, await connection.fetch(SQL["events_of"], aggregate_id, after))


def log_row(aggregate: str, event: Recorded[Event], boxes: Boxes, position: int) -> dict[str, Any]:
    """An event as the row that is written, its private fields sealed."""
    codec = codec_of(type(event.data))
    subject = codec.subject_of(event.data, event.aggregate_id)
    stored = codec.store(event.data, event.aggregate_id, boxes.get(subject) if subject else None)
    return {
        "position": position,
        "id": event.id,
        "type": event.data.type,
        "schema_version": event.data.version,
        "aggregate": aggregate,
        "aggregate_id": event.aggregate_id,
        "sequence": event.sequence,
        "data": stored.data,
        "sealed": stored.sealed,
        "recorded_at": event.time,
        "correlation_id": event.origin.correlation_id,
        "causation_id": event.origin.causation_id,
        "actor": event.origin.actor,
        "on_behalf_of": event.origin.on_behalf_of,
        "traceparent": event.origin.traceparent,
    }
