"""What events bring about in identity."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TypeAlias

from services.identity.domain.life_event import (
    CHILD,
    FATHER,
    MOTHER,
    Happened,
    ParentsFound,
    life_event,
    life_event_id,
    parent_key,
)
from services.identity.domain.person import (
    AmountsLowered,
    BirthNoticeAnnulled,
    BirthNoticed,
    DeathNoticeAnnulled,
    DeathNoticed,
    FactsEstablished,
    KnownPerson,
    person,
)
from services.identity.domain.relation import LastDayOver, NotParentOf, ParentOf, relation
from services.identity.domain.session import PersonGone, session
from shared.contracts.event import Recorded
from shared.contracts.identity import (
    Fact,
    LifeEventAnnulled,
    LifeEventCorrected,
    LifeEventKind,
    LifeEventNoticed,
    LifeEventRecorded,
    PersonCivilIdAssigned,
    PersonDied,
    PersonErased,
    PersonRegistered,
    RelationKind,
    RelationRecorded,
    relation_id,
)
from shared.contracts.personal import Erased
from shared.contracts.requests import RequestEmitted, RequestEmittedAndLowered
from shared.functions import Given, Givens, Reactions, Step, erase, for_each
from shared.kernel.clock import KUWAIT

reactions = Reactions()

Told: TypeAlias = LifeEventNoticed | LifeEventRecorded | LifeEventCorrected


@dataclass(frozen=True)
class Parents:
    """Those of a birth's parents who are persons of ours."""

    mother: KnownPerson | None
    father: KnownPerson | None


def _hash_of(event: Recorded[Told], role: str) -> str | None:
    particulars = event.data.particulars
    return None if isinstance(particulars, Erased) else particulars.parents.get(role)


PARENTS = Givens(
    Parents,
    mother=Given(KnownPerson, "persons", by="civil_id_hash", key=lambda event: _hash_of(event, MOTHER)),
    father=Given(KnownPerson, "persons", by="civil_id_hash", key=lambda event: _hash_of(event, FATHER)),
)


@reactions.on(LifeEventNoticed, LifeEventRecorded, LifeEventCorrected, given=PARENTS)
def look_up_the_parents(event: Recorded[Told], parents: Parents) -> Iterator[Step]:
    """Who is not known yet is found when they are registered."""
    known = {person.civil_id_hash: person.id for person in (parents.mother, parents.father) if person is not None}
    if event.data.kind is LifeEventKind.BIRTH and known:
        yield life_event.send(event.aggregate_id, ParentsFound(known))


@reactions.on(PersonRegistered, PersonCivilIdAssigned)
def find_their_children(event: Recorded[PersonRegistered | PersonCivilIdAssigned]) -> Iterator[Step]:
    """Births that were told before their mother or father was known here."""
    key = event.data.civil_id_hash
    if isinstance(key, str):
        found = ParentsFound({key: event.aggregate_id})
        for column in ("mother_key", "father_key"):
            yield for_each("life_events", by=column, equals=parent_key(key), decider=life_event, message=found)


@reactions.on(LifeEventRecorded, LifeEventCorrected)
def register_a_newborn(event: Recorded[LifeEventRecorded | LifeEventCorrected]) -> Iterator[Step]:
    """A newborn is a person, and its parents are its guardians."""
    told = event.data
    if told.kind is not LifeEventKind.BIRTH or CHILD not in told.parties or isinstance(told.particulars, Erased):
        return
    particulars = told.particulars
    assert particulars.sex is not None and particulars.residence is not None
    born_on = particulars.occurred_at.astimezone(KUWAIT).date()
    noticed = BirthNoticed(born_on, particulars.sex, particulars.residence, event.aggregate_id)
    yield person.send(told.person_id, noticed)
    for parent in sorted({told.parties[role] for role in (MOTHER, FATHER) if role in told.parties}):
        guardian = ParentOf(RelationKind.GUARDIAN, parent, told.person_id, event.aggregate_id)
        yield relation.send(relation_id(RelationKind.GUARDIAN, parent, told.person_id), guardian)


@reactions.on(LifeEventCorrected)
def release_who_is_no_parent(event: Recorded[LifeEventCorrected]) -> Iterator[Step]:
    """Whoever was named by mistake is no guardian of the child."""
    told = event.data
    if told.kind is LifeEventKind.BIRTH:
        for parent in sorted(set(told.replaced.values()) - set(told.parties.values())):
            no_guardian = relation_id(RelationKind.GUARDIAN, parent, told.person_id)
            yield relation.send(no_guardian, NotParentOf(event.aggregate_id))


@reactions.on(LifeEventRecorded, LifeEventCorrected)
def note_a_death(event: Recorded[LifeEventRecorded | LifeEventCorrected]) -> Iterator[Step]:
    """Every service hears of it by the person's snapshot."""
    told = event.data
    if told.kind is LifeEventKind.DEATH and not isinstance(told.particulars, Erased):
        died_on = told.particulars.occurred_at.astimezone(KUWAIT).date()
        yield person.send(told.person_id, DeathNoticed(died_on, event.aggregate_id))


@reactions.on(LifeEventAnnulled)
def take_a_notice_back(event: Recorded[LifeEventAnnulled]) -> Iterator[Step]:
    """The notice was wrong."""
    told = event.data
    if told.kind is LifeEventKind.DEATH:
        yield person.send(told.person_id, DeathNoticeAnnulled(event.aggregate_id))
        return
    yield person.send(told.person_id, BirthNoticeAnnulled(event.aggregate_id))
    for parent in sorted({told.parties[role] for role in (MOTHER, FATHER) if role in told.parties}):
        no_guardian = relation_id(RelationKind.GUARDIAN, parent, told.person_id)
        yield relation.send(no_guardian, NotParentOf(event.aggregate_id))


@reactions.on(RelationRecorded)
def end_on_the_last_day(event: Recorded[RelationRecorded]) -> Iterator[Step]:
    """A relation with an end holds to the end of that day in Kuwait."""
    until = event.data.until
    if until is not None:
        ends_at = datetime.combine(until + timedelta(days=1), time(), tzinfo=KUWAIT)
        yield relation.send(event.aggregate_id, LastDayOver(until), at=ends_at)


@reactions.on(PersonDied, PersonErased)
def sign_them_out(event: Recorded[PersonDied | PersonErased]) -> Iterator[Step]:
    """Nobody signs in as the dead or the erased, and no session of theirs goes on."""
    yield for_each("sessions", by="acting_as", equals=event.aggregate_id, decider=session, message=PersonGone())


@reactions.on(RequestEmitted, RequestEmittedAndLowered)
def keep_what_is_so_from_now_on(event: Recorded[RequestEmitted]) -> Iterator[Step]:
    """A request has made something so: facts about a person, or something in their life."""
    told = event.data
    if told.facts:
        facts = {name: Fact(value=value, source=told.source, as_of=event.time) for name, value in told.facts.items()}
        yield person.send(told.person_id, FactsEstablished(facts))
    if isinstance(told, RequestEmittedAndLowered):
        yield person.send(told.person_id, AmountsLowered(told.lowered, told.source, event.time))
    if told.life_event is not None and told.life_event.parties:
        parties = told.life_event.parties
        happened = Happened(told.life_event.kind, next(iter(parties.values())), told.source, event.time, parties)
        yield life_event.send(life_event_id(told.source, f"{event.aggregate_id}/{told.step_id}"), happened)


@reactions.on(PersonErased)
def destroy_the_key(event: Recorded[PersonErased]) -> Iterator[Step]:
    """What is sealed about the person, in the log too, is unreadable from here on."""
    yield erase(event.aggregate_id)
