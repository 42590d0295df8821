from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from shared.contracts import identity, notifications, payments, requests
from shared.contracts.envelope import (
    Headers,
    MalformedEnvelope,
    UnknownSchemaVersion,
    envelope_of,
    event_in,
    headers_of,
    origin_in,
)
from shared.contracts.event import Event, Origin, Recorded, all_events
from shared.contracts.payments import PaymentExpired
from shared.contracts.personal import codec_of
from shared.store.log import log_row
from tests.unit.builders import BOX, NOW, an_id, recorded, through_json
from tests.unit.generated import QUICK, generated

MODULES = {module.__name__ for module in (identity, notifications, payments, requests)}
EVENTS = [event for event in all_events() if event.__module__ in MODULES]
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECRET = b"canary-value"
NAMED = ["ce_id", "ce_time", "ce_sequence", "ce_correlationid", "ce_causationid", "ce_schemaversion"]


def an_event(**origin: Any) -> Recorded[PaymentExpired]:
    """An event with an origin of its own."""
    data = PaymentExpired(fee_id=an_id("fee"), for_id=an_id("request"))
    known = Origin(**{"correlation_id": an_id("transaction"), **origin})
    return Recorded(an_id("event"), an_id("payment"), 3, NOW, known, data)


def published(event: Recorded[Any]) -> tuple[bytes, Headers, bytes]:
    """The key, headers and value of the record that the relay makes of an event."""
    row = log_row("aggregate", event, {event.aggregate_id: BOX}, 0)
    return str(event.aggregate_id).encode(), headers_of(row, source="/afaq/payments"), to_json(row["data"])


def with_header(headers: Headers, name: str, value: bytes) -> Headers:
    """The headers with one of them set."""
    return [*((other, raw) for other, raw in headers if other != name), (name, value)]


def refused(key: bytes | None, headers: Sequence[tuple[str, bytes]], value: bytes | None = b"{}") -> str:
    """What is said of a record that is not an event of ours."""
    with pytest.raises(MalformedEnvelope) as malformed:
        origin_in(envelope_of(key, headers, value))
    return str(malformed.value)


def test_an_event_arrives_as_it_was_published() -> None:
    event = an_event(causation_id=an_id("cause"), actor="citizen:1", on_behalf_of="citizen:2", traceparent=TRACEPARENT)
    assert event_in(envelope_of(*published(event))) == event


def test_what_an_origin_does_not_have_is_no_header() -> None:
    names = {name for name, _ in published(an_event())[1]}
    assert names.isdisjoint({"ce_causationid", "ce_onbehalfof", "traceparent"})
    assert event_in(envelope_of(*published(an_event()))).origin == an_event().origin


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
@QUICK
@given(data=st.data())
def test_every_event_arrives_without_what_is_personal(event: type[Event], data: st.DataObject) -> None:
    happened = recorded(data.draw(generated(event)))
    arrived = event_in(envelope_of(*published(happened)))
    codec = codec_of(event)
    public = codec.load(through_json(codec.store(happened.data, happened.aggregate_id, None).data), None, an_id(), None)
    assert arrived.data == public
    assert (arrived.id, arrived.aggregate_id, arrived.sequence) == (happened.id, happened.aggregate_id, 1)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
@QUICK
@given(data=st.data())
def test_every_event_is_published_as_a_cloud_event(event: type[Event], data: st.DataObject) -> None:
    happened = recorded(data.draw(generated(event)))
    key, headers, value = published(happened)
    read = from_binary_event(KafkaMessage(headers=dict(headers), key=key, value=value))
    assert read.get_specversion() == "1.0"
    assert read.get_id() == str(happened.id)
    assert read.get_type() == event.type
    assert read.get_source() == "/afaq/payments"
    assert read.get_subject() == read.get_extension("partitionkey") == str(happened.aggregate_id)
    assert read.get_time() == happened.time
    assert read.get_datacontenttype() == "application/json"
    assert read.get_extension("sequence") == "1"
    assert read.get_extension("correlationid") == str(happened.origin.correlation_id)
    assert read.get_extension("schemaversion") == str(event.version)
    assert read.get_data() == codec_of(event).store(happened.data, happened.aggregate_id, BOX).data


def test_who_did_it_and_why_are_extensions_of_the_cloud_event() -> None:
    event = an_event(causation_id=an_id("cause"), actor="موظف:1", on_behalf_of="citizen:2", traceparent=TRACEPARENT)
    key, headers, value = published(event)
    read = from_binary_event(KafkaMessage(headers=dict(headers), key=key, value=value))
    assert read.get_extension("causationid") == str(an_id("cause"))
    assert read.get_extension("actor") == "موظف:1"
    assert read.get_extension("onbehalfof") == "citizen:2"
    assert dict(headers)["traceparent"] == TRACEPARENT.encode()


def test_no_header_comes_twice() -> None:
    names = [name for name, _ in published(an_event(causation_id=an_id("cause")))[1]]
    assert len(names) == len(set(names))


def test_a_tombstone_has_no_value() -> None:
    key, headers, _ = published(recorded(identity.PersonForgotten()))
    assert isinstance(event_in(envelope_of(key, headers, None)).data, identity.PersonForgotten)


def test_an_envelope_can_be_kept_as_json_and_read_again() -> None:
    envelope = envelope_of(*published(an_event(causation_id=an_id("cause"))))
    assert event_in(through_json(envelope)) == event_in(envelope)


def test_an_event_of_a_version_that_is_not_known_yet_waits_for_newer_code() -> None:
    key, headers, value = published(an_event())
    envelope = envelope_of(key, with_header(headers, "ce_schemaversion", b"99"), value)
    with pytest.raises(UnknownSchemaVersion, match=r"payments\.payment\.expired version 99"):
        event_in(envelope)


@pytest.mark.parametrize("name", ["ce_id", "ce_type", "ce_time", "ce_sequence", "ce_correlationid", "ce_schemaversion"])
def test_a_record_without_a_header_that_it_needs_is_refused_with_its_name(name: str) -> None:
    key, headers, value = published(an_event())
    assert name in refused(key, [(other, raw) for other, raw in headers if other != name], value)


@pytest.mark.parametrize("name", NAMED)
def test_a_header_that_cannot_be_read_is_refused_with_its_name_and_without_its_value(name: str) -> None:
    key, headers, value = published(an_event())
    said = refused(key, with_header(headers, name, SECRET), value)
    assert name in said
    assert SECRET.decode() not in said


@pytest.mark.parametrize("name", ["ce_id", "ce_actor", "traceparent", "some-other"])
def test_a_header_without_a_value_ends_no_consumer(name: str) -> None:
    key, headers, value = published(an_event())
    without: Any = None  # Kafka allows a header to have no value
    with suppress(MalformedEnvelope):
        assert event_in(envelope_of(key, with_header(headers, name, without), value)).id == an_id("event")


@pytest.mark.parametrize("sequence", [b"0", b"-1", b"9" * 30])
def test_a_sequence_that_no_log_has_is_refused(sequence: bytes) -> None:
    key, headers, value = published(an_event())
    refused(key, with_header(headers, "ce_sequence", sequence), value)


@pytest.mark.parametrize("key", [None, b"", SECRET, b"\xff\xfe"])
def test_a_record_whose_key_is_no_id_is_refused(key: bytes | None) -> None:
    _, headers, value = published(an_event())
    assert SECRET.decode() not in refused(key, headers, value)


@pytest.mark.parametrize("value", [b"", SECRET, b'{"fee_id": ', b"\xff"])
def test_a_record_whose_body_is_not_json_is_refused(value: bytes) -> None:
    key, headers, _ = published(an_event())
    assert SECRET.decode() not in refused(key, headers, value)


@pytest.mark.parametrize("name", NAMED)
def test_a_refusal_carries_no_value_in_its_causes_either(name: str) -> None:
    key, headers, value = published(an_event())
    with pytest.raises((MalformedEnvelope, ValueError)) as malformed:
        origin_in(envelope_of(key, with_header(headers, name, SECRET), value))
        pytest.fail("nothing was refused")
    assert SECRET.decode() not in f"{malformed.value!r} {malformed.value.__cause__!r}"


@QUICK
@given(
    st.none() | st.binary(max_size=40),
    st.lists(st.tuples(st.sampled_from([*NAMED, "ce_type", "ce_actor"]), st.binary(max_size=40)), max_size=8),
    st.none() | st.binary(max_size=40),
)
def test_any_record_is_an_event_or_is_refused(
    key: bytes | None, headers: list[tuple[str, bytes]], value: bytes | None
) -> None:
    with suppress(MalformedEnvelope):
        envelope = envelope_of(key, headers, value)
        assert UUID(envelope["key"])
        assert origin_in(envelope)
