from dataclasses import replace

import pytest

from services.requests.domain.task import CancelTask, Claim, FinishTask, Status, task
from shared.contracts.requests import TaskCancelled, TaskClaimed, TaskDecided, TaskDecision, TaskDone, TaskOpened
from tests.unit.builders import Life, a_life, a_text
from tests.unit.requests.request_builders import (
    APPLICANT,
    CHILD,
    MOTHER,
    OFFICER,
    PARTY,
    REQUEST_ID,
    a_decision,
    a_personal_task,
    a_task_for_a_party,
    a_task_to_open,
)

BECAUSE = a_text("Because", "لأن")


def an_open_task(*messages: object) -> Life:
    """A task on an officer's desk, and what has happened since."""
    return a_life(task, a_task_to_open(), *messages)


def test_a_task_is_opened_once() -> None:
    life = an_open_task(a_task_to_open())
    assert [type(event) for event in life.events] == [TaskOpened]
    assert life.state.status is Status.OPEN


@pytest.mark.parametrize("decision", list(TaskDecision))
def test_an_officer_decides_an_open_task(decision: TaskDecision) -> None:
    life = an_open_task()
    [decided] = life.send(a_decision(decision, reason=BECAUSE))
    assert decided == TaskDecided(
        request_id=REQUEST_ID, applicant_id=APPLICANT, decision=decision, decided_by=OFFICER, reason=BECAUSE
    )
    assert life.state.decision is decision


def test_a_rejection_needs_a_reason() -> None:
    life = an_open_task()
    assert life.send(a_decision(TaskDecision.REJECT)) == []
    assert life.refusal == "task-rejection-without-reason"
    assert life.state.status is Status.OPEN


def test_an_approval_needs_no_reason() -> None:
    assert len(an_open_task().send(a_decision())) == 1


@pytest.mark.parametrize("before", [[], [a_task_to_open(), a_decision()], [a_task_to_open(), CancelTask()]])
def test_what_is_not_open_is_not_decided(before: list[object]) -> None:
    life = a_life(task, *before)
    assert life.send(a_decision(TaskDecision.REJECT, reason=BECAUSE)) == []
    assert life.refusal == "task-not-open"


def test_a_task_whose_request_has_ended_is_cancelled() -> None:
    life = an_open_task(CancelTask(), CancelTask())
    assert life.of(TaskCancelled) == [TaskCancelled(request_id=REQUEST_ID)]


@pytest.mark.parametrize("before", [[], [a_task_to_open(), a_decision()]])
def test_what_is_not_open_is_not_cancelled(before: list[object]) -> None:
    assert a_life(task, *before).send(CancelTask()) == []


def test_a_person_is_asked_for_facts_about_somebody() -> None:
    [opened] = a_life(task, a_personal_task()).of(TaskOpened)
    assert (opened.person_id, opened.about_id, opened.needs, opened.agency) == (MOTHER, CHILD, ["is_named"], None)


def test_what_a_person_was_asked_for_is_done_once_it_is_known() -> None:
    life = a_life(task, a_personal_task(), FinishTask(), FinishTask())
    assert life.of(TaskDone) == [TaskDone(request_id=REQUEST_ID)]
    assert life.send(CancelTask()) == []


def test_an_officer_still_has_to_decide_when_what_a_person_was_asked_for_is_known() -> None:
    assert an_open_task().send(FinishTask()) == []


@pytest.mark.parametrize("decision", list(TaskDecision))
def test_nobody_decides_what_a_person_is_asked_for(decision: TaskDecision) -> None:
    life = a_life(task, a_personal_task(), a_decision(decision, reason=BECAUSE))
    assert life.refusal == "task-not-open"


def test_nobody_is_asked_any_more_when_the_request_has_ended() -> None:
    life = a_life(task, a_personal_task(), CancelTask())
    assert life.state.status is Status.CANCELLED


def test_the_first_who_comes_with_the_code_is_the_party() -> None:
    life = a_life(task, a_task_for_a_party())
    assert life.send(a_decision()) == []  # nobody has come yet
    [claimed] = life.send(Claim(PARTY, has_code=True))
    assert isinstance(claimed, TaskClaimed)
    assert life.send(Claim(PARTY, has_code=True)) == []
    life.send(Claim(OFFICER, has_code=True))
    assert life.refusal == "task-claimed-already"
    [decided] = life.send(a_decision(decided_by=PARTY))
    assert decided.decided_by == PARTY


def test_nobody_agrees_with_themselves() -> None:
    life = a_life(task, a_task_for_a_party())
    life.send(Claim(APPLICANT, has_code=True))
    assert life.refusal == "task-for-somebody-else"


def test_an_officers_task_is_nobodys_to_claim() -> None:
    life = a_life(task, a_task_to_open())
    life.send(Claim(PARTY, has_code=True))
    assert life.refusal == "task-not-open"


def test_only_an_agency_gives_a_request_back_and_says_why() -> None:
    life = a_life(task, a_task_for_a_party(), Claim(PARTY, has_code=True))
    life.send(a_decision(TaskDecision.RETURN, reason=a_text("Why", "لماذا")))
    assert life.refusal == "task-not-returnable"
    life = a_life(task, a_task_to_open())
    life.send(a_decision(TaskDecision.RETURN))
    assert life.refusal == "task-rejection-without-reason"
    [returned] = life.send(a_decision(TaskDecision.RETURN, reason=a_text("Why", "لماذا")))
    assert returned.decision is TaskDecision.RETURN


@pytest.mark.parametrize("decision", list(TaskDecision))
def test_neither_an_objection_nor_a_review_is_given_back(decision: TaskDecision) -> None:
    life = a_life(task, replace(a_task_to_open(), may_return=False))
    life.send(a_decision(decision, reason=a_text("Why", "لماذا")))
    assert life.refusal == ("task-not-returnable" if decision is TaskDecision.RETURN else None)


def test_who_has_not_the_code_learns_nothing() -> None:
    life = a_life(task, a_task_for_a_party())
    life.send(Claim(PARTY, has_code=False))
    assert life.refusal == "not-found"


def test_an_end_that_is_heard_late_cancels_nothing_that_was_opened_since_then() -> None:
    """A refusal, an objection, and a queue that was long."""
    opened = replace(a_task_to_open(), since=7)
    assert a_life(task, opened, CancelTask(before=5)).state.status is Status.OPEN
    assert a_life(task, opened, CancelTask(before=8)).state.status is Status.CANCELLED
