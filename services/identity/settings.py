"""What identity has to be told."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import Key32, ServiceSettings


class IdentitySettings(ServiceSettings):
    """`signing_key` is the private key (PEM, P-256) of access tokens; `lookup_key` keys the hashes of civil IDs."""

    model_config = SettingsConfigDict(env_prefix="AFAQ_IDENTITY_")

    signing_key: SecretStr
    lookup_key: Key32
    token_lifetime_seconds: int = Field(default=900, ge=60, le=3600)
