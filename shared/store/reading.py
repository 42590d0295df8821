"""Reads many events of the log for replays, with what their classes need looked up once."""

from collections.abc import Iterable
from functools import cache
from uuid import UUID

from shared.contracts.envelope import UnknownSchemaVersion
from shared.contracts.event import Event, Origin, Recorded, event_class
from shared.contracts.personal import Codec, codec_of
from shared.store.keyring import Boxes
from shared.store.types import Record


@cache
def codec_for(type: str, version: int) -> Codec[Event]:
    """How events of a type and version are read. Raises UnknownSchemaVersion."""
    cls = event_class(type, version)
    if cls is None:
        raise UnknownSchemaVersion(f"{type} version {version}")
    codec: Codec[Event] = codec_of(cls)
    return codec


def subjects_of(rows: Iterable[tuple[UUID, str, int, dict[str, object]]]) -> set[UUID]:
    """Whose keys open events, given as (aggregate id, type, version, data); what nobody can read has none."""
    subjects: set[UUID] = set()
    for id, type, version, data in rows:
        if event_class(type, version) is None:
            continue
        codec = codec_for(type, version)
        if codec.private and (subject := codec.subject_in(data, id)):
            subjects.add(subject)
    return subjects


def opened(
    type: str, version: int, data: dict[str, object], sealed: dict[str, str] | None, id: UUID, boxes: Boxes
) -> Event:
    """What an event says, opened as far as the keys are there."""
    codec = codec_for(type, version)
    if not codec.private:
        return codec.load(data, None, id, None)
    subject = codec.subject_in(data, id)
    return codec.load(data, sealed, id, boxes.get(subject) if subject else None)


def recorded_from(row: Record, boxes: Boxes) -> Recorded[Event]:
    """A row of `log_stretch` as an event."""
    (
        _,
        id,
        aggregate_id,
        sequence,
        time,
        correlation,
        causation,
        actor,
        on_behalf_of,
        trace,
        type,
        version,
        data,
        sealed,
    ) = row
    origin = Origin(correlation, causation, actor, on_behalf_of, trace)
    return Recorded(id, aggregate_id, sequence, time, origin, opened(type, version, data, sealed, aggregate_id, boxes))
