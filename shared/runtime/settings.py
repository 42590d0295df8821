"""Settings that every service has, from environment variables, or from files. A secret has no default."""

import base64
from collections.abc import MutableMapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, HttpUrl, PostgresDsn, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def _is_32_bytes_of_base64(value: SecretStr) -> SecretStr:
    if len(base64.b64decode(value.get_secret_value(), validate=True)) != 32:
        raise ValueError("give 32 random bytes as base64")
    return value


Key32 = Annotated[SecretStr, AfterValidator(_is_32_bytes_of_base64)]
"""A key of 32 bytes, written as base64."""


def key_bytes(key: SecretStr) -> bytes:
    """The bytes of a `Key32`."""
    return base64.b64decode(key.get_secret_value())


SECRETS_VARIABLE = "AFAQ_SECRETS_DIRECTORY"


def read_secret_files(environment: MutableMapping[str, str]) -> None:
    """Takes every file AFAQ_… in or below AFAQ_SECRETS_DIRECTORY for the variable of its name, unless that is set.

    Services, migrations and operators' tools are told the same in this way. Raises OSError naming what cannot be read.
    """
    directory = environment.get(SECRETS_VARIABLE)
    if directory is None:
        return
    for file in sorted(Path(directory).resolve(strict=True).rglob("AFAQ_*")):
        environment.setdefault(file.name, file.read_text(encoding="utf-8").rstrip("\n"))


class ServiceSettings(BaseSettings):
    """What every service has to be told. A subclass sets the prefix `AFAQ_<NAME>_` and adds its own.

    `profile` is `local` only on a laptop and in tests: it allows what must never run in production, such as signing in
    without the national sign-in. `instance` is a name that a process keeps when it is started again and that no other
    has at the same time: then it has its place in the group, and what it was at, again at once. For
    `leaving_seconds` after SIGTERM it goes on answering, until no balancer sends it anything. Spans go to the
    collector at `otlp_endpoint`, and as JSON lines to `traces_file`.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    profile: Literal["local", "production"] = Field(default="production", validation_alias="AFAQ_PROFILE")
    instance: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,100}$", validation_alias="AFAQ_INSTANCE")
    leaving_seconds: float = Field(default=0, ge=0, le=60, validation_alias="AFAQ_LEAVING_SECONDS")
    log_level: str = Field(default="INFO", validation_alias="AFAQ_LOG_LEVEL")
    traces_sampled_share: float = Field(default=0.05, ge=0, le=1, validation_alias="AFAQ_TRACES_SAMPLED_SHARE")
    otlp_endpoint: HttpUrl | None = Field(default=None, validation_alias="AFAQ_OTLP_ENDPOINT")
    traces_file: Path | None = Field(default=None, validation_alias="AFAQ_TRACES_FILE")
    postgres_dsn: PostgresDsn
    postgres_pool_size: int = Field(default=10, ge=8, le=100)
    master_key: Key32
    host: str = "127.0.0.1"
    port: int = Field(ge=1, le=65535)
