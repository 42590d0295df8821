"""Requests for somebody else: on what ground, and how far it reaches."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from services.requests.domain.request import Known, request
from services.requests.domain.request_messages import PersonHasDied, PersonWasErased
from services.requests.domain.request_state import Request
from shared.contracts.identity import RelationKind, Residence
from shared.contracts.requests import RequestDocumentDue, RequestFeeDue, RequestSubmitted
from shared.kernel.clock import KUWAIT
from shared.kernel.errors import Refused
from tests.unit.builders import NOW, an_id
from tests.unit.requests.offer_builders import NAMED
from tests.unit.requests.request_builders import (
    APPLICANT,
    CHILD,
    a_child,
    a_definition,
    a_person,
    a_relation,
    a_request,
    a_submission,
    decided,
    known_with,
    paid,
)

FOR_CHILDREN = a_definition(on_behalf_of=["guardian"])
FOR_ANYBODY = a_definition(on_behalf_of=list(RelationKind))
TODAY = NOW.astimezone(KUWAIT).date()
EIGHTEEN = date(TODAY.year - 18, TODAY.month, TODAY.day)
ADULT = a_child(birth_date=date(1980, 1, 1))


def refusal_of(known: Known, **changes: Any) -> str | None:
    """Why a request for the child is refused, if it is."""
    assert known.service is not None
    asked = {"beneficiary_id": CHILD, "relation_id": a_relation().id, **changes}
    try:
        request.decide(Request(), a_submission(known.service.definition, **asked), known)
    except Refused as refused:
        return refused.code
    return None


def known_of(relation: Any = None, child: Any = None, definition: Any = FOR_CHILDREN) -> Known:
    """A guardian and a child."""
    return known_with(definition, beneficiary=child or a_child(), relation=relation or a_relation())


def test_a_guardian_asks_for_a_child() -> None:
    asked = a_submission(FOR_CHILDREN, beneficiary_id=CHILD, relation_id=a_relation().id)
    submitted, fee = request.decide(Request(), asked, known_of())
    assert isinstance(submitted, RequestSubmitted)
    assert (submitted.applicant_id, submitted.beneficiary_id) == (APPLICANT, CHILD)
    assert isinstance(fee, RequestFeeDue)
    assert fee.payer_id == APPLICANT


@pytest.mark.parametrize(
    ("born_on", "refusal"), [(EIGHTEEN + timedelta(days=1), None), (EIGHTEEN, "not-allowed-for-them")]
)
def test_a_guardian_asks_until_the_child_is_of_age(born_on: date, refusal: str | None) -> None:
    assert refusal_of(known_of(child=a_child(birth_date=born_on))) == refusal


def test_a_child_is_of_age_from_midnight_in_kuwait() -> None:
    child = a_child(birth_date=EIGHTEEN)
    midnight = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=KUWAIT)
    assert refusal_of(known_of(child=child), at=midnight - timedelta(seconds=1)) is None
    assert refusal_of(known_of(child=child), at=midnight) == "not-allowed-for-them"


@pytest.mark.parametrize(
    "relation",
    [
        pytest.param(a_relation(in_force=False), id="ended"),
        pytest.param(a_relation(scopes=("another-service",)), id="for another service"),
        pytest.param(a_relation(until=TODAY - timedelta(days=1)), id="until yesterday"),
        pytest.param(a_relation(kind=RelationKind.SPOUSE), id="on a ground that the service does not take"),
        pytest.param(a_relation(holder_id=an_id("somebody else")), id="of somebody else"),
        pytest.param(a_relation(for_id=an_id("somebody else")), id="for somebody else"),
        pytest.param(a_relation(holder_id=CHILD, for_id=APPLICANT), id="the other way round"),
    ],
)
def test_no_other_relation_is_a_ground(relation: Any) -> None:
    assert refusal_of(known_of(relation)) == "not-allowed-for-them"


def test_without_a_relation_nobody_asks_for_another() -> None:
    assert refusal_of(replace(known_of(), relation=None)) == "not-allowed-for-them"
    assert refusal_of(replace(known_of(), relation=None), relation_id=None) == "not-allowed-for-them"


@pytest.mark.parametrize("relation", [a_relation(scopes=(FOR_CHILDREN.id,)), a_relation(until=TODAY)])
def test_a_relation_holds_for_its_services_and_through_its_last_day(relation: Any) -> None:
    assert refusal_of(known_of(relation)) is None


def test_a_last_day_ends_at_midnight_in_kuwait() -> None:
    midnight = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=KUWAIT) + timedelta(days=1)
    relation = a_relation(until=TODAY)
    assert refusal_of(known_of(relation), at=midnight - timedelta(seconds=1)) is None
    assert refusal_of(known_of(relation), at=midnight) == "not-allowed-for-them"


@pytest.mark.parametrize("kind", [RelationKind.SPOUSE, RelationKind.REPRESENTATIVE])
def test_an_adult_is_represented_by_whom_the_service_takes(kind: RelationKind) -> None:
    relation = a_relation(kind=kind)
    assert refusal_of(known_of(relation, ADULT, FOR_ANYBODY)) is None
    assert refusal_of(known_of(relation, ADULT)) == "not-allowed-for-them"


def test_a_service_that_is_not_for_others_is_asked_for_oneself_only() -> None:
    assert refusal_of(known_of(definition=a_definition())) == "not-allowed-for-them"
    assert refusal_of(known_with(a_definition()), beneficiary_id=None) is None


def test_whoever_a_service_is_for_has_to_meet_its_conditions() -> None:
    definition = a_definition(rules=[NAMED], on_behalf_of=["guardian"], audience=["citizen"])
    assert refusal_of(known_of(definition=definition)) == "not-eligible"
    assert refusal_of(known_of(child=a_child(is_named=True), definition=definition)) is None
    resident = a_child(is_named=True, residence=Residence.RESIDENT)
    assert refusal_of(known_of(child=resident, definition=definition)) == "not-eligible"


def test_nobody_asks_for_the_dead_or_the_unknown() -> None:
    assert refusal_of(known_of(child=a_child(died_on=TODAY))) == "applicant-deceased"
    dead = replace(a_person(), died_on=TODAY)
    assert refusal_of(replace(known_of(), applicant=dead)) == "applicant-deceased"
    assert refusal_of(replace(known_of(), beneficiary=None)) == "applicant-not-known-yet"


def test_the_document_is_of_whom_the_request_is_for() -> None:
    life = a_request(definition=FOR_CHILDREN, known=known_of(), beneficiary_id=CHILD, relation_id=a_relation().id)
    life.send(paid(), decided())
    [due] = life.of(RequestDocumentDue)
    assert (due.applicant_id, due.holder_id) == (APPLICANT, CHILD)


@pytest.mark.parametrize("end", [PersonHasDied(), PersonWasErased()])
def test_a_request_ends_with_whoever_it_is_for(end: object) -> None:
    life = a_request(end, definition=FOR_CHILDREN, known=known_of(), beneficiary_id=CHILD)
    assert not life.state.is_running
