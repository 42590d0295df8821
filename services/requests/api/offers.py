"""What the platform offers before anyone asks: seen, accepted with one tap, declined, or put off."""

from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from services.requests import queries
from services.requests.api.access import definition_in, filled_for, must_be_sure_enough, relation_for
from services.requests.domain.offer import Accept, Decline, Offer, See, Snooze, offer
from services.requests.domain.request import request
from services.requests.domain.request_messages import Submit
from services.requests.forms import Form, form_errors
from services.requests.views import OfferStanding, OfferView, RequestView, WhyView
from shared.store.shell import Shell
from shared.web.auth import Caller, Citizen
from shared.web.commands import IdempotencyKey, TheShell, perform
from shared.web.moments import Instant
from shared.web.pages import Page, PageQuery, newest_first
from shared.web.problems import Problem

router = APIRouter(prefix="/offers", tags=["offers"])


class AcceptForm(BaseModel):
    """Nothing, for one tap; or what is to be otherwise than the offer's form has it."""

    model_config = ConfigDict(extra="forbid")

    form: Form = {}


class SnoozeForm(BaseModel):
    """When to be reminded."""

    model_config = ConfigDict(extra="forbid")

    until: Instant


@router.get("")
async def list_offers(caller: Citizen, shell: TheShell, page: PageQuery) -> Page[OfferView]:
    """What the caller is offered now."""
    ids = await queries.offers_of_person(shell.parts.pool, caller.id, page.before, page.limit + 1)
    views = [await _view(shell, id, state) for id, state in await shell.states(offer, ids)]
    return newest_first(views, page, lambda view: view.id)


@router.get("/{offer_id}")
async def get_offer(offer_id: UUID, caller: Citizen, shell: TheShell) -> OfferView:
    """One offer of the caller, whatever has become of it."""
    return await _view(shell, offer_id, await _own(shell, caller, offer_id))


@router.get("/{offer_id}/why")
async def why(offer_id: UUID, caller: Citizen, shell: TheShell) -> WhyView:
    """Why the caller is offered this: what has happened, and each rule with the facts that it read."""
    state = await _own(shell, caller, offer_id)
    return WhyView.of(state, await definition_in(shell, state.service_id, state.made_version))


@router.post("/{offer_id}/accept", status_code=202, response_model=RequestView)
async def accept(offer_id: UUID, form: AcceptForm, caller: Citizen, key: IdempotencyKey, shell: TheShell) -> Response:
    """One tap: the offer is taken and its request is submitted, both or neither."""
    state = await _own(shell, caller, offer_id)
    definition = await definition_in(shell, state.service_id, state.made_version)
    must_be_sure_enough(caller, definition)
    binding = definition.binding(state.binding_id)
    filled = {**(binding.form if binding else {}), **form.form}
    now, for_id = shell.parts.clock.now(), state.beneficiary_id
    relation = None if for_id == caller.id else await relation_for(shell, caller, for_id, definition)
    may_know = for_id == caller.id or relation is not None
    filled = await filled_for(shell, definition, filled, for_id if may_know else None)
    if errors := form_errors(definition.form, filled):
        raise Problem("form-invalid", errors=errors)
    submit = Submit(
        request_id=state.next_request_id,
        service_id=definition.id,
        service_version=definition.version,
        applicant_id=caller.id,
        form=filled,
        at=now,
        beneficiary_id=None if for_id == caller.id else for_id,
        relation_id=None if relation is None else relation.id,
        parties=state.occasion.parties if state.occasion else {},
        offer_id=offer_id,
    )
    sends = request.send(submit.request_id, submit), offer.send(offer_id, Accept(submit.request_id, now))
    return await perform(shell, *sends, caller=caller, key=key, answer=RequestView.of, on_behalf_of=for_id)


@router.post("/{offer_id}/seen", response_model=OfferStanding)
async def seen(offer_id: UUID, caller: Citizen, key: IdempotencyKey, shell: TheShell) -> Response:
    """The caller has seen it."""
    await _own(shell, caller, offer_id)
    send = offer.send(offer_id, See())
    return await perform(shell, send, caller=caller, key=key, answer=OfferStanding.of, status=200)


@router.post("/{offer_id}/decline", response_model=OfferStanding)
async def decline(offer_id: UUID, caller: Citizen, key: IdempotencyKey, shell: TheShell) -> Response:
    """The caller does not want it. The service can still be asked for."""
    await _own(shell, caller, offer_id)
    send = offer.send(offer_id, Decline())
    return await perform(shell, send, caller=caller, key=key, answer=OfferStanding.of, status=200)


@router.post("/{offer_id}/snooze", response_model=OfferStanding)
async def snooze(offer_id: UUID, form: SnoozeForm, caller: Citizen, key: IdempotencyKey, shell: TheShell) -> Response:
    """The caller is reminded then, at the latest in 60 days and before the offer's end."""
    await _own(shell, caller, offer_id)
    send = offer.send(offer_id, Snooze(form.until, shell.parts.clock.now()))
    return await perform(shell, send, caller=caller, key=key, answer=OfferStanding.of, status=200)


async def _own(shell: Shell, caller: Caller, offer_id: UUID) -> Offer:
    loaded = await shell.state(offer, offer_id)
    if loaded is None or not loaded.state.made_count or loaded.state.recipient_id != caller.id:
        raise Problem("not-found")
    state: Offer = loaded.state
    return state


async def _view(shell: Shell, offer_id: UUID, state: Offer) -> OfferView:
    return OfferView.of(offer_id, state, await definition_in(shell, state.service_id, state.made_version))
