"""Documents that a request asks its applicant for: handed in, and read by whoever may see the request."""

from hashlib import sha256
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.requests.api.access import InsidersRequest, definition_in, own_request
from services.requests.domain.definition import DocumentsStep, RequiredDocument, ServiceDefinition, Slug
from services.requests.domain.request import request
from services.requests.domain.request_messages import HandIn
from services.requests.sealed_store import SealedStore, box_of
from services.requests.uploads import MEDIA_TYPES, kind_of, place_of
from services.requests.views import RequestView
from shared.kernel.ids import derive_id
from shared.web.auth import Citizen
from shared.web.commands import IdempotencyKey, TheShell, perform
from shared.web.problems import Problem

router = APIRouter(prefix="/requests/{request_id}/documents/{name}", tags=["requests"])

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY = {"requestBody": {"required": True, "content": dict.fromkeys(MEDIA_TYPES.values(), _BINARY)}}
_FILE: dict[int | str, dict[str, Any]] = {200: {"content": dict.fromkeys(MEDIA_TYPES.values(), _BINARY)}}


@router.put("", response_model=RequestView, openapi_extra=_BODY)
async def hand_in(
    request_id: UUID, name: Slug, caller: Citizen, key: IdempotencyKey, shell: TheShell, http: Request
) -> Response:
    """Hands in a document that the request waits for, as the body: a whole PDF, JPEG or PNG of up to eight mebibytes.

    A repeat with its key changes nothing; another replaces it, as long as the request waits for documents.
    """
    state = await own_request(shell, caller, request_id)
    required = _required(await definition_in(shell, state.service_id, state.service_version), name)
    content = await http.body()
    kind = kind_of(content)
    if kind is None or kind not in required.accepts:
        raise Problem(
            "upload-not-accepted", details={"accepts": [MEDIA_TYPES[accepted] for accepted in required.accepts]}
        )
    digest = sha256(content).hexdigest()
    upload_id = derive_id("upload", key.id)  # nobody can tell from it what was handed in
    box = await box_of(shell, caller.id)
    if box is None:
        raise Problem("not-found")
    store: SealedStore = http.app.state.files
    await store.put(place_of(upload_id), content, box)
    command = HandIn(name, upload_id, MEDIA_TYPES[kind], len(content), digest, shell.parts.clock.now())
    send = request.send(request_id, command)
    return await perform(shell, send, caller=caller, key=key, answer=RequestView.of, status=200)


@router.get("", response_class=Response, responses=_FILE)
async def get_upload(name: Slug, state: InsidersRequest, shell: TheShell, http: Request) -> Response:
    """A document that was handed in: for the request's parties, and for officers of an agency that has a task on it."""
    box = await box_of(shell, state.applicant_id)
    store: SealedStore = http.app.state.files
    found = None if box is None or name not in state.uploads else await store.get(place_of(state.uploads[name]), box)
    kind = None if found is None else kind_of(found)
    if found is None or kind is None:
        raise Problem("not-found")
    headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"', "Content-Security-Policy": "sandbox"}
    return Response(found, media_type=MEDIA_TYPES[kind], headers=headers)


def _required(definition: ServiceDefinition, name: str) -> RequiredDocument:
    asked = (step for step in definition.steps if isinstance(step, DocumentsStep))
    found = next((required for step in asked for required in step.documents if required.id == name), None)
    if found is None:
        raise Problem("not-found")
    return found
