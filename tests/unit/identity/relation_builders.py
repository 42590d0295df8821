"""Builders of relations in every state."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from services.identity.domain.relation import (
    TRANSITIONS,
    EndRelation,
    LastDayOver,
    NotParentOf,
    ParentOf,
    RecordRelation,
    Relation,
    relation,
)
from shared.contracts.identity import RelationKind
from tests.unit.builders import NOW, Life, an_id

PARENT, CHILD = an_id("parent"), an_id("child")
HOSPITALS, REGISTRYS = an_id("the hospital's notice"), an_id("the registry's notice")
UNTIL = NOW.date() + timedelta(days=30)
BY_HOSPITAL = ParentOf(RelationKind.GUARDIAN, PARENT, CHILD, HOSPITALS)
BY_REGISTRY = ParentOf(RelationKind.GUARDIAN, PARENT, CHILD, REGISTRYS)
BY_REGISTRAR = EndRelation("by-registrar")


def a_representative(**changes: Any) -> RecordRelation:
    """Somebody is to act for another, for one service and a while."""
    values: dict[str, Any] = {
        "kind": RelationKind.REPRESENTATIVE,
        "holder_id": an_id("representative"),
        "for_id": an_id("represented"),
        "scopes": ("driving-licence-renewal",),
        "until": UNTIL,
    }
    return RecordRelation(**values | changes)


def a_relation(*messages: object) -> Life:
    """A relation that these messages were sent to."""
    life = Life(relation, transitions=TRANSITIONS)
    life.send(*messages)
    return life


def relations_in_every_state() -> Mapping[str, Relation]:
    """A relation in each status."""
    return {
        "absent": Relation(),
        "guardian by birth": a_relation(BY_HOSPITAL).state,
        "guardian by two notices": a_relation(BY_HOSPITAL, BY_REGISTRY).state,
        "no parent after all": a_relation(BY_HOSPITAL, NotParentOf(HOSPITALS)).state,
        "guardian ended": a_relation(BY_HOSPITAL, BY_REGISTRAR).state,
        "representative": a_relation(a_representative()).state,
        "representative no more": a_relation(a_representative(), LastDayOver(UNTIL)).state,
        "representative again": a_relation(a_representative(), LastDayOver(UNTIL), a_representative(until=None)).state,
    }
