"""The steps of a request: which are not needed, which may begin, and what each of them waits for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never

from services.requests.domain.definition import (
    AgencyTaskStep,
    ConsentStep,
    FactsStep,
    FeeStep,
    IssueStep,
    ServiceDefinition,
    Step,
)
from services.requests.domain.facts import KnownPerson, are_known, facts_of
from services.requests.domain.fees import fixed_lines, planned, total
from services.requests.domain.request_state import Event, Request, evolve
from services.requests.domain.rulebook import RULEBOOK
from services.requests.domain.rules import Verdict
from shared.contracts.personal import Erased
from shared.contracts.requests import (
    FeeLine,
    RequestConsentDue,
    RequestDocumentDue,
    RequestFactsDue,
    RequestFeeDue,
    RequestFulfilled,
    RequestTaskDue,
)
from shared.kernel.ids import derive_id


@dataclass(frozen=True)
class Plan:
    """What a service means for somebody: the steps that are none for them, and what the others cost."""

    skips: Sequence[str]
    fees: Mapping[str, list[FeeLine]]


def plan(definition: ServiceDefinition, form: Mapping[str, Any], beneficiary: KnownPerson, at: datetime) -> Plan:
    """Made once, when a request is submitted, or asked for before that. Where there is nothing to pay, where nothing is
    missing, and what is not meant for them is no step.
    """
    fees = planned(definition, form, facts_of(beneficiary, at), at)
    skips = [step.id for step in definition.steps if not _is_needed(step, fees, beneficiary, at)]
    return Plan(skips, {id: lines for id, lines in fees.items() if id not in skips})


def _is_needed(step: Step, fees: Mapping[str, list[FeeLine]], beneficiary: KnownPerson, at: datetime) -> bool:
    if step.when is not None and RULEBOOK.verdict(step.when, facts_of(beneficiary, at)) is Verdict.FAILED:
        return False
    match step:
        case FeeStep():
            return bool(fees[step.id])
        case FactsStep(needs=needs):
            return not are_known(beneficiary, needs, at)
        case _:
            return True


def passed(definition: ServiceDefinition, state: Request) -> frozenset[str]:
    """The steps that are done; one that is not needed is when those before it are."""
    found = set(state.done)
    for step in definition.steps:
        is_none = step.id in state.skips or (isinstance(step, FeeStep) and step.is_free)
        if is_none and definition.before(step) <= found:
            found.add(step.id)
    return frozenset(found)


def go_on(definition: ServiceDefinition, state: Request, at: datetime) -> Sequence[Event]:
    """What begins now that more is done than before; when everything is, the request is fulfilled."""
    behind = passed(definition, state)
    if all(step.id in behind for step in definition.steps):
        return [
            RequestFulfilled(service_id=definition.id, applicant_id=state.applicant_id, document_id=state.document_id)
        ]
    return [
        begin(definition, step, state, at)
        for step in definition.steps
        if step.id not in behind and step.id not in state.open and definition.before(step) <= behind
    ]


def after(definition: ServiceDefinition, state: Request, at: datetime, *events: Event) -> Iterator[Event]:
    """These events, and what they let begin."""
    for event in events:
        state = evolve(state, event)
    yield from events
    yield from go_on(definition, state, at)


def begin(definition: ServiceDefinition, step: Step, state: Request, at: datetime) -> Event:
    """What a step waits for."""
    request_id, applicant_id = state.id, state.applicant_id
    match step:
        case FactsStep():
            asked = [state.parties[role] for role in step.asks if role in state.parties]
            return RequestFactsDue(
                step_id=step.id,
                asked_ids=asked or [applicant_id],
                about_id=state.beneficiary_id,
                needs=list(step.needs),
                service_id=definition.id,
                title=step.title,
            )
        case ConsentStep():
            return RequestConsentDue(
                task_id=derive_id("task", request_id, step.id),
                step_id=step.id,
                party=step.party,
                person_id=state.parties.get(step.party),
                applicant_id=applicant_id,
                service_id=definition.id,
                title=step.title,
                due_by=at + timedelta(days=step.within_days),
            )
        case FeeStep():
            planned = {} if isinstance(state.planned_fees, Erased) else state.planned_fees
            lines = planned.get(step.id) or fixed_lines(step)
            return RequestFeeDue(
                fee_id=derive_id("fee", request_id, step.id),
                step_id=step.id,
                payer_id=applicant_id,
                agency=definition.agency,
                amount_fils=total(lines),
                lines=list(lines),
                description=step.description,
                due_by=at + timedelta(days=step.pay_within_days),
            )
        case AgencyTaskStep():
            times = state.returned.get(step.id, 0)
            return RequestTaskDue(
                task_id=derive_id("task", request_id, step.id, *([times] if times else [])),
                step_id=step.id,
                agency=step.agency,
                service_id=definition.id,
                applicant_id=applicant_id,
                title=step.title,
            )
        case IssueStep():
            return RequestDocumentDue(
                document_id=derive_id("document", request_id, step.id),
                step_id=step.id,
                kind=step.document,
                title=step.title,
                valid_days=step.valid_days,
                applicant_id=applicant_id,
                holder_id=state.beneficiary_id,
                agency=definition.agency,
                shows=list(step.shows),
            )
        case _:
            assert_never(step)
