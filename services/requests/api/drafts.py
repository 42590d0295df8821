"""Forms that people have begun and come back to, on any device."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from services.requests import queries
from services.requests.api.access import OnBehalfOf, definition_in, filled_for, relation_for
from services.requests.domain.definition import Slug
from services.requests.domain.draft import DiscardDraft, Draft, SaveDraft, draft, draft_id
from services.requests.forms import Form, form_errors
from shared.contracts.personal import Erased
from shared.web.auth import Citizen
from shared.web.commands import IdempotencyKey, TheShell, perform
from shared.web.problems import Problem

router = APIRouter(prefix="/drafts", tags=["requests"])

_MOST = 100


class DraftForm(BaseModel):
    """The form as far as it is filled."""

    model_config = ConfigDict(extra="forbid")

    form: Form


class DraftView(BaseModel):
    """A form that was begun. `for_id`: for whom, where that is somebody else."""

    service_id: str
    service_version: int
    for_id: UUID | None
    form: Mapping[str, Any]

    @staticmethod
    def of(_: UUID, state: Draft) -> "DraftView":
        """The view of a state."""
        return DraftView(
            service_id=state.service_id,
            service_version=state.service_version,
            for_id=state.for_id,
            form={} if isinstance(state.form, Erased) else state.form,
        )


class SavedView(DraftView):
    """A form as it was saved; `errors`: what is still missing or wrong, which was no reason not to save it."""

    errors: list[dict[str, Any]] = []


@router.get("")
async def list_drafts(caller: Citizen, shell: TheShell) -> list[DraftView]:
    """The forms that the caller has begun, the newest first."""
    ids = await queries.drafts_of_person(shell.parts.pool, caller.id, _MOST)
    return [DraftView.of(id, state) for id, state in await shell.states(draft, ids)]


@router.put("/{service_id}", response_model=SavedView)
async def save_draft(
    service_id: Slug,
    form: DraftForm,
    caller: Citizen,
    key: IdempotencyKey,
    shell: TheShell,
    on_behalf_of: OnBehalfOf = None,
) -> Response:
    """Saves a form for later. What is missing or wrong is told, and saved all the same."""
    definition, for_id = await definition_in(shell, service_id), None if on_behalf_of == caller.id else on_behalf_of
    if for_id is not None and await relation_for(shell, caller, for_id, definition) is None:
        raise Problem("not-allowed-for-them")
    errors = form_errors(definition.form, await filled_for(shell, definition, form.form, for_id or caller.id))
    send = draft.send(
        draft_id(caller.id, service_id, for_id),
        SaveDraft(caller.id, service_id, definition.version, for_id, form.form),
    )

    def saved(id: UUID, state: Draft) -> SavedView:
        return SavedView(**DraftView.of(id, state).model_dump(), errors=errors)

    return await perform(shell, send, caller=caller, key=key, answer=saved, status=200, on_behalf_of=for_id)


@router.delete("/{service_id}", response_model=DraftView)
async def discard_draft(
    service_id: Slug, caller: Citizen, key: IdempotencyKey, shell: TheShell, on_behalf_of: OnBehalfOf = None
) -> Response:
    """Throws a begun form away."""
    send = draft.send(draft_id(caller.id, service_id, on_behalf_of), DiscardDraft())
    return await perform(shell, send, caller=caller, key=key, answer=DraftView.of, status=200)
