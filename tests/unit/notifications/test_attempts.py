"""Receipts, and rounds: what follows on each attempt."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.notifications.domain.delivery import (
    PATIENCE,
    PAUSES,
    Arrived,
    Known,
    NotTaken,
    Status,
    TryAgain,
    Unheard,
    reference_of,
)
from shared.contracts.notifications import Channel, DeliveryDelivered, DeliveryFailed, DeliverySending, Failure
from tests.unit.builders import NOW, Life
from tests.unit.notifications.delivery_builders import (
    ALL_KNOWN,
    DELIVERY,
    LATER,
    MAIL,
    SMS_FIRST,
    SMS_SECOND,
    a_delivery,
    a_message,
    a_recipient,
    attempts_of,
    away,
    bounced,
    refused,
    taken,
)

SMS_ALONE = replace(ALL_KNOWN, recipient=a_recipient(email=None))
IN_HALF_AN_HOUR = NOW + timedelta(minutes=30)
UNHEARD = Unheard(1, IN_HALF_AN_HOUR)


def arrivals(life: Life) -> list[int]:
    """The attempts that arrived; 0 is the inbox."""
    return [event.number for event in life.of(DeliveryDelivered)]


def test_what_was_taken_and_has_arrived_is_delivered() -> None:
    life = a_delivery(a_message(), taken())
    assert life.state.status == "sent"
    life.send(Arrived(1))
    assert life.state.status == "delivered"
    assert life.of(DeliveryDelivered)[-1].reference == reference_of(DELIVERY, 1)


@pytest.mark.parametrize("again", [Arrived(1), taken(), away(), refused(), UNHEARD, TryAgain(1, LATER)])
def test_what_has_arrived_stays_so_whatever_comes_again_or_late(again: Any) -> None:
    life = a_delivery(a_message(), taken(), Arrived(1))
    assert life.send(again) == []


def test_a_late_bounce_goes_on_to_the_next_channel() -> None:
    life = a_delivery(a_message(), taken(), Arrived(1), bounced())
    assert attempts_of(life) == [SMS_FIRST, MAIL]
    assert life.state.status is Status.SENDING


@pytest.mark.parametrize("notices", [[bounced(), bounced()], [taken(), bounced(), bounced(), taken()]])
def test_a_receipt_that_comes_again_brings_about_nothing_more(notices: list[Any]) -> None:
    assert attempts_of(a_delivery(a_message(), *notices)) == [SMS_FIRST, MAIL]


@pytest.mark.parametrize("answer", [taken(), away()], ids=["taken", "answer lost"])
@pytest.mark.parametrize("receipt", [Arrived(1), bounced()], ids=["arrived", "bounced"])
def test_a_receipt_may_come_before_the_companys_own_answer(receipt: Any, answer: Any) -> None:
    life = a_delivery(a_message(), receipt)
    before = life.state
    assert life.send(answer) == []
    assert life.state == before
    assert arrivals(life) == ([0, 1] if isinstance(receipt, Arrived) else [0])


@pytest.mark.parametrize("then", [[], [taken(2)]], ids=["not yet taken", "taken"])
def test_where_an_earlier_attempt_arrives_no_other_has_to_be_made(then: list[Any]) -> None:
    life = a_delivery(a_message(), away(), *then, Arrived(1))
    assert life.state.status is Status.DELIVERED
    assert not life.state.is_sending(2)
    for late in (taken(2), away(2), bounced(2), Unheard(2, IN_HALF_AN_HOUR), Arrived(2)):
        assert life.send(late) == []


def test_where_an_earlier_attempt_that_had_arrived_bounces_the_next_channel_is_tried() -> None:
    life = a_delivery(a_message(), away(), taken(2), Arrived(1), bounced(1))
    assert attempts_of(life) == [SMS_FIRST, SMS_SECOND, MAIL]
    assert life.of(DeliveryFailed)[-1].reference == reference_of(DELIVERY, 1)


def test_what_was_begun_in_vain_meanwhile_is_begun_again_where_the_earlier_attempt_bounces() -> None:
    life = a_delivery(a_message(), taken(), UNHEARD, Arrived(1), bounced(1))
    assert attempts_of(life) == [SMS_FIRST, MAIL, MAIL]
    assert life.state.is_sending(3)


def test_a_number_that_is_none_is_not_tried_again_by_another_company_or_in_another_round() -> None:
    life = a_delivery(a_message(), refused(1), away(2))
    assert attempts_of(life) == [SMS_FIRST, MAIL]
    life.send(TryAgain(2, LATER))
    assert attempts_of(life) == [SMS_FIRST, MAIL, MAIL]


def test_companies_that_were_away_are_tried_again_though_mail_has_refused_the_address() -> None:
    life = a_delivery(a_message(), away(1), away(2), refused(3))
    assert life.of(DeliveryFailed)[-1].retry_at == LATER + PAUSES[0]
    life.send(TryAgain(3, LATER), away(4), away(5))
    assert attempts_of(life) == [SMS_FIRST, SMS_SECOND, MAIL, SMS_FIRST, SMS_SECOND]
    assert life.of(DeliveryFailed)[-1].retry_at == LATER + PAUSES[1]


@pytest.mark.parametrize("late", [bounced(1), Unheard(1, IN_HALF_AN_HOUR), taken(1), away(1), TryAgain(1, LATER)])
def test_what_is_said_of_an_earlier_attempt_does_not_harm_the_running_one(late: Any) -> None:
    assert a_delivery(a_message(), away()).send(late) == []
    assert a_delivery(a_message(), away(), taken(2)).send(late) == []


def test_receipts_of_attempts_that_were_never_made_are_no_harm() -> None:
    life = a_delivery(a_message())
    for number in (-1, 0, 2):
        assert life.send(Arrived(number), bounced(number), Unheard(number, LATER), TryAgain(number, LATER)) == []


def test_a_receipt_for_the_inbox_is_no_harm() -> None:
    life = a_delivery(a_message(), known=replace(ALL_KNOWN, recipient=a_recipient(mobile=None, email=None)))
    assert life.send(Arrived(0), bounced(0), Unheard(0, LATER), TryAgain(0, LATER), away(0), taken(0)) == []


def test_without_a_receipt_the_next_channel_is_tried() -> None:
    life = a_delivery(a_message(), taken(), UNHEARD)
    assert attempts_of(life) == [SMS_FIRST, MAIL]
    [failure] = life.of(DeliveryFailed)
    assert (failure.status, failure.why) == (Failure.TEMPORARY, "no-receipt")


def test_a_message_that_arrives_after_all_ends_what_was_begun_meanwhile() -> None:
    life = a_delivery(a_message(), taken(), UNHEARD, Arrived(1))
    assert life.state.status is Status.DELIVERED
    assert not life.state.is_sending(2)


def test_a_message_that_failed_and_arrives_after_all_is_delivered() -> None:
    life = a_delivery(a_message(), taken(), bounced(status=Failure.TEMPORARY), known=SMS_ALONE)
    assert life.state.status == "temporary-failure"
    life.send(Arrived(1))
    assert life.state.status == "delivered"


def all_away(life: Life, at: datetime) -> list[DeliveryFailed]:
    """The ends of rounds while everybody stays away, each fault a second after its attempt, until no more is tried."""
    ends = []
    for _ in range(1000):
        at += timedelta(seconds=1)
        failure = next(event for event in life.send(away(life.state.number, at)) if isinstance(event, DeliveryFailed))
        if life.state.status is Status.SENDING:
            continue
        ends.append(failure)
        if failure.retry_at is None:
            return ends
        at = failure.retry_at
        life.send(TryAgain(life.state.number, at))
        assert life.state.status is Status.SENDING
    raise AssertionError("it is tried for ever")


def test_where_all_are_away_all_is_tried_again_in_the_same_order() -> None:
    life = a_delivery(a_message(), away(1), away(2), away(3))
    assert life.state.status is Status.TECHNICAL_FAILURE
    assert life.of(DeliveryFailed)[-1].retry_at == LATER + PAUSES[0]
    life.send(TryAgain(3, LATER + PAUSES[0]), away(4), away(5))
    assert attempts_of(life) == [SMS_FIRST, SMS_SECOND, MAIL] * 2


def test_pauses_grow_and_it_ends_after_three_days() -> None:
    life = a_delivery(a_message())
    ends = all_away(life, NOW)
    pauses = [later.retry_at - _end_at(number) for number, later in enumerate(ends) if later.retry_at is not None]
    assert pauses == sorted(pauses)
    assert [*dict.fromkeys(pauses)] == list(PAUSES)
    last = max(end.retry_at for end in ends if end.retry_at is not None)
    assert NOW + PATIENCE - PAUSES[-1] - timedelta(minutes=1) <= last < NOW + PATIENCE


def _end_at(rounds_before: int) -> datetime:
    """When a round ends of which each of the three attempts takes a second."""
    paused = sum((PAUSES[min(number, len(PAUSES) - 1)] for number in range(rounds_before)), timedelta())
    return NOW + paused + timedelta(seconds=3) * (rounds_before + 1)


@pytest.mark.parametrize("lives_for", [timedelta(seconds=59), timedelta(minutes=5), timedelta(hours=7)])
def test_it_ends_with_the_message_where_that_is_sooner(lives_for: timedelta) -> None:
    life = a_delivery(a_message(expires_at=NOW + lives_for))
    ends = all_away(life, NOW)
    assert all(end.retry_at < NOW + lives_for for end in ends[:-1] if end.retry_at)
    assert ends[-1].retry_at is None


def test_a_round_that_would_begin_at_the_end_does_not() -> None:
    end = LATER + PAUSES[0]
    for expires_at, retry_at in ((end, None), (end + timedelta(microseconds=1), end)):
        life = a_delivery(a_message(only_by=Channel.EMAIL, expires_at=expires_at), away())
        assert life.of(DeliveryFailed)[-1].retry_at == retry_at


def test_a_message_whose_end_lies_far_away_is_tried_for_three_days_nevertheless() -> None:
    ends = all_away(a_delivery(a_message(expires_at=NOW + timedelta(days=90))), NOW)
    assert len(ends) == len(all_away(a_delivery(a_message()), NOW))


@pytest.mark.parametrize("status", [Failure.PERMANENT, Failure.TEMPORARY])
def test_there_is_no_other_round_where_the_person_is_not_reached(status: Failure) -> None:
    life = a_delivery(a_message(), NotTaken(1, status, "x", LATER), NotTaken(2, status, "x", LATER))
    assert attempts_of(life) == [SMS_FIRST, MAIL]
    assert life.of(DeliveryFailed)[-1].retry_at is None
    assert life.state.status == status


def test_a_round_begins_once() -> None:
    life = a_delivery(a_message(), away(1), away(2), away(3), *[TryAgain(3, LATER)] * 2)
    assert len(attempts_of(life)) == 4
    life.send(TryAgain(4, LATER), TryAgain(3, LATER))
    assert len(attempts_of(life)) == 4
    life.send(away(4), away(5), away(6))
    assert life.state.status is Status.TECHNICAL_FAILURE
    assert life.send(TryAgain(3, LATER), TryAgain(5, LATER)) == []


def test_what_arrives_before_the_next_round_ends_it() -> None:
    life = a_delivery(a_message(), away(1), away(2), away(3), Arrived(2))
    assert life.send(TryAgain(3, LATER)) == []


def test_a_round_does_not_begin_after_the_end_of_a_message() -> None:
    life = a_delivery(a_message(expires_at=NOW + timedelta(hours=1)), away(1), away(2), away(3))
    assert life.of(DeliveryFailed)[-1].retry_at is not None
    assert life.send(TryAgain(3, NOW + timedelta(hours=1))) == []


def test_companies_that_are_new_by_then_are_tried_in_the_next_round() -> None:
    life = a_delivery(a_message(only_by=Channel.SMS), known=replace(ALL_KNOWN, route=None))
    assert attempts_of(life) == []
    life = a_delivery(a_message(only_by=Channel.SMS), away(1), away(2))
    route = ALL_KNOWN.route
    assert route is not None
    life.given = [Known(route=replace(route, weights={"west": 100}))]
    life.send(TryAgain(2, LATER))
    assert life.of(DeliverySending)[-1].provider == "west"
