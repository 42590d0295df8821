"""What was issued for something that has turned out not to be so."""

from dataclasses import replace
from typing import Any

import pytest

from services.requests.domain.document import RevokeDocument, document
from services.requests.domain.document import Status as DocumentStatus
from services.requests.domain.request_messages import OccasionWasLost, Withdraw
from services.requests.domain.request_state import Status
from shared.contracts.requests import (
    DocumentRevoked,
    RequestReviewDue,
    RequestReviewed,
    RequestWithdrawn,
    TaskDecision,
)
from tests.unit.builders import Life, a_life, an_id
from tests.unit.requests.request_builders import (
    APPLICANT,
    REQUEST_ID,
    a_definition,
    a_fee_step,
    a_request,
    a_signature,
    a_task_step,
    an_issue_step,
    decided,
    fee_of,
    given_up,
    issued,
    lapsed,
    paid,
    reviewed,
)


def from_an_offer(*messages: object, **changes: Any) -> Life:
    """A request that was begun with an offer."""
    return a_request(*messages, offer_id=an_id("offer"), **changes)


FULFILLED = (paid(), decided(), issued())
APPROVE, REJECT = TaskDecision.APPROVE, TaskDecision.REJECT


def test_what_was_issued_is_reviewed_by_the_agency() -> None:
    life = from_an_offer(*FULFILLED, OccasionWasLost())
    [due] = life.of(RequestReviewDue)
    assert (due.document_id, due.agency, due.applicant_id) == (issued().document_id, "moi-traffic", APPLICANT)
    assert due.task_id == reviewed().task_id != decided().task_id
    assert life.state.status is Status.FULFILLED


@pytest.mark.parametrize("between", [(), (reviewed(APPROVE),), (reviewed(REJECT),)])
def test_a_review_is_opened_once(between: tuple[object, ...]) -> None:
    life = from_an_offer(*FULFILLED, OccasionWasLost(), *between)
    assert life.send(OccasionWasLost()) == []


def test_each_of_two_documents_is_reviewed_by_itself() -> None:
    two = a_definition(a_fee_step(), a_task_step(), an_issue_step("licence"), an_issue_step("card"))
    life = from_an_offer(*FULFILLED, issued("card"), OccasionWasLost(), definition=two)
    first, second = life.of(RequestReviewDue)
    assert {first.document_id, second.document_id} == {issued("licence").document_id, issued("card").document_id}
    [kept] = life.send(replace(reviewed(APPROVE), task_id=second.task_id))
    [gone] = life.send(replace(reviewed(REJECT), task_id=first.task_id))
    assert (kept.document_id, kept.stays, gone.document_id, gone.stays) == (
        *(second.document_id, True),
        *(first.document_id, False),
    )
    assert life.send(OccasionWasLost()) == []


@pytest.mark.parametrize(("decision", "stays"), [(APPROVE, True), (REJECT, False)])
def test_the_document_stays_or_is_revoked_as_the_agency_decides(decision: TaskDecision, stays: bool) -> None:
    life = from_an_offer(*FULFILLED, OccasionWasLost())
    assert life.send(reviewed(decision)) == [RequestReviewed(document_id=issued().document_id, stays=stays)]
    assert life.send(reviewed(APPROVE), reviewed(REJECT)) == []
    assert life.state.status is Status.FULFILLED


def test_a_decision_that_nobody_waits_for_reviews_nothing() -> None:
    assert from_an_offer(*FULFILLED).send(reviewed()) == []
    assert from_an_offer(*FULFILLED, OccasionWasLost()).send(decided()) == []


def test_without_a_document_there_is_nothing_to_review() -> None:
    life = from_an_offer(decided(), definition=a_definition(a_task_step()))
    assert life.send(OccasionWasLost()) == []


@pytest.mark.parametrize("before", [(), (paid(),), (paid(), decided())])
def test_what_runs_is_withdrawn_and_its_fees_given_back(before: tuple[object, ...]) -> None:
    life = from_an_offer(*before)
    [withdrawn] = life.send(OccasionWasLost())
    assert isinstance(withdrawn, RequestWithdrawn)
    assert withdrawn.reason == "occasion-lost"
    assert given_up(withdrawn) == {fee_of()}


@pytest.mark.parametrize("end", [(Withdraw(),), (lapsed(),), (paid(), decided(REJECT))])
def test_what_has_ended_without_a_document_stays_as_it_is(end: tuple[object, ...]) -> None:
    assert from_an_offer(*end).send(OccasionWasLost()) == []


def test_a_document_is_revoked_once() -> None:
    life = a_life(document, a_signature(), RevokeDocument(), RevokeDocument())
    [revoked] = life.of(DocumentRevoked)
    assert (revoked.request_id, revoked.holder_id, revoked.applicant_id) == (REQUEST_ID, APPLICANT, APPLICANT)
    assert life.state.status is DocumentStatus.REVOKED
    assert life.send(a_signature("another.signature.x")) == []


def test_what_was_never_issued_is_not_revoked() -> None:
    assert a_life(document, RevokeDocument()).events == []


def test_who_has_asked_by_themselves_keeps_their_request_whatever_was_the_occasion() -> None:
    assert a_request().send(OccasionWasLost()) == []
    assert a_request(*FULFILLED).send(OccasionWasLost()) == []
