"""Where the brokers are, and how a client proves to them who it is: the same for everything that talks to Kafka."""

import ssl
from typing import Any, Self

from pydantic import FilePath, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MECHANISM = "SCRAM-SHA-512"


class Brokers(BaseSettings):
    """From `AFAQ_KAFKA_…`; `bootstrap` is a list of host:port, separated by commas.

    `ca_file` (PEM) is whom the brokers' certificates must come from; without it nothing is encrypted, which is for a
    laptop. Over TLS a client shows a `username` and a `password` (SCRAM-SHA-512), or a `certificate_file`: a PEM of its
    key and its certificate.
    """

    model_config = SettingsConfigDict(env_prefix="AFAQ_KAFKA_", frozen=True, extra="forbid", hide_input_in_errors=True)

    bootstrap: str
    ca_file: FilePath | None = None
    username: str | None = None
    password: SecretStr | None = None
    certificate_file: FilePath | None = None

    @model_validator(mode="after")
    def _says_enough(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("AFAQ_KAFKA_USERNAME and AFAQ_KAFKA_PASSWORD go together: set both, or none")
        if self.ca_file is None and (self.username or self.certificate_file):
            raise ValueError("AFAQ_KAFKA_CA_FILE is not set: nobody shows who they are to brokers that may be anyone")
        return self

    @property
    def servers(self) -> list[str]:
        """The addresses to begin with."""
        return self.bootstrap.split(",")

    @property
    def tls(self) -> ssl.SSLContext | None:
        """What connections are made with: the brokers' names and certificates are checked. None without a CA."""
        if self.ca_file is None:
            return None
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.certificate_file is not None:
            context.load_cert_chain(self.certificate_file)
        return context

    @property
    def protocol(self) -> str:
        """Kafka's name for how clients speak."""
        if self.ca_file is None:
            return "PLAINTEXT"
        return "SSL" if self.password is None else "SASL_SSL"

    @property
    def client_options(self) -> dict[str, Any]:
        """What an aiokafka client is given, besides what it does."""
        where = {"bootstrap_servers": self.servers, "security_protocol": self.protocol, "ssl_context": self.tls}
        if self.password is None:
            return where
        return where | {
            "sasl_mechanism": MECHANISM,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password.get_secret_value(),
        }
