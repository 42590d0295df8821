"""A task: what an officer of an agency, or another party, decides on a request, or what a person states for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from shared.contracts.requests import (
    TaskCancelled,
    TaskClaimed,
    TaskDecided,
    TaskDecision,
    TaskDone,
    TaskGivenToPeople,
    TaskOpened,
)
from shared.functions import Decider
from shared.kernel.errors import Refused
from shared.kernel.text import LocalizedText

NOBODY = UUID(int=0)


class Status(StrEnum):
    """Where a task stands."""

    UNKNOWN = "unknown"
    WITH_SYSTEM = "with_system"
    OPEN = "open"
    DECIDED = "decided"
    DONE = "done"
    CANCELLED = "cancelled"


TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.UNKNOWN: frozenset({Status.WITH_SYSTEM, Status.OPEN}),
    Status.WITH_SYSTEM: frozenset({Status.OPEN, Status.DECIDED, Status.CANCELLED}),
    Status.OPEN: frozenset({Status.DECIDED, Status.DONE, Status.CANCELLED}),
    Status.DECIDED: frozenset(),
    Status.DONE: frozenset(),
    Status.CANCELLED: frozenset(),
}


UNDECIDED = frozenset({Status.WITH_SYSTEM, Status.OPEN})


@dataclass(frozen=True)
class Task:
    """A task, for which request it is, and whose: an agency's officers decide, but for `barred_id`; a person states
    facts about somebody; or another `party` decides, who is `person_id` from when that is known. `may_return`: whether
    the applicant may be asked for more. `since`: the sequence of the request's event that has opened it.
    """

    status: Status = Status.UNKNOWN
    request_id: UUID = NOBODY
    applicant_id: UUID = NOBODY
    agency: str | None = None
    person_id: UUID | None = None
    about_id: UUID | None = None
    needs: tuple[str, ...] = ()
    party: str | None = None
    service_id: str = ""
    title: LocalizedText | None = None
    decision: TaskDecision | None = None
    barred_id: UUID | None = None
    may_return: bool = True
    since: int = 0


@dataclass(frozen=True)
class OpenTask:
    """A request has come to a step that an officer or a party decides, or that waits for what a person has to state.

    Until `system_until` the agency's own system is to decide.
    """

    request_id: UUID
    applicant_id: UUID
    service_id: str
    title: LocalizedText
    agency: str | None = None
    person_id: UUID | None = None
    about_id: UUID | None = None
    needs: tuple[str, ...] = ()
    party: str | None = None
    system_until: datetime | None = None
    barred_id: UUID | None = None
    may_return: bool = True
    since: int = 0


@dataclass(frozen=True)
class SystemIsSilent:
    """The agency's own system has not decided in its time, or cannot be reached."""


@dataclass(frozen=True)
class Claim:
    """A command of somebody who says that they have the code of a task that waits for another party."""

    person_id: UUID
    has_code: bool


@dataclass(frozen=True)
class Decide:
    """A command of an officer of the task's agency, or of the party."""

    decision: TaskDecision
    decided_by: UUID
    reason: LocalizedText | None


@dataclass(frozen=True)
class FinishTask:
    """What was asked for is known. An officer's task on the same request stays."""


@dataclass(frozen=True)
class CancelTask:
    """The request has ended without a decision, with its event of this sequence. What it has come to since then, as
    when an objection was upheld, stays; the release before says nothing of it.
    """

    before: int | None = None


Message = OpenTask | SystemIsSilent | Claim | Decide | FinishTask | CancelTask
Event = TaskOpened | TaskGivenToPeople | TaskClaimed | TaskDecided | TaskDone | TaskCancelled


def decide(state: Task, message: Message) -> Sequence[Event]:
    """The rules of a task."""
    match message:
        case OpenTask():
            return [] if state.status is not Status.UNKNOWN else [opened(message)]
        case SystemIsSilent():
            is_left = state.status is Status.WITH_SYSTEM
            return [TaskGivenToPeople(request_id=state.request_id)] if is_left else []
        case Claim():
            return claimed(state, message)
        case Decide():
            return decided(state, message)
        case FinishTask():
            is_asked = state.status is Status.OPEN and bool(state.needs)
            return [TaskDone(request_id=state.request_id)] if is_asked else []
        case CancelTask():
            is_of_then = message.before is None or state.since < message.before
            return [TaskCancelled(request_id=state.request_id)] if state.status in UNDECIDED and is_of_then else []
        case _:
            assert_never(message)


def opened(notice: OpenTask) -> TaskOpened:
    """A new task."""
    return TaskOpened(
        request_id=notice.request_id,
        applicant_id=notice.applicant_id,
        agency=notice.agency,
        service_id=notice.service_id,
        title=notice.title,
        person_id=notice.person_id,
        about_id=notice.about_id,
        needs=list(notice.needs),
        party=notice.party,
        system_until=notice.system_until,
        barred_id=notice.barred_id,
        may_return=notice.may_return,
        since=notice.since,
    )


def claimed(state: Task, command: Claim) -> Sequence[TaskClaimed]:
    """The first who comes with the code is the party; never the applicant, who would agree with themselves."""
    person_id = command.person_id
    if not command.has_code:
        raise Refused("not-found")
    if state.status is not Status.OPEN or state.party is None:
        raise Refused("task-not-open", {"status": state.status})
    if person_id == state.applicant_id:
        raise Refused("task-for-somebody-else")
    if state.person_id is not None and state.person_id != person_id:
        raise Refused("task-claimed-already")
    return [] if state.person_id == person_id else [TaskClaimed(request_id=state.request_id, person_id=person_id)]


def decided(state: Task, command: Decide) -> Sequence[Event]:
    """A task is decided once; who refuses, or needs to know more, has to say why. A party agrees or does not."""
    can_be_decided = state.agency is not None or (state.party is not None and state.person_id is not None)
    if state.status not in UNDECIDED or not can_be_decided:
        raise Refused("task-not-open", {"status": state.status})
    if command.decided_by == state.barred_id:
        raise Refused("task-decided-by-you-before")
    if command.decision is TaskDecision.RETURN and (state.agency is None or not state.may_return):
        raise Refused("task-not-returnable")
    if command.decision is not TaskDecision.APPROVE and command.reason is None:
        raise Refused("task-rejection-without-reason")
    return [
        TaskDecided(
            request_id=state.request_id,
            applicant_id=state.applicant_id,
            decision=command.decision,
            decided_by=command.decided_by,
            reason=command.reason,
        )
    ]


def evolve(state: Task, event: Event) -> Task:
    """A task after an event."""
    match event:
        case TaskOpened():
            return Task(
                status=Status.OPEN if event.system_until is None else Status.WITH_SYSTEM,
                request_id=event.request_id,
                applicant_id=event.applicant_id,
                agency=event.agency,
                person_id=event.person_id,
                about_id=event.about_id,
                needs=tuple(event.needs),
                party=event.party,
                service_id=event.service_id,
                title=event.title,
                barred_id=event.barred_id,
                may_return=event.may_return,
                since=event.since,
            )
        case TaskGivenToPeople():
            return replace(state, status=Status.OPEN)
        case TaskClaimed(person_id=person_id):
            return replace(state, person_id=person_id)
        case TaskDecided(decision=decision):
            return replace(state, status=Status.DECIDED, decision=decision)
        case TaskDone():
            return replace(state, status=Status.DONE)
        case TaskCancelled():
            return replace(state, status=Status.CANCELLED)
        case _:
            assert_never(event)


task = Decider("task", initial=Task(), decide=decide, evolve=evolve, shape=6)
