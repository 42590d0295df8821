"""Who acts for whom: guardians and spouses as registrars record them, representatives as people appoint them."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.identity.api.fields import CivilId, civil_id_in, hash_of
from services.identity.domain.person import person
from services.identity.domain.relation import EndRelation, RecordRelation, Relation, Status, relation
from services.identity.queries import find_person, relations_of
from services.identity.settings import IdentitySettings
from shared.contracts.identity import RelationKind, relation_id
from shared.kernel.clock import KUWAIT
from shared.store.shell import Shell
from shared.web.auth import AnyCaller, Citizen, Registrar
from shared.web.commands import IdempotencyKey, TheShell, perform
from shared.web.documents import MAY_BE_UNKNOWN
from shared.web.moments import Day
from shared.web.problems import Problem

router = APIRouter(tags=["relations"])

ServiceId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,60}$")]
Scopes = Annotated[list[ServiceId], Field(max_length=100)]
LONGEST = timedelta(days=5 * 366)


class RelationForm(BaseModel):
    """`holder_id` may act for `for_id`: for the services in `scopes`, or for all where none is named."""

    model_config = ConfigDict(extra="forbid")

    kind: RelationKind
    holder_id: UUID
    for_id: UUID
    scopes: Scopes = []
    until: Day | None = None


class RepresentativeForm(BaseModel):
    """Who may act for the caller: for these services, until this day."""

    model_config = ConfigDict(extra="forbid")

    civil_id: CivilId
    scopes: Annotated[Scopes, Field(min_length=1)]
    until: Day


class RelationView(BaseModel):
    """A relation as either of the two sees it."""

    id: UUID
    kind: RelationKind
    holder_id: UUID
    for_id: UUID
    scopes: Sequence[str]
    until: date | None
    status: Status

    @staticmethod
    def of(id: UUID, state: Relation) -> "RelationView":
        """The view of a state."""
        return RelationView(
            id=id,
            kind=state.kind,
            holder_id=state.holder_id,
            for_id=state.for_id,
            scopes=state.scopes,
            until=state.until,
            status=state.status,
        )


@router.get("/relations")
async def list_relations(caller: AnyCaller, shell: TheShell) -> list[RelationView]:
    """For whom the caller may act, and who may act for the caller; the newest hundred."""
    ids = await relations_of(shell.parts.pool, caller.id)
    return [RelationView.of(id, state) for id, state in await shell.states(relation, ids)]


@router.post("/relations", status_code=201, response_model=RelationView, responses=MAY_BE_UNKNOWN)
async def record_relation(form: RelationForm, caller: Registrar, key: IdempotencyKey, shell: TheShell) -> Response:
    """Records a relation that a registry knows."""
    _must_end_within_reason(form.until, shell)
    if len(await shell.states(person, sorted({form.holder_id, form.for_id}))) < len({form.holder_id, form.for_id}):
        raise Problem("person-unknown")
    command = RecordRelation(form.kind, form.holder_id, form.for_id, tuple(form.scopes), form.until)
    send = relation.send(relation_id(form.kind, form.holder_id, form.for_id), command)
    return await perform(shell, send, caller=caller, key=key, answer=RelationView.of, status=201)


@router.post("/representatives", status_code=201, response_model=RelationView, responses=MAY_BE_UNKNOWN)
async def appoint_representative(
    form: RepresentativeForm, caller: Citizen, key: IdempotencyKey, shell: TheShell, request: Request
) -> Response:
    """Lets somebody act for the caller; to appoint them again changes for what and how long."""
    settings: IdentitySettings = request.app.state.settings
    _must_end_within_reason(form.until, shell)
    civil_id = civil_id_in(form.civil_id, shell)
    holder = await find_person(shell.parts.pool, hash_of(civil_id, settings))
    if holder is None:
        raise Problem("person-unknown")
    command = RecordRelation(RelationKind.REPRESENTATIVE, holder, caller.id, tuple(form.scopes), form.until)
    send = relation.send(relation_id(RelationKind.REPRESENTATIVE, holder, caller.id), command)
    return await perform(shell, send, caller=caller, key=key, answer=RelationView.of, status=201)


@router.post("/relations/{id}/end", response_model=RelationView)
async def end_relation(id: UUID, caller: AnyCaller, key: IdempotencyKey, shell: TheShell) -> Response:
    """Ends a relation: a registrar any, and either of the two where one represents the other."""
    loaded = await shell.state(relation, id)
    if loaded is None:
        raise Problem("not-found")
    state: Relation = loaded.state
    if not caller.has("registrar"):
        if caller.id not in (state.holder_id, state.for_id):
            raise Problem("not-found")
        if state.kind is not RelationKind.REPRESENTATIVE:
            raise Problem("not-allowed")
    reason = "by-registrar" if caller.has("registrar") else "by-party"
    send = relation.send(id, EndRelation(reason))
    return await perform(shell, send, caller=caller, key=key, answer=RelationView.of, status=200)


def _must_end_within_reason(until: date | None, shell: Shell) -> None:
    today = shell.parts.clock.now().astimezone(KUWAIT).date()
    if until is not None and not today <= until <= today + LONGEST:
        raise Problem("invalid-request", errors=[{"in": "body", "pointer": "/until", "code": "range"}])
