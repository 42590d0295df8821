"""Signing in without proof: only the local profile has this route. It stands for the national sign-in."""

import re
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, StringConstraints

from services.identity.api.fields import CivilId, civil_id_in, hash_of
from services.identity.domain.person import Person, person
from services.identity.domain.person import Status as PersonStatus
from services.identity.queries import find_person
from services.identity.settings import IdentitySettings
from services.identity.tokens import TokenIssuer
from shared.kernel.ids import derive_id
from shared.web.auth import HIGH, STAFF_ROLES, SUBSTANTIAL
from shared.web.commands import TheShell
from shared.web.documents import MAY_BE_UNKNOWN
from shared.web.problems import Problem

router = APIRouter(tags=["local"])


class LocalSignIn(BaseModel):
    """Who to be: a registered person by civil ID, or somebody with a role; `name` tells two of one role apart."""

    model_config = ConfigDict(extra="forbid")

    civil_id: CivilId | None = None
    role: Annotated[str, StringConstraints(max_length=60)] | None = None
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")] | None = None


class TokenView(BaseModel):
    """An access token (RFC 6750)."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105
    expires_in: int


@router.post("/local/sign-in", responses=MAY_BE_UNKNOWN)
async def sign_in_locally(form: LocalSignIn, shell: TheShell, request: Request) -> TokenView:
    """Signs in without proof, and without a session: there is nothing to refresh."""
    settings: IdentitySettings = request.app.state.settings
    issuer: TokenIssuer = request.app.state.issuer
    now = datetime.now(tz=shell.parts.clock.now().tzinfo)  # tokens live in real time, whatever the stack's clock says
    if form.role is not None:
        if form.civil_id is not None or not re.fullmatch(STAFF_ROLES, form.role):
            raise Problem("invalid-request", errors=[{"pointer": "/role", "code": "unknown-role"}])
        token, seconds = issuer.issue(derive_id("local", form.role, *filter(None, [form.name])), [form.role], HIGH, now)
        return TokenView(access_token=token, expires_in=seconds)
    civil_id = civil_id_in(form.civil_id or "", shell)
    found = await find_person(shell.parts.pool, hash_of(civil_id, settings))
    loaded = None if found is None else await shell.state(person, found)
    if found is None or loaded is None or not may_sign_in(loaded.state):
        raise Problem("not-found")
    token, seconds = issuer.issue(found, ["citizen"], SUBSTANTIAL, now)
    return TokenView(access_token=token, expires_in=seconds)


def may_sign_in(known: Person) -> bool:
    """Nobody signs in as the dead, the erased, or one who was never born."""
    return known.status is PersonStatus.REGISTERED and not known.is_deceased
