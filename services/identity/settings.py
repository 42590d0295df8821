"""What identity has to be told."""

from collections.abc import Mapping

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.contracts.identity import LifeEventKind
from shared.runtime.settings import Key32, ServiceSettings


class IdentitySettings(ServiceSettings):
    """`signing_key` is the private key (PEM, P-256) of access tokens; `lookup_key` keys the hashes of civil IDs.

    `life_event_sources`: of which kind of life event which registries may tell; others are not believed.
    """

    model_config = SettingsConfigDict(env_prefix="AFAQ_IDENTITY_")

    signing_key: SecretStr
    lookup_key: Key32
    token_lifetime_seconds: int = Field(default=900, ge=60, le=3600)
    life_event_sources: Mapping[LifeEventKind, frozenset[str]] = {LifeEventKind.DEATH: frozenset({"moh-registry"})}
