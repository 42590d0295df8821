"""Composition root of identity: the only file that wires its concrete parts."""

from pathlib import Path

from fastapi import APIRouter, FastAPI

from services.identity.api import local_router, router
from services.identity.api.sign_in import Desk
from services.identity.domain.life_event import life_event
from services.identity.domain.person import person
from services.identity.domain.relation import relation
from services.identity.domain.session import session
from services.identity.domain.signing_key import PublishKey, signing_key
from services.identity.oidc import Provider
from services.identity.reactions import reactions
from services.identity.settings import IdentitySettings
from services.identity.snapshots import snapshots
from services.identity.tokens import Seal, TokenIssuer
from shared.contracts.topics import IDENTITY_EVENTS, IDENTITY_KEYS, REQUESTS_EVENTS
from shared.functions import Projections, Service
from shared.runtime.process import Composition
from shared.runtime.settings import key_bytes
from shared.store.access_keys import follow_access_keys
from shared.store.shell import Shell

FOLDER = Path(__file__).parent

projections = Projections()
follow_access_keys(projections)

service = Service(
    name="identity",
    events=IDENTITY_EVENTS,
    deciders=(person, life_event, relation, session, signing_key),
    reactions=reactions,
    projections=projections,
    snapshots=snapshots,
    reads=(REQUESTS_EVENTS, IDENTITY_KEYS),
)


def compose() -> Composition:
    """The service with the parts that its settings name."""
    settings = IdentitySettings()
    issuer = TokenIssuer(settings.signing_key.get_secret_value(), settings.token_lifetime_seconds)

    async def begin(shell: Shell) -> None:
        await shell.handle(signing_key.send(issuer.key_id, PublishKey(issuer.public_jwk)))

    callback_url = f"{str(settings.public_url).rstrip('/')}/sign-in/callback"
    providers = {name: Provider(name, said, callback_url) for name, said in settings.providers.items()}
    desk = Desk(settings, issuer, Seal(key_bytes(settings.seal_key)), providers)

    def equip(app: FastAPI) -> None:
        app.state.issuer = issuer
        app.state.desk = desk

    async def end() -> None:
        for provider in providers.values():
            await provider.close()

    return Composition(service, settings, _routes(settings), FOLDER, begin, equip, end)


def _routes(settings: IdentitySettings) -> APIRouter:
    routes = APIRouter()
    routes.include_router(router)
    if settings.profile == "local":
        routes.include_router(local_router)
    return routes
