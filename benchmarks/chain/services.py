"""Three services with one rule each: a case is asked for, its bill is paid, the case is granted, a note is told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from shared.contracts.event import Event, Recorded
from shared.contracts.topics import Topic
from shared.functions import Decider, Reactions, Send, Service

ROLES = ("asks", "pays", "tells")
TOPICS = {role: Topic(f"{role}.events", owner=role) for role in ROLES}
TABLES = {"asks": "cases", "pays": "bills", "tells": "notes"}


class Asked(Event, type="asks.case.asked"):
    """Somebody asks."""

    padding: str


class Granted(Event, type="asks.case.granted"):
    """They have it."""

    padding: str


class Paid(Event, type="pays.bill.paid"):
    """It is paid."""

    padding: str


class Told(Event, type="tells.note.told"):
    """They know."""

    padding: str


@dataclass(frozen=True)
class Standing:
    """How often something has happened to it."""

    count: int = 0


@dataclass(frozen=True)
class Ask:
    """A command."""

    padding: str


@dataclass(frozen=True)
class GoOn:
    """The service before has done its part."""

    padding: str


def _once_more(state: Standing, event: Event) -> Standing:
    return replace(state, count=state.count + 1)


def decide_case(state: Standing, message: Ask | GoOn) -> Sequence[Asked | Granted]:
    """What is asked for is granted when it is paid."""
    return [Asked(padding=message.padding) if isinstance(message, Ask) else Granted(padding=message.padding)]


def decide_bill(state: Standing, message: GoOn) -> Sequence[Paid]:
    """It is paid at once."""
    return [Paid(padding=message.padding)]


def decide_note(state: Standing, message: GoOn) -> Sequence[Told]:
    """It is told at once."""
    return [Told(padding=message.padding)]


def evolve_case(state: Standing, event: Asked | Granted) -> Standing:
    """Once more."""
    return _once_more(state, event)


def evolve_bill(state: Standing, event: Paid) -> Standing:
    """Once more."""
    return _once_more(state, event)


def evolve_note(state: Standing, event: Told) -> Standing:
    """Once more."""
    return _once_more(state, event)


case = Decider("case", initial=Standing(), decide=decide_case, evolve=evolve_case)
bill = Decider("bill", initial=Standing(), decide=decide_bill, evolve=evolve_bill)
note = Decider("note", initial=Standing(), decide=decide_note, evolve=evolve_note)
asks, pays, tells = Reactions(), Reactions(), Reactions()


@pays.on(Asked)
def pay(event: Recorded[Asked]) -> Iterator[Send]:
    """Each case has a bill."""
    yield bill.send(event.aggregate_id, GoOn(event.data.padding))


@asks.on(Paid)
def grant(event: Recorded[Paid]) -> Iterator[Send]:
    """What is paid is granted."""
    yield case.send(event.aggregate_id, GoOn(event.data.padding))


@tells.on(Granted)
def tell(event: Recorded[Granted]) -> Iterator[Send]:
    """What is granted is told."""
    yield note.send(event.aggregate_id, GoOn(event.data.padding))


SERVICES = {
    "asks": Service(name="asks", events=TOPICS["asks"], deciders=(case,), reactions=asks, reads=(TOPICS["pays"],)),
    "pays": Service(name="pays", events=TOPICS["pays"], deciders=(bill,), reactions=pays, reads=(TOPICS["asks"],)),
    "tells": Service(name="tells", events=TOPICS["tells"], deciders=(note,), reactions=tells, reads=(TOPICS["asks"],)),
}
