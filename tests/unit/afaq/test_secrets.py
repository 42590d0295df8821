import os
import ssl
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import ValidationError

from afaq.local.errors import StackError
from afaq.secrets.authority import Credential, issue, new_authority
from afaq.secrets.files import renew_certificates, write_new_secrets
from afaq.services import NAMES
from shared.messaging.brokers import Brokers
from shared.runtime.settings import SECRETS_VARIABLE, ServiceSettings, read_secret_files

DEPLOY = Path(__file__).parents[3] / "deploy"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    write_new_secrets(tmp_path / "secrets", simulated=True)
    return tmp_path / "secrets"


def settings_of(name: str) -> type[ServiceSettings]:
    module = import_module(f"services.{name}.settings")
    return next(
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and kind.__module__ == module.__name__ and issubclass(kind, ServiceSettings)
    )


def told(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """What deploy/simulators.env and the files of a folder say, and nothing else."""
    for name in [name for name in os.environ if name.startswith("AFAQ_")]:
        monkeypatch.delenv(name)
    lines = (DEPLOY / "simulators.env").read_text().splitlines()
    environment = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    environment[SECRETS_VARIABLE] = str(folder)
    read_secret_files(environment)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)


@pytest.mark.parametrize("name", NAMES)
def test_a_service_is_told_all_that_it_must_be(secrets: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    told(monkeypatch, secrets / name)
    monkeypatch.setenv(f"AFAQ_{name.upper()}_PORT", "8080")
    monkeypatch.setenv("AFAQ_REQUESTS_PAPER_STORE", "file:///papers")
    settings = settings_of(name)()
    assert "sslmode=verify-full" in str(settings.postgres_dsn)


@pytest.mark.parametrize("name", NAMES)
def test_a_service_has_its_own_login_at_the_brokers(secrets: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    told(monkeypatch, secrets / f"{name}-kafka")
    brokers = Brokers.model_validate({"bootstrap": "kafka-1:9094", "ca_file": secrets / "ca.pem"} | _login())
    assert brokers.username == name


def _login() -> dict[str, str]:
    return {"username": os.environ["AFAQ_KAFKA_USERNAME"], "password": os.environ["AFAQ_KAFKA_PASSWORD"]}


def test_only_the_simulated_have_what_those_outside_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_new_secrets(tmp_path / "real", simulated=False)
    told(monkeypatch, tmp_path / "real" / "payments")
    monkeypatch.setenv("AFAQ_PAYMENTS_PORT", "8080")
    with pytest.raises(ValidationError, match="knet_password"):
        settings_of("payments")()
    assert not (tmp_path / "real" / "simulators").exists()


def test_nobody_else_may_enter_and_nothing_is_overwritten(secrets: Path) -> None:
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert (secrets / "ca.key").stat().st_mode & 0o777 == 0o600
    before = (secrets / "ca.key").read_text()
    with pytest.raises(StackError, match="never overwritten"):
        write_new_secrets(secrets, simulated=True)
    assert (secrets / "ca.key").read_text() == before


def test_certificates_are_given_anew_by_the_same_authority_and_nothing_else_changes(secrets: Path) -> None:
    before = {file: file.read_text() for file in secrets.rglob("*") if file.is_file()}
    renew_certificates(secrets)
    changed = {file.name for file, text in before.items() if file.read_text() != text}
    assert changed == {"server.crt", "server.key", "broker.pem", "admin.pem"}
    (secrets / "ca.key").unlink()
    with pytest.raises(StackError, match=r"ca\.key"):
        renew_certificates(secrets)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_a_service_names_no_other(secrets: Path, name: str) -> None:
    others = [f"AFAQ_{other.upper()}_" for other in NAMES if other != name]
    files = [file.name for part in (name, f"{name}-kafka", f"{name}-db") for file in (secrets / part).iterdir()]
    assert not [file for file in files if file.startswith(tuple(others))]


def test_a_certificate_proves_its_host_and_no_other(tmp_path: Path) -> None:
    authority = new_authority()
    server = issue(authority, "kafka-1", ["kafka-1"])
    handshake(tmp_path, authority, server, "kafka-1")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(tmp_path, authority, server, "kafka-2")
    with pytest.raises(ssl.SSLCertVerificationError, match="verify failed"):
        handshake(tmp_path, new_authority(), server, "kafka-1")


def handshake(folder: Path, trusted: Credential, server: Credential, host: str) -> None:
    (folder / "server.pem").write_text(server.key + server.certificate)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(folder / "server.pem")
    client = ssl.create_default_context(cadata=trusted.certificate)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname=host),
        serving.wrap_bio(to_server, to_client, server_side=True),
    ]
    while sides:
        for side in list(sides):
            try:
                side.do_handshake()
                sides.remove(side)
            except ssl.SSLWantReadError:
                pass
