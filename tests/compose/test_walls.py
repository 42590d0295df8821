"""What each part of the composed stack is refused: others' topics, others' databases, the brokers."""

import json
from pathlib import Path
from typing import Any

import pytest

from afaq.demo.client import Api
from afaq.services import NAMES, functions_of
from shared.contracts.topics import TOPICS
from tests.compose.composed import asked_inside, compose

PERMISSIONS = Path(__file__).with_name("permissions.py").read_bytes()
CONCEDING = Path(__file__).with_name("conceding.py").read_bytes()
DATABASES = [f"{name}-db:5432" for name in NAMES]
BROKER = "kafka-1:9094"
READS, WRITES = {"DESCRIBE", "READ"}, {"DESCRIBE", "WRITE"}


async def may(part: str) -> Any:
    return json.loads(await asked_inside(part, PERMISSIONS, *DATABASES, BROKER))


def declared(name: str) -> dict[str, set[str]]:
    reads = {topic.name for topic in functions_of(name).reads}
    own = {topic.name for topic in TOPICS if topic.owner == name}
    return {
        topic.name: (READS if topic.name in reads | own else set()) | (WRITES if topic.name in own else set())
        for topic in TOPICS
    }


async def allowed(name: str) -> dict[str, set[str]]:
    return {topic: set(operations) for topic, operations in (await may(f"{name}-worker"))["topics"].items()}


@pytest.mark.parametrize("name", NAMES)
async def test_a_service_may_do_on_topics_what_it_declares_and_no_more(composed: Api, name: str) -> None:
    assert await allowed(name) == declared(name)


async def test_what_a_service_does_not_declare_any_more_is_taken_away(composed: Api) -> None:
    concede = ["run", "--rm", "-T", "--entrypoint", "python", "kafka-access", "-", "identity", "payments.events"]
    await compose(*concede, given=CONCEDING)
    assert await allowed("identity") != declared("identity")
    await compose("run", "--rm", "-T", "kafka-access")
    assert await allowed("identity") == declared("identity")


@pytest.mark.parametrize("name", NAMES)
async def test_a_service_reaches_its_own_database_alone_and_its_api_no_broker(composed: Api, name: str) -> None:
    databases = {place: place == f"{name}-db:5432" for place in DATABASES}
    assert (await may(f"{name}-worker"))["reaches"] == {**databases, BROKER: True}
    assert (await may(f"{name}-api"))["reaches"] == {**databases, BROKER: False}


async def test_operators_tools_read_every_topic_and_write_none(composed: Api) -> None:
    command = ["run", "--rm", "-T", "--entrypoint", "python", "operator", "-"]
    _, said = await compose(*command, given=PERMISSIONS)
    found = json.loads(said)["topics"]
    assert {frozenset(operations) for operations in found.values()} == {frozenset({*READS, "DESCRIBE_CONFIGS"})}


@pytest.mark.parametrize(
    ("address", "refusal"),
    [
        (
            "postgresql://afaq_payments_app:wrong@127.0.0.1/afaq_payments?sslmode=require",
            "password authentication failed",
        ),
        ("postgresql://afaq_payments_app:wrong@127.0.0.1/afaq_payments?sslmode=disable", "no encryption"),
        ("postgresql://postgres:wrong@127.0.0.1/postgres?sslmode=require", "pg_hba.conf rejects"),
    ],
)
async def test_a_database_lets_nobody_in_without_tls_and_a_password(composed: Api, address: str, refusal: str) -> None:
    command = ["exec", "-T", "payments-db", "sh", "-c", f"psql '{address}' -c 'select 1' 2>&1"]
    code, said = await compose(*command, must=False)
    assert code != 0
    assert refusal in said
