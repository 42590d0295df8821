"""The steps of a request: what each of them waits for, and which one follows."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import assert_never

from services.requests.domain.definition import (
    AgencyTaskStep,
    FactsStep,
    FeeStep,
    IssueStep,
    ServiceDefinition,
    Step,
)
from services.requests.domain.facts import KnownPerson, are_known
from services.requests.domain.request_state import Event, Request
from shared.contracts.requests import (
    RequestDocumentDue,
    RequestFactsDue,
    RequestFeeDue,
    RequestFulfilled,
    RequestTaskDue,
)
from shared.kernel.ids import derive_id


def begin(
    definition: ServiceDefinition, index: int, state: Request, at: datetime, about: KnownPerson | None = None
) -> Sequence[Event]:
    """What the step at `index` waits for; the end of the steps fulfils the request.

    `about`: the beneficiary, whom only the first step has to know.
    """
    request_id, applicant_id = state.id, state.applicant_id
    if index >= len(definition.steps):
        fulfilled = {"service_id": definition.id, "applicant_id": applicant_id, "document_id": state.document_id}
        return [RequestFulfilled.model_validate(fulfilled)]
    step: Step = definition.steps[index]
    match step:
        case FactsStep():
            if about is not None and are_known(about, step.needs, at):
                return begin(definition, index + 1, state, at)
            asked = [state.parties[role] for role in step.asks if role in state.parties]
            return [
                RequestFactsDue(
                    step_id=step.id,
                    asked_ids=asked or [applicant_id],
                    about_id=state.beneficiary_id,
                    needs=list(step.needs),
                    service_id=definition.id,
                    title=step.title,
                )
            ]
        case FeeStep(amount_fils=0):
            return begin(definition, index + 1, state, at)
        case FeeStep():
            return [
                RequestFeeDue(
                    fee_id=derive_id("fee", request_id, step.id),
                    step_id=step.id,
                    payer_id=applicant_id,
                    agency=definition.agency,
                    amount_fils=step.amount_fils,
                    description=step.description,
                    due_by=at + timedelta(days=step.pay_within_days),
                )
            ]
        case AgencyTaskStep():
            return [
                RequestTaskDue(
                    task_id=derive_id("task", request_id, step.id),
                    step_id=step.id,
                    agency=step.agency,
                    service_id=definition.id,
                    applicant_id=applicant_id,
                    title=step.title,
                )
            ]
        case IssueStep():
            return [
                RequestDocumentDue(
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
            ]
        case _:
            assert_never(step)


def go_on(definition: ServiceDefinition, state: Request, at: datetime) -> Sequence[Event]:
    """What follows the step that is done."""
    index = next(i for i, step in enumerate(definition.steps) if step.id == state.step_id)
    return begin(definition, index + 1, state, at)
