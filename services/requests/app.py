"""Composition root of requests: the only file that wires its concrete parts."""

from pathlib import Path
from uuid import UUID

from fastapi import FastAPI

from services.requests.agency_systems import HttpAgencySystems
from services.requests.api import router
from services.requests.domain.document import document
from services.requests.domain.draft import draft
from services.requests.domain.facts import KnownPerson
from services.requests.domain.offer import offer
from services.requests.domain.publication import publication
from services.requests.domain.request import request
from services.requests.domain.task import task
from services.requests.effects import AgencySystems, Case, Cases, Holders, Signer, effects
from services.requests.papers.maker import PaperMaker
from services.requests.papers.seal import PaperKey
from services.requests.projections import projections
from services.requests.queries import find_person, measure
from services.requests.reactions import reactions
from services.requests.sealed_store import SealedStore
from services.requests.seed import publish_seed, read_definitions
from services.requests.settings import RequestsSettings
from services.requests.signing import DocumentSigner
from shared.contracts.personal import Erased
from shared.contracts.topics import (
    IDENTITY_EVENTS,
    IDENTITY_KEYS,
    IDENTITY_PERSONS,
    PAYMENTS_EVENTS,
    REQUESTS_EVENTS,
)
from shared.functions import Service
from shared.runtime.process import Composition
from shared.runtime.settings import key_bytes
from shared.store.shell import Shell
from shared.store.types import Pool

FOLDER = Path(__file__).parent

service = Service(
    name="requests",
    events=REQUESTS_EVENTS,
    deciders=(request, offer, task, document, publication, draft),
    reactions=reactions,
    projections=projections,
    effects=effects,
    reads=(PAYMENTS_EVENTS, IDENTITY_EVENTS, IDENTITY_PERSONS, IDENTITY_KEYS),
)


class KnownHolders:
    """People from this service's own projection; implements `Holders`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, person_id: UUID) -> KnownPerson | None:
        """The person, or None for the unknown and the erased."""
        return await find_person(self._pool, person_id)


class OwnCases:
    """Requests of this service; implements `Cases`."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    async def find(self, request_id: UUID) -> Case | None:
        """The case of a request; None of one whose applicant was erased."""
        loaded = await self._shell.state(request, request_id)
        if loaded is None or isinstance(loaded.state.form, Erased):
            return None
        state = loaded.state
        return Case(state.reference, state.service_id, state.service_version, state.form)


def compose() -> Composition:
    """The service with the parts that its settings name."""
    settings = RequestsSettings()
    retired = [key.get_secret_value() for key in settings.document_keys_retired]
    signer = DocumentSigner(settings.document_key.get_secret_value(), key_bytes(settings.code_key), retired)
    paper_key = PaperKey(
        settings.paper_key.get_secret_value(), settings.paper_certificate, tuple(settings.paper_certificates_retired)
    )
    files = SealedStore(settings.paper_store)
    papers = PaperMaker(files, paper_key, str(settings.public_url))
    systems = HttpAgencySystems(settings.agency_systems, str(settings.public_url))
    effects.provide(Signer, signer)  # type: ignore[type-abstract]
    effects.provide(AgencySystems, systems)  # type: ignore[type-abstract]

    async def begin(shell: Shell) -> None:
        effects.provide(Holders, KnownHolders(shell.parts.pool))  # type: ignore[type-abstract]
        effects.provide(Cases, OwnCases(shell))  # type: ignore[type-abstract]
        await publish_seed(shell, read_definitions() if settings.publishes_seed else ())

    def equip(app: FastAPI) -> None:
        app.state.signer = signer
        app.state.papers = papers
        app.state.files = files
        app.state.agency_systems = systems

    async def end() -> None:
        papers.close()
        await systems.close()

    return Composition(service, settings, router, FOLDER, begin, equip, end, measure)
