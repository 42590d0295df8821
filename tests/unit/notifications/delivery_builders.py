"""Builders of deliveries in every state, and of what is known where they are decided."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.notifications.domain.delivery import (
    MAIL_SERVER,
    TRANSITIONS,
    Arrived,
    Bounced,
    Delivery,
    Known,
    NotTaken,
    Taken,
    Tell,
    delivery,
)
from services.notifications.domain.recipient import ChosenChannels, Recipient
from services.notifications.domain.sms_route import Route, choose
from shared.contracts.notifications import Channel, DeliverySending, Failure
from shared.functions import Givens
from tests.unit.builders import NOW, GivenTo, Life, a_text, an_id

PERSON = an_id("person")
DELIVERY = an_id("delivery")
ROUTE = Route(Channel.SMS, {"north": 50, "south": 50})
_CHOSEN = choose(ROUTE, DELIVERY, ())
assert _CHOSEN is not None
FIRST: str = _CHOSEN
SECOND = "south" if FIRST == "north" else "north"
SMS_FIRST, SMS_SECOND = (Channel.SMS, FIRST), (Channel.SMS, SECOND)
MAIL = (Channel.EMAIL, MAIL_SERVER)
MOBILE, EMAIL = "+96550000001", "fatima@example.test"
LATER = NOW + timedelta(minutes=10)


def a_recipient(**changes: Any) -> Recipient:
    """A person who is reached by all channels."""
    known = Recipient(PERSON, a_text("Fatima", "فاطمة"), mobile=MOBILE, email=EMAIL)
    return replace(known, **changes)


def chosen(*channels: Channel) -> ChosenChannels:
    """What the person wants."""
    return ChosenChannels(PERSON, channels)


ANYBODY = a_recipient()
FORGOTTEN = Recipient(PERSON, None)
DECEASED = a_recipient(is_deceased=True)
ALL_KNOWN = Known(ANYBODY, None, ROUTE)


def a_message(**changes: Any) -> Tell:
    """What a person is to be told."""
    told = Tell(
        delivery_id=DELIVERY,
        person_id=PERSON,
        purpose="fee-due",
        cause_id=an_id("cause"),
        about_id=an_id("request"),
        title=a_text("A fee is due", "رسم مستحق"),
        body=a_text("Please pay", "يرجى السداد"),
        at=NOW,
    )
    return replace(told, **changes)


def looked_up(known: Known) -> GivenTo:
    """Finds what the delivery's own keys ask for, and nothing else."""
    assert isinstance(delivery.given, Givens)
    parts = delivery.given.parts

    def found(message: Any, state: Any) -> Sequence[Any]:
        asked = {name for name, part in parts.items() if part.key_for_message(message, state) is not None}
        return [Known(**{name: getattr(known, name) for name in asked})]

    return found


def a_delivery(*messages: Any, known: Known = ALL_KNOWN) -> Life:
    """A delivery that these messages were sent to."""
    life = Life(delivery, looked_up(known), TRANSITIONS)
    life.send(*messages)
    return life


def attempts_of(life: Life) -> list[tuple[Channel, str]]:
    """By what a delivery was tried, in this order."""
    return [(attempt.channel, attempt.provider) for attempt in life.of(DeliverySending)]


def taken(number: int = 1, *, parts: int | None = 1) -> Taken:
    """The provider has it."""
    return Taken(number, parts)


def away(number: int = 1, at: datetime = LATER) -> NotTaken:
    """The provider is away."""
    return NotTaken(number, Failure.TECHNICAL, "provider-away", at)


def refused(number: int = 1, at: datetime = LATER, *, is_final: bool = False) -> NotTaken:
    """The address is none."""
    return NotTaken(number, Failure.PERMANENT, "refused-by-company", at, is_final)


def bounced(number: int = 1, status: Failure = Failure.PERMANENT, at: datetime = LATER) -> Bounced:
    """A receipt that it did not arrive."""
    return Bounced(number, status, "by-receipt", at)


def deliveries_in_every_state() -> Mapping[str, Delivery]:
    """A delivery in each status, and in the rounds that follow."""
    unreachable = replace(ALL_KNOWN, recipient=a_recipient(mobile=None, email=None))
    lives = {
        "inbox alone": a_delivery(a_message(), known=unreachable),
        "sending": a_delivery(a_message()),
        "sending again": a_delivery(a_message(), away()),
        "sent": a_delivery(a_message(), taken()),
        "mail sent": a_delivery(a_message(), refused(), taken(2, parts=None)),
        "delivered": a_delivery(a_message(), taken(), Arrived(1)),
        "delivered by an earlier attempt": a_delivery(a_message(), away(), taken(2), Arrived(1)),
        "temporary failure": a_delivery(
            a_message(only_by=Channel.SMS), taken(), bounced(status=Failure.TEMPORARY, at=LATER)
        ),
        "permanent failure": a_delivery(a_message(only_by=Channel.SMS), refused()),
        "technical failure": a_delivery(a_message(only_by=Channel.EMAIL), away()),
        "nobody left": a_delivery(a_message(), refused(is_final=True)),
    }
    created = delivery.evolve(Delivery(), lives["sending"].events[0])
    return {"absent": Delivery(), "created": created, **{name: life.state for name, life in lives.items()}}
