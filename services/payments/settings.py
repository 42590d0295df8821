"""What payments has to be told."""

from typing import Annotated

from pydantic import AfterValidator, HttpUrl, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import ServiceSettings


def _has_16_characters(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value().encode()) != 16:
        raise ValueError("a resource key has 16 characters")
    return value


class PaymentsSettings(ServiceSettings):
    """`knet_*` are the terminal's, from the bank; `public_url` is where browsers and the gateway reach payments.

    `knet_unknown_transaction_code` is the bank's error code for a track id that it has never seen.

    `bank_*`: the bank that pays people.
    """

    model_config = SettingsConfigDict(env_prefix="AFAQ_PAYMENTS_")

    public_url: HttpUrl
    knet_url: HttpUrl
    knet_tranportal_id: SecretStr
    knet_password: SecretStr
    knet_unknown_transaction_code: str
    bank_url: HttpUrl
    bank_api_key: SecretStr
    knet_resource_key: Annotated[SecretStr, AfterValidator(_has_16_characters)]
