"""Rows that requests reads: persons and relations as identity publishes them, and the codes that find documents."""

from collections.abc import Iterator

from services.requests.domain.definition import EXPIRY, service_key
from shared.contracts.event import Recorded
from shared.contracts.identity import LifeEventKind, PersonForgotten, PersonSnapshot, RelationEnded, RelationRecorded
from shared.contracts.personal import Erased
from shared.contracts.requests import DocumentIssued, PublicationPublished
from shared.functions import Delete, Projections, Row
from shared.store.access_keys import follow_access_keys

projections = Projections()
follow_access_keys(projections)


@projections.on(PersonSnapshot)
def persons(event: Recorded[PersonSnapshot]) -> Iterator[Row]:
    """What eligibility and documents need of a person."""
    known = event.data
    values = {
        "person_id": event.aggregate_id,
        "name": known.name,
        "birth_date": known.birth_date,
        "residence": known.residence,
        "facts": known.facts,
        "died_on": known.died_on,
        "is_named": known.is_named,
        "has_civil_id": known.has_civil_id,
        "birth_is_registered": known.birth_is_registered,
    }
    yield Row("persons", values)


@projections.on(PersonForgotten)
def forgotten_persons(event: Recorded[PersonForgotten]) -> Iterator[Row | Delete]:
    """An erased person is not known here any more, nor found by a document's code."""
    yield Row("forgotten_persons", {"person_id": event.aggregate_id})
    yield Delete("persons", "person_id", event.aggregate_id)
    yield Delete("verification_codes", "holder_id", event.aggregate_id)


@projections.on(RelationRecorded, RelationEnded)
def relations(event: Recorded[RelationRecorded | RelationEnded]) -> Iterator[Row]:
    """Who may act for whom."""
    told = event.data
    values = {"id": event.aggregate_id, "kind": told.kind, "holder_id": told.holder_id, "for_id": told.for_id}
    if isinstance(told, RelationRecorded):
        extent = {"scopes": told.scopes, "until": told.until}
    else:
        extent = {"scopes": [], "until": None}
    yield Row("relations", {**values, **extent, "in_force": isinstance(told, RelationRecorded)})


@projections.on(DocumentIssued)
def verification_codes(event: Recorded[DocumentIssued]) -> Iterator[Row]:
    """A code finds its document."""
    if not isinstance(event.data.code, Erased):
        values = {"code": event.data.code, "document_id": event.aggregate_id, "holder_id": event.data.holder_id}
        yield Row("verification_codes", values)


@projections.on(PublicationPublished)
def service_versions(event: Recorded[PublicationPublished]) -> Iterator[Row]:
    """The catalogue, and what each version is bound to."""
    told = event.data
    key = service_key(told.service_id, told.service_version)
    values = {"service_id": told.service_id, "version": told.service_version, "effective_from": told.effective_from}
    yield Row("service_versions", {"key": key, **values, "definition": told.definition})
    for kind in (*LifeEventKind, EXPIRY):
        bound = [binding for binding in told.definition.get("bindings", ()) if binding["on"] == kind]
        if kind == EXPIRY and not bound:
            continue  # versions of before there was this kind have no row
        yield Row("bound_versions", {"key": f"{key}/{kind}", "kind": kind, **values, "bindings": bound})
