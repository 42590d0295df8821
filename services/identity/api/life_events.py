"""What registries tell of people's lives: births and deaths, corrected and annulled."""

from collections.abc import Mapping
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from services.identity.api.fields import (
    Agency,
    CivilId,
    NoticeNumber,
    civil_id_in,
    hash_of,
    must_have_happened,
)
from services.identity.domain.life_event import (
    FATHER,
    MOTHER,
    AnnulLifeEvent,
    CorrectLifeEvent,
    LifeEvent,
    Status,
    TellLifeEvent,
    child_id,
    life_event,
    life_event_id,
)
from services.identity.domain.person import person
from services.identity.queries import find_person
from services.identity.settings import IdentitySettings
from shared.contracts.identity import LifeEventKind, Particulars, Residence, Sex
from shared.kernel.clock import KUWAIT
from shared.store.shell import Shell
from shared.web.auth import Caller, Requires
from shared.web.commands import IdempotencyKey, TheShell, perform
from shared.web.documents import MAY_BE_UNKNOWN
from shared.web.moments import Instant
from shared.web.problems import Problem

router = APIRouter(prefix="/life-events", tags=["life events"])

Reporter = Annotated[Caller, Depends(Requires("registrar", "officer"))]


class _Notice(BaseModel):
    """`number` is the registry's own, and tells the event from every other of this source."""

    model_config = ConfigDict(extra="forbid")

    source: Agency
    number: NoticeNumber
    occurred_at: Instant
    noticed_at: Instant


class DeathNotice(_Notice):
    """A person has died: named by id or by civil ID. What is due to the family is offered to their next of kin, if that
    is a person who is registered here.
    """

    kind: Literal["death"]
    person_id: UUID | None = None
    civil_id: CivilId | None = None
    next_of_kin_civil_id: CivilId | None = None


class ChildForm(BaseModel):
    """A newborn. `birth_order` counts the children of one birth."""

    model_config = ConfigDict(extra="forbid")

    sex: Sex
    birth_order: Annotated[StrictInt, Field(ge=1, le=9)] = 1
    residence: Residence = Residence.CITIZEN


class BirthNotice(_Notice):
    """A child was born. A parent who is not registered yet is waited for."""

    kind: Literal["birth"]
    mother_civil_id: CivilId
    father_civil_id: CivilId | None = None
    child: ChildForm


class CorrectionForm(BaseModel):
    """How it was in truth; what is left out stays. Parents and sex are a birth's."""

    model_config = ConfigDict(extra="forbid")

    occurred_at: Instant | None = None
    mother_civil_id: CivilId | None = None
    father_civil_id: CivilId | None = None
    sex: Sex | None = None


class LifeEventRef(BaseModel):
    """A life event by id, whom it has happened to, and where it stands: `noticed` while a mother is waited for."""

    id: UUID
    kind: LifeEventKind
    person_id: UUID
    status: Status

    @staticmethod
    def of(id: UUID, state: LifeEvent) -> "LifeEventRef":
        """The view of a state."""
        return LifeEventRef(id=id, kind=state.kind, person_id=state.person_id, status=state.status)


@router.post("", status_code=202, response_model=LifeEventRef, responses=MAY_BE_UNKNOWN)
async def tell_life_event(
    form: Annotated[DeathNotice | BirthNotice, Field(discriminator="kind")],
    caller: Reporter,
    key: IdempotencyKey,
    shell: TheShell,
    request: Request,
) -> Response:
    """Tells of something in a person's life. The same number of the same source again changes nothing."""
    settings: IdentitySettings = request.app.state.settings
    _must_speak_for(caller, form.source)
    if form.source not in settings.life_event_sources.get(LifeEventKind(form.kind), ()):
        raise Problem("not-allowed")
    must_have_happened(form.occurred_at, shell)
    if isinstance(form, BirthNotice):
        command = _birth(form, shell, settings)
    else:
        command = await _death(form, shell, settings)
    send = life_event.send(life_event_id(form.source, form.number), command)
    return await perform(shell, send, caller=caller, key=key, answer=LifeEventRef.of)


@router.post("/{source}/{number}/correction", response_model=LifeEventRef)
async def correct_life_event(
    source: Agency,
    number: NoticeNumber,
    form: CorrectionForm,
    caller: Reporter,
    key: IdempotencyKey,
    shell: TheShell,
    request: Request,
) -> Response:
    """Corrects what was told."""
    settings: IdentitySettings = request.app.state.settings
    _must_speak_for(caller, source)
    if form.occurred_at is not None:
        must_have_happened(form.occurred_at, shell)
    parents = _parents(shell, settings, mother=form.mother_civil_id, father=form.father_civil_id)
    loaded = await shell.state(life_event, life_event_id(source, number))
    if loaded is not None and loaded.state.kind is not LifeEventKind.BIRTH and (parents or form.sex):
        raise Problem("invalid-request", errors=[{"in": "body", "pointer": "", "code": "only-of-a-birth"}])
    command = CorrectLifeEvent(form.occurred_at, form.sex, parents)
    send = life_event.send(life_event_id(source, number), command)
    return await perform(shell, send, caller=caller, key=key, answer=LifeEventRef.of, status=200)


@router.post("/{source}/{number}/annulment", response_model=LifeEventRef)
async def annul_life_event(
    source: Agency, number: NoticeNumber, caller: Reporter, key: IdempotencyKey, shell: TheShell
) -> Response:
    """Takes back what was told: it has not happened."""
    _must_speak_for(caller, source)
    send = life_event.send(life_event_id(source, number), AnnulLifeEvent())
    return await perform(shell, send, caller=caller, key=key, answer=LifeEventRef.of, status=200)


def _birth(form: BirthNotice, shell: Shell, settings: IdentitySettings) -> TellLifeEvent:
    parents = _parents(shell, settings, mother=form.mother_civil_id, father=form.father_civil_id)
    child, born_on = form.child, form.occurred_at.astimezone(KUWAIT).date()
    return TellLifeEvent(
        kind=LifeEventKind.BIRTH,
        person_id=child_id(parents[MOTHER], born_on, child.birth_order),
        source=form.source,
        noticed_at=form.noticed_at,
        particulars=Particulars(
            occurred_at=form.occurred_at, sex=child.sex, residence=child.residence, parents=parents
        ),
    )


async def _death(form: DeathNotice, shell: Shell, settings: IdentitySettings) -> TellLifeEvent:
    person_id = form.person_id
    if (person_id is None) == (form.civil_id is None):
        raise Problem("invalid-request", errors=[{"in": "body", "pointer": "/person_id", "code": "one-of-two"}])
    if form.civil_id is not None:
        civil_id = civil_id_in(form.civil_id, shell)
        person_id = await find_person(shell.parts.pool, hash_of(civil_id, settings))
    if person_id is None or await shell.state(person, person_id) is None:
        raise Problem("person-unknown")
    kin = None
    if form.next_of_kin_civil_id is not None:
        civil_id = civil_id_in(form.next_of_kin_civil_id, shell, "/next_of_kin_civil_id")
        kin = await find_person(shell.parts.pool, hash_of(civil_id, settings))
    return TellLifeEvent(
        kind=LifeEventKind.DEATH,
        person_id=person_id,
        source=form.source,
        noticed_at=form.noticed_at,
        particulars=Particulars(occurred_at=form.occurred_at),
        next_of_kin_id=kin,
    )


def _parents(shell: Shell, settings: IdentitySettings, *, mother: str | None, father: str | None) -> Mapping[str, str]:
    """The keyed hashes of those that are named."""
    named = {MOTHER: mother, FATHER: father}
    return {
        role: hash_of(civil_id_in(civil_id, shell, f"/{role}_civil_id"), settings)
        for role, civil_id in named.items()
        if civil_id is not None
    }


def _must_speak_for(caller: Caller, source: str) -> None:
    """An agency tells what it knows itself; a registrar may tell it for any."""
    if not caller.has("registrar") and source not in caller.agencies:
        raise Problem("not-allowed")
