"""HTTP of identity: registrars register, change and erase persons; on a laptop one may sign in without the nation's."""

import re
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
)

from services.identity.domain.life_event import (
    AnnulLifeEvent,
    CorrectLifeEvent,
    LifeEvent,
    RecordLifeEvent,
    life_event,
    life_event_id,
)
from services.identity.domain.life_event import Status as LifeEventStatus
from services.identity.domain.person import Change, ErasePerson, Person, Register, Status, person
from services.identity.queries import find_person
from services.identity.settings import IdentitySettings
from services.identity.tokens import TokenIssuer, civil_id_hash
from shared.contracts.identity import Fact, LifeEventKind, Residence
from shared.contracts.personal import Erased
from shared.kernel.civil_id import InvalidCivilId, birth_date_of, parse_civil_id
from shared.kernel.ids import derive_id, new_id
from shared.kernel.text import PRINTABLE, Language, LocalizedText
from shared.runtime.settings import key_bytes
from shared.store.shell import Shell
from shared.web.auth import AnyCaller, Caller, Registrar, Requires
from shared.web.commands import IdempotencyKey, TheJobs, TheShell, perform
from shared.web.documents import MAY_BE_UNKNOWN
from shared.web.problems import Problem

router = APIRouter()
local_router = APIRouter(tags=["local"])

Reporter = Annotated[Caller, Depends(Requires("registrar", "officer"))]
LOCAL_ROLES = re.compile(r"(officer:[a-z][a-z0-9-]{1,40}|registrar|operator)")
SUBSTANTIAL, HIGH = 2, 3


def kuwaiti_phone(text: object) -> str:
    """A Kuwaiti number as E.164, from eight digits with or without the country code, western or Arabic."""
    if not isinstance(text, str):
        raise ValueError("a phone number is a text")  # noqa: TRY004 pydantic answers a ValueError
    digits = re.sub(r"[\s-]", "", text.translate(str.maketrans("٠١٢٣٤٥٦٧٨٩", "0123456789")))
    match = re.fullmatch(r"(?:\+965|00965)?((?:[2569]\d|41)\d{6})", digits)
    if match is None:
        raise ValueError("a Kuwaiti phone number has eight digits")
    return f"+965{match[1]}"


def _written(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("an instant is written as ISO 8601")  # noqa: TRY004 pydantic answers a ValueError
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_written)]
Phone = Annotated[str, BeforeValidator(kuwaiti_phone)]
Email = Annotated[
    str, StringConstraints(pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+\.[^@\s\x00-\x1f\x7f]+$", max_length=254)
]
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

    civil_id: Annotated[str, StringConstraints(max_length=30)]
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


Agency = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,40}$")]


NoticeNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,80}$")]


class LifeEventForm(BaseModel):
    """What a registry tells: `number` is its own, and tells the event from every other of this source."""

    model_config = ConfigDict(extra="forbid")

    kind: LifeEventKind
    source: Agency
    number: NoticeNumber
    person_id: UUID
    occurred_at: Instant
    noticed_at: Instant


class CorrectionForm(BaseModel):
    """When it happened in truth."""

    model_config = ConfigDict(extra="forbid")

    occurred_at: Instant


class LifeEventRef(BaseModel):
    """A life event by id, and where it stands."""

    id: UUID
    kind: LifeEventKind
    status: LifeEventStatus

    @staticmethod
    def of(id: UUID, state: LifeEvent) -> "LifeEventRef":
        """The view of a state."""
        return LifeEventRef(id=id, kind=state.kind, status=state.status)


class MeView(BaseModel):
    """What the platform knows of the caller."""

    id: UUID
    name: LocalizedText
    birth_date: date
    residence: Residence
    mobile: str | None
    email: str | None
    language: Language
    facts: dict[str, Fact]


@router.post("/persons", status_code=201, response_model=PersonRef, tags=["persons"])
async def register_person(
    form: PersonForm, caller: Registrar, key: IdempotencyKey, shell: TheShell, request: Request
) -> Response:
    """Registers a person. A civil ID that cannot be anybody's is refused with the reason."""
    settings: IdentitySettings = request.app.state.settings
    try:
        civil_id = parse_civil_id(form.civil_id, today=shell.parts.clock.now().date())
    except InvalidCivilId as error:
        raise Problem("civil-id-invalid", errors=[{"pointer": "/civil_id", "code": error.reason}]) from None
    command = Register(
        civil_id=civil_id,
        civil_id_hash=civil_id_hash(civil_id, key_bytes(settings.lookup_key)),
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


@router.patch("/persons/{person_id}", response_model=PersonRef, tags=["persons"])
async def change_person(
    person_id: UUID, form: ChangeForm, caller: Registrar, key: IdempotencyKey, shell: TheShell
) -> Response:
    """Changes contacts, and adds or replaces registry facts."""
    command = Change(mobile=form.mobile, email=form.email, language=form.language, facts=_facts(form.facts))
    send = person.send(person_id, command)
    return await perform(shell, send, caller=caller, key=key, answer=PersonRef.of, status=200)


@router.delete("/persons/{person_id}", status_code=204, tags=["persons"])
async def erase_person(person_id: UUID, caller: Registrar, shell: TheShell, jobs: TheJobs) -> None:
    """Erases a person: their key is destroyed here, and every service follows."""
    await shell.handle(person.send(person_id, ErasePerson()), actor=caller.actor)
    await jobs.perform_now(person_id)


@router.get("/me", responses=MAY_BE_UNKNOWN, tags=["persons"])
async def me(caller: AnyCaller, shell: TheShell) -> MeView:
    """What the platform knows of the caller."""
    loaded = await shell.state(person, caller.id)
    if loaded is None or isinstance(loaded.state.name, Erased):
        raise Problem("not-found")
    known: Person = loaded.state
    return MeView.model_validate({"id": caller.id, **{f: getattr(known, f) for f in MeView.model_fields if f != "id"}})


@router.post(
    "/life-events", status_code=202, response_model=LifeEventRef, responses=MAY_BE_UNKNOWN, tags=["life events"]
)
async def tell_life_event(
    form: LifeEventForm, caller: Reporter, key: IdempotencyKey, shell: TheShell, request: Request
) -> Response:
    """Tells of something in a person's life. The same number of the same source again changes nothing."""
    settings: IdentitySettings = request.app.state.settings
    _must_speak_for(caller, form.source)
    if form.source not in settings.life_event_sources.get(form.kind, ()):
        raise Problem("not-allowed")
    loaded = await shell.state(person, form.person_id)
    if loaded is None:
        raise Problem("person-unknown")
    _must_have_happened(form.occurred_at, shell)
    command = RecordLifeEvent(form.kind, form.person_id, form.source, form.noticed_at, form.occurred_at)
    send = life_event.send(life_event_id(form.source, form.number), command)
    return await perform(shell, send, caller=caller, key=key, answer=LifeEventRef.of)


@router.post("/life-events/{source}/{number}/correction", response_model=LifeEventRef, tags=["life events"])
async def correct_life_event(
    source: Agency, number: NoticeNumber, form: CorrectionForm, caller: Reporter, key: IdempotencyKey, shell: TheShell
) -> Response:
    """Corrects what was told."""
    _must_speak_for(caller, source)
    _must_have_happened(form.occurred_at, shell)
    send = life_event.send(life_event_id(source, number), CorrectLifeEvent(form.occurred_at))
    return await perform(shell, send, caller=caller, key=key, answer=LifeEventRef.of, status=200)


@router.post("/life-events/{source}/{number}/annulment", response_model=LifeEventRef, tags=["life events"])
async def annul_life_event(
    source: Agency, number: NoticeNumber, caller: Reporter, key: IdempotencyKey, shell: TheShell
) -> Response:
    """Takes back what was told: it has not happened."""
    _must_speak_for(caller, source)
    send = life_event.send(life_event_id(source, number), AnnulLifeEvent())
    return await perform(shell, send, caller=caller, key=key, answer=LifeEventRef.of, status=200)


class LocalSignIn(BaseModel):
    """Who to be: a registered person by civil ID, or somebody with a role."""

    model_config = ConfigDict(extra="forbid")

    civil_id: Annotated[str, StringConstraints(max_length=30)] | None = None
    role: Annotated[str, StringConstraints(max_length=60)] | None = None


class TokenView(BaseModel):
    """An access token (RFC 6750)."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105
    expires_in: int


@local_router.post("/local/sign-in", responses=MAY_BE_UNKNOWN)
async def sign_in_locally(form: LocalSignIn, shell: TheShell, request: Request) -> TokenView:
    """Signs in without proof. Only the local profile has this route: it stands for the national sign-in."""
    settings: IdentitySettings = request.app.state.settings
    issuer: TokenIssuer = request.app.state.issuer
    now = datetime.now(tz=shell.parts.clock.now().tzinfo)  # tokens live in real time, whatever the stack's clock says
    if form.role is not None:
        if form.civil_id is not None or not LOCAL_ROLES.fullmatch(form.role):
            raise Problem("invalid-request", errors=[{"pointer": "/role", "code": "unknown-role"}])
        token, seconds = issuer.issue(derive_id("local", form.role), [form.role], HIGH, now)
        return TokenView(access_token=token, expires_in=seconds)
    civil_id = _parsed(form.civil_id or "", now.date())
    found = await find_person(shell.parts.pool, civil_id_hash(civil_id, key_bytes(settings.lookup_key)))
    loaded = None if found is None else await shell.state(person, found)
    if found is None or loaded is None or loaded.state.is_deceased:
        raise Problem("not-found")
    token, seconds = issuer.issue(found, ["citizen"], SUBSTANTIAL, now)
    return TokenView(access_token=token, expires_in=seconds)


def _must_speak_for(caller: Caller, source: str) -> None:
    """An agency tells what it knows itself; a registrar may tell it for any."""
    if not caller.has("registrar") and source not in caller.agencies:
        raise Problem("not-allowed")


def _must_have_happened(occurred_at: datetime, shell: Shell) -> None:
    if occurred_at > shell.parts.clock.now():
        raise Problem("invalid-request", errors=[{"in": "body", "pointer": "/occurred_at", "code": "in-the-future"}])


def _parsed(civil_id: str, today: date) -> str:
    try:
        return parse_civil_id(civil_id, today=today)
    except InvalidCivilId as error:
        raise Problem("civil-id-invalid", errors=[{"pointer": "/civil_id", "code": error.reason}]) from None


def _facts(forms: dict[str, FactForm]) -> dict[str, Fact]:
    return {name: Fact(value=form.value, source=form.source, as_of=form.as_of) for name, form in forms.items()}
