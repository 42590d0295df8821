"""Documents that were issued, and what anyone may verify of them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import StringConstraints

from services.requests import queries
from services.requests.api.access import may_see_for
from services.requests.domain.document import Document, Status, document
from services.requests.domain.request import request
from services.requests.signing import DocumentSigner
from services.requests.views import DocumentView, VerificationView
from shared.contracts.personal import Erased
from shared.kernel.clock import KUWAIT
from shared.store.shell import Shell
from shared.web.auth import Citizen
from shared.web.commands import TheShell
from shared.web.problems import Problem

router = APIRouter(tags=["documents"])

Code = Annotated[str, StringConstraints(pattern=r"^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$")]


@router.get("/documents/{document_id}")
async def get_document(document_id: UUID, caller: Citizen, shell: TheShell) -> DocumentView:
    """A document: for its holder, who acts for them, and who asked for it."""
    state = await _document(shell, document_id)
    is_theirs = caller.id in (state.holder_id, state.applicant_id)
    asked = None if is_theirs else await shell.state(request, state.request_id)
    acts_for_holder = asked is not None and await may_see_for(shell, caller, state.holder_id, asked.state)
    if not (is_theirs or acts_for_holder) or isinstance(state.code, Erased) or isinstance(state.jws, Erased):
        raise Problem("not-found")
    return DocumentView(
        id=document_id,
        kind=state.kind,
        title=state.title,
        holder_id=state.holder_id,
        valid_from=state.valid_from,
        valid_until=state.valid_until,
        revoked=state.status is Status.REVOKED,
        code=state.code,
        jws=state.jws,
    )


@router.get("/verify/{code}")
async def verify(code: Code, shell: TheShell, http: Request) -> VerificationView:
    """Confirms a document to whoever has its code: the signature is checked, the dates, and that it was not revoked."""
    signer: DocumentSigner = http.app.state.signer
    document_id = await queries.document_by_code(shell.parts.pool, code)
    state = None if document_id is None else await _document(shell, document_id)
    if state is None or isinstance(state.jws, Erased):
        raise Problem("document-unknown")
    claims = signer.read(state.jws)
    if claims is None:
        raise Problem("document-not-genuine")
    today = shell.parts.clock.now().astimezone(KUWAIT).date()
    revoked = state.status is Status.REVOKED
    view = VerificationView.model_validate({**claims, "genuine": True, "revoked": revoked, "valid": False})
    return view.model_copy(update={"valid": not revoked and view.valid_from <= today <= view.valid_until})


async def _document(shell: Shell, document_id: UUID) -> Document:
    loaded = await shell.state(document, document_id)
    if loaded is None:
        raise Problem("not-found")
    state: Document = loaded.state
    return state
