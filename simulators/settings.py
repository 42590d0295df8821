"""What the simulators need to be told, from variables that start with AFAQ_SIMULATORS_."""

import binascii
from base64 import b64decode
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, HttpUrl, SecretStr, TypeAdapter
from pydantic_settings import BaseSettings, SettingsConfigDict

from simulators.knet.trandata import KEY_BYTES

_URL = TypeAdapter(HttpUrl)


def _base_url(text: str) -> str:
    return str(_URL.validate_python(text)).rstrip("/")


def _as_long_as_a_key(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) != KEY_BYTES:
        raise ValueError(f"must be exactly {KEY_BYTES} bytes")
    return secret


def _as_a_webhook_secret(secret: SecretStr) -> SecretStr:
    prefix, _, key = secret.get_secret_value().partition("_")
    try:
        if prefix == "whsec" and b64decode(key, validate=True):
            return secret
    except binascii.Error:
        pass
    raise ValueError("must be whsec_ and then base64")


BaseUrl = Annotated[str, AfterValidator(_base_url)]


class Settings(BaseSettings):
    """Settings of the one process that runs all simulators."""

    # Without hide_input_in_errors a secret that fails its check would be printed by the failure.
    model_config = SettingsConfigDict(
        env_prefix="AFAQ_SIMULATORS_", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8090, ge=0, le=65535)
    directory: Path = Path(".afaq/simulators")
    """Where the ledgers are kept; made when it is missing."""

    public_url: BaseUrl
    """How a browser reaches this process: the hosted page's address starts with it."""
    identity_url: BaseUrl
    """Where the agency desk and the hospitals sign in, and where births are reported."""
    requests_url: BaseUrl
    """Where the agency desk finds its tasks."""

    knet_tranportal_id: str = Field(min_length=1)
    knet_password: SecretStr = Field(min_length=1)
    knet_resource_key: Annotated[SecretStr, AfterValidator(_as_long_as_a_key)]

    agency_webhook_secret: Annotated[SecretStr, AfterValidator(_as_a_webhook_secret)]
    """What the platform and the agencies' own systems sign with."""
    bank_api_key: SecretStr = Field(min_length=1)
    """What whoever has people paid shows to the bank."""

    sms_api_key: SecretStr = Field(min_length=1)
    """What a sender shows to both companies."""
    sms_receipts_url: BaseUrl
    """Where receipts go: a company's name is put to its end."""
    sms_webhook_secret: Annotated[SecretStr, AfterValidator(_as_a_webhook_secret)]

    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(default=8025, ge=0, le=65535)
    smtp_username: str = Field(min_length=1)
    smtp_password: SecretStr = Field(min_length=1)
