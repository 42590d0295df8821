"""Births as registries tell, correct and annul them, in any order: in the end what they say by then holds."""

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from services.identity.domain.life_event import (
    CHILD,
    FATHER,
    MOTHER,
    AnnulLifeEvent,
    CorrectLifeEvent,
    TellLifeEvent,
    child_id,
    life_event,
    life_event_id,
)
from services.identity.domain.life_event import Status as Told
from services.identity.domain.person import Status, person
from services.identity.domain.relation import Status as RelationStatus
from services.identity.domain.relation import relation
from shared.contracts.identity import LifeEventKind, Particulars, Residence, Sex
from shared.functions import Send
from tests.unit.builders import NOW, an_id
from tests.unit.generated import QUICK
from tests.unit.identity.person_builders import a_registration
from tests.unit.identity.town import Town

HASHES = [f"keyed hash {number}" for number in range(3)]
"""Those who may be parents: some are registered, of each one or nobody."""
NOTICES = [life_event_id(source, "1") for source in ("moh-hospitals", "moh-registry", "moi-births")]
THE_DAY_BEFORE = NOW - timedelta(days=1)

hashes = st.sampled_from(HASHES)
sexes = st.sampled_from(list(Sex))
instants = st.sampled_from([THE_DAY_BEFORE, NOW])
corrections = st.builds(
    CorrectLifeEvent,
    st.none() | instants,
    st.none() | sexes,
    st.fixed_dictionaries({}, optional={MOTHER: hashes, FATHER: hashes}),
)


@st.composite
def tellings(draw: st.DrawFn) -> TellLifeEvent:
    """A registry tells of a birth; few mothers, so that often two tell of the same child."""
    parents = {MOTHER: draw(st.sampled_from(HASHES[:2])), **draw(st.fixed_dictionaries({}, optional={FATHER: hashes}))}
    occurred_at = draw(instants)
    return TellLifeEvent(
        kind=LifeEventKind.BIRTH,
        person_id=child_id(parents[MOTHER], NOW.date(), 1),
        source="somebody",
        noticed_at=NOW,
        particulars=Particulars(occurred_at=occurred_at, sex=draw(sexes), residence=Residence.CITIZEN, parents=parents),
    )


@dataclass
class Notice:
    """What a registry says by now."""

    child: UUID
    particulars: Particulars
    is_annulled: bool = False


@dataclass
class Registries:
    """What the registries have said, as anybody would write it down."""

    notices: dict[UUID, Notice] = field(default_factory=dict)
    known: dict[str, UUID] = field(default_factory=dict)

    def hear(self, send: Send) -> None:
        """A command is sent."""
        said, notice = send.message, self.notices.get(send.aggregate_id)
        if send.decider is person:
            self.known.setdefault(said.civil_id_hash, send.aggregate_id)
        elif isinstance(said, TellLifeEvent):
            self.notices.setdefault(send.aggregate_id, Notice(said.person_id, said.particulars))
        elif notice is None or notice.is_annulled:
            return
        elif isinstance(said, AnnulLifeEvent):
            notice.is_annulled = True
        else:
            told = notice.particulars
            changes = {"occurred_at": said.occurred_at, "sex": said.sex, "parents": {**told.parents, **said.parents}}
            notice.particulars = told.model_copy(update={name: value for name, value in changes.items() if value})

    def parents(self, notice: Notice) -> dict[str, UUID]:
        """Those parents who are registered."""
        return {role: self.known[key] for role, key in notice.particulars.parents.items() if key in self.known}


commands = st.one_of(
    st.builds(life_event.send, st.sampled_from(NOTICES), tellings()),
    st.builds(life_event.send, st.sampled_from(NOTICES), corrections),
    st.builds(life_event.send, st.sampled_from(NOTICES), st.just(AnnulLifeEvent())),
    hashes.map(lambda key: person.send(an_id(key), a_registration(civil_id_hash=key))),
)
histories = st.lists(st.tuples(commands, st.integers(1, 2), st.integers(0, 8)), min_size=6, max_size=20)
"""Each command comes once or twice; then a few of the events that wait are reacted to."""


@settings(QUICK, max_examples=300)
@given(histories, st.randoms(use_true_random=False), st.sampled_from([False, False, True]))
def test_in_the_end_what_the_registries_say_holds(
    history: list[tuple[Send, int, int]], random: Random, all_are_registered: bool
) -> None:
    town, registries = Town(), Registries()
    for command, times, reactions in history:
        for _ in range(times):
            town.send(command)
            registries.hear(command)
        for _ in range(reactions):
            town.react(random.randrange, twice=random.random() < 0.2)
    if all_are_registered:
        town.send(*(person.send(an_id(key), a_registration(civil_id_hash=key)) for key in HASHES))
        registries.known = {key: an_id(key) for key in HASHES}
    town.settle(random.randrange)
    check_notices(town, registries)
    check_children(town, registries)


def check_notices(town: Town, registries: Registries) -> None:
    """Each notice is as its registry has it, with those parties who are known."""
    assert set(town.all(life_event)) == set(registries.notices)
    for id, notice in registries.notices.items():
        state, parents = town.state(life_event, id), registries.parents(notice)
        assert (state.status is Told.ANNULLED) == notice.is_annulled
        if notice.is_annulled:
            continue
        assert state.particulars == notice.particulars
        assert MOTHER not in parents or state.status is Told.RECORDED
        child = {CHILD: notice.child} if state.status is Told.RECORDED else {}
        assert state.parties == {**parents, **child}


def check_children(town: Town, registries: Registries) -> None:
    """Whoever is born is there, with the parents of every notice that stands as guardians."""
    standing = {
        id: notice for id, notice in registries.notices.items() if town.state(life_event, id).status is Told.RECORDED
    }
    born = {notice.child for notice in standing.values()}
    guardians = {
        (parent, notice.child) for notice in standing.values() for parent in registries.parents(notice).values()
    }
    persons = {id: state for id, state in town.all(person).items() if id not in registries.known.values()}
    relations = [held for held in town.all(relation).values() if held.status is RelationStatus.IN_FORCE]
    assert {id for id, state in persons.items() if state.status is Status.REGISTERED} == born
    assert {state.status for id, state in persons.items() if id not in born} <= {Status.NEVER_BORN}
    assert {(held.holder_id, held.for_id) for held in relations} == guardians
    for id in born:
        told = [notice.particulars for notice in registries.notices.values() if notice.child == id]
        if len(told) == 1:  # of several, the one that was told or corrected last has the word
            said = (told[0].occurred_at.date(), told[0].sex)
            assert (persons[id].birth_date, persons[id].sex) == said
        assert persons[id].birth_notices == {notice for notice, by in standing.items() if by.child == id}
