"""A small world of requests and payments in memory: their own functions, a bank and a person, and no I/O at all.

Events are heard in the order of their aggregate and otherwise in any order; effects are done when a test says so, and
walks over rows long after the event that they follow from.
"""

from collections import defaultdict, deque
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import Any, TypeAlias
from uuid import UUID

from services.payments.domain.payment import CAPTURED, Payment, StartAttempt, payment, payment_id_for
from services.payments.domain.payment import TRANSITIONS as PAYMENT_TRANSITIONS
from services.payments.effects import Answer, InquireAttempt, OpenPage
from services.payments.effects import effects as payments_effects
from services.payments.reactions import reactions as payments_reactions
from services.requests.domain.definition import FeeStep, ServiceDefinition
from services.requests.domain.facts import KnownPerson
from services.requests.domain.request import request
from services.requests.domain.request_state import TRANSITIONS as REQUEST_TRANSITIONS
from services.requests.domain.request_state import Request
from services.requests.domain.task import TRANSITIONS as TASK_TRANSITIONS
from services.requests.domain.task import Status as TaskStatus
from services.requests.domain.task import task
from services.requests.effects import effects as requests_effects
from services.requests.projections import projections as requests_projections
from services.requests.reactions import reactions as requests_reactions
from shared.contracts.event import Recorded
from shared.contracts.identity import Fact, PersonErased, PersonForgotten, PersonSnapshot
from shared.functions import Effect, Erase, ForEach, Job, Perform, Row, Send
from shared.kernel.errors import TryLater
from shared.kernel.ids import derive_id
from tests.unit.builders import NOW, AnyDecider, Life, an_event, recorded
from tests.unit.requests.request_builders import APPLICANT, REQUEST_ID, a_person, a_submission, fee_of
from tests.unit.tables import Tables

SERVICES = {
    "requests": (requests_reactions, requests_effects),
    "payments": (payments_reactions, payments_effects),
}
TRANSITIONS: Mapping[str, Any] = {
    "request": REQUEST_TRANSITIONS,
    "payment": PAYMENT_TRANSITIONS,
    "task": TASK_TRANSITIONS,
}


Lane: TypeAlias = tuple[str, str, UUID]
"""What is heard in its order: by a service, on a topic, of an aggregate. Each walk has a lane of its own."""
WALK = "walk"


class Bank:
    """A gateway as its merchants know it; it gives back what it is told to, so that a fault would cost money."""

    def __init__(self) -> None:
        self.results: dict[UUID, str] = {}
        self.taken: dict[UUID, int] = {}
        self.payments: dict[UUID, UUID] = {}
        self.given_back: dict[UUID, tuple[UUID, int]] = {}

    async def open_page(self, attempt_id: UUID, payment_id: UUID, amount_fils: int) -> str:
        """The same page each time."""
        self.payments[attempt_id] = payment_id
        return f"https://bank.test/{attempt_id}"

    async def inquire(self, attempt_id: UUID, amount_fils: int) -> Answer:
        """What the payer has done at the page, if there ever was one."""
        if attempt_id not in self.payments:
            return Answer("NOT FOUND", amount_fils, "")
        return Answer(self.results.get(attempt_id), self.taken.get(attempt_id, amount_fils), f"ref-{attempt_id}")

    async def refund(self, attempt_id: UUID, refund_id: UUID, amount_fils: int) -> str:
        """Once for each refund's id."""
        self.given_back[refund_id] = (attempt_id, amount_fils)
        return f"back-{refund_id}"

    def pay(self, attempt_id: UUID, amount_fils: int) -> None:
        """The payer pays at the page, once."""
        if attempt_id not in self.results:
            self.results[attempt_id] = CAPTURED
            self.taken[attempt_id] = amount_fils

    def leave(self, attempt_id: UUID) -> None:
        """The payer leaves the page."""
        self.results.setdefault(attempt_id, "CANCELED")

    def kept_fils(self, payment_id: UUID) -> int:
        """What the bank has taken for a payment and not given back."""
        taken = sum(fils for id, fils in self.taken.items() if self.payments[id] == payment_id)
        return taken - sum(fils for id, fils in self.given_back.values() if self.payments[id] == payment_id)


class Seal:
    """Signs as it comes."""

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A signature."""
        return f"signed.{claims['jti']}.x"

    def code(self, document_id: UUID) -> str:
        """A code."""
        return f"code-{document_id}"


@dataclass
class Register:
    """Knows people who are not erased."""

    erased: set[UUID] = field(default_factory=set)
    dead: dict[UUID, date] = field(default_factory=dict)

    async def find(self, person_id: UUID) -> KnownPerson | None:
        """The person."""
        person = replace(a_person(person_id), died_on=self.dead.get(person_id))
        return None if person_id in self.erased else person


@dataclass(frozen=True)
class Due:
    """An effect that is to be done."""

    service: str
    effect: Effect
    key: UUID


class World:
    """One request for a service, and all that follows from it in two services."""

    def __init__(self, definition: ServiceDefinition) -> None:
        self.definition = definition
        self.tables = Tables()
        self.tables.write(Row("service_versions", {"key": definition.key, "definition": definition}))
        self.applicant_sequence = 0
        self.number_of_walks = 0
        self.bank, self.register = Bank(), Register()
        self.lives: dict[tuple[str, UUID], Life] = {}
        self.lanes: dict[Lane, deque[Any]] = defaultdict(deque)
        self.timers: list[Send] = []
        self.effects: list[Due] = []
        self.tell_of_applicant()
        while lanes := self.waiting_lanes():
            self.deliver(lanes[0])
        self._send(request.send(REQUEST_ID, a_submission(definition)))

    @property
    def request(self) -> Request:
        """The request as it stands."""
        state: Request = self.life(request, REQUEST_ID).state
        return state

    def payment(self, step_id: str) -> Payment:
        """The payment of a step's fee."""
        state: Payment = self.life(payment, payment_id_for(fee_of(step_id))).state
        return state

    def kept_fils(self, step_id: str) -> int:
        """What the applicant has paid for a step and not got back."""
        return self.bank.kept_fils(payment_id_for(fee_of(step_id)))

    def life(self, decider: AnyDecider, id: UUID) -> Life:
        """The life of an aggregate."""
        place = decider.name, id
        if place not in self.lives:
            given = partial(self.tables.for_message, decider)
            self.lives[place] = Life(decider, given, TRANSITIONS.get(decider.name))
        return self.lives[place]

    def ask(self, message: Any) -> None:
        """The applicant asks for something."""
        self._send(request.send(REQUEST_ID, message))

    def start_attempt(self, step_id: str, number: int) -> None:
        """The payer goes to pay a fee, if it has come to payments."""
        if self.payment(step_id).fee_id == fee_of(step_id):
            attempt_id = derive_id("attempt", step_id, number)
            self._send(payment.send(payment_id_for(fee_of(step_id)), StartAttempt(attempt_id)))

    def open_tasks(self) -> list[UUID]:
        """What officers have to decide."""
        lives = {id: life for (name, id), life in self.lives.items() if name == task.name}
        return [id for id, life in lives.items() if life.state.status is TaskStatus.OPEN]

    def decide(self, task_id: UUID, decision: Any) -> None:
        """An officer decides."""
        self._send(task.send(task_id, decision))

    def tell_of_applicant(self, **changes: Any) -> None:
        """identity tells what is known of the applicant by now."""
        self._tell(an_event(PersonSnapshot, **{"died_on": None, "facts": {}, **changes}))

    def state_facts(self, **facts: int | bool | str) -> None:
        """Registries tell facts of the applicant."""
        self.tell_of_applicant(facts={name: Fact(value=told, source="moi", as_of=NOW) for name, told in facts.items()})

    def erase_applicant(self) -> None:
        """identity erases the applicant, and everybody hears of it, on two topics."""
        self._hear(recorded(PersonErased(), APPLICANT))
        self._tell(PersonForgotten())

    def bury_applicant(self) -> None:
        """A registry tells of the applicant's death, and everybody hears of it."""
        self.tell_of_applicant(died_on=NOW.date())

    def waiting_lanes(self) -> list[Lane]:
        """Where there is something to hear."""
        return [lane for lane, events in self.lanes.items() if events]

    def deliver(self, lane: Lane) -> None:
        """A service hears of the next event of an aggregate, or walks over its rows."""
        service = lane[0]
        event = self.lanes[lane].popleft()
        if service == WALK:
            self._walk(event)
            return
        if service == "requests":
            self.tables.follow(requests_projections, event)
            if isinstance(event.data, PersonForgotten):
                self.register.erased.add(event.aggregate_id)
        for reaction in SERVICES[service][0].to(type(event.data)):
            for step in reaction.react(event, *self.tables.for_event(reaction.given, event)):
                self._follow(service, event, step)

    def _walk(self, walk: ForEach) -> None:
        for (name, id), life in list(self.lives.items()):
            if name == walk.decider.name and getattr(life.state, walk.by) == walk.equals:
                self._send(walk.decider.send(id, walk.message))

    def _tell(self, data: Any) -> None:
        self.applicant_sequence += 1
        self._hear(recorded(data, APPLICANT, sequence=self.applicant_sequence), topic="persons")

    def fire(self, timer: Send) -> None:
        """A timer goes off."""
        self.timers.remove(timer)
        self._send(timer)

    def perform(self, due: Due, *, is_recorded: bool = True) -> None:
        """An effect is done; `is_recorded` False: the process dies before it can say so."""
        if isinstance(due.effect, InquireAttempt) and self._is_asking_for_a_page(due.effect.attempt_id):
            return  # an inquiry comes when no page can be opened any more
        handler = SERVICES[due.service][1].handler(type(due.effect).__name__)
        assert handler is not None
        assert handler.of is not None
        state = self.life(handler.of, due.key).state
        if handler.due is not None and not handler.due(due.effect, state):
            self.effects.remove(due)
            return
        available = {
            "effect": due.effect,
            "job": Job(id=derive_id("job", due), key=due.key, attempts=1, first_due_at=NOW, now=NOW),
            "state": state,
            "gateway": self.bank,
            "signer": Seal(),
            "holders": self.register,
        }
        try:
            message = result_of(handler.perform(**{name: available[name] for name in handler.parameters}))
        except TryLater:
            return
        if is_recorded:
            self.effects.remove(due)
            if message is not None:
                self._send(message)

    def exhaust(self, due: Due) -> None:
        """An effect did not succeed in its time."""
        handler = SERVICES[due.service][1].handler(type(due.effect).__name__)
        if handler is not None and handler.exhausted is not None:
            self.effects.remove(due)
            self._send(handler.exhausted(due.effect, due.key))

    def settle(self) -> None:
        """All is heard and done, and whoever was at a page of the bank has left it."""
        while lanes := self.waiting_lanes():
            self.deliver(lanes[0])
        for page in self.bank.payments:
            self.bank.leave(page)
        for due in list(self.effects):
            self.perform(due)
        if self.waiting_lanes():
            self.settle()

    def _send(self, send: Send) -> None:
        life = self.life(send.decider, send.aggregate_id)
        before = len(life.events)
        for number, event in enumerate(life.send(send.message), before + 1):
            self._hear(recorded(event, send.aggregate_id, sequence=number))

    def _is_asking_for_a_page(self, attempt_id: UUID) -> bool:
        return any(due.effect == OpenPage(attempt_id) for due in self.effects)

    def _hear(self, event: Recorded[Any], topic: str = "events") -> None:
        for service, (reactions, _) in SERVICES.items():
            is_shown = service == "requests" and requests_projections.of(type(event.data))
            if is_shown or reactions.to(type(event.data)):
                self.lanes[service, topic, event.aggregate_id].append(event)

    def _follow(self, service: str, event: Recorded[Any], step: Any) -> None:
        match step:
            case Send(at=None):
                self._send(step)
            case Send():
                self.timers.append(step)
            case Perform():
                self.effects.append(Due(service, step.effect, step.key or event.aggregate_id))
            case ForEach():
                self.number_of_walks += 1
                self.lanes[WALK, "", UUID(int=self.number_of_walks)].append(step)
            case Erase():
                assert step.subject_id == APPLICANT


def result_of(coroutine: Coroutine[Any, Any, Any] | Any) -> Any:
    """What a coroutine returns that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("this effect waits for something outside")


def fees_of(definition: ServiceDefinition) -> list[FeeStep]:
    """The steps that cost something."""
    return [step for step in definition.steps if isinstance(step, FeeStep) and step.amount_fils]
