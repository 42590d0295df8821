"""A town in memory: identity's deciders and reactions, run as the shell runs them, without a database.

Own events of one aggregate are reacted to in their order; those of several, and walks over rows, in any order.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from services.identity.domain.person import KnownPerson, person
from services.identity.reactions import reactions
from shared.contracts.event import Event, Recorded
from shared.functions import Decider, ForEach, Given, Givens, Send, Step
from shared.kernel.errors import Refused
from tests.unit.builders import is_command, recorded

AnyDecider = Decider[Any, Any, Any, Any]
Key = tuple[str, UUID]
Choose = Callable[[int], int]
"""Which of so many comes first."""


def the_oldest(_: int) -> int:
    """One after the other."""
    return 0


class Town:
    """What is known, and what has still to be reacted to."""

    def __init__(self) -> None:
        self._states: dict[Key, Any] = {}
        self._counts: dict[Key, int] = defaultdict(int)
        self._lanes: dict[Key, deque[Recorded[Any]]] = {}
        self._walks: list[ForEach] = []
        self.refusal: str | None = None

    def send(self, *sends: Send) -> None:
        """Messages arrive at their aggregates; what they bring about waits to be reacted to."""
        for send in sends:
            self._decide(send)

    def tell(self, *sends: Send, choose: Choose = the_oldest) -> None:
        """Messages arrive, each when all that came of the one before is done."""
        for send in sends:
            self.send(send)
            self.settle(choose)

    def settle(self, choose: Choose = the_oldest) -> None:
        """Nothing is left to be reacted to."""
        for _ in range(10_000):
            if not self.react(choose):
                return
        raise AssertionError("reactions bring about one another for ever")

    def react(self, choose: Choose = the_oldest, *, twice: bool = False) -> bool:
        """One event is reacted to, or one walk is done; False where nothing waits."""
        lanes = list(self._lanes)
        if not lanes and not self._walks:
            return False
        chosen = choose(len(lanes) + len(self._walks))
        if chosen >= len(lanes):
            self._walk(self._walks.pop(chosen - len(lanes)))
            return True
        lane = lanes[chosen]
        event = self._lanes[lane].popleft()
        for _ in range(2 if twice else 1):
            self._bring_about(event)
        if not self._lanes[lane]:
            del self._lanes[lane]
        return True

    def state(self, decider: AnyDecider, id: UUID) -> Any:
        """An aggregate as it is."""
        return self._states.get((decider.name, id), decider.initial)

    def all(self, decider: AnyDecider) -> dict[UUID, Any]:
        """Every aggregate of a kind."""
        return {id: state for (name, id), state in self._states.items() if name == decider.name}

    def _decide(self, send: Send) -> None:
        key = (send.decider.name, send.aggregate_id)
        state = self._states.get(key, send.decider.initial)
        given = () if send.decider.given is None else (self._given_for_message(send, state),)
        self.refusal = None
        try:
            events: Sequence[Event] = send.decider.decide(state, send.message, *given)
        except Refused as refused:
            assert is_command(type(send.message)), f"a notice was refused: {send.message}"
            self.refusal = refused.code
            return
        for event in events:
            self._counts[key] += 1
            self._states[key] = send.decider.evolve(self._states.get(key, send.decider.initial), event)
            self._lanes.setdefault(key, deque()).append(recorded(event, send.aggregate_id, sequence=self._counts[key]))

    def _bring_about(self, event: Recorded[Any]) -> None:
        steps: list[Step] = []
        for reaction in reactions.to(type(event.data)):
            given = () if reaction.given is None else (self._given_for_event(reaction.given, event),)
            steps += reaction.react(event, *given)
        for step in steps:
            if isinstance(step, ForEach):
                self._walks.append(step)
            elif isinstance(step, Send) and step.at is None:
                self._decide(step)

    def _walk(self, walk: ForEach) -> None:
        found = [id for id, state in self.all(walk.decider).items() if _column(state, walk.by) == walk.equals]
        self.send(*(walk.decider.send(id, walk.message) for id in sorted(found)))

    def _given_for_message(self, send: Send, state: Any) -> Any:
        assert isinstance(send.decider.given, Given)
        return self._person_with(send.decider.given.key_for_message(send.message, state))

    def _given_for_event(self, given: Given[Any] | Givens[Any], event: Recorded[Any]) -> Any:
        assert isinstance(given, Givens)
        return given.known(**{name: self._person_with(part.key_for_event(event)) for name, part in given.parts.items()})

    def _person_with(self, civil_id_hash: str | None) -> KnownPerson | None:
        found = [id for id, state in self.all(person).items() if state.civil_id_hash == civil_id_hash]
        return KnownPerson(found[0], civil_id_hash) if civil_id_hash and found else None


def _column(state: Any, name: str) -> UUID | None:
    """As the tables' generated columns have it."""
    columns = {
        "mother_key": lambda: state.parent_keys.get("mother"),
        "father_key": lambda: state.parent_keys.get("father"),
    }
    found: UUID | None = columns[name]() if name in columns else getattr(state, name)
    return found
