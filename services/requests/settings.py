"""What requests has to be told."""

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import Key32, ServiceSettings


class RequestsSettings(ServiceSettings):
    """`document_key` is the private key (PEM, P-256) that documents are signed with; `code_key` makes their codes."""

    model_config = SettingsConfigDict(env_prefix="AFAQ_REQUESTS_")

    document_key: SecretStr
    code_key: Key32
