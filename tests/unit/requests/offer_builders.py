"""Builders of offers: bound services, births, and offers in every status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from services.requests.domain.definition import Binding, Rule, ServiceDefinition, Step
from services.requests.domain.facts import KnownPerson
from services.requests.domain.offer import (
    TRANSITIONS,
    Accept,
    Decline,
    ForgottenPerson,
    Known,
    LookAgain,
    Occasioned,
    OccasionLost,
    Offer,
    See,
    Snooze,
    offer,
    offer_id,
)
from services.requests.domain.request import ServiceVersion
from services.requests.domain.rulebook import RULEBOOK
from shared.contracts.identity import LifeEventKind
from shared.contracts.requests import OfferMode
from shared.kernel.clock import KUWAIT
from tests.unit.builders import NOW, Life, a_text, an_id
from tests.unit.requests.request_builders import CHILD, FATHER, MOTHER, a_child, a_definition, a_person

OTHER_MOTHER = an_id("another mother")
NOTICE, OTHER_NOTICE = sorted((an_id("notice 1"), an_id("notice 2")))
BORN_ON = NOW.astimezone(KUWAIT).date()
MIDNIGHT = datetime(BORN_ON.year, BORN_ON.month, BORN_ON.day, tzinfo=KUWAIT)
OPEN_FOR = timedelta(days=120)
NAMED = Rule(
    id="has-a-name",
    reads=["is_named"],
    expression="is_named",
    reason=a_text("It has a name.", "له اسم."),
    passes={"is_named": True},
    fails={"is_named": False},
)
NO_FINES = Rule(
    id="no-fines",
    reads=["unpaid_traffic_fines_fils"],
    expression="unpaid_traffic_fines_fils == 0",
    reason=a_text("No fines.", "لا مخالفات."),
    passes={"unpaid_traffic_fines_fils": 0},
    fails={"unpaid_traffic_fines_fils": 1},
)
assert RULEBOOK.fault(NAMED) is None


def a_binding(**changes: Any) -> Binding:
    """A birth makes an offer to the mother, for the child, for 120 days."""
    values: dict[str, Any] = {
        "id": "at-birth",
        "on": LifeEventKind.BIRTH,
        "mode": OfferMode.OFFER,
        "recipient": "mother",
        "beneficiary": "child",
        "open_for_days": OPEN_FOR.days,
        "form": {"delivery": "digital"},
        "reason": a_text("A child was born.", "وُلد طفل."),
    }
    return Binding.model_validate(values | changes)


def a_bound_service(
    *steps: Step, binding: Binding | None = None, rules: Sequence[Rule] = (), **changes: Any
) -> ServiceDefinition:
    """A service that is bound to births."""
    return a_definition(*steps, rules=rules, **{"bindings": [binding or a_binding()], **changes})


def days_later(days: float) -> datetime:
    """So long after the midnight of the child's birth."""
    return MIDNIGHT + timedelta(days=days)


def a_birth(
    notice_id: UUID = NOTICE,
    *,
    sequence: int = 1,
    mother: UUID | None = MOTHER,
    at: datetime = NOW,
    definition: ServiceDefinition | None = None,
    **changes: Any,
) -> Occasioned:
    """A hospital tells of the birth of the child."""
    service = definition or a_bound_service()
    parties = {"child": CHILD, "father": FATHER} | ({} if mother is None else {"mother": mother})
    values: dict[str, Any] = {
        "offer_id": offer_id(service.id, "at-birth", CHILD),
        "notice_id": notice_id,
        "sequence": sequence,
        "kind": LifeEventKind.BIRTH,
        "source": "moh",
        "noticed_at": at,
        "parties": parties,
        "service_id": service.id,
        "service_version": service.version,
        "binding_id": "at-birth",
        "recipient": "mother",
        "beneficiary": "child",
        "at": at,
    }
    return Occasioned(**values | changes)


OFFER_ID = a_birth().offer_id


def a_loss(notice_id: UUID = NOTICE, *, sequence: int = 2, at: datetime = NOW) -> OccasionLost:
    """The birth has not happened."""
    return OccasionLost(notice_id, sequence, at)


@dataclass
class People:
    """Who is known, so that an offer is given the rows that its keys ask for."""

    definition: ServiceDefinition
    known: dict[UUID, KnownPerson] = field(default_factory=dict)
    forgotten: set[UUID] = field(default_factory=set)

    def erase(self, person_id: UUID) -> None:
        """Somebody is erased."""
        self.known.pop(person_id, None)
        self.forgotten.add(person_id)

    def change(self, person_id: UUID, **changes: Any) -> None:
        """Something else is known of somebody."""
        self.known[person_id] = replace(self.known[person_id], **changes)

    def given(self, message: Any, state: Any) -> list[Known]:
        """What the offer is decided with."""
        assert offer.given is not None
        keys = {name: part.key_for_message(message, state) for name, part in offer.given.parts.items()}  # type: ignore[union-attr]
        recipient, beneficiary = keys["recipient"], keys["beneficiary"]
        service = ServiceVersion(self.definition.key, self.definition)
        return [
            Known(
                service=service if keys["service"] == service.key else None,
                recipient=self.known.get(recipient),
                beneficiary=self.known.get(beneficiary),
                forgotten_recipient=ForgottenPerson(recipient) if recipient in self.forgotten else None,
                forgotten_beneficiary=ForgottenPerson(beneficiary) if beneficiary in self.forgotten else None,
            )
        ]


def people(definition: ServiceDefinition | None = None, **child: Any) -> People:
    """A mother, another mother, and a child of today."""
    known = [a_person(MOTHER), a_person(OTHER_MOTHER, date(1991, 1, 1)), a_child(**child)]
    return People(definition or a_bound_service(), {person.person_id: person for person in known})


def an_offer(*messages: object, among: People | None = None) -> Life:
    """An offer, and what has happened to it."""
    life = Life(offer, (among or people()).given, TRANSITIONS)
    life.send(*messages)
    return life


def accepted(life: Life, at: datetime = NOW) -> Accept:
    """The offer as it stands is accepted."""
    return Accept(life.state.next_request_id, at)


AUTOMATIC = a_bound_service(binding=a_binding(mode=OfferMode.AUTOMATIC))
LATER_IN_LIFE = a_bound_service(binding=a_binding(after_days=50, open_for_days=90))


def offers_in_every_state() -> Mapping[str, Offer]:
    """An offer in each status."""
    made = an_offer(a_birth())
    lives = {
        "planned": an_offer(a_birth(), among=people(LATER_IN_LIFE)),
        "without a mother": an_offer(a_birth(mother=None)),
        "open": made,
        "seen": an_offer(a_birth(), See()),
        "snoozed": an_offer(a_birth(), Snooze(days_later(10), NOW)),
        "accepted": an_offer(a_birth(), accepted(made)),
        "automatic": an_offer(a_birth(), among=people(AUTOMATIC)),
        "declined": an_offer(a_birth(), Decline()),
        "expired": an_offer(a_birth(), LookAgain(days_later(120))),
        "withdrawn": an_offer(a_birth(), a_loss()),
        "made to another mother": an_offer(a_birth(), a_birth(sequence=2, mother=OTHER_MOTHER)),
    }
    return {"absent": Offer(), **{name: life.state for name, life in lives.items()}}
