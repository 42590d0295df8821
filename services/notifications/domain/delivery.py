"""A delivery: one message to one person for one purpose, through GOV.UK Notify's statuses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from shared.contracts.notifications import DeliveryDelivered, DeliveryRequested
from shared.contracts.personal import ERASED, Private, SubjectId
from shared.functions import Decider
from shared.kernel.text import LocalizedText

NOBODY = UUID(int=0)


class Channel(StrEnum):
    """A way to reach a person."""

    IN_APP = "in_app"


class Status(StrEnum):
    """Where a delivery stands."""

    UNKNOWN = "unknown"
    CREATED = "created"
    DELIVERED = "delivered"


@dataclass(frozen=True)
class Delivery:
    """A message and where it stands."""

    status: Status = Status.UNKNOWN
    person_id: SubjectId = NOBODY
    purpose: str = ""
    channel: Channel = Channel.IN_APP
    title: Private[LocalizedText] = ERASED
    body: Private[LocalizedText] = ERASED


@dataclass(frozen=True)
class Tell:
    """Something has happened that a person is to be told of."""

    person_id: UUID
    purpose: str
    cause_id: UUID
    about_id: UUID
    title: LocalizedText
    body: LocalizedText


def decide(state: Delivery, message: Tell) -> Sequence[DeliveryRequested | DeliveryDelivered]:
    """A person is told once; what is in the inbox is delivered with the commit that puts it there."""
    if state.status is not Status.UNKNOWN:
        return []
    requested = DeliveryRequested(
        person_id=message.person_id,
        purpose=message.purpose,
        channel=Channel.IN_APP,
        cause_id=message.cause_id,
        about_id=message.about_id,
        title=message.title,
        body=message.body,
    )
    return [requested, DeliveryDelivered(person_id=message.person_id, channel=Channel.IN_APP)]


def evolve(state: Delivery, event: DeliveryRequested | DeliveryDelivered) -> Delivery:
    """A delivery after an event."""
    match event:
        case DeliveryRequested():
            return Delivery(
                status=Status.CREATED,
                person_id=event.person_id,
                purpose=event.purpose,
                channel=Channel(event.channel),
                title=event.title,
                body=event.body,
            )
        case DeliveryDelivered():
            return replace(state, status=Status.DELIVERED)
        case _:
            assert_never(event)


delivery = Decider("delivery", initial=Delivery(), decide=decide, evolve=evolve, table="deliveries")
