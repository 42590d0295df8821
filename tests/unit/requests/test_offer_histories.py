"""Whatever is told of births in whatever order, late, twice or wrongly: in the end those have offers who should.

Registries tell, correct and take back; people are named, die and are erased; time passes; and the service hears of it
in any order that keeps the order of each person and of each life event. What it has made of all that is compared with
what follows from the last word of each registry alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.requests.domain.definition import Binding, ServiceDefinition
from services.requests.domain.offer import Status, offer, offer_id
from services.requests.domain.request import request
from services.requests.domain.request_state import Request
from services.requests.domain.request_state import Status as RequestStatus
from services.requests.domain.task import Status as TaskStatus
from services.requests.domain.task import task
from services.requests.seed import read_definitions
from shared.contracts.event import Event
from shared.contracts.identity import (
    LifeEventAnnulled,
    LifeEventCorrected,
    LifeEventKind,
    LifeEventRecorded,
    PersonForgotten,
    PersonSnapshot,
    Residence,
)
from shared.contracts.requests import OfferExpired, OfferMade, OfferMode, OfferWithdrawn
from shared.kernel.clock import KUWAIT
from tests.unit.builders import NOW, an_event, an_id, stored_and_read
from tests.unit.generated import QUICK
from tests.unit.requests.office import Office

DEFINITIONS = [found for found in read_definitions() if all(b.recipient == "mother" for b in found.bindings)]
BOUND = [(definition, binding) for definition in DEFINITIONS for binding in definition.bindings]
MOTHERS = [an_id("mother", number) for number in range(2)]
CHILDREN = [an_id("child", number) for number in range(2)]
NOTICES = sorted(an_id("notice", number) for number in range(3))
PERSONS, LIFE_EVENTS = "identity.persons", "identity.events"
BIRTHDAY = NOW.astimezone(KUWAIT).date()
ANY = st.integers(0, 20)


@dataclass(frozen=True)
class Human:
    """What the civil register says of somebody by now."""

    birth_date: date
    is_named: bool = True
    has_civil_id: bool = True
    birth_is_registered: bool = True
    died_on: date | None = None
    is_erased: bool = False
    sequence: int = 0
    has_ever_gone: bool = False

    @property
    def is_here(self) -> bool:
        """Whether they live, and are not erased."""
        return self.died_on is None and not self.is_erased


@dataclass(frozen=True)
class Birth:
    """What a hospital says of a birth by now. `mother` None: somebody whom the platform does not know."""

    child: UUID
    mother: UUID | None
    sequence: int = 0
    is_annulled: bool = False

    @property
    def parties(self) -> dict[str, UUID]:
        """Who takes part."""
        return {"child": self.child} | ({} if self.mother is None else {"mother": self.mother})


@dataclass
class Registries:
    """The last word of each registry, and nothing of the way there."""

    people: dict[UUID, Human] = field(default_factory=dict)
    births: dict[UUID, Birth] = field(default_factory=dict)

    def mother_of(self, child: UUID) -> UUID | None:
        """As the first notice has it that stands and names one."""
        standing = [self.births[id] for id in NOTICES if id in self.births and not self.births[id].is_annulled]
        named = [birth.mother for birth in standing if birth.child == child and birth.mother is not None]
        return named[0] if named else None

    def offers_at(self, at: datetime, *, automatic: bool) -> set[tuple[UUID, UUID]]:
        """The offers that there should be at an instant, each with who should have it."""
        found = set()
        for child in CHILDREN:
            mother = self.mother_of(child)
            for definition, binding in BOUND:
                is_of_kind = (binding.mode is OfferMode.AUTOMATIC) is automatic
                if mother is not None and is_of_kind and self.is_for(definition, binding, child, mother, at):
                    found.add((offer_id(definition.id, binding.id, child), mother))
        return found

    def is_for(self, definition: ServiceDefinition, binding: Binding, child: UUID, mother: UUID, at: datetime) -> bool:
        """Whether the child of a mother who lives should have this now."""
        newborn = self.people[child]
        days = (at - datetime.combine(newborn.birth_date, datetime.min.time(), tzinfo=KUWAIT)) / timedelta(days=1)
        is_time = binding.after_days <= days < binding.open_for_days
        return is_time and newborn.is_here and self.people[mother].is_here and MEETS[definition.id](newborn)


MEETS: Mapping[str, Callable[[Human], bool]] = {
    "birth-certificate": lambda child: child.birth_is_registered,
    "newborn-civil-id": lambda child: child.is_named and not child.has_civil_id,
    "newborn-passport": lambda child: child.has_civil_id,
    "child-vaccination": lambda _: True,
}
"""The rules of the catalogue's services in the first days of a life, said once more."""


class BirthMachine(RuleBasedStateMachine):
    """Hospitals, the civil register, a clock, and the service, each at their own pace."""

    def __init__(self) -> None:
        super().__init__()
        self.office = Office(DEFINITIONS, NOW)
        self.told = Registries()

    @initialize(is_named=st.booleans())
    def begin(self, is_named: bool) -> None:
        """Mothers and children become known, sooner or later than their births."""
        for mother in MOTHERS:
            self.say(mother, Human(date(1995, 5, 5)))
        for child in CHILDREN:
            self.say(child, Human(BIRTHDAY, is_named=is_named, has_civil_id=False))

    @precondition(lambda self: len(self.told.births) < len(NOTICES))
    @rule(which=ANY, child=st.sampled_from([0, 0, 1]), mother=st.sampled_from([0, 0, 1]))
    def a_birth_is_told(self, which: int, child: int, mother: int) -> None:
        """By some hospital; of the same child by another one perhaps."""
        free = [id for id in NOTICES if id not in self.told.births]
        self.record(free[which % len(free)], Birth(CHILDREN[child], MOTHERS[mother]), LifeEventRecorded)

    @precondition(lambda self: self.standing())
    @rule(which=ANY, mother=st.sampled_from([0, 1, None]))
    def a_birth_is_corrected(self, which: int, mother: int | None) -> None:
        """Another mother, one whom nobody knows yet, or only the time."""
        id = self.standing()[which % len(self.standing())]
        named = None if mother is None else MOTHERS[mother]
        self.record(id, replace(self.told.births[id], mother=named), LifeEventCorrected)

    @precondition(lambda self: self.standing())
    @rule(which=ANY)
    def a_birth_is_annulled(self, which: int) -> None:
        """It has not happened."""
        id = self.standing()[which % len(self.standing())]
        self.record(id, replace(self.told.births[id], is_annulled=True), LifeEventAnnulled)

    @rule(child=st.sampled_from(CHILDREN), is_named=st.booleans(), has_civil_id=st.booleans())
    def a_child_is_registered(self, child: UUID, is_named: bool, has_civil_id: bool) -> None:
        """It has its name, or its civil ID; or a registry says something again."""
        before = self.told.people[child]
        is_named, has_civil_id = is_named or before.is_named, has_civil_id and is_named
        self.change(child, is_named=is_named, has_civil_id=has_civil_id)

    @rule(child=st.sampled_from(CHILDREN), is_registered=st.booleans())
    def a_birth_is_registered_or_not(self, child: UUID, is_registered: bool) -> None:
        """A notice of it stands, or none does any more."""
        self.change(child, birth_is_registered=is_registered)

    @rule(child=st.sampled_from(CHILDREN), days=st.integers(-40, 40))
    def a_birth_date_is_corrected(self, child: UUID, days: int) -> None:
        """Not always by little."""
        self.change(child, birth_date=BIRTHDAY + timedelta(days=days))

    @rule(who=st.sampled_from(MOTHERS + CHILDREN), is_dead=st.booleans())
    def a_death_is_told_or_annulled(self, who: UUID, is_dead: bool) -> None:
        """Of a mother or a child."""
        self.change(who, died_on=BIRTHDAY if is_dead else None, **({"has_ever_gone": True} if is_dead else {}))

    @rule(who=st.sampled_from(MOTHERS + CHILDREN), seldom=st.integers(0, 4))
    def somebody_is_erased(self, who: UUID, seldom: int) -> None:
        """On request."""
        if not seldom:
            self.change(who, is_erased=True, has_ever_gone=True)

    @rule(days=st.sampled_from([1, 9, 30, 45, 90]))
    def time_passes(self, days: int) -> None:
        """Whether what is due is done or not."""
        self.office.now += timedelta(days=days)

    @precondition(lambda self: self.office.waiting())
    @rule(which=ANY)
    def an_event_is_heard(self, which: int) -> None:
        """Of somebody, or of some birth; or it has to wait."""
        lanes = self.office.waiting()
        self.office.hear(lanes[which % len(lanes)])

    @precondition(lambda self: self.office.walks)
    @rule(which=ANY)
    def a_walk_is_done(self, which: int) -> None:
        """However late."""
        self.office.walk(self.office.walks[which % len(self.office.walks)])

    @precondition(lambda self: self.office.due())
    @rule(which=ANY)
    def a_timer_goes_off(self, which: int) -> None:
        """However late."""
        due = self.office.due()
        self.office.fire(due[which % len(due)])

    @precondition(lambda self: self.office.signatures)
    @rule()
    def a_document_is_signed(self) -> None:
        """By a worker."""
        self.office.sign(self.office.signatures[0])

    @rule()
    def everything_is_done(self) -> None:
        """All that can be done by now."""
        self.office.settle()

    def standing(self) -> list[UUID]:
        """The notices that can be corrected or annulled."""
        return [id for id, birth in self.told.births.items() if not birth.is_annulled]

    def record(self, id: UUID, birth: Birth, kind: type[Event]) -> None:
        """A hospital's word, as identity publishes it."""
        before = self.told.births.get(id, replace(birth, mother=None))
        self.told.births[id] = birth = replace(birth, sequence=before.sequence + 1)
        values: dict[str, Any] = {
            "kind": LifeEventKind.BIRTH,
            "person_id": birth.child,
            "source": "moh",
            "noticed_at": self.office.now,
            "parties": birth.parties,
            "replaced": {role: who for role, who in before.parties.items() if birth.parties.get(role) != who},
        }
        self.office.tell(LIFE_EVENTS, an_event(kind, **values), id, birth.sequence)

    def change(self, who: UUID, **changes: Any) -> None:
        """Of the erased nothing is told any more."""
        if not self.told.people[who].is_erased:
            self.say(who, replace(self.told.people[who], **changes))

    def say(self, who: UUID, human: Human) -> None:
        """The civil register's word, as identity publishes it."""
        self.told.people[who] = human = replace(human, sequence=human.sequence + 1)
        known = {name: value for name, value in vars(human).items() if name in PersonSnapshot.model_fields}
        snapshot = an_event(PersonSnapshot, residence=Residence.CITIZEN, facts={}, **known)
        self.office.tell(PERSONS, PersonForgotten() if human.is_erased else snapshot, who, human.sequence)

    @invariant()
    def nothing_is_offered_twice(self) -> None:
        """Between two makings of an offer it has ended; and its id follows from the birth."""
        known = {offer_id(definition.id, binding.id, child) for definition, binding in BOUND for child in CHILDREN}
        for id in self.office.all(offer):
            stands = False
            for event in self.office.events(offer, id):
                assert not (stands and isinstance(event, OfferMade)), "made again while it stands"
                stands = isinstance(event, OfferMade) or (
                    stands and not isinstance(event, OfferWithdrawn | OfferExpired)
                )
            assert id in known

    @invariant()
    def nothing_is_offered_to_the_dead(self) -> None:
        """Nor to the erased, nor for them: as far as the service can know."""
        rows, held = self.office.tables.rows["persons"], self.office.walks
        for state in self.office.all(offer).values():
            people = {state.recipient_id, state.beneficiary_id}
            is_gone = any(who not in rows or rows[who]["died_on"] for who in people)
            is_on_its_way = any(walk.decider is offer and walk.equals in people for walk in held)
            assert state.status not in (Status.OPEN, Status.SNOOZED) or not is_gone or is_on_its_way

    def teardown(self) -> None:
        """In the end, and at every instant from then on at which something is due."""
        self.office.settle()
        self.check()
        while self.office.timers:
            self.office.now = max(self.office.now, min(timer.at for timer in self.office.timers if timer.at))
            self.office.settle()
            self.check()
        for id, state in self.office.all(offer).items():
            assert stored_and_read(state, id) == state

    def check(self) -> None:
        """What there is, is what there should be."""
        now, offers = self.office.now, self.office.all(offer)
        assert not self.office.waiting(), "somebody is waited for in vain"
        is_open = {(id, state.recipient_id) for id, state in offers.items() if state.status is Status.OPEN}
        assert is_open == self.told.offers_at(now, automatic=False)
        accepted = {(id, state.recipient_id) for id, state in offers.items() if state.status is Status.ACCEPTED}
        assert accepted >= self.told.offers_at(now, automatic=True)
        assert accepted <= {(id, self.told.mother_of(offers[id].beneficiary_id)) for id in offers}
        self._check_what_was_begun()

    def _check_what_was_begun(self) -> None:
        offers = self.office.all(offer)
        for id, state in self.office.all(request).items():
            people = [self.told.people[who] for who in (state.applicant_id, state.beneficiary_id)]
            begun_with = offers[state.offer_id]
            is_accepted = (begun_with.status, begun_with.request_id) == (Status.ACCEPTED, id)
            if state.is_running:
                assert is_accepted, "it runs, and what it rests on is not so"
                assert all(human.is_here for human in people), "it runs for somebody who is gone"
            asked = [found for found in self.office.all(task).values() if found.request_id == id and found.person_id]
            assert {found.status is TaskStatus.OPEN for found in asked} <= {state.facts_of is not None}
            if is_accepted and not any(human.has_ever_gone for human in people):
                self._check_that_it_goes_on(state)
        begun = self.office.all(request)
        for state in offers.values():
            people = [self.told.people[who] for who in (state.recipient_id, state.beneficiary_id)]
            if state.status is Status.ACCEPTED and not any(human.has_ever_gone for human in people):
                assert state.request_id in begun, "it was accepted, and nothing has begun"

    def _check_that_it_goes_on(self, state: Request) -> None:
        if self.told.people[state.beneficiary_id].is_named:
            assert state.status is RequestStatus.FULFILLED
        else:
            assert state.facts_of == state.beneficiary_id


BirthMachine.TestCase.settings = settings(QUICK, max_examples=350, stateful_step_count=30)
TestWhateverIsToldOfBirthsThoseHaveOffersWhoShould = BirthMachine.TestCase


def a_machine() -> BirthMachine:
    """Everybody is known, and the first child is named."""
    machine = BirthMachine()
    machine.begin(is_named=True)
    machine.everything_is_done()
    return machine


def test_two_hospitals_that_tell_of_the_same_births_make_the_same_offers_once() -> None:
    made = []
    for notices in ([0, 1], [0, 1, 0, 1]):
        machine = a_machine()
        for number, child in enumerate(notices[:3]):
            machine.record(NOTICES[number], Birth(CHILDREN[child], MOTHERS[0]), LifeEventRecorded)
            machine.everything_is_done()
        offers = machine.office.all(offer)
        made.append(
            {id: len([e for e in machine.office.events(offer, id) if isinstance(e, OfferMade)]) for id in offers}
        )
        machine.teardown()
    assert made[0] == made[1]
    assert len(made[0]) == len(BOUND) * len(CHILDREN)


def test_a_mother_whose_death_is_annulled_has_the_offer_that_she_was_to_have() -> None:
    machine = a_machine()
    machine.a_death_is_told_or_annulled(who=MOTHERS[1], is_dead=True)
    machine.a_birth_is_told(which=0, child=0, mother=0)
    machine.everything_is_done()
    machine.a_birth_is_corrected(which=0, mother=1)
    machine.everything_is_done()
    machine.a_death_is_told_or_annulled(who=MOTHERS[1], is_dead=False)
    machine.everything_is_done()
    assert machine.told.offers_at(NOW, automatic=False)
    machine.teardown()


def test_what_is_heard_after_an_offer_was_made_in_its_time_does_not_take_it_back() -> None:
    machine = a_machine()
    machine.a_birth_is_told(which=0, child=0, mother=0)
    machine.everything_is_done()
    machine.time_passes(days=45)
    machine.a_child_is_registered(child=CHILDREN[0], is_named=True, has_civil_id=True)
    machine.time_passes(days=9)
    [due] = machine.office.due()
    machine.office.fire(due)
    machine.everything_is_done()
    machine.teardown()


def test_whoever_dies_before_an_automatic_service_has_begun_is_not_asked_for_anything() -> None:
    machine = BirthMachine()
    machine.begin(is_named=False)
    machine.everything_is_done()
    machine.a_birth_is_told(which=0, child=0, mother=0)
    machine.office.hear((LIFE_EVENTS, NOTICES[0]))
    machine.a_death_is_told_or_annulled(who=CHILDREN[0], is_dead=True)
    machine.office.hear((PERSONS, CHILDREN[0]))
    for walk in list(machine.office.walks):
        machine.office.walk(walk)
    machine.everything_is_done()
    assert not machine.office.all(request)
    machine.teardown()
