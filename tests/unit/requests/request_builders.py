"""Builders of requests: definitions, persons, messages, and requests, tasks and documents in every state."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from services.payments.domain.payment import FeeNoLongerDue, payment_id_for
from services.payments.reactions import reactions as payments_reactions
from services.requests.domain.definition import (
    AgencyTaskStep,
    FeeStep,
    IssueStep,
    Rule,
    ServiceDefinition,
    Step,
)
from services.requests.domain.document import Document, DocumentSigned
from services.requests.domain.document import document as document_decider
from services.requests.domain.facts import KnownPerson
from services.requests.domain.request import (
    TRANSITIONS,
    ApplicantWasErased,
    DocumentWasIssued,
    FeeHasLapsed,
    FeeWasPaid,
    Known,
    Request,
    ServiceVersion,
    Submit,
    TaskWasDecided,
    Withdraw,
    request,
)
from services.requests.domain.task import CancelTask, Decide, OpenTask, Task
from services.requests.domain.task import task as task_decider
from shared.contracts.event import Event
from shared.contracts.identity import Fact, Residence
from shared.contracts.requests import TaskDecision
from shared.functions import Send
from shared.kernel.ids import derive_id
from tests.unit.builders import NOW, Life, a_life, a_text, an_id, recorded

REQUEST_ID, APPLICANT = an_id("request"), an_id("applicant")
OFFICER = an_id("officer")
STEP_IDS = ("fee", "second", *(f"step-{number}" for number in range(6)))


def a_fee_step(id: str = "fee", amount_fils: int = 10_000, *, refund_when_rejected: bool = True) -> FeeStep:
    """A step that the applicant pays for."""
    return FeeStep(
        kind="fee",
        id=id,
        amount_fils=amount_fils,
        description=a_text("A fee", "رسم"),
        pay_within_days=14,
        refund_when_rejected=refund_when_rejected,
    )


def a_task_step(id: str = "review") -> AgencyTaskStep:
    """A step that an officer decides."""
    return AgencyTaskStep(kind="agency_task", id=id, agency="moi-traffic", title=a_text("Review", "مراجعة"))


def an_issue_step(id: str = "licence") -> IssueStep:
    """A step that ends with a signed document."""
    return IssueStep(kind="issue", id=id, document="driving-licence", title=a_text("Licence", "رخصة"), valid_days=3650)


FEE_TASK_ISSUE: Sequence[Step] = (a_fee_step(), a_task_step(), an_issue_step())


def a_definition(*steps: Step, rules: Sequence[Rule] = (), **changes: Any) -> ServiceDefinition:
    """A service with these steps; by default a fee, a task and a document."""
    values: dict[str, Any] = {
        "id": "a-service",
        "version": 1,
        "agency": "moi-traffic",
        "name": a_text("A service", "خدمة"),
        "description": a_text("What it does", "وصف الخدمة"),
        "audience": list(Residence),
        "service_level_working_days": 1,
        "form": {"type": "object"},
        "eligibility": list(rules),
        "steps": list(steps or FEE_TASK_ISSUE),
    }
    return ServiceDefinition.model_validate(values | changes)


def a_person(**facts: Any) -> KnownPerson:
    """A citizen of whom registries know these facts."""
    known = {name: Fact(value=value, source="moi-traffic", as_of=NOW) for name, value in facts.items()}
    return KnownPerson(APPLICANT, a_text("A Name", "اسم"), date(1990, 5, 5), Residence.CITIZEN, known)


def known_with(definition: ServiceDefinition, applicant: KnownPerson | None = None) -> Known:
    """What a request for this service is decided with."""
    return Known(ServiceVersion(definition.key, definition), applicant or a_person())


def a_submission(definition: ServiceDefinition, request_id: UUID = REQUEST_ID) -> Submit:
    """What a citizen asks for."""
    return Submit(request_id, definition.id, definition.version, APPLICANT, {"delivery": "digital"}, NOW)


def a_request(*messages: object, definition: ServiceDefinition | None = None) -> Life:
    """A request that was submitted, and what has happened since."""
    asked_for = definition or a_definition()
    life = Life(request, [known_with(asked_for)], TRANSITIONS)
    life.send(a_submission(asked_for), *messages)
    return life


def fee_of(step_id: str = "fee") -> UUID:
    """The fee of a step of the request."""
    return derive_id("fee", REQUEST_ID, step_id)


def paid(step_id: str = "fee") -> FeeWasPaid:
    """payments has captured the fee of a step."""
    return FeeWasPaid(fee_of(step_id), payment_id_for(fee_of(step_id)), NOW)


def given_up(*events: Event) -> set[UUID]:
    """The fees that payments gives back, or does not ask for any more, when it hears of these events."""
    sends = [
        send
        for event in events
        for reaction in payments_reactions.to(type(event))
        for send in reaction.react(recorded(event, REQUEST_ID))
    ]
    closed = {send.aggregate_id for send in sends if isinstance(send, Send) and send.message == FeeNoLongerDue()}
    return {fee_of(id) for id in STEP_IDS if payment_id_for(fee_of(id)) in closed}


def lapsed(step_id: str = "fee") -> FeeHasLapsed:
    """The time to pay the fee of a step is over."""
    return FeeHasLapsed(fee_of(step_id))


def decided(decision: TaskDecision = TaskDecision.APPROVE, step_id: str = "review") -> TaskWasDecided:
    """An officer has decided the task of a step."""
    return TaskWasDecided(derive_id("task", REQUEST_ID, step_id), decision, a_text("Because", "لأن"), NOW)


def issued(step_id: str = "licence") -> DocumentWasIssued:
    """The document of a step is signed."""
    return DocumentWasIssued(derive_id("document", REQUEST_ID, step_id), NOW)


NO_APPROVAL = a_definition(a_fee_step(), an_issue_step(), id="no-approval")
FEE_LAST = a_definition(a_task_step(), a_fee_step(), id="fee-last")
RESIDENTS_ONLY = a_definition(id="residents-only", audience=["resident"])
DEFINITIONS = {definition.id: definition for definition in (a_definition(), NO_APPROVAL, FEE_LAST, RESIDENTS_ONLY)}


def requests_in_every_state() -> Mapping[str, Request]:
    """A request in each status, waiting for each owner; its definition is one of `DEFINITIONS`."""
    rejected = decided(TaskDecision.REJECT)
    lives = {
        "waits for its fee": a_request(),
        "waits for an officer": a_request(paid()),
        "approved, waits for its document": a_request(paid(), decided()),
        "waits for its document without approval": a_request(paid(), definition=NO_APPROVAL),
        "approved, waits for its fee": a_request(decided(), definition=FEE_LAST),
        "fulfilled": a_request(paid(), decided(), issued()),
        "rejected": a_request(paid(), rejected),
        "withdrawn before it is paid": a_request(Withdraw()),
        "withdrawn after it is paid": a_request(paid(), Withdraw()),
        "withdrawn by erasure": a_request(ApplicantWasErased()),
        "expired": a_request(lapsed()),
    }
    submitted = a_life(request, a_submission(a_definition()), given=[known_with(a_definition())]).events[0]
    between = {"submitted": request.evolve(Request(), submitted)}
    return {"absent": Request(), **between, **{name: life.state for name, life in lives.items()}}


def a_task_to_open() -> OpenTask:
    """A request has come to an officer."""
    return OpenTask(REQUEST_ID, APPLICANT, "moi-traffic", "a-service", a_text("Review", "مراجعة"))


def a_decision(decision: TaskDecision = TaskDecision.APPROVE, **changes: Any) -> Decide:
    """What an officer decides."""
    return Decide(**{"decision": decision, "decided_by": OFFICER, "reason": None, **changes})


def tasks_in_every_state() -> Mapping[str, Task]:
    """A task in each status."""
    opened = a_task_to_open()
    because = a_decision(TaskDecision.REJECT, reason=a_text("Because", "لأن"))
    return {
        "absent": Task(),
        "open": a_life(task_decider, opened).state,
        "approved": a_life(task_decider, opened, a_decision()).state,
        "rejected": a_life(task_decider, opened, because).state,
        "cancelled": a_life(task_decider, opened, CancelTask()).state,
    }


def a_signature(jws: str = "header.payload.signature") -> DocumentSigned:
    """A document is signed."""
    return DocumentSigned(
        request_id=REQUEST_ID,
        holder_id=APPLICANT,
        kind="driving-licence",
        title=a_text("Licence", "رخصة"),
        valid_from=NOW.date(),
        valid_until=NOW.date() + timedelta(days=3649),
        code="AAAA-BBBB-CCCC-DDDD",
        jws=jws,
    )


def documents_in_every_state() -> Mapping[str, Document]:
    """A document in each status."""
    return {"absent": Document(), "issued": a_life(document_decider, a_signature()).state}
