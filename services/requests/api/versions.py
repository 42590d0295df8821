"""Versions of services: written by one policy officer of the agency, published by another, read by everybody."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Path, Query, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from services.requests import queries
from services.requests.api.access import definition_in
from services.requests.difference import Change, differences
from services.requests.domain.definition import ServiceDefinition, Slug, read_definition, service_key
from services.requests.domain.publication import (
    DraftVersion,
    Publication,
    PublishVersion,
    Status,
    digest_of,
    publication,
    publication_id,
)
from services.requests.linter import lint
from shared.store.shell import Shell
from shared.web.auth import AnyCaller, Caller, PolicyOfficer
from shared.web.commands import IdempotencyKey, TheShell, perform
from shared.web.problems import Problem

router = APIRouter(prefix="/catalogue/services/{service_id}/versions/{version}", tags=["catalogue"])

Version = Annotated[int, Path(ge=1, le=2**31 - 1)]


class VersionView(BaseModel):
    """Where a version stands. `drafted_by`: who has to let another publish it; `digest`: of what it says."""

    service_id: str
    version: int
    status: Status
    effective_from: date | None
    drafted_by: UUID | None
    digest: str

    @staticmethod
    def of(_: UUID, state: Publication) -> "VersionView":
        """The view of a state."""
        definition = read_definition(state.definition)
        return VersionView(
            service_id=definition.id,
            version=definition.version,
            status=state.status,
            effective_from=definition.effective_from,
            drafted_by=state.drafted_by,
            digest=digest_of(state.definition),
        )


class PublishForm(BaseModel):
    """What the caller has read, by its digest: so that nothing else is published."""

    model_config = ConfigDict(extra="forbid")

    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class VersionStory(VersionView):
    """A version with all that it says."""

    definition: Mapping[str, Any]


@router.put("", response_model=VersionView)
async def draft_version(
    service_id: Slug,
    version: Version,
    definition: Annotated[dict[str, Any], Body()],
    caller: PolicyOfficer,
    key: IdempotencyKey,
    shell: TheShell,
) -> Response:
    """Writes a version of a service of the caller's agency. What the linter finds is in `errors`, in both languages."""
    services = await queries.service_ids(shell.parts.pool)
    if findings := lint({**definition, "id": service_id, "version": version}, services):
        raise Problem("definition-has-findings", errors=[found.model_dump() for found in findings])
    drafted = ServiceDefinition.model_validate({**definition, "id": service_id, "version": version})
    _must_write_for(caller, drafted.agency)
    await _must_be_theirs(shell, caller, service_id)
    send = publication.send(publication_id(drafted.key), DraftVersion(drafted, caller.id))
    return await perform(shell, send, caller=caller, key=key, answer=VersionView.of, status=200)


@router.post("/publish", response_model=VersionView)
async def publish_version(
    service_id: Slug,
    version: Version,
    form: PublishForm,
    caller: PolicyOfficer,
    key: IdempotencyKey,
    shell: TheShell,
) -> Response:
    """Publishes what another policy officer of the agency has written: four eyes.

    It is live at once everywhere, or from its first day; requests that run keep the version that they began with.
    """
    state = await _version(shell, service_id, version)
    if f"policy:{state.definition['agency']}" not in caller.roles:
        raise Problem("version-unknown")
    await _must_be_theirs(shell, caller, service_id)
    send = publication.send(
        publication_id(service_key(service_id, version)),
        PublishVersion(caller.id, form.digest, shell.parts.clock.now()),
    )
    return await perform(shell, send, caller=caller, key=key, answer=VersionView.of, status=200)


@router.get("")
async def get_version(service_id: Slug, version: Version, caller: AnyCaller, shell: TheShell) -> VersionStory:
    """A version as it is written; a draft for the policy officers of its agency."""
    state = await _visible(shell, caller, service_id, version)
    view = VersionView.of(publication_id(service_key(service_id, version)), state)
    return VersionStory(**view.model_dump(), definition=state.definition)


@router.get("/changes")
async def get_changes(
    service_id: Slug,
    version: Version,
    caller: AnyCaller,
    shell: TheShell,
    since: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> list[Change]:
    """How a version differs from an earlier one, in words that people read; without one, from that of today."""
    new = read_definition((await _visible(shell, caller, service_id, version)).definition)
    if since is None:
        return differences(await definition_in(shell, service_id), new)
    old = read_definition((await _visible(shell, caller, service_id, since)).definition)
    return differences(old, new)


async def _visible(shell: Shell, caller: Caller, service_id: str, version: int) -> Publication:
    state = await _version(shell, service_id, version)
    if state.status is not Status.PUBLISHED and f"policy:{state.definition['agency']}" not in caller.roles:
        raise Problem("version-unknown")
    return state


async def _version(shell: Shell, service_id: str, version: int) -> Publication:
    loaded = await shell.state(publication, publication_id(service_key(service_id, version)))
    if loaded is None:
        raise Problem("version-unknown")
    state: Publication = loaded.state
    return state


async def _must_be_theirs(shell: Shell, caller: Caller, service_id: str) -> None:
    """A service stays with the agency that was the first to write any version of it."""
    for agency in await queries.agencies_of_service(shell.parts.pool, service_id):
        _must_write_for(caller, agency)


def _must_write_for(caller: Caller, agency: str) -> None:
    if f"policy:{agency}" not in caller.roles:
        raise Problem("not-allowed")
