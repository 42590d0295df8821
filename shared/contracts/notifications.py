"""Events of notifications: deliveries through GOV.UK Notify's statuses, preferences and contacts."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.contracts.event import Event
from shared.contracts.personal import Private, SubjectId
from shared.kernel.text import LocalizedText


class Channel(StrEnum):
    """A way to reach a person."""

    IN_APP = "in_app"
    SMS = "sms"
    EMAIL = "email"


class Failure(StrEnum):
    """How an attempt has failed (GOV.UK Notify): the person for now, the address for good, or ourselves."""

    TEMPORARY = "temporary-failure"
    PERMANENT = "permanent-failure"
    TECHNICAL = "technical-failure"


class DeliveryRequested(Event, type="notifications.delivery.requested"):
    """A person is to be told something; `cause_id` is the event that it is about.

    In their inbox if `in_app`, and by the first of `channels` that works, not after `expires_at`. `sms`: other words
    for a short message.
    """

    delivery_id: UUID
    requested_at: datetime
    person_id: SubjectId
    purpose: str
    cause_id: UUID
    about_id: UUID
    in_app: bool
    channels: list[Channel]
    expires_at: datetime | None
    title: Private[LocalizedText]
    body: Private[LocalizedText]
    sms: Private[LocalizedText | None]


class DeliverySending(Event, type="notifications.delivery.sending"):
    """An attempt begins; `number` counts them from 1. The provider knows it by `reference`."""

    person_id: UUID
    number: int
    channel: Channel
    provider: str
    reference: UUID


class DeliverySent(Event, type="notifications.delivery.sent"):
    """The provider has taken the message. `parts`: of how many short messages it consists."""

    number: int
    channel: Channel
    provider: str
    reference: UUID
    parts: int | None


class DeliveryDelivered(Event, type="notifications.delivery.delivered"):
    """The message is where the person can read it. `number` 0 is the inbox."""

    person_id: UUID
    number: int
    channel: Channel
    reference: UUID | None


class DeliveryFailed(Event, type="notifications.delivery.failed"):
    """An attempt has failed. Where nothing else can be tried, all is tried again at `retry_at`."""

    person_id: UUID
    number: int
    channel: Channel
    provider: str
    reference: UUID
    status: Failure
    why: str
    retry_at: datetime | None


class PreferencesChanged(Event, type="notifications.preferences.changed"):
    """By which channels the person wants to be told, in this order; the inbox is always there."""

    channels: Private[list[Channel]]


class ContactCodeAsked(Event, type="notifications.contact.code_asked"):
    """A one-time code is sent by a channel, to see whether it reaches the person; `address`: where to."""

    person_id: SubjectId
    channel: Channel
    address: Private[str | None] = None
    code: Private[str]
    asked_at: datetime
    expires_at: datetime


class ContactCodeMistaken(Event, type="notifications.contact.code_mistaken"):
    """The code that came back was not the one."""

    person_id: UUID
    channel: Channel


class ContactConfirmed(Event, type="notifications.contact.confirmed"):
    """The channel reaches the person."""

    person_id: UUID
    channel: Channel


class SmsRouteChanged(Event, type="notifications.sms_route.changed"):
    """How new short messages are shared out over the providers, in percent, as their failures are measured."""

    weights: dict[str, int]
