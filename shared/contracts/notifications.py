"""Events of notifications: one delivery a person and purpose, through GOV.UK Notify's statuses."""

from uuid import UUID

from shared.contracts.event import Event
from shared.contracts.personal import Private, SubjectId
from shared.kernel.text import LocalizedText


class DeliveryRequested(Event, type="notifications.delivery.requested"):
    """A person is to be told something; `cause_id` is the event that it is about."""

    person_id: SubjectId
    purpose: str
    channel: str
    cause_id: UUID
    about_id: UUID
    title: Private[LocalizedText]
    body: Private[LocalizedText]


class DeliveryDelivered(Event, type="notifications.delivery.delivered"):
    """The message is where the person can read it."""

    person_id: UUID
    channel: str
