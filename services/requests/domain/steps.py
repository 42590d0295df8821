"""The steps of a request: which are not needed, which may begin, and what each of them waits for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

from services.requests.domain.definition import (
    AgencyTaskStep,
    ConsentStep,
    DocumentsStep,
    EmitStep,
    FactsStep,
    FeeStep,
    HoldStep,
    IssueStep,
    PayoutStep,
    ServiceDefinition,
    Step,
)
from services.requests.domain.facts import are_known
from services.requests.domain.fees import fixed_lines, number_in, planned, says, shares, total
from services.requests.domain.request_state import Event, Request, evolve
from services.requests.domain.rulebook import RULEBOOK
from services.requests.domain.rules import Verdict
from shared.contracts.personal import Erased
from shared.contracts.requests import (
    EmittedLifeEvent,
    FeeLine,
    RequestConsentDue,
    RequestDocumentDue,
    RequestDocumentsDue,
    RequestEmitted,
    RequestEmittedAndLowered,
    RequestFactsDue,
    RequestFeeDue,
    RequestFulfilled,
    RequestHeld,
    RequestPayoutDue,
    RequestTaskDue,
)
from shared.kernel.clock import KUWAIT
from shared.kernel.ids import derive_id


@dataclass(frozen=True)
class Plan:
    """What a service means for somebody: the steps that are none for them, and what the others cost."""

    skips: Sequence[str]
    fees: Mapping[str, list[FeeLine]]


def plan(definition: ServiceDefinition, form: Mapping[str, Any], facts: Mapping[str, Any], at: datetime) -> Plan:
    """Made once, when a request is submitted, or asked for before that. Where there is nothing to pay, where nothing is
    missing, and what is not meant for them is no step.
    """
    fees = planned(definition, form, facts, at)
    skips = [step.id for step in definition.steps if not _is_needed(step, fees, form, facts)]
    return Plan(skips, {id: lines for id, lines in fees.items() if id not in skips})


def _is_needed(
    step: Step, fees: Mapping[str, list[FeeLine]], form: Mapping[str, Any], facts: Mapping[str, Any]
) -> bool:
    if not says(form, step.where):
        return False
    if step.when is not None and RULEBOOK.verdict(step.when, facts) is Verdict.FAILED:
        return False
    match step:
        case FeeStep():
            return bool(fees[step.id])
        case FactsStep() | HoldStep():
            return not is_met(step, facts)
        case _:
            return True


def is_met(step: Step, facts: Mapping[str, Any]) -> bool:
    """Whether a step that waits for facts has what it waits for; a hold of which too little is known stands."""
    match step:
        case FactsStep(needs=needs):
            return are_known(facts, needs)
        case HoldStep(lifted=lifted):
            return RULEBOOK.verdict(lifted, facts) is Verdict.PASSED
        case _:
            return False


def passed(definition: ServiceDefinition, state: Request) -> frozenset[str]:
    """The steps that are done; one that is not needed is when those before it are."""
    found = set(state.done)
    for step in definition.steps:
        is_none = step.id in state.skips or (isinstance(step, FeeStep) and step.is_free)
        if is_none and definition.before(step) <= found:
            found.add(step.id)
    return frozenset(found)


def go_on(definition: ServiceDefinition, state: Request, at: datetime) -> Sequence[Event]:
    """What begins now that more is done than before, and what that lets begin; when everything is done, the request is
    fulfilled.
    """
    behind = passed(definition, state)
    if all(step.id in behind for step in definition.steps):
        return [
            RequestFulfilled(service_id=definition.id, applicant_id=state.applicant_id, document_id=state.document_id)
        ]
    begun = [
        begin(definition, step, state, at)
        for step in definition.steps
        if step.id not in behind and step.id not in state.open and definition.all_before(step) <= behind
    ]
    if not any(isinstance(event, RequestEmitted) for event in begun):
        return begun
    return list(after(definition, state, at, *begun))  # what was told is done by that


def after(definition: ServiceDefinition, state: Request, at: datetime, *events: Event) -> Iterator[Event]:
    """These events, and what they let begin."""
    for event in events:
        state = evolve(state, event)
    yield from events
    yield from go_on(definition, state, at)


def begin(definition: ServiceDefinition, step: Step, state: Request, at: datetime) -> Event:
    """What a step waits for."""
    match step:
        case FactsStep():
            return _facts_due(definition, step, state)
        case ConsentStep():
            return _consent_due(definition, step, state, at)
        case HoldStep():
            return _held(definition, step, state, at)
        case DocumentsStep():
            return _documents_due(definition, step, state, at)
        case FeeStep():
            return _fee_due(definition, step, state, at)
        case AgencyTaskStep():
            return _task_due(definition, step, state, at)
        case IssueStep():
            return _document_due(definition, step, state)
        case PayoutStep():
            return _payout_due(definition, step, state)
        case EmitStep():
            return _emitted(definition, step, state, at)
        case _:
            assert_never(step)


def _wait_id(kind: str, step: Step, state: Request) -> UUID:
    """The id of what a step waits for; another each time that it begins."""
    times = state.times.get(step.id, 0)
    return derive_id(kind, state.id, step.id, *([times] if times else []))


def _facts_due(definition: ServiceDefinition, step: FactsStep, state: Request) -> RequestFactsDue:
    asked = [state.parties[role] for role in step.asks if role in state.parties]
    return RequestFactsDue(
        step_id=step.id,
        asked_ids=asked or [state.applicant_id],
        about_id=state.beneficiary_id,
        needs=list(step.needs),
        service_id=definition.id,
        title=step.title,
        times=state.times.get(step.id, 0),
    )


def _consent_due(definition: ServiceDefinition, step: ConsentStep, state: Request, at: datetime) -> RequestConsentDue:
    return RequestConsentDue(
        task_id=_wait_id("task", step, state),
        step_id=step.id,
        party=step.party,
        person_id=state.parties.get(step.party),
        applicant_id=state.applicant_id,
        service_id=definition.id,
        title=step.title,
        due_by=at + timedelta(days=step.within_days),
    )


def _held(definition: ServiceDefinition, step: HoldStep, state: Request, at: datetime) -> RequestHeld:
    return RequestHeld(
        hold_id=_wait_id("hold", step, state),
        step_id=step.id,
        agency=step.agency,
        about_id=state.beneficiary_id,
        applicant_id=state.applicant_id,
        service_id=definition.id,
        title=step.title,
        clear=step.clear,
        due_by=at + timedelta(days=step.within_days),
    )


def _documents_due(
    definition: ServiceDefinition, step: DocumentsStep, state: Request, at: datetime
) -> RequestDocumentsDue:
    return RequestDocumentsDue(
        wait_id=_wait_id("documents", step, state),
        step_id=step.id,
        documents=[required.id for required in step.documents],
        applicant_id=state.applicant_id,
        service_id=definition.id,
        title=step.title,
        due_by=at + timedelta(days=step.within_days),
    )


def _fee_due(definition: ServiceDefinition, step: FeeStep, state: Request, at: datetime) -> RequestFeeDue:
    lines = _planned(state).get(step.id) or fixed_lines(step)
    return RequestFeeDue(
        fee_id=_wait_id("fee", step, state),
        step_id=step.id,
        payer_id=state.applicant_id,
        agency=definition.agency,
        amount_fils=total(lines),
        lines=list(lines),
        shares=shares(lines, definition.agency),
        description=step.description,
        due_by=at + timedelta(days=step.pay_within_days),
        grows=step.grows,
        follows_facts=step.follows_facts,
    )


def _task_due(definition: ServiceDefinition, step: AgencyTaskStep, state: Request, at: datetime) -> RequestTaskDue:
    return RequestTaskDue(
        task_id=_wait_id("task", step, state),
        step_id=step.id,
        agency=step.agency,
        service_id=definition.id,
        applicant_id=state.applicant_id,
        title=step.title,
        system_until=at + timedelta(hours=step.system_hours) if step.system_hours else None,
    )


def _document_due(definition: ServiceDefinition, step: IssueStep, state: Request) -> RequestDocumentDue:
    return RequestDocumentDue(
        document_id=_wait_id("document", step, state),
        step_id=step.id,
        kind=step.document,
        title=step.title,
        valid_days=step.valid_days * number_in(_form(state), step.per),
        applicant_id=state.applicant_id,
        holder_id=people_of(state)[step.person],
        agency=definition.agency,
        shows=list(step.shows),
    )


def _payout_due(definition: ServiceDefinition, step: PayoutStep, state: Request) -> RequestPayoutDue:
    return RequestPayoutDue(
        payout_id=_wait_id("payout", step, state),
        step_id=step.id,
        payee_id=people_of(state)[step.person],
        agency=definition.agency,
        amount_fils=step.amount_fils,
        description=step.description,
    )


def _emitted(definition: ServiceDefinition, step: EmitStep, state: Request, at: datetime) -> RequestEmitted:
    today = at.astimezone(KUWAIT).date()
    facts: dict[str, bool | int | str] = {}
    lowered: dict[str, int] = {}
    for fact in step.facts:
        if fact.less is not None:
            lowered[fact.name] = total(_planned(state).get(fact.less, []))
            continue
        days = None if fact.days is None else fact.days * number_in(_form(state), fact.per)
        value = fact.value if days is None else (today + timedelta(days=days)).isoformat()
        assert value is not None, "a fact that is told has a value, or a day"
        facts[fact.name] = value
    people, told = people_of(state), step.life_event
    happened = told and EmittedLifeEvent(
        kind=told.kind, parties={role: people[who] for role, who in told.parties.items() if who in people}
    )
    told_of = RequestEmitted(
        step_id=step.id, person_id=people[step.person], source=definition.agency, facts=facts, life_event=happened
    )
    return RequestEmittedAndLowered(**dict(told_of), lowered=lowered) if lowered else told_of


def _planned(state: Request) -> Mapping[str, list[FeeLine]]:
    return {} if isinstance(state.planned_fees, Erased) else state.planned_fees


def people_of(state: Request) -> Mapping[str, UUID]:
    """Who takes part in it, by role."""
    return {**state.parties, "applicant": state.applicant_id, "beneficiary": state.beneficiary_id}


def _form(state: Request) -> Mapping[str, Any]:
    return {} if isinstance(state.form, Erased) else state.form
