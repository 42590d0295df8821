"""Documents that were issued, and what anyone may verify of them."""

import re
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import StringConstraints

from services.requests import queries
from services.requests.api.access import may_see_for
from services.requests.domain.document import Document, Status, document
from services.requests.domain.request import request
from services.requests.papers.maker import PaperMaker
from services.requests.papers.page import page_of
from services.requests.signing import CODE, DocumentSigner
from services.requests.views import DocumentView, VerificationView
from shared.contracts.personal import Erased
from shared.kernel.clock import KUWAIT
from shared.store.shell import Shell
from shared.web.auth import Caller, Citizen
from shared.web.commands import TheShell
from shared.web.problems import Problem

router = APIRouter(tags=["documents"])

Code = Annotated[str, StringConstraints(pattern=CODE)]
UNVERIFIED = {"document-unknown": 404, "document-not-genuine": 409, "not-found": 404}
_PDF: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}}}
_PDF_BODY: dict[int | str, dict[str, Any]] = {
    404: {"description": "No document has its code."},
    409: {"description": "It is not genuine."},
}
_PDF_REQUEST = {"requestBody": {"required": True, "content": {"application/pdf": {"schema": {"type": "string"}}}}}
_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/html": {}}},
    409: {"description": "It is not genuine."},
}


@router.get("/documents/{document_id}")
async def get_document(document_id: UUID, caller: Citizen, shell: TheShell) -> DocumentView:
    """A document: for its holder, who acts for them, and who asked for it."""
    state = await _visible(shell, caller, document_id)
    assert not isinstance(state.code, Erased) and not isinstance(state.jws, Erased)
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


@router.get("/documents/{document_id}/pdf", response_class=Response, responses=_PDF)
async def get_paper(document_id: UUID, caller: Citizen, shell: TheShell, http: Request) -> Response:
    """The document as a signed PDF/A. It is made when it is first asked for, and then stays the same for ever."""
    state = await _visible(shell, caller, document_id)
    if state.status is Status.REVOKED:
        raise Problem("document-revoked")
    claims = _claims(http, state)
    papers: PaperMaker = http.app.state.papers
    made = None if claims is None else await papers.paper(shell, document_id, state.holder_id, claims)
    if made is None:
        raise Problem("not-found")
    headers = {"Content-Disposition": f'attachment; filename="{state.kind}-{state.code}.pdf"'}
    return Response(made, media_type="application/pdf", headers=headers)


@router.get("/verify/{code}", response_model=VerificationView, responses=_PAGE)
async def verify(
    code: Code, shell: TheShell, http: Request, accept: Annotated[str, Header()] = "application/json"
) -> Response:
    """Confirms a document to whoever has its code: the signature is checked, the dates, and that it was not revoked.

    A browser gets a page in both languages, everybody else JSON.
    """
    try:
        found = await _verified(shell, http, code)
    except Problem as problem:
        if "text/html" not in accept or problem.code not in UNVERIFIED:
            raise
        return HTMLResponse(page_of(None), UNVERIFIED[problem.code])
    if "text/html" in accept:
        return HTMLResponse(page_of(found))
    return Response(found.model_dump_json(), media_type="application/json")


@router.post("/verify", response_model=VerificationView, responses=_PDF_BODY, openapi_extra=_PDF_REQUEST)
async def verify_paper(shell: TheShell, http: Request) -> VerificationView:
    """Confirms a PDF: signed by the platform, not a byte changed or added, and not revoked since."""
    papers: PaperMaker = http.app.state.papers
    code = await papers.code_in(await http.body())
    if code is None or not re.fullmatch(CODE, code):
        raise Problem("document-not-genuine")
    return await _verified(shell, http, code)


async def _visible(shell: Shell, caller: Caller, document_id: UUID) -> Document:
    state = await _document(shell, document_id)
    is_theirs = caller.id in (state.holder_id, state.applicant_id)
    asked = None if is_theirs else await shell.state(request, state.request_id)
    acts_for_holder = asked is not None and await may_see_for(shell, caller, state.holder_id, asked.state)
    if not (is_theirs or acts_for_holder) or isinstance(state.code, Erased) or isinstance(state.jws, Erased):
        raise Problem("not-found")
    return state


async def _verified(shell: Shell, http: Request, code: str) -> VerificationView:
    document_id = await queries.document_by_code(shell.parts.pool, code)
    state = None if document_id is None else await _document(shell, document_id)
    if state is None or isinstance(state.jws, Erased):
        raise Problem("document-unknown")
    claims = _claims(http, state)
    if claims is None:
        raise Problem("document-not-genuine")
    today = shell.parts.clock.now().astimezone(KUWAIT).date()
    revoked = state.status is Status.REVOKED
    view = VerificationView.model_validate({**claims, "genuine": True, "revoked": revoked, "valid": False})
    return view.model_copy(update={"valid": not revoked and view.valid_from <= today <= view.valid_until})


def _claims(http: Request, state: Document) -> dict[str, Any] | None:
    signer: DocumentSigner = http.app.state.signer
    return None if isinstance(state.jws, Erased) else signer.read(state.jws)


async def _document(shell: Shell, document_id: UUID) -> Document:
    loaded = await shell.state(document, document_id)
    if loaded is None:
        raise Problem("not-found")
    state: Document = loaded.state
    return state
