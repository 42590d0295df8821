"""Persons: registered, named and changed, and erased when they ask for it."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StringConstraints

from services.identity.api.fields import CivilId, Email, Phone, civil_id_in, hash_of
from services.identity.domain.person import (
    AssignCivilId,
    Change,
    ErasePerson,
    NameChild,
    Person,
    Register,
    Status,
    person,
)
from services.identity.domain.relation import Status as RelationStatus
from services.identity.domain.relation import relation
from services.identity.settings import IdentitySettings
from shared.contracts.identity import Fact, RelationKind, Residence, is_of_age, relation_id
from shared.contracts.personal import Erased
from shared.kernel.civil_id import birth_date_of
from shared.kernel.ids import new_id
from shared.kernel.text import PRINTABLE, Language, LocalizedText
from shared.store.shell import Shell
from shared.web.auth import AnyCaller, Caller, Citizen, Registrar
from shared.web.commands import IdempotencyKey, TheJobs, TheShell, perform
from shared.web.documents import MAY_BE_UNKNOWN
from shared.web.moments import Instant
from shared.web.problems import Problem

router = APIRouter(tags=["persons"])

FactName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,60}$")]


class FactForm(BaseModel):
    """What a registry says of a person, for instance `driving_licence_expires_on`."""

    model_config = ConfigDict(extra="forbid")

    value: StrictBool | StrictInt | Annotated[str, StringConstraints(strict=True, max_length=200, pattern=PRINTABLE)]
    source: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
    as_of: Instant


class PersonForm(BaseModel):
    """Who is to be registered. The birth date is the civil ID's."""

    model_config = ConfigDict(extra="forbid")

    civil_id: CivilId
    name: LocalizedText
    residence: Residence
    mobile: Phone | None = None
    email: Email | None = None
    language: Language = Language.ARABIC
    facts: Annotated[dict[FactName, FactForm], Field(max_length=50)] = {}


class ChangeForm(BaseModel):
    """What has changed; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    mobile: Phone | None = None
    email: Email | None = None
    language: Language | None = None
    facts: Annotated[dict[FactName, FactForm], Field(max_length=50)] = {}


class PersonRef(BaseModel):
    """A person by id, and where they stand."""

    id: UUID
    status: Status

    @staticmethod
    def of(id: UUID, state: Person) -> "PersonRef":
        """The view of a state."""
        return PersonRef(id=id, status=state.status)


class NameForm(BaseModel):
    """What the child is called."""

    model_config = ConfigDict(extra="forbid")

    name: LocalizedText


class CivilIdForm(BaseModel):
    """The number that the civil register has given."""

    model_config = ConfigDict(extra="forbid")

    civil_id: CivilId


class ContactForm(BaseModel):
    """How the caller is reached; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    mobile: Phone | None = None
    email: Email | None = None
    language: Language | None = None


class PersonView(BaseModel):
    """What the platform knows of a person."""

    id: UUID
    name: LocalizedText
    is_named: bool
    birth_date: date
    has_civil_id: bool
    residence: Residence
    mobile: str | None
    email: str | None
    language: Language
    facts: dict[str, Fact]

    @staticmethod
    def of(id: UUID, state: Person) -> "PersonView":
        """The view of a state."""
        values = {name: getattr(state, name) for name in PersonView.model_fields if name != "id"}
        return PersonView.model_validate({"id": id, **values})


@router.post("/persons", status_code=201, response_model=PersonRef)
async def register_person(
    form: PersonForm, caller: Registrar, key: IdempotencyKey, shell: TheShell, request: Request
) -> Response:
    """Registers a person. A civil ID that cannot be anybody's is refused with the reason."""
    settings: IdentitySettings = request.app.state.settings
    civil_id = civil_id_in(form.civil_id, shell)
    command = Register(
        civil_id=civil_id,
        civil_id_hash=hash_of(civil_id, settings),
        name=form.name,
        birth_date=birth_date_of(civil_id),
        residence=form.residence,
        mobile=form.mobile,
        email=form.email,
        language=form.language,
        facts=_facts(form.facts),
    )
    send = person.send(new_id(), command)
    return await perform(shell, send, caller=caller, key=key, answer=PersonRef.of, status=201)


@router.patch("/persons/{person_id}", response_model=PersonRef)
async def change_person(
    person_id: UUID, form: ChangeForm, caller: Registrar, key: IdempotencyKey, shell: TheShell
) -> Response:
    """Changes contacts, and adds or replaces registry facts."""
    command = Change(mobile=form.mobile, email=form.email, language=form.language, facts=_facts(form.facts))
    send = person.send(person_id, command)
    return await perform(shell, send, caller=caller, key=key, answer=PersonRef.of, status=200)


@router.delete("/persons/{person_id}", status_code=204)
async def erase_person(person_id: UUID, caller: Registrar, shell: TheShell, jobs: TheJobs) -> None:
    """Erases a person: their key is destroyed here, and every service follows."""
    await shell.handle(person.send(person_id, ErasePerson()), actor=caller.actor)
    await jobs.perform_now(person_id)


@router.put("/persons/{person_id}/name", response_model=PersonRef)
async def name_child(
    person_id: UUID, form: NameForm, caller: Citizen, key: IdempotencyKey, shell: TheShell
) -> Response:
    """A guardian gives a newborn its name, in both languages, once."""
    await _must_be_guardian(caller, person_id, shell)
    send = person.send(person_id, NameChild(form.name))
    return await perform(shell, send, caller=caller, key=key, answer=PersonRef.of, status=200, on_behalf_of=person_id)


@router.put("/persons/{person_id}/civil-id", response_model=PersonRef)
async def assign_civil_id(
    person_id: UUID, form: CivilIdForm, caller: Registrar, key: IdempotencyKey, shell: TheShell, request: Request
) -> Response:
    """The civil register has given somebody who was born here a number."""
    civil_id = civil_id_in(form.civil_id, shell)
    command = AssignCivilId(civil_id, hash_of(civil_id, request.app.state.settings), birth_date_of(civil_id))
    send = person.send(person_id, command)
    return await perform(shell, send, caller=caller, key=key, answer=PersonRef.of, status=200)


@router.get("/persons/{person_id}", response_model=PersonView)
async def get_person(person_id: UUID, caller: AnyCaller, shell: TheShell) -> PersonView:
    """A person: for registrars, for themselves, and a child for its guardians."""
    if not caller.has("registrar") and caller.id != person_id:
        await _must_be_guardian(caller, person_id, shell)
    return await _view(shell, person_id)


@router.get("/me", responses=MAY_BE_UNKNOWN)
async def me(caller: AnyCaller, shell: TheShell) -> PersonView:
    """What the platform knows of the caller."""
    return await _view(shell, caller.id)


@router.patch("/me", response_model=PersonView, responses=MAY_BE_UNKNOWN)
async def change_contacts(form: ContactForm, caller: Citizen, key: IdempotencyKey, shell: TheShell) -> Response:
    """Changes how the caller is reached, and in which language."""
    send = person.send(caller.id, Change(mobile=form.mobile, email=form.email, language=form.language))
    return await perform(shell, send, caller=caller, key=key, answer=PersonView.of, status=200)


async def _view(shell: Shell, person_id: UUID) -> PersonView:
    loaded = await shell.state(person, person_id)
    if loaded is None or isinstance(loaded.state.name, Erased):
        raise Problem("not-found")
    return PersonView.of(person_id, loaded.state)


async def _must_be_guardian(caller: Caller, child_id: UUID, shell: Shell) -> None:
    """Of whom somebody else is the guardian, one may not even know."""
    held = await shell.state(relation, relation_id(RelationKind.GUARDIAN, caller.id, child_id))
    child = await shell.state(person, child_id)
    if held is None or held.state.status is not RelationStatus.IN_FORCE or child is None:
        raise Problem("not-found")
    if isinstance(child.state.birth_date, Erased) or is_of_age(child.state.birth_date, shell.parts.clock.now()):
        raise Problem("not-found")


def _facts(forms: dict[str, FactForm]) -> dict[str, Fact]:
    return {name: Fact(value=form.value, source=form.source, as_of=form.as_of) for name, form in forms.items()}
