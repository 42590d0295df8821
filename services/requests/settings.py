"""What requests has to be told."""

from collections.abc import Mapping, Sequence

from pydantic import HttpUrl, SecretStr
from pydantic_settings import SettingsConfigDict

from services.requests.agency_systems import SystemSettings
from shared.runtime.settings import Key32, ServiceSettings


class RequestsSettings(ServiceSettings):
    """`document_key` is the private key (PEM, P-256) that documents are signed with; `code_key` makes their codes.

    `paper_key` and `paper_certificate` (PEM) sign what people download. Keys and certificates that were used before
    stay under `…_retired`, so that what they have signed stays genuine. `paper_store` is where papers are kept:
    `file://…`, or a bucket's address; so are documents that people hand in. `agency_systems`: the agencies' own systems
    that take tasks, by agency. `publishes_seed`: whether the services that come with the release are published when it
    starts; not while processes of the last release, which may not be able to read them, run or may come back.
    `public_url` is how anyone reaches this service to verify a document.
    """

    model_config = SettingsConfigDict(env_prefix="AFAQ_REQUESTS_")

    document_key: SecretStr
    document_keys_retired: Sequence[SecretStr] = ()
    code_key: Key32
    paper_key: SecretStr
    paper_certificate: str
    paper_certificates_retired: Sequence[str] = ()
    paper_store: str
    agency_systems: Mapping[str, SystemSettings] = {}
    publishes_seed: bool = True
    public_url: HttpUrl
