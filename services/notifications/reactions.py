"""What events bring about in notifications: people are told, as the rules in `telling/rules.yaml` say."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.notifications.domain.delivery import Tell, delivery
from services.notifications.domain.templates import RULES, TEMPLATES, Rule, render
from shared.contracts import payments, requests
from shared.contracts.event import Event, Recorded, event_class
from shared.contracts.identity import PersonErased
from shared.functions import Given, Reactions, Step, erase
from shared.kernel.clock import KUWAIT
from shared.kernel.errors import NotYet
from shared.kernel.ids import derive_id
from shared.kernel.text import LocalizedText

__all__ = ["payments", "reactions", "requests"]  # importing the contracts makes their events known

reactions = Reactions()


@dataclass(frozen=True)
class Recipient:
    """A row of `recipients`; of an erased person only the id is left, and the dead are told nothing."""

    person_id: UUID
    name: LocalizedText | None
    is_deceased: bool = False


def tell_by(rule: Rule) -> Callable[[Recorded[Event], Recipient | None], Iterator[Step]]:
    """The reaction of one rule."""

    def tell(event: Recorded[Event], recipient: Recipient | None) -> Iterator[Step]:
        person_id: UUID = getattr(event.data, rule.recipient)
        if recipient is None:
            raise NotYet("person", person_id)
        if recipient.name is None or recipient.is_deceased:
            return
        template = TEMPLATES[rule.purpose]
        arguments = arguments_of(event.data, recipient.name)
        message = Tell(
            person_id=person_id,
            purpose=rule.purpose,
            cause_id=event.id,
            about_id=getattr(event.data, rule.about) if rule.about else event.aggregate_id,
            title=render(template.title, arguments),
            body=render(template.body, arguments),
        )
        yield delivery.send(derive_id("delivery", event.id, person_id, rule.purpose), message)

    return tell


def arguments_of(data: Event, name: LocalizedText) -> Mapping[str, Any]:
    """What a template may use: the event's own fields in the types that ICU formats."""
    arguments: dict[str, Any] = {"name": name}
    for field in type(data).model_fields:
        value = getattr(data, field)
        if isinstance(value, datetime):
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


@reactions.on(PersonErased)
def destroy_the_key(event: Recorded[PersonErased]) -> Iterator[Step]:
    """What was said to the person is unreadable from here on."""
    yield erase(event.aggregate_id)
