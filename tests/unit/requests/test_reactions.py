from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.requests.domain.document import document
from services.requests.domain.request import (
    ApplicantHasDied,
    ApplicantWasErased,
    DocumentWasIssued,
    FeeHasLapsed,
    FeeWasPaid,
    TaskWasDecided,
    request,
)
from services.requests.domain.task import CancelTask, OpenTask, task
from services.requests.effects import SignDocument
from services.requests.projections import projections
from services.requests.reactions import reactions
from services.requests.views import HistoryView
from shared.contracts.event import Event, Recorded
from shared.contracts.identity import PersonErased, PersonForgotten, PersonSnapshot
from shared.contracts.payments import PaymentCaptured, PaymentExpired
from shared.contracts.personal import ERASED
from shared.contracts.requests import (
    DocumentIssued,
    RequestDocumentDue,
    RequestExpired,
    RequestTaskDue,
    RequestWithdrawn,
    TaskDecided,
    TaskDecision,
)
from shared.functions import Delete, Row, Step, erase, for_each, perform
from tests.unit.builders import NOW, a_text, an_event, an_id, recorded
from tests.unit.requests.request_builders import APPLICANT, OFFICER, REQUEST_ID, a_request, a_signature, fee_of, paid

TASK_ID, DOCUMENT_ID = an_id("task"), an_id("document")


def steps(event: Recorded[Any]) -> list[Step]:
    """What an event brings about."""
    return [step for reaction in reactions.to(type(event.data)) for step in reaction.react(event)]


def rows(event: Recorded[Any]) -> list[Row | Delete]:
    """What an event changes in what is shown."""
    return [row for project in projections.of(type(event.data)) for row in project(event)]


def a_decided_task(**changes: Any) -> TaskDecided:
    """An officer has decided."""
    values = {
        "request_id": REQUEST_ID,
        "applicant_id": APPLICANT,
        "decision": TaskDecision.REJECT,
        "decided_by": OFFICER,
        "reason": a_text("Because", "لأن"),
    }
    return TaskDecided(**values | changes)


def test_a_request_goes_on_when_its_fee_is_paid() -> None:
    captured = PaymentCaptured(
        attempt_id=an_id("attempt"),
        fee_id=fee_of(),
        for_id=REQUEST_ID,
        payer_id=APPLICANT,
        agency="moi-traffic",
        amount_fils=10_000,
        captured_at=NOW,
        gateway_reference="ref",
    )
    notice = FeeWasPaid(fee_of(), paid().payment_id, NOW)
    assert steps(recorded(captured, paid().payment_id)) == [request.send(REQUEST_ID, notice)]


def test_a_request_hears_that_the_time_to_pay_is_over() -> None:
    expired = recorded(PaymentExpired(fee_id=fee_of(), for_id=REQUEST_ID), paid().payment_id)
    assert steps(expired) == [request.send(REQUEST_ID, FeeHasLapsed(fee_of()))]


def test_an_officer_finds_a_task_that_is_due() -> None:
    due = RequestTaskDue(
        task_id=TASK_ID,
        step_id="review",
        agency="moi-traffic",
        service_id="a-service",
        applicant_id=APPLICANT,
        title=a_text(),
    )
    opens = OpenTask(REQUEST_ID, APPLICANT, "moi-traffic", "a-service", a_text())
    assert steps(recorded(due, REQUEST_ID)) == [task.send(TASK_ID, opens)]


def test_a_request_hears_what_was_decided_and_when() -> None:
    notice = TaskWasDecided(TASK_ID, TaskDecision.REJECT, a_text("Because", "لأن"), NOW)
    assert steps(recorded(a_decided_task(), TASK_ID)) == [request.send(REQUEST_ID, notice)]


def test_a_reason_that_cannot_be_read_any_more_holds_up_no_request() -> None:
    notice = TaskWasDecided(TASK_ID, TaskDecision.REJECT, None, NOW)
    assert steps(recorded(a_decided_task(reason=ERASED), TASK_ID)) == [request.send(REQUEST_ID, notice)]


def test_a_document_is_valid_from_the_day_that_it_is_in_kuwait() -> None:
    due = RequestDocumentDue(
        document_id=DOCUMENT_ID,
        step_id="licence",
        kind="driving-licence",
        title=a_text(),
        valid_days=10,
        applicant_id=APPLICANT,
    )
    late = recorded(due, REQUEST_ID)
    late = Recorded(late.id, REQUEST_ID, 1, datetime(2026, 11, 24, 21, 30, tzinfo=UTC), late.origin, due)
    first = datetime(2026, 11, 25, tzinfo=UTC).date()
    effect = SignDocument(
        document_id=DOCUMENT_ID,
        request_id=REQUEST_ID,
        holder_id=APPLICANT,
        kind="driving-licence",
        title=a_text(),
        valid_from=first,
        valid_until=first + timedelta(days=9),
    )
    assert steps(late) == [perform(effect, key=DOCUMENT_ID)]


def test_a_request_goes_on_when_its_document_is_issued() -> None:
    [issued] = document.decide(document.initial, a_signature())
    notice = DocumentWasIssued(DOCUMENT_ID, NOW)
    assert steps(recorded(issued, DOCUMENT_ID)) == [request.send(REQUEST_ID, notice)]


@pytest.mark.parametrize("end", [RequestWithdrawn, RequestExpired])
def test_nobody_decides_a_request_that_has_ended(end: type[Event]) -> None:
    event = an_event(end, applicant_id=APPLICANT)
    cancel = for_each("tasks", by="request_id", equals=REQUEST_ID, decider=task, message=CancelTask())
    assert steps(recorded(event, REQUEST_ID)) == [cancel]


def test_of_an_erased_person_nothing_stays_readable_and_nothing_runs_on() -> None:
    withdraw = for_each("requests", by="applicant_id", equals=APPLICANT, decider=request, message=ApplicantWasErased())
    assert steps(recorded(PersonErased(), APPLICANT)) == [erase(APPLICANT)]
    assert steps(recorded(PersonForgotten(), APPLICANT)) == [withdraw]


def test_of_a_person_who_has_died_nothing_runs_on() -> None:
    withdraw = for_each("requests", by="applicant_id", equals=APPLICANT, decider=request, message=ApplicantHasDied())
    assert steps(recorded(an_event(PersonSnapshot, died_on=NOW.date()), APPLICANT)) == [withdraw]
    assert steps(recorded(an_event(PersonSnapshot, died_on=None), APPLICANT)) == []


def test_what_is_known_of_a_person_is_what_eligibility_needs() -> None:
    [row] = rows(recorded(an_event(PersonSnapshot), APPLICANT))
    assert isinstance(row, Row)
    assert row.values.keys() == {"person_id", "name", "birth_date", "residence", "facts", "died_on"}


def test_a_person_who_is_forgotten_is_not_known_and_not_found_by_a_code() -> None:
    assert rows(recorded(PersonForgotten(), APPLICANT)) == [
        Delete("persons", "person_id", APPLICANT),
        Delete("verification_codes", "holder_id", APPLICANT),
    ]


def test_a_code_finds_its_document() -> None:
    [issued] = document.decide(document.initial, a_signature())
    values = {"code": a_signature().code, "document_id": DOCUMENT_ID, "holder_id": APPLICANT}
    assert rows(recorded(issued, DOCUMENT_ID)) == [Row("verification_codes", values)]


def test_a_code_that_cannot_be_read_any_more_finds_nothing() -> None:
    [issued] = document.decide(document.initial, a_signature())
    erased = issued.model_copy(update={"code": ERASED, "jws": ERASED})
    assert isinstance(erased, DocumentIssued)
    assert rows(recorded(erased, DOCUMENT_ID)) == []


def test_every_event_of_a_request_has_words_for_its_applicant() -> None:
    for event in request.events:
        words = HistoryView.of(recorded(an_event(event), REQUEST_ID)).text
        assert words.ar != words.en


def test_the_story_of_a_request_can_be_told() -> None:
    events = a_request(paid()).events
    assert all(HistoryView.of(recorded(event, REQUEST_ID)).text.en for event in events)
