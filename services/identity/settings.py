"""What identity has to be told."""

from collections.abc import Mapping

from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import SettingsConfigDict

from services.identity.oidc import ProviderSettings
from shared.contracts.identity import LifeEventKind
from shared.runtime.settings import Key32, ServiceSettings


class IdentitySettings(ServiceSettings):
    """`signing_key` is the private key (PEM, P-256) of access tokens; `lookup_key` keys the hashes of civil IDs.

    `seal_key` seals codes, refresh tokens and a sign-in's cookie. `public_url` is how browsers reach this service.
    `providers`: where people and staff sign in, by name. `clients`: frontends, each with the addresses that it may have
    a browser sent back to. `life_event_sources`: of which kind of life event which registries may tell; others are not
    believed.
    """

    model_config = SettingsConfigDict(env_prefix="AFAQ_IDENTITY_")

    signing_key: SecretStr
    lookup_key: Key32
    seal_key: Key32
    public_url: HttpUrl
    providers: Mapping[str, ProviderSettings] = {}
    clients: Mapping[str, frozenset[str]] = {}
    token_lifetime_seconds: int = Field(default=300, ge=60, le=3600)
    refresh_lifetime_seconds: int = Field(default=3600, ge=60, le=86_400)
    session_lifetime_seconds: int = Field(default=43_200, ge=300, le=604_800)
    life_event_sources: Mapping[LifeEventKind, frozenset[str]] = {
        LifeEventKind.BIRTH: frozenset({"moh-hospitals", "moh-registry"}),
        LifeEventKind.DEATH: frozenset({"moh-registry"}),
    }
