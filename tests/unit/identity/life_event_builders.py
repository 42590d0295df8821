"""Builders of life events in every state."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.identity.domain.life_event import (
    FATHER,
    MOTHER,
    AnnulLifeEvent,
    CorrectLifeEvent,
    LifeEvent,
    ParentsFound,
    TellLifeEvent,
    life_event,
)
from shared.contracts.identity import LifeEventKind, Particulars, Residence, Sex
from tests.unit.builders import NOW, Life, a_life, an_id

THE_DAY_BEFORE = NOW - timedelta(days=1)
CHILD_ID, MOTHER_ID, FATHER_ID = an_id("child"), an_id("mother"), an_id("father")
OTHER_ID = an_id("another parent")
MOTHERS_HASH, FATHERS_HASH, OTHER_HASH = "mother's keyed hash", "father's keyed hash", "another's keyed hash"
MOTHER_FOUND = ParentsFound({MOTHERS_HASH: MOTHER_ID})
FATHER_FOUND = ParentsFound({FATHERS_HASH: FATHER_ID})
BOTH_FOUND = ParentsFound({MOTHERS_HASH: MOTHER_ID, FATHERS_HASH: FATHER_ID})
OTHER_FOUND = ParentsFound({OTHER_HASH: OTHER_ID})
ANOTHER_MOTHER = CorrectLifeEvent(parents={MOTHER: OTHER_HASH})
ANOTHER_FATHER = CorrectLifeEvent(parents={FATHER: OTHER_HASH})


def a_death(occurred_at: datetime = NOW, **changes: Any) -> TellLifeEvent:
    """A registry tells of a death."""
    values: dict[str, Any] = {
        "kind": LifeEventKind.DEATH,
        "person_id": an_id("person"),
        "source": "moh-registry",
        "noticed_at": NOW,
        "particulars": Particulars(occurred_at=occurred_at),
    }
    return TellLifeEvent(**values | changes)


def a_birth(
    occurred_at: datetime = NOW, parents: Mapping[str, str] | None = None, sex: Sex = Sex.FEMALE, **changes: Any
) -> TellLifeEvent:
    """A hospital tells of a birth."""
    named = {MOTHER: MOTHERS_HASH, FATHER: FATHERS_HASH} if parents is None else dict(parents)
    values: dict[str, Any] = {
        "kind": LifeEventKind.BIRTH,
        "person_id": CHILD_ID,
        "source": "moh-hospitals",
        "noticed_at": NOW,
        "particulars": Particulars(occurred_at=occurred_at, sex=sex, residence=Residence.CITIZEN, parents=named),
    }
    return TellLifeEvent(**values | changes)


def a_noticed_birth(*messages: object) -> Life:
    """A birth whose parents are not known yet, and what has happened since."""
    return a_life(life_event, a_birth(), *messages)


def a_recorded_birth(*messages: object) -> Life:
    """A birth whose parents are known, and what has happened since."""
    return a_noticed_birth(BOTH_FOUND, *messages)


def life_events_in_every_state() -> Mapping[str, LifeEvent]:
    """A life event in each status."""
    it_was_earlier = CorrectLifeEvent(THE_DAY_BEFORE)
    return {
        "absent": LifeEvent(),
        "recorded": a_life(life_event, a_death()).state,
        "corrected": a_life(life_event, a_death(), it_was_earlier).state,
        "annulled": a_life(life_event, a_death(), AnnulLifeEvent()).state,
        "birth noticed": a_noticed_birth().state,
        "birth noticed and corrected": a_noticed_birth(it_was_earlier).state,
        "birth noticed and annulled": a_noticed_birth(AnnulLifeEvent()).state,
        "birth of a known father only": a_noticed_birth(FATHER_FOUND).state,
        "birth of a known mother": a_noticed_birth(MOTHER_FOUND).state,
        "birth of known parents": a_recorded_birth().state,
        "birth of another, unknown mother": a_recorded_birth(ANOTHER_MOTHER).state,
        "birth of another mother": a_recorded_birth(ANOTHER_MOTHER, OTHER_FOUND).state,
        "birth annulled": a_recorded_birth(AnnulLifeEvent()).state,
    }
