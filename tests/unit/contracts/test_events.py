import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.contracts import identity, notifications, payments, requests
from shared.contracts.event import Event, all_events, event_class
from shared.contracts.identity import Fact
from shared.contracts.topics import TOPICS
from tests.unit.builders import NOW, an_id, stored_and_read, through_json
from tests.unit.generated import QUICK, generated

PRODUCERS = {
    module.__name__: module.__name__.rpartition(".")[2] for module in (identity, notifications, payments, requests)
}
EVENTS = [event for event in all_events() if event.__module__ in PRODUCERS]
each_event = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)


@each_event
def test_an_event_says_what_has_happened(event: type[Event]) -> None:
    assert (event.__doc__ or "").strip().endswith(".")


@each_event
def test_a_type_names_the_service_the_aggregate_and_what_has_happened(event: type[Event]) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z_]+\.[a-z_]+", event.type)
    assert event.type.partition(".")[0] == PRODUCERS[event.__module__]
    assert event.version >= 1


def test_every_producing_service_has_events_and_a_topic() -> None:
    producers = {event.type.partition(".")[0] for event in EVENTS}
    assert producers == set(PRODUCERS.values())
    assert producers <= {topic.owner for topic in TOPICS}


@each_event
@QUICK
@given(data=st.data())
def test_an_event_comes_back_of_the_log_as_it_was(event: type[Event], data: st.DataObject) -> None:
    happened = data.draw(generated(event))
    assert stored_and_read(happened, an_id("aggregate")) == happened


def test_a_date_in_a_fact_stays_a_date_or_is_not_taken() -> None:
    with suppress(ValidationError):
        fact = Fact(value=NOW.date(), source="moi-traffic", as_of=NOW)
        assert Fact.model_validate(through_json(fact)) == fact


@pytest.mark.parametrize("value", [0, 1, True, False, "0", "true", "a word", 2**62])
def test_a_fact_keeps_its_type(value: str | int | bool) -> None:
    fact = Fact(value=value, source="moi-traffic", as_of=NOW)
    again = Fact.model_validate(through_json(fact))
    assert again == fact
    assert type(again.value) is type(value)


def test_an_older_reader_understands_a_newer_writer() -> None:
    known = {"fee_id": str(an_id("fee")), "for_id": str(an_id("request"))}
    newer = payments.PaymentExpired.model_validate({**known, "added_in_2030": {"anything": [1]}})
    assert newer == payments.PaymentExpired.model_validate(known)


def test_an_event_is_never_changed() -> None:
    happened = payments.PaymentExpired(fee_id=an_id("fee"), for_id=an_id("request"))
    with pytest.raises(ValidationError):
        happened.fee_id = an_id("other")  # type: ignore[misc]


def test_an_event_is_found_by_its_type_and_version() -> None:
    assert event_class("payments.payment.expired", 1) is payments.PaymentExpired
    assert event_class("payments.payment.expired", 2) is None
    assert event_class("payments.payment.exploded", 1) is None


def test_two_classes_cannot_be_the_same_event() -> None:
    with pytest.raises(TypeError, match=r"payments\.payment\.expired version 1"):

        class PaymentExpiredAgain(Event, type="payments.payment.expired"):
            """Declared twice."""
