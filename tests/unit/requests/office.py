"""requests in memory: its own reactions, deciders, projections and keys, and no I/O at all.

What is to be heard, walked, timed or signed waits until a test says so; each piece of it is done whole or not at all.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

from services.requests.domain import document as documents
from services.requests.domain import offer as offers
from services.requests.domain import request_state as requests
from services.requests.domain import task as tasks
from services.requests.domain.definition import ServiceDefinition
from services.requests.domain.document import DocumentSigned, document
from services.requests.domain.publication import SeedVersion, publication, publication_id
from services.requests.effects import SignDocument
from services.requests.projections import projections
from services.requests.reactions import reactions
from shared.contracts.event import Recorded
from shared.functions import ForEach, Perform, Send, Step
from shared.kernel.errors import NotYet
from tests.unit.builders import AnyDecider, recorded
from tests.unit.tables import Tables

Key: TypeAlias = tuple[str, UUID]
Lane: TypeAlias = tuple[str, UUID]
"""What is heard in its order: of a topic or of one's own events, of an aggregate."""
OWN = "own"
BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
"""When the catalogue was published."""
TRANSITIONS: Mapping[str, Any] = {
    "request": requests.TRANSITIONS,
    "offer": offers.TRANSITIONS,
    "task": tasks.TRANSITIONS,
    "document": documents.TRANSITIONS,
}


@dataclass
class Draft:
    """What one piece of work adds; where it cannot be done, nothing of it is."""

    states: dict[Key, Any]
    events: list[tuple[AnyDecider, UUID, Any]]
    steps: list[tuple[UUID, Step]]


class Office:
    """One service with its tables, its log, and what it has still to do. `now` is the time that it is."""

    def __init__(self, definitions: Sequence[ServiceDefinition], now: datetime) -> None:
        self.now = now
        self.tables = Tables()
        self.states: dict[Key, Any] = {}
        self.log: dict[Key, list[Recorded[Any]]] = defaultdict(list)
        self.lanes: dict[Lane, deque[Recorded[Any]]] = defaultdict(deque)
        self.walks: list[ForEach] = []
        self.timers: list[Send] = []
        self.signatures: list[SignDocument] = []
        for definition in definitions:
            [published] = publication.decide(publication.initial, SeedVersion(definition, BEFORE))
            self.tables.follow(projections, self._at_present(published, publication_id(definition.key), 1))

    def all(self, decider: AnyDecider) -> dict[UUID, Any]:
        """The states of every aggregate of a kind."""
        return {id: state for (name, id), state in self.states.items() if name == decider.name}

    def events(self, decider: AnyDecider, id: UUID) -> list[Any]:
        """What has happened to an aggregate."""
        return [event.data for event in self.log[decider.name, id]]

    def tell(self, topic: str, data: Any, id: UUID, sequence: int) -> None:
        """Another service publishes an event now."""
        self.lanes[topic, id].append(self._at_present(data, id, sequence))

    def waiting(self) -> list[Lane]:
        """Where there is something to hear."""
        return [lane for lane, events in self.lanes.items() if events]

    def due(self) -> list[Send]:
        """The timers that may go off."""
        return [timer for timer in self.timers if timer.at is not None and timer.at <= self.now]

    def hear(self, lane: Lane) -> bool:
        """The next event of an aggregate; False where it has to wait for somebody to become known."""
        event = self.lanes[lane][0]
        steps = [
            step
            for reaction in reactions.to(type(event.data))
            for step in reaction.react(event, *self.tables.for_event(reaction.given, event))
        ]
        if not self._do(event.aggregate_id, steps):
            return False
        self.lanes[lane].popleft()
        if lane[0] != OWN:
            self.tables.follow(projections, event)
        return True

    def walk(self, walk: ForEach) -> None:
        """A walk over the rows as they are by now."""
        self.walks.remove(walk)
        found = [id for id, state in self.all(walk.decider).items() if getattr(state, walk.by) == walk.equals]
        message = _kept(walk.decider, walk.message)
        assert self._do(walk.equals, [walk.decider.send(id, message) for id in sorted(found)])

    def fire(self, timer: Send) -> None:
        """A timer goes off."""
        self.timers.remove(timer)
        message = _kept(timer.decider, timer.message)
        assert self._do(timer.aggregate_id, [timer.decider.send(timer.aggregate_id, message)])

    def sign(self, effect: SignDocument) -> None:
        """A document is signed, where its holder is known and lives."""
        self.signatures.remove(effect)
        holder = self.tables.rows["persons"].get(effect.holder_id)
        if holder is not None and holder["died_on"] is None:
            names = {part.name for part in fields(DocumentSigned)}
            values = {name: value for name, value in vars(effect).items() if name in names}
            signed = DocumentSigned(**values, code="a code", jws="a signature")
            assert self._do(effect.document_id, [document.send(effect.document_id, signed)])

    def do(self, send: Send) -> None:
        """Somebody asks for something."""
        assert self._do(send.aggregate_id, [send])

    def settle(self) -> None:
        """All that can be done by now is done, and again what follows from it."""
        while True:
            heard = [self.hear(lane) for lane in self.waiting()]
            if not (any(heard) or self.walks or self.due() or self.signatures):
                return
            for walk in list(self.walks):
                self.walk(walk)
            for effect in list(self.signatures):
                self.sign(effect)
            for timer in self.due():
                self.fire(timer)

    def _do(self, about: UUID, steps: Iterable[Step]) -> bool:
        draft = Draft({}, [], [])
        try:
            for step in steps:
                if isinstance(step, Send) and step.at is None:
                    self._decide(draft, step)
                else:
                    draft.steps.append((about, step))
        except NotYet:
            return False
        self._commit(draft)
        return True

    def _decide(self, draft: Draft, send: Send) -> None:
        key = send.decider.name, send.aggregate_id
        state = draft.states.get(key, self.states.get(key, send.decider.initial))
        given = self.tables.for_message(send.decider, send.message, state)
        for event in send.decider.decide(state, send.message, *given):
            after = send.decider.evolve(state, event)
            is_moved = after.status is not state.status
            assert not is_moved or after.status in TRANSITIONS[send.decider.name][state.status]
            draft.events.append((send.decider, send.aggregate_id, event))
            draft.states[key] = state = after

    def _commit(self, draft: Draft) -> None:
        self.states |= draft.states
        for decider, id, data in draft.events:
            log = self.log[decider.name, id]
            event = self._at_present(data, id, len(log) + 1)
            log.append(event)
            self.tables.follow(projections, event)
            if reactions.to(type(data)):
                self.lanes[OWN, id].append(event)
        for _, step in draft.steps:
            match step:
                case ForEach():
                    self.walks.append(step)
                case Send():
                    self.timers.append(step)
                case Perform():
                    assert isinstance(step.effect, SignDocument)
                    self.signatures.append(step.effect)
                case _:
                    pass

    def _at_present(self, data: Any, id: UUID, sequence: int) -> Recorded[Any]:
        event = recorded(data, id, sequence=sequence)
        return Recorded(event.id, id, sequence, self.now, event.origin, data)


def _kept(decider: AnyDecider, message: Any) -> Any:
    """A message as a job keeps it."""
    adapter = decider.messages[type(message).__name__]
    return adapter.validate_python(adapter.dump_python(message, mode="json"))
