"""An agency's own system decides, if it is there and in time; else people of the agency do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.requests.domain.task import Status, SystemIsSilent, Task, task
from services.requests.effects import AskAgencySystem, Case, effects
from services.requests.reactions import reactions
from shared.contracts.requests import RequestTaskDue, TaskDecision, TaskGivenToPeople
from shared.functions import Job, Perform, Send
from shared.kernel.errors import TryLater
from tests.unit.builders import NOW, Life, a_life, a_text, an_id, recorded
from tests.unit.requests.request_builders import (
    APPLICANT,
    OFFICER,
    REQUEST_ID,
    a_decision,
    a_task_to_open,
)
from tests.unit.world import result_of

TASK_ID = an_id("task")
UNTIL = NOW + timedelta(hours=24)
EFFECT = AskAgencySystem(TASK_ID, "manpower")
CASE = Case("AFQ-2345-6789", "work-permit", 1, {"kind": "first"})
LEFT_TO_PEOPLE = task.send(TASK_ID, SystemIsSilent())
HANDLER: Any = effects.handler("AskAgencySystem")


@dataclass(frozen=True)
class Systems:
    """One that is there, is none, or cannot be reached."""

    has: bool = True
    is_down: bool = False

    async def ask(self, agency: str, task_id: UUID, message_id: UUID, case: Case) -> bool:
        assert (agency, task_id, case) == ("manpower", TASK_ID, CASE)
        if self.is_down:
            raise TryLater("down")
        return self.has


@dataclass(frozen=True)
class Cases:
    known: Mapping[UUID, Case]

    async def find(self, request_id: UUID) -> Case | None:
        return self.known.get(request_id)


def asked(systems: Systems, known: Mapping[UUID, Case] | None = None) -> Any:
    job = Job(id=an_id("job"), key=TASK_ID, attempts=1, first_due_at=NOW, now=NOW)
    cases = Cases({REQUEST_ID: CASE} if known is None else known)
    state = Task(status=Status.WITH_SYSTEM, request_id=REQUEST_ID)
    available = {"effect": EFFECT, "job": job, "state": state, "systems": systems, "cases": cases}
    return result_of(HANDLER.perform(**{name: available[name] for name in HANDLER.parameters}))


def with_the_system(*messages: object) -> Life:
    opened = a_task_to_open()
    return a_life(task, type(opened)(**{**vars(opened), "system_until": UNTIL}), *messages)


def test_its_system_has_the_task_and_its_time() -> None:
    due = RequestTaskDue(
        task_id=TASK_ID,
        step_id="approve",
        agency="manpower",
        service_id="work-permit",
        applicant_id=APPLICANT,
        title=a_text(),
        system_until=UNTIL,
    )
    [reaction] = reactions.to(RequestTaskDue)
    opens, asks, waits = reaction.react(recorded(due, REQUEST_ID))
    assert isinstance(opens, Send) and opens.message.system_until == UNTIL
    assert isinstance(asks, Perform) and asks.effect == EFFECT
    assert isinstance(waits, Send) and (waits.message, waits.at) == (SystemIsSilent(), UNTIL)


def test_a_system_that_has_taken_it_is_waited_for() -> None:
    assert asked(Systems()) is None


@pytest.mark.parametrize(("systems", "known"), [(Systems(has=False), None), (Systems(), {})])
def test_where_there_is_no_system_people_decide_at_once(systems: Systems, known: Mapping[UUID, Case] | None) -> None:
    assert asked(systems, known) == LEFT_TO_PEOPLE


def test_a_system_that_is_away_is_asked_again_for_an_hour_and_then_people_decide() -> None:
    with pytest.raises(TryLater):
        asked(Systems(is_down=True))
    assert HANDLER.lives_for_seconds == 3600
    assert HANDLER.exhausted(EFFECT, TASK_ID) == LEFT_TO_PEOPLE


def test_people_decide_what_a_silent_system_has_not() -> None:
    life = with_the_system(SystemIsSilent())
    assert (life.state.status, len(life.of(TaskGivenToPeople))) == (Status.OPEN, 1)
    [decided] = life.send(a_decision())
    assert decided.decided_by == OFFICER


def test_a_system_that_has_decided_is_not_silent() -> None:
    life = with_the_system(a_decision())
    assert life.state.decision is TaskDecision.APPROVE
    assert life.send(SystemIsSilent()) == []
    assert not HANDLER.due(EFFECT, life.state)
