"""Events on the wire: CloudEvents 1.0 in Kafka's binary mode, headers beside the data (ADR 3)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from pydantic_core import from_json

from shared.contracts.event import Event, Origin, Recorded, event_class
from shared.contracts.personal import codec_of

Headers = list[tuple[str, bytes]]


class Row(Protocol):
    """A row of the log, or what stands for one."""

    def __getitem__(self, name: str, /) -> Any:
        """A column's value."""
        ...


T = TypeVar("T")
R = TypeVar("R")
_MOST = 2**63 - 1  # what the log can count
_REQUIRED = ("ce_id", "ce_type", "ce_time", "ce_sequence", "ce_correlationid", "ce_schemaversion")


class MalformedEnvelope(Exception):
    """A record that is not an event of ours; its text names the header, never its value."""


class UnknownSchemaVersion(Exception):
    """An event, or a row, in a version that this code does not know; newer code will."""


def headers_of(row: Row, *, source: str) -> Headers:
    """The headers of an event of the log."""
    attributes: dict[str, object | None] = {
        "ce_specversion": "1.0",
        "ce_id": row["id"],
        "ce_type": row["type"],
        "ce_source": source,
        "ce_subject": row["aggregate_id"],
        "ce_time": row["recorded_at"].isoformat().replace("+00:00", "Z"),
        "ce_sequence": row["sequence"],
        "ce_correlationid": row["correlation_id"],
        "ce_causationid": row["causation_id"],
        "ce_actor": row["actor"],
        "ce_onbehalfof": row["on_behalf_of"],
        "ce_schemaversion": row["schema_version"],
        "content-type": "application/json",
        "traceparent": row["traceparent"],
        "correlation_id": row["id"],  # FastStream links the spans of a batch by this header
    }
    return [(name, str(value).encode()) for name, value in attributes.items() if value is not None]


def envelope_of(key: bytes | None, headers: Sequence[tuple[str, bytes | None]], value: bytes | None) -> dict[str, Any]:
    """A record as a JSON object that can be kept and read again. Raises MalformedEnvelope, without what it carried."""
    given = {name: raw.decode("utf-8", "replace") for name, raw in headers if raw is not None}
    missing = [name for name in _REQUIRED if name not in given]
    if missing or key is None:
        raise MalformedEnvelope(f"without {', '.join(missing) or 'a key'}")
    causation = given.get("ce_causationid")
    return {
        "key": _read("the key", _uuid, key.decode("utf-8", "replace")),
        "id": _read("ce_id", _uuid, given["ce_id"]),
        "type": given["ce_type"],
        "version": _read("ce_schemaversion", _number, given["ce_schemaversion"]),
        "sequence": _read("ce_sequence", _number, given["ce_sequence"]),
        "time": _read("ce_time", _instant, given["ce_time"]),
        "correlation_id": _read("ce_correlationid", _uuid, given["ce_correlationid"]),
        "causation_id": None if causation is None else _read("ce_causationid", _uuid, causation),
        "actor": given.get("ce_actor", "platform"),
        "on_behalf_of": given.get("ce_onbehalfof"),
        "traceparent": given.get("traceparent"),
        "data": {} if value is None else _read("the body", _object, value),
    }


def _read(name: str, read: Callable[[T], R], raw: T) -> R:
    try:
        return read(raw)
    except ValueError:
        raise MalformedEnvelope(f"with {name} that cannot be read") from None


def _uuid(text: str) -> str:
    return str(UUID(text))


def _number(text: str) -> int:
    number = int(text)
    if not 0 < number <= _MOST:
        raise ValueError("not a count")
    return number


def _instant(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("an instant has a zone")
    return text


def _object(raw: bytes) -> dict[str, Any]:
    data = from_json(raw)
    if not isinstance(data, dict):
        raise ValueError("not an object")  # noqa: TRY004 what cannot be read is one kind of trouble here
    return data


def origin_in(envelope: Mapping[str, Any]) -> Origin:
    """The origin that an envelope carries."""
    causation = envelope["causation_id"]
    return Origin(
        correlation_id=UUID(envelope["correlation_id"]),
        causation_id=UUID(causation) if causation else None,
        actor=envelope["actor"],
        on_behalf_of=envelope["on_behalf_of"],
        traceparent=envelope["traceparent"],
    )


def event_in(envelope: Mapping[str, Any]) -> Recorded[Event]:
    """The event that an envelope carries. Raises UnknownSchemaVersion, or pydantic's ValidationError."""
    cls = event_class(envelope["type"], envelope["version"])
    if cls is None:
        raise UnknownSchemaVersion(f"{envelope['type']} version {envelope['version']}")
    aggregate_id = UUID(envelope["key"])
    return Recorded(
        id=UUID(envelope["id"]),
        aggregate_id=aggregate_id,
        sequence=envelope["sequence"],
        time=datetime.fromisoformat(envelope["time"]),
        origin=origin_in(envelope),
        data=codec_of(cls).load(envelope["data"], None, aggregate_id, None),
    )
