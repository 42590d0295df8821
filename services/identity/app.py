"""Composition root of identity: the only file that wires its concrete parts."""

from pathlib import Path

from fastapi import APIRouter, FastAPI

from services.identity.api import local_router, router
from services.identity.domain.life_event import life_event
from services.identity.domain.person import person
from services.identity.domain.signing_key import PublishKey, signing_key
from services.identity.reactions import reactions
from services.identity.settings import IdentitySettings
from services.identity.snapshots import snapshots
from services.identity.tokens import TokenIssuer
from shared.contracts.topics import IDENTITY_EVENTS, IDENTITY_KEYS
from shared.functions import Projections, Service
from shared.runtime.process import Composition
from shared.store.access_keys import follow_access_keys
from shared.store.shell import Shell

FOLDER = Path(__file__).parent

projections = Projections()
follow_access_keys(projections)

service = Service(
    name="identity",
    events=IDENTITY_EVENTS,
    deciders=(person, life_event, signing_key),
    reactions=reactions,
    projections=projections,
    snapshots=snapshots,
    reads=(IDENTITY_KEYS,),
)


def compose() -> Composition:
    """The service with the parts that its settings name."""
    settings = IdentitySettings()
    issuer = TokenIssuer(settings.signing_key.get_secret_value(), settings.token_lifetime_seconds)

    async def begin(shell: Shell) -> None:
        await shell.handle(signing_key.send(issuer.key_id, PublishKey(issuer.public_jwk)))

    def equip(app: FastAPI) -> None:
        app.state.issuer = issuer

    return Composition(service, settings, _routes(settings), FOLDER, begin, equip)


def _routes(settings: IdentitySettings) -> APIRouter:
    routes = APIRouter()
    routes.include_router(router)
    if settings.profile == "local":
        routes.include_router(local_router)
    return routes
