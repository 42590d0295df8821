"""What events bring about in notifications: people are told, as the rules in `telling/rules.yaml` say."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.notifications.domain.delivery import Tell, TryAgain, Unheard, delivery
from services.notifications.domain.recipient import Recipient
from services.notifications.domain.templates import RULES, TEMPLATES, Rule, render
from services.notifications.effects import MEASURE_AGAIN_SECONDS, MeasureProviders, SendEmail, SendSms
from shared.contracts import payments, requests
from shared.contracts.event import Event, Recorded, event_class
from shared.contracts.identity import PersonErased
from shared.contracts.notifications import (
    Channel,
    DeliveryFailed,
    DeliverySending,
    DeliverySent,
    SmsRouteChanged,
)
from shared.functions import Given, Reactions, Step, erase, perform
from shared.kernel.clock import KUWAIT
from shared.kernel.errors import NotYet
from shared.kernel.ids import derive_id
from shared.kernel.text import LocalizedText

__all__ = ["payments", "reactions", "requests"]  # importing the contracts makes their events known

reactions = Reactions()


RECEIPT_PATIENCE = timedelta(minutes=30)
"""Of a short message nothing has been heard for so long: another channel is tried."""


def tell_by(rule: Rule) -> Callable[[Recorded[Event], Recipient | None], Iterator[Step]]:
    """The reaction of one rule."""

    def tell(event: Recorded[Event], recipient: Recipient | None) -> Iterator[Step]:
        person_id: UUID | None = getattr(event.data, rule.recipient)
        if person_id is None or not rule.is_about(event.data):
            return
        if recipient is None:
            raise NotYet("person", person_id)
        if recipient.name is None or not recipient.can_be_told:
            return
        template = TEMPLATES[rule.purpose]
        expires_at: datetime | None = getattr(event.data, rule.expires) if rule.expires else None
        arguments = arguments_of(event.data, recipient.name, event.time, expires_at)
        delivery_id = derive_id("delivery", event.id, person_id, rule.purpose)
        message = Tell(
            delivery_id=delivery_id,
            person_id=person_id,
            purpose=rule.purpose,
            cause_id=event.id,
            about_id=getattr(event.data, rule.about) if rule.about else event.aggregate_id,
            title=render(template.title, arguments),
            body=render(template.body, arguments),
            sms=render(template.sms, arguments) if template.sms else None,
            at=event.time,
            expires_at=expires_at,
            only_by=getattr(event.data, rule.only_by) if rule.only_by else None,
        )
        yield delivery.send(delivery_id, message)

    return tell


def arguments_of(
    data: Event, name: LocalizedText, at: datetime, expires_at: datetime | None = None
) -> Mapping[str, Any]:
    """What a template may use: the event's fields in the types that ICU formats, and the days left in the calendar."""
    arguments: dict[str, Any] = {"name": name}
    if expires_at is not None:
        arguments["days_left"] = max(0, (expires_at.astimezone(KUWAIT).date() - at.astimezone(KUWAIT).date()).days)
    for field in type(data).model_fields:
        value = getattr(data, field)
        if field == "name":
            arguments["service"] = value
        elif isinstance(value, datetime):
            arguments[field] = value.astimezone(KUWAIT).replace(tzinfo=None)  # ICU would take the machine's zone
        elif isinstance(value, LocalizedText | str | int | date):
            arguments[field] = value
        if field == "amount_fils":
            arguments["amount"] = Decimal(value) / 1000
    return arguments


for _rule in RULES:
    _event = event_class(_rule.event, 1)
    assert _event is not None, f"rules.yaml names an unknown event: {_rule.event}"
    _recipient = Given(
        Recipient, "recipients", by="person_id", key=lambda event, field=_rule.recipient: getattr(event.data, field)
    )
    reactions.on(_event, given=_recipient)(tell_by(_rule))


@reactions.on(DeliverySending)
def hand_it_over(event: Recorded[DeliverySending]) -> Iterator[Step]:
    """A worker gives the attempt to its provider."""
    attempt = event.data
    if attempt.channel is Channel.SMS:
        yield perform(SendSms(attempt.number, attempt.provider, attempt.reference, event.time))
    else:
        yield perform(SendEmail(attempt.number, attempt.reference, event.time))


@reactions.on(DeliverySent)
def wait_for_the_receipt(event: Recorded[DeliverySent]) -> Iterator[Step]:
    """Of a short message a receipt should come; mail has none."""
    if event.data.channel is Channel.SMS:
        silent_at = event.time + RECEIPT_PATIENCE
        yield delivery.send(event.aggregate_id, Unheard(event.data.number, silent_at), at=silent_at)


@reactions.on(DeliveryFailed)
def try_all_of_it_again(event: Recorded[DeliveryFailed]) -> Iterator[Step]:
    """Where everybody was away."""
    if event.data.retry_at is not None:
        again = TryAgain(event.data.number, event.data.retry_at)
        yield delivery.send(event.aggregate_id, again, at=event.data.retry_at)


@reactions.on(SmsRouteChanged)
def measure_the_companies(event: Recorded[SmsRouteChanged]) -> Iterator[Step]:
    """The next measure follows on each change."""
    yield perform(MeasureProviders(), at=event.time + timedelta(seconds=MEASURE_AGAIN_SECONDS))


@reactions.on(PersonErased)
def destroy_the_key(event: Recorded[PersonErased]) -> Iterator[Step]:
    """What was said to the person is unreadable from here on."""
    yield erase(event.aggregate_id)
