"""What events bring about in identity."""

from collections.abc import Iterator

from services.identity.domain.person import DeathNoticeAnnulled, DeathNoticed, person
from shared.contracts.event import Recorded
from shared.contracts.identity import (
    LifeEventAnnulled,
    LifeEventCorrected,
    LifeEventKind,
    LifeEventRecorded,
    PersonErased,
)
from shared.contracts.personal import Erased
from shared.functions import Reactions, Step, erase
from shared.kernel.clock import KUWAIT

reactions = Reactions()


@reactions.on(LifeEventRecorded, LifeEventCorrected)
def note_a_death(event: Recorded[LifeEventRecorded | LifeEventCorrected]) -> Iterator[Step]:
    """Every service hears of it by the person's snapshot."""
    told = event.data
    if told.kind is LifeEventKind.DEATH and not isinstance(told.occurred_at, Erased):
        yield person.send(told.person_id, DeathNoticed(told.occurred_at.astimezone(KUWAIT).date(), event.aggregate_id))


@reactions.on(LifeEventAnnulled)
def take_a_death_back(event: Recorded[LifeEventAnnulled]) -> Iterator[Step]:
    """The notice was wrong."""
    if event.data.kind is LifeEventKind.DEATH:
        yield person.send(event.data.person_id, DeathNoticeAnnulled(event.aggregate_id))


@reactions.on(PersonErased)
def destroy_the_key(event: Recorded[PersonErased]) -> Iterator[Step]:
    """What is sealed about the person, in the log too, is unreadable from here on."""
    yield erase(event.aggregate_id)
