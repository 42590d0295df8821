"""Who is told what, by which channels, and by whom."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.notifications.domain.delivery import Known, Status, reference_of
from shared.contracts.notifications import (
    Channel,
    DeliveryDelivered,
    DeliveryFailed,
    DeliveryRequested,
    DeliverySending,
    Failure,
)
from tests.unit.builders import NOW, a_text, an_id
from tests.unit.notifications.delivery_builders import (
    ALL_KNOWN,
    DECEASED,
    DELIVERY,
    FORGOTTEN,
    LATER,
    MAIL,
    PERSON,
    SMS_FIRST,
    SMS_SECOND,
    a_delivery,
    a_message,
    a_recipient,
    attempts_of,
    away,
    bounced,
    chosen,
    refused,
    taken,
)

WITH_MAIL_ALONE = replace(ALL_KNOWN, chosen=chosen(Channel.EMAIL))
MAIL_FIRST = replace(ALL_KNOWN, chosen=chosen(Channel.EMAIL, Channel.SMS))
NO_COMPANY = replace(ALL_KNOWN, route=None)


def test_a_person_is_told_once() -> None:
    life = a_delivery(a_message(), a_message(body=a_text("Other words")))
    assert [type(event) for event in life.events] == [DeliveryRequested, DeliveryDelivered, DeliverySending]
    assert life.state.body == a_text("Please pay", "يرجى السداد")


def test_what_is_in_the_inbox_is_what_was_said_and_delivered_with_it() -> None:
    life = a_delivery(a_message())
    [requested], [inbox] = life.of(DeliveryRequested), life.of(DeliveryDelivered)
    assert requested.in_app
    assert (requested.person_id, requested.title) == (PERSON, a_text("A fee is due", "رسم مستحق"))
    assert (inbox.number, inbox.channel, inbox.reference) == (0, Channel.IN_APP, None)


@pytest.mark.parametrize("recipient", [DECEASED, FORGOTTEN, None], ids=["dead", "erased", "unknown"])
def test_the_dead_the_erased_and_strangers_are_not_told(recipient: Any) -> None:
    assert a_delivery(a_message(), known=replace(ALL_KNOWN, recipient=recipient)).events == []


@pytest.mark.parametrize(
    ("wanted", "reached", "channels"),
    [
        (None, {}, [Channel.SMS, Channel.EMAIL]),
        (None, {"mobile": None}, [Channel.EMAIL]),
        (None, {"email": None}, [Channel.SMS]),
        (None, {"mobile": None, "email": None}, []),
        ((Channel.EMAIL, Channel.SMS), {}, [Channel.EMAIL, Channel.SMS]),
        ((Channel.EMAIL, Channel.SMS), {"email": None}, [Channel.SMS]),
        ((Channel.EMAIL,), {}, [Channel.EMAIL]),
        ((Channel.EMAIL,), {"email": None}, []),
        ((), {}, []),
    ],
)
def test_channels_are_those_that_the_person_wants_and_is_known_by(
    wanted: Sequence[Channel] | None, reached: dict[str, Any], channels: list[Channel]
) -> None:
    choice = None if wanted is None else chosen(*wanted)
    life = a_delivery(a_message(), known=replace(ALL_KNOWN, recipient=a_recipient(**reached), chosen=choice))
    assert life.of(DeliveryRequested)[0].channels == channels
    assert [attempt.channel for attempt in life.of(DeliverySending)] == channels[:1]
    assert len(life.of(DeliveryDelivered)) == 1


def test_without_a_company_a_message_goes_by_mail() -> None:
    assert attempts_of(a_delivery(a_message(), known=NO_COMPANY)) == [MAIL]


def test_what_was_chosen_later_counts_for_later_messages_alone() -> None:
    life = a_delivery(a_message())
    life.given = a_delivery(known=WITH_MAIL_ALONE).given
    life.send(away())
    assert attempts_of(life) == [SMS_FIRST, SMS_SECOND]


def test_the_next_company_is_tried_after_a_fault_of_the_first_alone() -> None:
    assert attempts_of(a_delivery(a_message(), away())) == [SMS_FIRST, SMS_SECOND]
    assert attempts_of(a_delivery(a_message(), away(1), away(2))) == [SMS_FIRST, SMS_SECOND, MAIL]


@pytest.mark.parametrize("status", [Failure.PERMANENT, Failure.TEMPORARY])
def test_the_next_channel_is_tried_where_the_number_is_at_fault(status: Failure) -> None:
    assert attempts_of(a_delivery(a_message(), replace(refused(), status=status))) == [SMS_FIRST, MAIL]
    assert attempts_of(a_delivery(a_message(), taken(), bounced(status=status))) == [SMS_FIRST, MAIL]
    assert attempts_of(a_delivery(a_message(), away(), taken(2), bounced(2, status))) == [SMS_FIRST, SMS_SECOND, MAIL]


@pytest.mark.parametrize("notice", [refused(), away()], ids=["refused", "away"])
def test_a_short_message_follows_on_mail_for_those_who_want_it_so(notice: Any) -> None:
    assert attempts_of(a_delivery(a_message(), notice, known=MAIL_FIRST)) == [MAIL, SMS_FIRST]


def test_nothing_is_tried_that_the_person_does_not_want() -> None:
    life = a_delivery(a_message(), refused(), known=WITH_MAIL_ALONE)
    assert attempts_of(life) == [MAIL]
    assert life.state.status is Status.PERMANENT_FAILURE


def test_a_final_refusal_tries_nothing_more() -> None:
    for notice in (refused(is_final=True), replace(away(), is_final=True)):
        life = a_delivery(a_message(), notice)
        assert attempts_of(life) == [SMS_FIRST]
        assert life.of(DeliveryFailed)[0].retry_at is None


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.EMAIL])
def test_a_channel_that_is_tried_out_is_used_alone_whatever_was_chosen(channel: Channel) -> None:
    other = Channel.EMAIL if channel is Channel.SMS else Channel.SMS
    known = replace(ALL_KNOWN, chosen=chosen(other))
    life = a_delivery(a_message(only_by=channel), known=known)
    assert not life.of(DeliveryRequested)[0].in_app
    assert life.of(DeliveryDelivered) == []
    life.send(refused())
    assert [attempt.channel for attempt in life.of(DeliverySending)] == [channel]
    assert life.state.status is Status.PERMANENT_FAILURE


def test_references_are_stable_and_of_one_attempt_each() -> None:
    life = a_delivery(a_message(), away(1), away(2))
    references = [attempt.reference for attempt in life.of(DeliverySending)]
    assert references == [reference_of(DELIVERY, number) for number in (1, 2, 3)]
    assert len({*references, reference_of(an_id("other"), 1)}) == 4
    assert [attempt.number for attempt in life.of(DeliverySending)] == [1, 2, 3]


def test_the_same_delivery_chooses_the_same_company_again() -> None:
    assert attempts_of(a_delivery(a_message())) == attempts_of(a_delivery(a_message()))


def test_nothing_is_begun_after_the_end_of_a_message_but_the_inbox_has_it() -> None:
    life = a_delivery(a_message(expires_at=NOW))
    assert [type(event) for event in life.events] == [DeliveryRequested, DeliveryDelivered]


@pytest.mark.parametrize("notice", [away(), refused(), bounced()], ids=["away", "refused", "bounced"])
def test_no_other_attempt_is_begun_after_the_end_of_a_message(notice: Any) -> None:
    in_time = a_delivery(a_message(expires_at=LATER + timedelta(microseconds=1)), notice)
    too_late = a_delivery(a_message(expires_at=LATER), notice)
    assert [len(attempts_of(life)) for life in (in_time, too_late)] == [2, 1]
    assert too_late.of(DeliveryFailed)[0].retry_at is None


def test_an_erased_persons_delivery_still_comes_to_its_end() -> None:
    life = a_delivery(a_message(), taken(), known=Known(a_recipient(), None, ALL_KNOWN.route))
    life.given = [Known()]
    life.send(bounced())
    assert attempts_of(life) == [SMS_FIRST, MAIL]
