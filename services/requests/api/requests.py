"""Requests: submitted for oneself or for somebody else, seen, followed live, and withdrawn."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field

from services.requests import queries
from services.requests.api.access import (
    InsidersRequest,
    OnBehalfOf,
    VisibleRequest,
    definition_in,
    definition_in_force,
    filled_for,
    must_be_sure_enough,
    own_request,
    relation_for,
)
from services.requests.domain.draft import DiscardDraft, draft, draft_id
from services.requests.domain.offer import AskedFor, offer
from services.requests.domain.request import request
from services.requests.domain.request_messages import Answer, Object, Rate, Submit, Withdraw
from services.requests.domain.request_state import Owner
from services.requests.domain.task import task
from services.requests.forms import Form, Submission, form_errors
from services.requests.views import HistoryView, InvitationView, RequestStory, RequestView, RequestWhyView
from shared.kernel.ids import new_id
from shared.kernel.text import NonEmpty
from shared.web.auth import Citizen
from shared.web.commands import IdempotencyKey, TheShell, perform
from shared.web.documents import MAY_BE_UNKNOWN
from shared.web.live import Watcher
from shared.web.pages import Page, PageQuery, newest_first
from shared.web.problems import Problem

router = APIRouter(prefix="/requests", tags=["requests"])


class NewRequest(Submission):
    """What is asked for. `from_draft`: the form was kept as a draft, which has had its day with this."""

    from_draft: bool = False


class RatingForm(BaseModel):
    """How it was: `satisfaction` from 1 (very dissatisfied) to 5; `effort`, whether it was made easy, from 1 (strongly
    disagree) to 7; and in the person's own words, which nobody but the platform's analysts read.
    """

    model_config = ConfigDict(extra="forbid")

    satisfaction: Annotated[int, Field(ge=1, le=5, strict=True)]
    effort: Annotated[int, Field(ge=1, le=7, strict=True)] | None = None
    comment: Annotated[NonEmpty, Field(max_length=2000)] | None = None


@router.post("", status_code=202, response_model=RequestView, responses=MAY_BE_UNKNOWN)
async def submit_request(
    form: NewRequest, caller: Citizen, key: IdempotencyKey, shell: TheShell, on_behalf_of: OnBehalfOf = None
) -> Response:
    """Submits a request. The answer comes after it is safe: it survives any crash from then on.

    With `On-Behalf-Of` it is for somebody for whom the caller may act; the caller pays and is told.
    """
    definition = await definition_in_force(shell, form.service_id, form.version)
    must_be_sure_enough(caller, definition)
    for_id = None if on_behalf_of == caller.id else on_behalf_of
    relation = None if for_id is None else await relation_for(shell, caller, for_id, definition)
    may_know = for_id is None or relation is not None
    filled = await filled_for(shell, definition, form.form, (for_id or caller.id) if may_know else None)
    if errors := form_errors(definition.form, filled):
        raise Problem("form-invalid", errors=errors)
    request_id = new_id()
    command = Submit(
        request_id=request_id,
        service_id=definition.id,
        service_version=definition.version,
        applicant_id=caller.id,
        form=filled,
        at=shell.parts.clock.now(),
        beneficiary_id=for_id,
        relation_id=None if relation is None else relation.id,
    )
    standing = await queries.standing_offers(shell.parts.pool, definition.id, caller.id, for_id or caller.id)
    sends = [request.send(request_id, command), *(offer.send(id, AskedFor(request_id)) for id in standing)]
    if form.from_draft:
        sends.append(draft.send(draft_id(caller.id, definition.id, for_id), DiscardDraft()))
    return await perform(shell, *sends, caller=caller, key=key, answer=RequestView.of, on_behalf_of=for_id)


@router.get("")
async def list_requests(caller: Citizen, shell: TheShell, page: PageQuery) -> Page[RequestView]:
    """The requests that the caller has sent, or that are for the caller; newest first."""
    ids = await queries.requests_of_applicant(shell.parts.pool, caller.id, page.before, page.limit + 1)
    views = [RequestView.of(id, state) for id, state in await shell.states(request, ids)]
    return newest_first(views, page, lambda view: view.id)


@router.get("/{request_id}")
async def get_request(request_id: UUID, state: VisibleRequest, shell: TheShell) -> RequestStory:
    """One request with its history: for its parties, and for officers of an agency that has a task on it."""
    return RequestStory.told(request_id, state, await shell.history(request_id))


@router.get("/{request_id}/why")
async def why(request_id: UUID, state: InsidersRequest, shell: TheShell) -> RequestWhyView:
    """Why the request stands where it does; not for whoever only has to agree."""
    definition = await definition_in(shell, state.service_id, state.service_version)
    return RequestWhyView.of(definition, state, await shell.history(request_id), shell.parts.clock.now())


@router.get("/{request_id}/stream", response_class=EventSourceResponse)
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


@router.post("/{request_id}/withdraw", status_code=200, response_model=RequestView)
async def withdraw_request(request_id: UUID, caller: Citizen, key: IdempotencyKey, shell: TheShell) -> Response:
    """Takes a request back while it is in progress; a fee that was paid is given back."""
    await own_request(shell, caller, request_id)
    send = request.send(request_id, Withdraw())
    return await perform(shell, send, caller=caller, key=key, answer=RequestView.of, status=200)


class ObjectionForm(BaseModel):
    """Why the applicant does not agree with the refusal."""

    model_config = ConfigDict(extra="forbid")

    words: Annotated[NonEmpty, Field(max_length=4000)]


@router.post("/{request_id}/objection", status_code=200, response_model=RequestView)
async def object_to_refusal(
    request_id: UUID, form: ObjectionForm, caller: Citizen, key: IdempotencyKey, shell: TheShell
) -> Response:
    """Objects to an agency's refusal, once and in time, where the service allows it; another officer decides."""
    await own_request(shell, caller, request_id)
    send = request.send(request_id, Object(form.words, shell.parts.clock.now()))
    return await perform(shell, send, caller=caller, key=key, answer=RequestView.of, status=200)


class AnswerForm(BaseModel):
    """The form once more, whole, with what an agency has asked for."""

    model_config = ConfigDict(extra="forbid")

    form: Form


@router.post("/{request_id}/answer", status_code=200, response_model=RequestView)
async def answer_agency(
    request_id: UUID, answer: AnswerForm, caller: Citizen, key: IdempotencyKey, shell: TheShell
) -> Response:
    """Sends the form once more, because an agency needs to know more; the agency goes on with it."""
    state = await own_request(shell, caller, request_id)
    definition = await definition_in(shell, state.service_id, state.service_version)
    filled = await filled_for(shell, definition, answer.form, state.beneficiary_id)
    if errors := form_errors(definition.form, filled):
        raise Problem("form-invalid", errors=errors)
    send = request.send(request_id, Answer(filled, shell.parts.clock.now()))
    return await perform(shell, send, caller=caller, key=key, answer=RequestView.of, status=200)


@router.get("/{request_id}/invitations")
async def list_invitations(request_id: UUID, caller: Citizen, shell: TheShell, http: Request) -> list[InvitationView]:
    """The parties who have still to agree, each with the code that the applicant hands on to them."""
    state, signer = await own_request(shell, caller, request_id), http.app.state.signer
    asked = [step.ref for step in state.open.values() if step.owner is Owner.PARTNER and step.ref is not None]
    return [
        InvitationView(task_id=id, title=found.title, code=None if found.person_id else signer.code(id))
        for id, found in await shell.states(task, asked)
    ]


@router.post("/{request_id}/rating", status_code=201, response_model=RequestView)
async def rate_request(
    request_id: UUID, form: RatingForm, caller: Citizen, key: IdempotencyKey, shell: TheShell
) -> Response:
    """Says how it was, once, after the request's end, whatever came of it."""
    await own_request(shell, caller, request_id)
    send = request.send(request_id, Rate(form.satisfaction, form.effort, form.comment))
    return await perform(shell, send, caller=caller, key=key, answer=RequestView.of, status=201)
