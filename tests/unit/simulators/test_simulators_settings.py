"""Settings: strict, and silent about secrets."""

from typing import Any

import pytest
from pydantic import ValidationError

from simulators.settings import Settings

GOOD: dict[str, Any] = {
    "public_url": "http://127.0.0.1:8090/",
    "identity_url": "http://127.0.0.1:8001",
    "requests_url": "http://127.0.0.1:8002/v1/",
    "knet_tranportal_id": "100001",
    "knet_password": "a-password",
    "knet_resource_key": "0123456789abcdef",
    "agency_webhook_secret": "whsec_QWdlbmN5U3lzdGVtc1NlY3JldA==",
    "bank_api_key": "bank-api-key",
    "sms_api_key": "an-api-key",
    "sms_receipts_url": "http://127.0.0.1:8004/receipts/",
    "sms_webhook_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "smtp_username": "afaq",
    "smtp_password": "smtp-password",
}


def test_addresses_lose_their_last_slash() -> None:
    settings = Settings(**GOOD)
    assert settings.public_url == "http://127.0.0.1:8090"
    assert settings.requests_url == "http://127.0.0.1:8002/v1"


@pytest.mark.parametrize("secret", [name for name in GOOD if not name.endswith("_url")])
def test_secrets_have_no_default(secret: str) -> None:
    with pytest.raises(ValidationError, match=secret):
        Settings(**{name: text for name, text in GOOD.items() if name != secret})


@pytest.mark.parametrize("key", ["short", "0123456789abcdefg", "٠١٢٣٤٥٦٧٨٩٠١٢٣٤٥"])
def test_a_resource_key_is_sixteen_bytes_and_is_not_shown_when_wrong(key: str) -> None:
    with pytest.raises(ValidationError, match="16 bytes") as error:
        Settings(**GOOD | {"knet_resource_key": key})
    assert key not in str(error.value)


@pytest.mark.parametrize("secret", ["MfKQ9r8GKYqr", "whsec_", "whsec_not base64", "other_MfKQ"])
def test_a_webhook_secret_is_base64_and_is_not_shown_when_wrong(secret: str) -> None:
    with pytest.raises(ValidationError, match="whsec_ and then base64") as error:
        Settings(**GOOD | {"sms_webhook_secret": secret})
    assert secret == "whsec_" or secret not in str(error.value)


def test_secrets_are_not_printed() -> None:
    printed = repr(Settings(**GOOD))
    for secret in (name for name in GOOD if name.endswith(("_password", "_key", "_secret"))):
        assert GOOD[secret] not in printed
