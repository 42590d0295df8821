"""HTTP of requests: the catalogue, a citizen's requests and documents, officers' tasks, and verification for all."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.requests import queries
from services.requests.domain.definition import ServiceDefinition, Slug, service_key
from services.requests.domain.document import Document, document
from services.requests.domain.facts import facts_of
from services.requests.domain.request import Request as RequestState
from services.requests.domain.request import Submit, Withdraw, request
from services.requests.domain.rulebook import RULEBOOK
from services.requests.domain.rules import Ruling, Verdict
from services.requests.domain.task import Decide, task
from services.requests.forms import form_errors
from services.requests.queries import TaskRow
from services.requests.signing import DocumentSigner
from services.requests.views import (
    CardView,
    DocumentView,
    EligibilityView,
    HistoryView,
    RequestStory,
    RequestView,
    RuleView,
    TaskView,
    VerificationView,
)
from shared.contracts.personal import Erased
from shared.contracts.requests import TaskDecision
from shared.kernel.clock import KUWAIT
from shared.kernel.ids import new_id
from shared.kernel.text import LocalizedText
from shared.store.shell import Shell
from shared.web.auth import AnyCaller, Caller, Citizen, Officer
from shared.web.commands import IdempotencyKey, TheShell, perform
from shared.web.documents import MAY_BE_UNKNOWN
from shared.web.live import Watcher
from shared.web.pages import Page, PageQuery, newest_first
from shared.web.problems import Problem

router = APIRouter()

FIRST = UUID(int=0)
Code = Annotated[str, StringConstraints(pattern=r"^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$")]


class Submission(BaseModel):
    """What is asked for: a service of the catalogue, and its form."""

    model_config = ConfigDict(extra="forbid")

    service_id: Slug
    version: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)] | None = None
    form: Annotated[Mapping[str, Any], Field(max_length=200)] = {}


class DecisionForm(BaseModel):
    """An officer's decision; a rejection has a reason for the applicant in both languages."""

    model_config = ConfigDict(extra="forbid")

    decision: TaskDecision
    reason: LocalizedText | None = None


async def visible_request(request_id: UUID, caller: AnyCaller, shell: TheShell) -> RequestState:
    """A request that the caller may see: its applicant, and officers of an agency that has a task on it."""
    loaded = await shell.state(request, request_id)
    if loaded is None:
        raise Problem("not-found")
    state: RequestState = loaded.state
    if caller.has("citizen") and state.applicant_id == caller.id:
        return state
    concerned = None if state.task_id is None else await shell.state(task, state.task_id)
    if concerned is None or concerned.state.agency not in caller.agencies:
        raise Problem("not-found")
    return state


VisibleRequest = Annotated[RequestState, Depends(visible_request)]


class TaskPage(BaseModel):
    """Open tasks, and the cursor of those after them; null at the end."""

    items: list[TaskRow]
    next_cursor: UUID | None


@router.get("/catalogue", tags=["catalogue"])
async def list_services(shell: TheShell) -> list[CardView]:
    """The services that one can ask for, each in its newest version."""
    return [CardView.of(definition) for definition in await queries.current_versions(shell.parts.pool)]


@router.get("/catalogue/{service_id}", tags=["catalogue"])
async def get_service(service_id: Slug, shell: TheShell) -> CardView:
    """One service in its newest version."""
    return CardView.of(await _definition(shell, service_id, None))


@router.get("/eligibility", tags=["catalogue"])
async def eligibility(caller: Citizen, shell: TheShell) -> list[EligibilityView]:
    """For which services the caller is eligible now, and why (not)."""
    person = await queries.find_person(shell.parts.pool, caller.id)
    facts = {} if person is None else facts_of(person, shell.parts.clock.now())
    found = []
    for definition in await queries.current_versions(shell.parts.pool):
        rulings = [RULEBOOK.judge(rule, facts) for rule in definition.eligibility]
        in_audience = person is None or person.residence in definition.audience
        found.append(_eligibility(definition, rulings, in_audience=in_audience))
    return found


@router.post("/requests", status_code=202, response_model=RequestView, responses=MAY_BE_UNKNOWN, tags=["requests"])
async def submit_request(form: Submission, caller: Citizen, key: IdempotencyKey, shell: TheShell) -> Response:
    """Submits a request. The answer comes after it is safe: it survives any crash from then on."""
    definition = await _definition(shell, form.service_id, form.version)
    errors = form_errors(definition.form, form.form)
    if errors:
        raise Problem("form-invalid", errors=errors)
    request_id = new_id()
    command = Submit(
        request_id=request_id,
        service_id=definition.id,
        service_version=definition.version,
        applicant_id=caller.id,
        form=form.form,
        at=shell.parts.clock.now(),
    )
    return await perform(shell, request.send(request_id, command), caller=caller, key=key, answer=RequestView.of)


@router.get("/requests", tags=["requests"])
async def list_requests(caller: Citizen, shell: TheShell, page: PageQuery) -> Page[RequestView]:
    """The caller's requests, newest first."""
    ids = await queries.requests_of_applicant(shell.parts.pool, caller.id, page.before, page.limit + 1)
    views = [RequestView.of(id, state) for id, state in await shell.states(request, ids)]
    return newest_first(views, page, lambda view: view.id)


@router.get("/requests/{request_id}", tags=["requests"])
async def get_request(request_id: UUID, state: VisibleRequest, shell: TheShell) -> RequestStory:
    """One request with its history: for its applicant, and for officers of an agency that has a task on it."""
    return RequestStory.told(request_id, state, await shell.history(request_id))


@router.get("/requests/{request_id}/stream", response_class=EventSourceResponse, tags=["requests"])
async def stream_request(
    request_id: UUID,
    state: VisibleRequest,
    http: Request,
    last_event_id: Annotated[int, Header(ge=0, le=2**63 - 1)] = 0,
) -> AsyncIterator[ServerSentEvent]:
    """A request's history as it happens, on any replica; `Last-Event-ID` goes on where a broken stream ended."""
    watcher: Watcher = http.app.state.watcher
    async for event in watcher.follow(request, request_id, last_event_id):
        view = HistoryView.of(event)
        yield ServerSentEvent(data=view.model_dump(mode="json"), event=view.type, id=str(view.sequence))


@router.post("/requests/{request_id}/withdraw", status_code=200, response_model=RequestView, tags=["requests"])
async def withdraw_request(request_id: UUID, caller: Citizen, key: IdempotencyKey, shell: TheShell) -> Response:
    """Takes a request back while it is in progress; a fee that was paid is given back."""
    await _own(shell, caller, request_id)
    send = request.send(request_id, Withdraw())
    return await perform(shell, send, caller=caller, key=key, answer=RequestView.of, status=200)


@router.get("/tasks", tags=["tasks"])
async def list_tasks(
    caller: Officer,
    shell: TheShell,
    state: Annotated[Literal["open"], Query()] = "open",
    cursor: Annotated[UUID, Query()] = FIRST,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> TaskPage:
    """The open tasks of the caller's agency, oldest first."""
    found = list(await queries.open_tasks(shell.parts.pool, caller.agencies, cursor, limit + 1))
    items = found[:limit]
    return TaskPage(items=items, next_cursor=items[-1].id if len(found) > limit else None)


@router.post("/tasks/{task_id}/decision", status_code=200, response_model=TaskView, tags=["tasks"])
async def decide_task(
    task_id: UUID, form: DecisionForm, caller: Officer, key: IdempotencyKey, shell: TheShell
) -> Response:
    """Decides a task of the caller's agency, once."""
    loaded = await shell.state(task, task_id)
    if loaded is None or loaded.state.agency not in caller.agencies:
        raise Problem("not-found")
    send = task.send(task_id, Decide(form.decision, caller.id, form.reason))
    return await perform(shell, send, caller=caller, key=key, answer=TaskView.of, status=200)


@router.get("/documents/{document_id}", tags=["documents"])
async def get_document(document_id: UUID, caller: Citizen, shell: TheShell) -> DocumentView:
    """A document of the caller."""
    state = await _document(shell, document_id)
    if state.holder_id != caller.id or isinstance(state.code, Erased) or isinstance(state.jws, Erased):
        raise Problem("not-found")
    return DocumentView(
        id=document_id,
        kind=state.kind,
        title=state.title,
        valid_from=state.valid_from,
        valid_until=state.valid_until,
        code=state.code,
        jws=state.jws,
    )


@router.get("/verify/{code}", tags=["documents"])
async def verify(code: Code, shell: TheShell, http: Request) -> VerificationView:
    """Confirms a document to whoever has its code: the signature is checked, and the dates."""
    signer: DocumentSigner = http.app.state.signer
    document_id = await queries.document_by_code(shell.parts.pool, code)
    state = None if document_id is None else await _document(shell, document_id)
    if state is None or isinstance(state.jws, Erased):
        raise Problem("document-unknown")
    claims = signer.read(state.jws)
    if claims is None:
        raise Problem("document-not-genuine")
    today = shell.parts.clock.now().astimezone(KUWAIT).date()
    view = VerificationView.model_validate({**claims, "genuine": True, "valid": False})
    return view.model_copy(update={"valid": view.valid_from <= today <= view.valid_until})


async def _definition(shell: Shell, service_id: str, version: int | None) -> ServiceDefinition:
    if version is None:
        current = await queries.current_versions(shell.parts.pool)
        found = next((definition for definition in current if definition.id == service_id), None)
    else:
        found = await queries.version_by_key(shell.parts.pool, service_key(service_id, version))
    if found is None:
        raise Problem("service-unknown")
    return found


async def _own(shell: Shell, caller: Caller, request_id: UUID) -> RequestState:
    loaded = await shell.state(request, request_id)
    if loaded is None or loaded.state.applicant_id != caller.id:
        raise Problem("not-found")
    state: RequestState = loaded.state
    return state


async def _document(shell: Shell, document_id: UUID) -> Document:
    loaded = await shell.state(document, document_id)
    if loaded is None:
        raise Problem("not-found")
    state: Document = loaded.state
    return state


def _eligibility(definition: ServiceDefinition, rulings: list[Ruling], *, in_audience: bool) -> EligibilityView:
    verdicts = {ruling.verdict for ruling in rulings}
    eligible: Literal["yes", "no", "unknown"] = "yes"
    if Verdict.FAILED in verdicts or not in_audience:
        eligible = "no"
    elif Verdict.UNDECIDED in verdicts:
        eligible = "unknown"
    rules = [RuleView(id=r.rule.id, verdict=r.verdict, reason=r.rule.reason, facts=r.facts) for r in rulings]
    return EligibilityView(service_id=definition.id, name=definition.name, eligible=eligible, rules=rules)
