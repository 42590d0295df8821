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
}


def test_addresses_lose_their_last_slash() -> None:
    settings = Settings(**GOOD)
    assert settings.public_url == "http://127.0.0.1:8090"
    assert settings.requests_url == "http://127.0.0.1:8002/v1"


@pytest.mark.parametrize("secret", ["knet_password", "knet_resource_key", "knet_tranportal_id"])
def test_secrets_have_no_default(secret: str) -> None:
    with pytest.raises(ValidationError, match=secret):
        Settings(**{name: text for name, text in GOOD.items() if name != secret})


@pytest.mark.parametrize("key", ["short", "0123456789abcdefg", "٠١٢٣٤٥٦٧٨٩٠١٢٣٤٥"])
def test_a_resource_key_is_sixteen_bytes_and_is_not_shown_when_wrong(key: str) -> None:
    with pytest.raises(ValidationError, match="16 bytes") as error:
        Settings(**GOOD | {"knet_resource_key": key})
    assert key not in str(error.value)


def test_secrets_are_not_printed() -> None:
    printed = repr(Settings(**GOOD))
    assert GOOD["knet_password"] not in printed
    assert GOOD["knet_resource_key"] not in printed
