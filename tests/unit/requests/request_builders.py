"""Builders of requests: definitions, persons, messages, and requests, tasks and documents in every state."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from services.payments.domain.payment import FeeNoLongerDue, payment_id_for
from services.payments.reactions import reactions as payments_reactions
from services.requests.domain.definition import (
    AgencyTaskStep,
    Condition,
    ConsentStep,
    DocumentsStep,
    EmitStep,
    EmittedFact,
    EmittedLifeEvent,
    FactsStep,
    FeeStep,
    HoldStep,
    IssueStep,
    PayoutStep,
    RequiredDocument,
    Rule,
    ServiceDefinition,
    Step,
)
from services.requests.domain.document import Document, DocumentSigned, RevokeDocument
from services.requests.domain.document import document as document_decider
from services.requests.domain.eligibility import KnownRelation
from services.requests.domain.facts import KnownPerson
from services.requests.domain.request import Known, ServiceVersion, request
from services.requests.domain.request_messages import (
    AccountIsMissing,
    Answer,
    DocumentWasIssued,
    FactsMayBeKnown,
    FeeHasLapsed,
    FeeMayHaveGrown,
    FeeWasPaid,
    GoAhead,
    HandIn,
    Object,
    OccasionWasLost,
    PersonHasDied,
    PersonWasErased,
    Submit,
    TaskWasDecided,
    WasPaidOut,
    Withdraw,
    WordHasNotCome,
)
from services.requests.domain.request_state import TRANSITIONS, Request
from services.requests.domain.task import CancelTask, Claim, Decide, FinishTask, OpenTask, SystemIsSilent, Task
from services.requests.domain.task import task as task_decider
from shared.contracts.event import Event
from shared.contracts.identity import Fact, LifeEventKind, RelationKind, Residence
from shared.contracts.requests import TaskDecision
from shared.functions import Send
from shared.kernel.ids import derive_id
from tests.unit.builders import NOW, Life, a_life, a_text, an_id, recorded

REQUEST_ID, APPLICANT = an_id("request"), an_id("applicant")
CHILD, MOTHER, FATHER = an_id("child"), APPLICANT, an_id("father")
OFFICER, PARTY = an_id("officer"), an_id("party")
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


def a_consent_step(id: str = "consent", party: str = "worker") -> ConsentStep:
    """A step in which somebody else agrees."""
    return ConsentStep(kind="consent", id=id, party=party, title=a_text("Agree", "وافق"), within_days=7)


def an_issue_step(id: str = "licence") -> IssueStep:
    """A step that ends with a signed document."""
    return IssueStep(kind="issue", id=id, document="driving-licence", title=a_text("Licence", "رخصة"), valid_days=3650)


def a_facts_step(id: str = "facts", *, needs: Sequence[str] = ("is_named",), asks: Sequence[str] = ()) -> FactsStep:
    """A step that asks for what is missing."""
    return FactsStep(kind="facts", id=id, needs=needs, asks=asks, title=a_text("Name the child", "سمِّ المولود"))


def a_hold_step(id: str = "hold") -> HoldStep:
    """A step that waits until the beneficiary has a name."""
    return HoldStep(
        kind="hold",
        id=id,
        agency="paci",
        lifted=Condition(reads=["is_named"], expression="is_named"),
        title=a_text("No name", "لا اسم"),
        clear=a_text("Name the child.", "سمِّ المولود."),
        within_days=30,
    )


def a_documents_step(id: str = "documents", *names: str) -> DocumentsStep:
    """A step in which the applicant hands in documents; one, unless they are named."""
    asked = [
        RequiredDocument(id=name, title=a_text("Lease", "عقد"), why=a_text("Why", "لماذا"))
        for name in names or (f"{id}-lease",)
    ]
    return DocumentsStep(kind="documents", id=id, title=a_text("Papers", "أوراق"), documents=asked, within_days=14)


def a_payout_step(id: str = "payout") -> PayoutStep:
    """A step in which the beneficiary is paid."""
    return PayoutStep(kind="payout", id=id, amount_fils=50_000, description=a_text("Allowance", "علاوة"))


def an_emit_step(id: str = "emit") -> EmitStep:
    """A step in which the register is told."""
    return EmitStep(
        kind="emit",
        id=id,
        title=a_text("Tell", "إبلاغ"),
        facts=[EmittedFact(name="is_insured", value=True), EmittedFact(name="residency_expires_on", days=365)],
        life_event=EmittedLifeEvent(kind=LifeEventKind.MOVE, parties={"resident": "beneficiary"}),
    )


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


def a_person(id: UUID = APPLICANT, born_on: date = date(1990, 5, 5), **facts: Any) -> KnownPerson:
    """A citizen of whom registries know these facts."""
    known = {name: Fact(value=value, source="moi-traffic", as_of=NOW) for name, value in facts.items()}
    return KnownPerson(id, a_text("A Name", "اسم"), born_on, Residence.CITIZEN, known)


def a_child(**changes: Any) -> KnownPerson:
    """A newborn of today, without a name or a civil ID."""
    newborn = {"is_named": False, "has_civil_id": False}
    return replace(a_person(CHILD, NOW.date()), **newborn | changes)


def a_relation(**changes: Any) -> KnownRelation:
    """The applicant is guardian of the child."""
    values: dict[str, Any] = {
        "id": an_id("relation"),
        "kind": RelationKind.GUARDIAN,
        "holder_id": APPLICANT,
        "for_id": CHILD,
        "scopes": (),
        "until": None,
        "in_force": True,
    }
    return KnownRelation(**values | changes)


def known_with(definition: ServiceDefinition, applicant: KnownPerson | None = None, **others: Any) -> Known:
    """What a request for this service is decided with."""
    return Known(ServiceVersion(definition.key, definition), applicant or a_person(), **others)


def a_submission(definition: ServiceDefinition, request_id: UUID = REQUEST_ID, **changes: Any) -> Submit:
    """What a citizen asks for."""
    asked = Submit(request_id, definition.id, definition.version, APPLICANT, {"delivery": "digital"}, NOW)
    return replace(asked, **changes)


def a_start(definition: ServiceDefinition, **changes: Any) -> GoAhead:
    """An automatic service begins for a child."""
    values: dict[str, Any] = {
        "request_id": REQUEST_ID,
        "service_id": definition.id,
        "service_version": definition.version,
        "applicant_id": MOTHER,
        "beneficiary_id": CHILD,
        "parties": {"mother": MOTHER, "father": FATHER, "child": CHILD},
        "form": {},
        "offer_id": an_id("offer"),
        "decisions": [],
        "at": NOW,
    }
    return GoAhead(**values | changes)


def a_request(
    *messages: object, definition: ServiceDefinition | None = None, known: Known | None = None, **changes: Any
) -> Life:
    """A request that was submitted, and what has happened since."""
    asked_for = definition or a_definition()
    life = Life(request, [known or known_with(asked_for)], TRANSITIONS)
    life.send(a_submission(asked_for, **changes), *messages)
    return life


def an_automatic_request(*messages: object, definition: ServiceDefinition, child: KnownPerson | None = None) -> Life:
    """A request for a child that has begun by itself, and what has happened since."""
    life = Life(request, [known_with(definition, beneficiary=child or a_child())], TRANSITIONS)
    life.send(a_start(definition), *messages)
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


def task_of(step_id: str = "review", times: int = 0) -> UUID:
    """The task of a step, after it was given back so many times."""
    return derive_id("task", REQUEST_ID, step_id, *([times] if times else []))


def decided(
    decision: TaskDecision = TaskDecision.APPROVE, step_id: str = "review", *, times: int = 0, by: UUID = OFFICER
) -> TaskWasDecided:
    """An officer, or the party of a step that asks for consent, has decided."""
    return TaskWasDecided(task_of(step_id, times), by, decision, a_text("Because", "لأن"), NOW)


def agreed(decision: TaskDecision = TaskDecision.APPROVE, step_id: str = "consent") -> TaskWasDecided:
    """The other party has answered."""
    return decided(decision, step_id, by=PARTY)


def an_answer(**form: Any) -> Answer:
    """The applicant sends the form again."""
    return Answer(form, NOW)


def no_word(step_id: str = "review", times: int = 0) -> WordHasNotCome:
    """The time to answer is over."""
    return WordHasNotCome(task_of(step_id, times))


def issued(step_id: str = "licence") -> DocumentWasIssued:
    """The document of a step is signed."""
    return DocumentWasIssued(derive_id("document", REQUEST_ID, step_id), NOW)


def handed_in(name: str = "documents-lease") -> HandIn:
    """The applicant hands a document in."""
    return HandIn(name, an_id(f"upload of {name}"), "application/pdf", 1000, "00" * 32, NOW)


def account_missing(step_id: str = "payout") -> AccountIsMissing:
    """payments does not know where a step is to be paid to."""
    return AccountIsMissing(derive_id("payout", REQUEST_ID, step_id))


def paid_out(step_id: str = "payout") -> WasPaidOut:
    """payments has paid what a step owes."""
    return WasPaidOut(derive_id("payout", REQUEST_ID, step_id), NOW)


def a_day_over(step_id: str = "fee", days: int = 1) -> FeeMayHaveGrown:
    """A fee was not paid for so many days."""
    return FeeMayHaveGrown(fee_of(step_id), NOW + timedelta(days=days))


def an_objection(at: datetime = NOW) -> Object:
    """The applicant objects to a refusal."""
    return Object("It is not so.", at)


def objection_decided(decision: TaskDecision = TaskDecision.APPROVE) -> TaskWasDecided:
    """Another officer has decided on it."""
    task_id = derive_id("objection", REQUEST_ID)
    return TaskWasDecided(task_id, PARTY, decision, a_text("Because", "لأن"), NOW)


def more_is_known() -> FactsMayBeKnown:
    """Of the beneficiary."""
    return FactsMayBeKnown(NOW)


def reviewed(decision: TaskDecision = TaskDecision.REJECT) -> TaskWasDecided:
    """An officer has reviewed what was issued."""
    task_id = derive_id("review", REQUEST_ID, issued().document_id)
    return TaskWasDecided(task_id, OFFICER, decision, a_text("Because", "لأن"), NOW)


WITH_CONSENT = a_definition(a_consent_step(), a_task_step(), an_issue_step(), id="with-consent")
NO_APPROVAL = a_definition(a_fee_step(), an_issue_step(), id="no-approval")
FEE_LAST = a_definition(a_task_step(), a_fee_step(), id="fee-last")
RESIDENTS_ONLY = a_definition(id="residents-only", audience=["resident"])
OBJECTIONABLE = a_definition(
    id="objectionable",
    objection={"agency": "moi-traffic", "within_days": 30, "title": {"en": "An objection", "ar": "تظلم"}},
)
EVERYTHING = a_definition(
    a_hold_step(), a_documents_step(), a_task_step(), an_emit_step(), a_payout_step(), id="everything"
)
FACTS_FIRST = a_definition(a_facts_step(asks=["mother", "father"]), *FEE_TASK_ISSUE, id="facts-first")
DEFINITIONS = {
    definition.id: definition
    for definition in (
        a_definition(),
        NO_APPROVAL,
        FEE_LAST,
        RESIDENTS_ONLY,
        FACTS_FIRST,
        WITH_CONSENT,
        OBJECTIONABLE,
        EVERYTHING,
    )
}


def requests_in_every_state() -> Mapping[str, Request]:
    """A request in each status, waiting for each owner; its definition is one of `DEFINITIONS`."""
    rejected = decided(TaskDecision.REJECT)
    lives = {
        "waits for its fee": a_request(),
        "waits for an officer": a_request(paid()),
        "waits for more": a_request(paid(), decided(TaskDecision.RETURN)),
        "waits for an officer again": a_request(paid(), decided(TaskDecision.RETURN), an_answer()),
        "waits for a party": a_request(definition=WITH_CONSENT),
        "approved, waits for its document": a_request(paid(), decided()),
        "waits for its document without approval": a_request(paid(), definition=NO_APPROVAL),
        "approved, waits for its fee": a_request(decided(), definition=FEE_LAST),
        "fulfilled": a_request(paid(), decided(), issued()),
        "rejected": a_request(paid(), rejected),
        "withdrawn before it is paid": a_request(Withdraw()),
        "withdrawn after it is paid": a_request(paid(), Withdraw()),
        "withdrawn by erasure": a_request(PersonWasErased()),
        "withdrawn by death": a_request(PersonHasDied()),
        "expired": a_request(lapsed()),
        "waits for facts": an_automatic_request(definition=FACTS_FIRST),
        "knows its facts": an_automatic_request(definition=FACTS_FIRST, child=a_child(is_named=True)),
        "held": a_request(definition=EVERYTHING, known=known_with(EVERYTHING, a_child())),
        "waits for documents": a_request(definition=EVERYTHING),
        "approved, waits for its payout": a_request(handed_in(), decided(), definition=EVERYTHING),
        "approved, waits for an account": a_request(handed_in(), decided(), account_missing(), definition=EVERYTHING),
        "rejected, may be objected to": a_request(paid(), rejected, definition=OBJECTIONABLE),
        "objected": a_request(paid(), rejected, an_objection(), definition=OBJECTIONABLE),
        "objection upheld": a_request(paid(), rejected, an_objection(), objection_decided(), definition=OBJECTIONABLE),
        "objection dismissed": a_request(
            paid(), rejected, an_objection(), objection_decided(TaskDecision.REJECT), definition=OBJECTIONABLE
        ),
        "under review": a_request(paid(), decided(), issued(), OccasionWasLost()),
        "reviewed": a_request(paid(), decided(), issued(), OccasionWasLost(), reviewed()),
    }
    submitted = a_life(request, a_submission(a_definition()), given=[known_with(a_definition())]).events[0]
    between = {"submitted": request.evolve(Request(), submitted)}
    return {"absent": Request(), **between, **{name: life.state for name, life in lives.items()}}


def a_task_to_open() -> OpenTask:
    """A request has come to an officer."""
    return OpenTask(REQUEST_ID, APPLICANT, "a-service", a_text("Review", "مراجعة"), agency="moi-traffic")


def a_task_for_a_party() -> OpenTask:
    """A request waits until somebody else agrees."""
    return OpenTask(REQUEST_ID, APPLICANT, "a-service", a_text("Agree", "وافق"), party="worker")


def a_personal_task() -> OpenTask:
    """A request waits for what a mother has to state about her child."""
    return OpenTask(
        REQUEST_ID, MOTHER, "a-service", a_text("Name", "الاسم"), person_id=MOTHER, about_id=CHILD, needs=("is_named",)
    )


def a_decision(decision: TaskDecision = TaskDecision.APPROVE, **changes: Any) -> Decide:
    """What an officer decides."""
    return Decide(**{"decision": decision, "decided_by": OFFICER, "reason": None, **changes})


def tasks_in_every_state() -> Mapping[str, Task]:
    """A task in each status."""
    opened, asked = a_task_to_open(), a_personal_task()
    for_system = replace(opened, system_until=NOW + timedelta(hours=1))
    because = a_decision(TaskDecision.REJECT, reason=a_text("Because", "لأن"))
    return {
        "absent": Task(),
        "open": a_life(task_decider, opened).state,
        "with the agency's system": a_life(task_decider, for_system).state,
        "left to people": a_life(task_decider, for_system, SystemIsSilent()).state,
        "approved": a_life(task_decider, opened, a_decision()).state,
        "rejected": a_life(task_decider, opened, because).state,
        "cancelled": a_life(task_decider, opened, CancelTask()).state,
        "for a party": a_life(task_decider, a_task_for_a_party()).state,
        "of a party": a_life(task_decider, a_task_for_a_party(), Claim(PARTY, has_code=True)).state,
        "asked": a_life(task_decider, asked).state,
        "done": a_life(task_decider, asked, FinishTask()).state,
    }


def a_signature(jws: str = "header.payload.signature") -> DocumentSigned:
    """A document is signed."""
    return DocumentSigned(
        request_id=REQUEST_ID,
        holder_id=APPLICANT,
        applicant_id=APPLICANT,
        kind="driving-licence",
        title=a_text("Licence", "رخصة"),
        valid_from=NOW.date(),
        valid_until=NOW.date() + timedelta(days=3649),
        code="AAAA-BBBB-CCCC-DDDD",
        jws=jws,
    )


def documents_in_every_state() -> Mapping[str, Document]:
    """A document in each status."""
    return {
        "absent": Document(),
        "issued": a_life(document_decider, a_signature()).state,
        "revoked": a_life(document_decider, a_signature(), RevokeDocument()).state,
    }
