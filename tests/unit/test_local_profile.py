"""What must never be there in production."""

import base64
import os

import pytest

from afaq.secrets.made import signing_key
from afaq.services import compose


def settings_for(profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key = base64.b64encode(os.urandom(32)).decode()
    environment = {
        "AFAQ_PROFILE": profile,
        "AFAQ_IDENTITY_POSTGRES_DSN": "postgresql://nobody@127.0.0.1/nothing",
        "AFAQ_IDENTITY_MASTER_KEY": key,
        "AFAQ_IDENTITY_LOOKUP_KEY": key,
        "AFAQ_IDENTITY_SEAL_KEY": key,
        "AFAQ_IDENTITY_PUBLIC_URL": "http://localhost:8080",
        "AFAQ_IDENTITY_SIGNING_KEY": signing_key(),
        "AFAQ_IDENTITY_PORT": "8080",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(("profile", "is_there"), [("local", True), ("production", False)])
def test_signing_in_without_proof_is_possible_on_a_laptop_only(
    profile: str, is_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastapi import FastAPI

    settings_for(profile, monkeypatch)
    app = FastAPI()
    app.include_router(compose("identity").router)
    assert ("/local/sign-in" in app.openapi()["paths"]) is is_there


def test_no_secret_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    settings_for("production", monkeypatch)
    for secret in ("MASTER_KEY", "LOOKUP_KEY", "SIGNING_KEY", "POSTGRES_DSN"):
        with monkeypatch.context() as without:
            without.delenv(f"AFAQ_IDENTITY_{secret}")
            with pytest.raises(ValueError, match=secret.lower()):
                compose("identity")


def test_a_wrong_secret_is_not_repeated_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    settings_for("production", monkeypatch)
    monkeypatch.setenv("AFAQ_IDENTITY_MASTER_KEY", "c2VjcmV0LWNhbmFyeQ==")
    with pytest.raises(ValueError, match="32 random bytes") as raised:
        compose("identity")
    assert "c2VjcmV0" not in str(raised.value)
