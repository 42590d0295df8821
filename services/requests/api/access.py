"""Who may see and do what: the parties of a request, who acts for them, and how surely a caller is known."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header

from services.requests import queries
from services.requests.domain.definition import ServiceDefinition, service_key
from services.requests.domain.eligibility import KnownRelation
from services.requests.domain.request import request
from services.requests.domain.request_state import Request as RequestState
from services.requests.domain.task import task
from services.requests.prefill import filled_form, register_fields
from shared.store.shell import Shell
from shared.web.auth import LEVELS, AnyCaller, Caller
from shared.web.commands import TheShell
from shared.web.problems import Problem

OnBehalfOf = Annotated[
    UUID | None, Header(description="For whom the caller asks: a child, or somebody whom they represent.")
]


async def definition_in(shell: Shell, service_id: str, version: int | None = None) -> ServiceDefinition:
    """A version of a service, or its newest."""
    if version is None:
        found = await queries.current_version(shell.parts.pool, shell.parts.clock.now(), service_id)
    else:
        found = await queries.version_by_key(shell.parts.pool, service_key(service_id, version))
    if found is None:
        raise Problem("service-unknown")
    return found


async def definition_in_force(shell: Shell, service_id: str, version: int | None) -> ServiceDefinition:
    """The version by which a request may be submitted now; whoever has filled in another has to see what is new."""
    definition = await definition_in(shell, service_id)
    if version not in (None, definition.version):
        await definition_in(shell, service_id, version)  # there may be none
        raise Problem("version-not-in-force", details={"version": definition.version})
    return definition


def must_be_sure_enough(caller: Caller, definition: ServiceDefinition) -> None:
    """Some services need a surer sign-in: the caller steps up and asks again (RFC 9470)."""
    if caller.assurance < LEVELS[definition.assurance]:
        raise Problem("assurance-too-low", details={"acr_values": definition.assurance})


async def relation_for(
    shell: Shell, caller: Caller, for_id: UUID, definition: ServiceDefinition
) -> KnownRelation | None:
    """On what ground the caller may ask for this service for the other, if on any."""
    beneficiary = await queries.find_person(shell.parts.pool, for_id)
    if beneficiary is None:
        return None
    found = await queries.relations_between(shell.parts.pool, caller.id, for_id)
    now = shell.parts.clock.now()
    return next((relation for relation in found if relation.allows(definition, beneficiary, now)), None)


async def filled_for(
    shell: Shell, definition: ServiceDefinition, form: Mapping[str, Any], person_id: UUID | None
) -> dict[str, Any]:
    """A form with what registers know of a person; for nobody, or where no field is a register's, as it is."""
    if person_id is None or not register_fields(definition):
        return dict(form)
    return filled_form(definition, form, await queries.find_person(shell.parts.pool, person_id))


async def may_see_for(shell: Shell, caller: Caller, for_id: UUID, asked: RequestState) -> bool:
    """Whether the caller acts for the other in what was asked: who may not ask for it may not see it either."""
    if not caller.has("citizen"):
        return False
    definition = await definition_in(shell, asked.service_id, asked.service_version)
    return await relation_for(shell, caller, for_id, definition) is not None


async def own_request(shell: Shell, caller: Caller, request_id: UUID) -> RequestState:
    """A request that the caller has sent. Raises Problem for any other."""
    loaded = await shell.state(request, request_id)
    if loaded is None or loaded.state.applicant_id != caller.id:
        raise Problem("not-found")
    state: RequestState = loaded.state
    return state


async def insiders_request(request_id: UUID, caller: AnyCaller, shell: TheShell) -> RequestState:
    """A request of which the caller may see all: its applicant, whom it is for and who acts for them, and officers of
    an agency that has a task on it.
    """
    return await _request_seen(request_id, caller, shell, by_parties=False)


async def visible_request(request_id: UUID, caller: AnyCaller, shell: TheShell) -> RequestState:
    """A request that the caller may see: insiders, and whoever has to agree."""
    return await _request_seen(request_id, caller, shell, by_parties=True)


async def _request_seen(request_id: UUID, caller: Caller, shell: Shell, *, by_parties: bool) -> RequestState:
    loaded = await shell.state(request, request_id)
    if loaded is None:
        raise Problem("not-found")
    state: RequestState = loaded.state
    if caller.has("citizen") and caller.id in (state.applicant_id, state.beneficiary_id):
        return state
    if await may_see_for(shell, caller, state.beneficiary_id, state):
        return state
    concerned = [found for _, found in await shell.states(task, [*state.task_ids, *state.reviews])]
    is_party = (
        by_parties
        and caller.has("citizen")
        and any(found.party and found.person_id == caller.id for found in concerned)
    )
    if not is_party and not any(found.agency in caller.agencies for found in concerned):
        raise Problem("not-found")
    return state


VisibleRequest = Annotated[RequestState, Depends(visible_request)]
InsidersRequest = Annotated[RequestState, Depends(insiders_request)]
