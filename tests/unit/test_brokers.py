import os
from pathlib import Path

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from afaq.cli import app
from afaq.secrets.authority import new_authority
from afaq.services import NAMES, functions_of
from shared.contracts.topics import TOPICS
from shared.messaging.access import access_of
from shared.messaging.brokers import Brokers
from shared.runtime.settings import SECRETS_VARIABLE, read_secret_files


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AFAQ_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    file.write_text(new_authority().certificate)
    return file


def test_a_password_is_shown_to_nobody_but_brokers_that_are_known(ca_file: Path) -> None:
    with pytest.raises(ValidationError, match="AFAQ_KAFKA_CA_FILE is not set"):
        Brokers.model_validate({"bootstrap": "kafka:9094", "username": "identity", "password": "p"})
    known = {"bootstrap": "kafka:9094", "ca_file": ca_file, "username": "identity", "password": "p"}
    assert Brokers.model_validate(known).client_options["security_protocol"] == "SASL_SSL"


def test_a_user_without_a_password_is_refused(ca_file: Path) -> None:
    with pytest.raises(ValidationError, match="go together"):
        Brokers.model_validate({"bootstrap": "kafka:9094", "ca_file": ca_file, "username": "identity"})


def test_a_password_is_in_no_text_of_the_settings(ca_file: Path) -> None:
    known = {"bootstrap": "kafka:9094", "ca_file": ca_file, "username": "identity", "password": "hidden-one"}
    assert "hidden-one" not in repr(Brokers.model_validate(known))
    with pytest.raises(ValidationError) as refused:
        Brokers.model_validate({**known, "username": None})
    assert "hidden-one" not in str(refused.value)


@pytest.mark.parametrize("name", NAMES)
def test_a_service_writes_every_topic_that_it_owns_and_no_other(name: str) -> None:
    assert access_of(functions_of(name)).writes == {topic.name for topic in TOPICS if topic.owner == name}


def test_a_file_is_the_variable_of_its_name_unless_that_is_set(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "AFAQ_KAFKA_PASSWORD").write_text("of the file\n")
    (tmp_path / "AFAQ_KAFKA_USERNAME").write_text("of the file")
    (tmp_path / "ca.pem").write_text("not a variable")
    told = {SECRETS_VARIABLE: str(tmp_path), "AFAQ_KAFKA_USERNAME": "of the environment"}
    read_secret_files(told)
    assert told == {
        SECRETS_VARIABLE: str(tmp_path),
        "AFAQ_KAFKA_USERNAME": "of the environment",
        "AFAQ_KAFKA_PASSWORD": "of the file",
    }


def test_a_directory_of_secrets_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    result = CliRunner().invoke(app, ["topics"], env={SECRETS_VARIABLE: str(missing)})
    assert result.exit_code == 1
    assert str(missing) in result.output
    assert SECRETS_VARIABLE in result.output


def test_what_a_command_lacks_is_named_by_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = {"AFAQ_KAFKA_BOOTSTRAP": "kafka:9094", "AFAQ_KAFKA_CA_FILE": str(tmp_path / "nowhere")}
    result = CliRunner().invoke(app, ["topics"], env=told)
    assert result.exit_code == 1
    assert "AFAQ_KAFKA_CA_FILE: Path does not point to a file" in result.output
