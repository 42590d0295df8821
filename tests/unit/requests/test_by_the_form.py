"""What is planned, counted and issued by what a form says."""

from datetime import timedelta

import pytest
from pydantic import TypeAdapter

from services.requests.domain.definition import EmitStep, FeeStep
from services.requests.forms import Form
from shared.contracts.requests import RequestDocumentDue, RequestEmitted, RequestReturned, TaskDecision
from shared.kernel.clock import KUWAIT
from tests.unit.builders import NOW
from tests.unit.requests.request_builders import (
    APPLICANT,
    PARTY,
    a_consent_step,
    a_definition,
    a_fee_step,
    a_request,
    a_task_step,
    agreed,
    an_answer,
    an_emit_step,
    an_issue_step,
    decided,
    paid,
)

AT_HOME = FeeStep.model_validate({**a_fee_step().model_dump(), "where": {"place": "home"}})


@pytest.mark.parametrize("place", ["office", None])
def test_an_answer_does_not_change_what_was_planned_by_the_form(place: str | None) -> None:
    service = a_definition(AT_HOME, a_task_step(), an_issue_step())
    before = {"place": "home", "note": "a"}
    life = a_request(paid(), decided(TaskDecision.RETURN), definition=service, form=before)
    assert life.of(RequestReturned)
    assert life.send(an_answer(note="b") if place is None else an_answer(note="b", place=place)) == []
    assert (life.refusal, life.state.form) == ("answer-changes-the-request", before)
    life.send(an_answer(place="home", note="b"))
    assert life.state.form == {"place": "home", "note": "b"}


def test_a_document_is_the_partys_and_holds_as_long_as_the_form_says() -> None:
    permit = an_issue_step().model_copy(update={"person": "worker", "valid_days": 365, "per": "years"})
    fact = {"name": "work_permit_valid_until", "days": 365, "per": "years"}
    tell = EmitStep.model_validate({**an_emit_step().model_dump(), "person": "worker", "facts": [fact]})
    side_by_side = tell.model_copy(update={"after": ["consent"]})
    service = a_definition(a_consent_step(), permit, side_by_side)
    life = a_request(agreed(), definition=service, form={"years": 2})
    [due], [told] = life.of(RequestDocumentDue), life.of(RequestEmitted)
    assert (due.holder_id, due.applicant_id, due.valid_days) == (PARTY, APPLICANT, 730)
    last_day = NOW.astimezone(KUWAIT).date() + timedelta(days=730)
    assert (told.person_id, told.facts) == (PARTY, {"work_permit_valid_until": last_day.isoformat()})


@pytest.mark.parametrize(
    ("sent", "kept"),
    [({"years": 5.0}, {"years": 5}), ({"a": [{"b": 2.0}, 2.5]}, {"a": [{"b": 2}, 2.5]}), ({"x": 1e300}, {"x": 1e300})],
)
def test_a_whole_number_is_one_however_it_is_written(sent: dict[str, object], kept: dict[str, object]) -> None:
    form = TypeAdapter(Form).validate_python(sent)
    assert form == kept
    assert repr(form) == repr(kept)
