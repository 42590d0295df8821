"""The probe: each `Rung` of a bell, in another service, is counted here by a command to a counter."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from shared.contracts.event import Event, Recorded
from shared.contracts.topics import Topic
from shared.functions import Decider, Reactions, Send, Service

NAME = "probe"
SCHEMA = "create table counters (like aggregates including all) with (fillfactor = 85);"


class Rung(Event, type="bells.bell.rung"):
    """A bell has rung."""

    padding: str


class Counted(Event, type="probe.counter.counted"):
    """One more."""

    padding: str


@dataclass(frozen=True)
class Counter:
    """How often a bell has rung."""

    count: int = 0


@dataclass(frozen=True)
class Count:
    """A bell has rung once more."""

    padding: str


def decide(state: Counter, message: Count) -> Sequence[Counted]:
    """Every ring counts."""
    return [Counted(padding=message.padding)]


def evolve(state: Counter, event: Counted) -> Counter:
    """One more."""
    return replace(state, count=state.count + 1)


counter = Decider("counter", initial=Counter(), decide=decide, evolve=evolve)
reactions = Reactions()


@reactions.on(Rung)
def count(event: Recorded[Rung]) -> Iterator[Send]:
    """Each bell has a counter of its own."""
    yield counter.send(event.aggregate_id, Count(event.data.padding))


BELLS = Topic("bells.events", owner="bells")
EVENTS = Topic("probe.events", owner=NAME)
service = Service(name=NAME, events=EVENTS, deciders=(counter,), reactions=reactions, reads=(BELLS,))
