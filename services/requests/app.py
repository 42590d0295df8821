"""Composition root of requests: the only file that wires its concrete parts."""

from pathlib import Path
from uuid import UUID

from fastapi import FastAPI

from services.requests.api import router
from services.requests.domain.document import document
from services.requests.domain.facts import KnownPerson
from services.requests.domain.offer import offer
from services.requests.domain.request import request
from services.requests.domain.task import task
from services.requests.effects import Holders, Signer, effects
from services.requests.papers.maker import PaperMaker
from services.requests.papers.seal import PaperKey
from services.requests.papers.store import PaperStore
from services.requests.projections import projections
from services.requests.queries import find_person
from services.requests.reactions import reactions
from services.requests.seed import publish_seed
from services.requests.settings import RequestsSettings
from services.requests.signing import DocumentSigner
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
    deciders=(request, offer, task, document),
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
        """The person, or None for whom nothing is to be signed: the unknown, the erased and the dead."""
        person = await find_person(self._pool, person_id)
        return None if person is None or person.died_on is not None else person


def compose() -> Composition:
    """The service with the parts that its settings name."""
    settings = RequestsSettings()
    retired = [key.get_secret_value() for key in settings.document_keys_retired]
    signer = DocumentSigner(settings.document_key.get_secret_value(), key_bytes(settings.code_key), retired)
    paper_key = PaperKey(
        settings.paper_key.get_secret_value(), settings.paper_certificate, tuple(settings.paper_certificates_retired)
    )
    papers = PaperMaker(PaperStore(settings.paper_store), paper_key, str(settings.public_url))
    effects.provide(Signer, signer)  # type: ignore[type-abstract]

    async def begin(shell: Shell) -> None:
        effects.provide(Holders, KnownHolders(shell.parts.pool))  # type: ignore[type-abstract]
        await publish_seed(shell.parts.pool)

    def equip(app: FastAPI) -> None:
        app.state.signer = signer
        app.state.papers = papers

    async def end() -> None:
        papers.close()

    return Composition(service, settings, router, FOLDER, begin, equip, end)
