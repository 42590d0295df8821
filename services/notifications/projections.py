"""Rows that notifications reads: whom one can tell, what people find in their inbox, and what became of attempts."""

from collections.abc import Iterator

from shared.contracts.event import Recorded
from shared.contracts.identity import PersonForgotten, PersonSnapshot
from shared.contracts.notifications import (
    Channel,
    DeliveryDelivered,
    DeliveryFailed,
    DeliveryRequested,
    DeliverySending,
    DeliverySent,
    PreferencesChanged,
    SmsRouteChanged,
)
from shared.contracts.personal import Erased
from shared.functions import Delete, Projections, Row
from shared.store.access_keys import follow_access_keys

projections = Projections()
follow_access_keys(projections)


@projections.on(PersonSnapshot)
def recipients(event: Recorded[PersonSnapshot]) -> Iterator[Row]:
    """A person who can be told something."""
    values = {
        "person_id": event.aggregate_id,
        "name": event.data.name,
        "is_deceased": event.data.died_on is not None,
        "mobile": event.data.mobile,
        "email": event.data.email,
        "language": event.data.language,
    }
    yield Row("recipients", values)


@projections.on(PersonForgotten)
def forgotten_recipients(event: Recorded[PersonForgotten]) -> Iterator[Row | Delete]:
    """An erased person stays as an id, so that nobody waits for them to become known; their messages go."""
    nothing = {"name": None, "is_deceased": False, "mobile": None, "email": None, "language": "ar"}
    yield Row("recipients", {"person_id": event.aggregate_id, **nothing})
    yield Delete("messages", "person_id", event.aggregate_id)
    yield Delete("chosen_channels", "person_id", event.aggregate_id)


@projections.on(PreferencesChanged)
def chosen_channels(event: Recorded[PreferencesChanged]) -> Iterator[Row]:
    """By which channels a person wants to be told."""
    if not isinstance(event.data.channels, Erased):
        yield Row("chosen_channels", {"person_id": event.aggregate_id, "channels": event.data.channels})


@projections.on(SmsRouteChanged)
def sms_routes(event: Recorded[SmsRouteChanged]) -> Iterator[Row]:
    """The shares of the providers."""
    yield Row("sms_routes", {"channel": Channel.SMS, "weights": event.data.weights})


@projections.on(DeliveryRequested)
def messages(event: Recorded[DeliveryRequested]) -> Iterator[Row]:
    """The person's inbox."""
    told = event.data
    if not told.in_app or isinstance(told.title, Erased) or isinstance(told.body, Erased):
        return
    values = {
        "delivery_id": event.aggregate_id,
        "person_id": told.person_id,
        "purpose": told.purpose,
        "about_id": told.about_id,
        "title": told.title,
        "body": told.body,
        "sent_at": event.time,
    }
    yield Row("messages", values)


@projections.on(DeliverySending)
def begun_attempts(event: Recorded[DeliverySending]) -> Iterator[Row]:
    """An attempt that a provider is to make."""
    begun = event.data
    values = {"provider": begun.provider, "began_at": event.time, "status": "sending"}
    yield _attempt(event, values)


@projections.on(DeliverySent)
def sent_attempts(event: Recorded[DeliverySent]) -> Iterator[Row]:
    """The provider has it."""
    yield _attempt(event, {"status": "sent", "sent_at": event.time})


@projections.on(DeliveryDelivered, DeliveryFailed)
def ended_attempts(event: Recorded[DeliveryDelivered | DeliveryFailed]) -> Iterator[Row]:
    """What became of it."""
    status = event.data.status if isinstance(event.data, DeliveryFailed) else "delivered"
    if event.data.reference is not None:
        yield _attempt(event, {"status": status, "ended_at": event.time})


def _attempt(
    event: Recorded[DeliverySending | DeliverySent | DeliveryDelivered | DeliveryFailed], values: dict[str, object]
) -> Row:
    told = event.data
    named = {
        "reference": told.reference,
        "delivery_id": event.aggregate_id,
        "number": told.number,
        "channel": told.channel,
    }
    return Row("attempts", {**named, **values})
