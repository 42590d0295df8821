"""The whole platform on one machine: PostgreSQL, Kafka, the simulators and the four services, in one command."""

import asyncio
import contextlib
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from afaq.local.databases import Dsns, create_databases
from afaq.local.kafka import Kafka
from afaq.local.lock import DirectoryLock
from afaq.local.ports import claim_ports
from afaq.local.postgres import Postgres
from afaq.local.processes import Program, Supervisor
from afaq.secrets.made import local_secrets, simulated_variables_of, variables_of
from afaq.services import NAMES, migrations_of
from shared.contracts.topics import PROBE
from shared.kernel.clock import OFFSET_FILE_VARIABLE
from shared.messaging.brokers import Brokers
from shared.messaging.topics import create_topics
from shared.store.migrate import migrate

READY_SECONDS = 90.0
KAFKA_VARIABLE, POSTGRES_VARIABLE = "AFAQ_KAFKA_BOOTSTRAP", "AFAQ_POSTGRES_DSN"
INSTANCE_VARIABLE = "AFAQ_INSTANCE"
PORTAL, PORTAL_ADDRESS = "portal", "http://127.0.0.1:9/signed-in"
"""The frontend of tests and the demonstration; nothing listens there, they read the address that they are sent to."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Endpoints:
    """Where everything listens."""

    urls: Mapping[str, str]
    kafka: str
    dsns: Mapping[str, Dsns]


class Stack:
    """One local stack of a data directory. `start` returns when all of it is ready; `stop` ends it in order.

    `extra` adds to the environment of single services.
    """

    def __init__(
        self, directory: Path, *, say: Say, echo: bool, extra: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        self._directory = directory.resolve()
        self._say = say
        self._echo = echo
        self._extra = extra or {}
        self._lock = DirectoryLock(self._directory)
        self._postgres: Postgres | None = None
        self._kafka: Kafka | None = None
        self.supervisor: Supervisor | None = None
        self.environments: Mapping[str, Mapping[str, str]] = {}

    async def start(self) -> Endpoints:
        """Starts what is not given from outside, brings databases and topics up to date, and runs every process.

        Raises StackError in one plain sentence, or AlreadyRunning where the directory has another owner.
        """
        began = time.monotonic()
        self._lock.acquire()
        try:
            async with asyncio.TaskGroup() as servers:
                postgres, kafka = servers.create_task(self._start_postgres()), servers.create_task(self._start_kafka())
            postgres_dsn, bootstrap = postgres.result(), kafka.result()
            secrets = local_secrets(self._directory / "secrets.json")
            dsns = await create_databases(postgres_dsn, secrets)
            self._say("bringing databases and topics up to date")
            await asyncio.gather(*(_migrate(name, dsns[name]) for name in NAMES), self._prove_kafka(bootstrap))
            endpoints = Endpoints(self._claim_urls(), bootstrap, dsns)
            self.environments = self._environments(endpoints, secrets)
            await self._run_processes(endpoints)
        except BaseException:
            await self.stop()
            raise
        self._lock.describe(
            {
                "urls": dict(endpoints.urls),
                "kafka": bootstrap,
                "environments": {name: dict(env) for name, env in self.environments.items()},
            }
        )
        self._say(f"ready after {time.monotonic() - began:.1f} s")
        return endpoints

    async def stop(self) -> None:
        """Ends the processes first, then the broker and the database, so that nobody misses what it still needs."""
        if self.supervisor is not None:
            await self.supervisor.stop()
        await asyncio.gather(*(part.stop() for part in (self._kafka, self._postgres) if part is not None))
        self._lock.release()

    async def _start_postgres(self) -> str:
        given = os.environ.get(POSTGRES_VARIABLE)
        if given:
            self._say("using the PostgreSQL that AFAQ_POSTGRES_DSN names")
            return given
        self._postgres = Postgres(self._directory / "postgres", self._say)
        await self._postgres.start()
        return self._postgres.dsn

    async def _start_kafka(self) -> str:
        given = os.environ.get(KAFKA_VARIABLE)
        if given:
            self._say("using the Kafka that AFAQ_KAFKA_BOOTSTRAP names")
            return given
        self._kafka = Kafka(self._directory / "kafka", self._say)
        await self._kafka.start()
        return self._kafka.bootstrap

    async def _prove_kafka(self, bootstrap: str) -> None:
        """Creates the topics, and has a message go round: only that tells that a broker works."""
        await create_topics(Brokers(bootstrap=bootstrap))
        message = uuid.uuid4().hex.encode()
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
        await producer.start()
        try:
            sent = await producer.send_and_wait(PROBE.name, message)
        finally:
            await producer.stop()
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
        await consumer.start()
        try:
            partition = TopicPartition(PROBE.name, sent.partition)
            consumer.assign([partition])
            consumer.seek(partition, sent.offset)
            found = await asyncio.wait_for(consumer.getone(), 20)
            assert found.value == message
        finally:
            await consumer.stop()

    def _claim_urls(self) -> Mapping[str, str]:
        ports = claim_ports(self._directory / "ports.json", *NAMES, "simulators", "sign-in", "mail")
        return {name: f"{'smtp' if name == 'mail' else 'http'}://127.0.0.1:{port}" for name, port in ports.items()}

    def _environments(self, endpoints: Endpoints, secrets: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
        environments = {name: self._service_environment(name, endpoints, secrets) for name in NAMES}
        urls = endpoints.urls
        environments["identity"] |= {
            "AFAQ_IDENTITY_PUBLIC_URL": urls["identity"],
            "AFAQ_IDENTITY_CLIENTS": json.dumps({PORTAL: [PORTAL_ADDRESS]}),
        }
        environments["requests"] |= {
            "AFAQ_REQUESTS_PAPER_STORE": f"file://{self._directory / 'papers'}",
            "AFAQ_REQUESTS_PUBLIC_URL": urls["requests"],
        }
        environments["payments"] |= {
            "AFAQ_PAYMENTS_PUBLIC_URL": urls["payments"],
            "AFAQ_PAYMENTS_KNET_URL": f"{urls['simulators']}/knet",
            "AFAQ_PAYMENTS_KNET_UNKNOWN_TRANSACTION_CODE": "SIM109",
            "AFAQ_PAYMENTS_BANK_URL": f"{urls['simulators']}/bank",
        }
        environments["notifications"] |= {
            "AFAQ_NOTIFICATIONS_SMTP_HOST": "127.0.0.1",
            "AFAQ_NOTIFICATIONS_SMTP_PORT": urls["mail"].rpartition(":")[2],
            "AFAQ_NOTIFICATIONS_SMTP_USERNAME": "afaq",
            "AFAQ_NOTIFICATIONS_SMTP_SECURITY": "none",
            "AFAQ_NOTIFICATIONS_SMTP_SENDER": "Afaq <no-reply@afaq.test>",
        }
        environments["simulators"] = {
            **variables_of("simulators", secrets),
            "AFAQ_SIMULATORS_PORT": urls["simulators"].rpartition(":")[2],
            "AFAQ_SIMULATORS_DIRECTORY": str(self._directory / "simulators"),
            "AFAQ_SIMULATORS_PUBLIC_URL": urls["simulators"],
            "AFAQ_SIMULATORS_IDENTITY_URL": urls["identity"],
            "AFAQ_SIMULATORS_REQUESTS_URL": urls["requests"],
            "AFAQ_SIMULATORS_SMS_RECEIPTS_URL": f"{urls['notifications']}/providers/sms",
            "AFAQ_SIMULATORS_SMTP_PORT": urls["mail"].rpartition(":")[2],
            "AFAQ_SIMULATORS_SMTP_USERNAME": "afaq",
        }
        environments["sign-in"] = {}
        return environments

    def _service_environment(self, name: str, endpoints: Endpoints, secrets: Mapping[str, str]) -> dict[str, str]:
        prefix, urls = f"AFAQ_{name.upper()}", endpoints.urls
        return {
            "AFAQ_PROFILE": "local",
            KAFKA_VARIABLE: endpoints.kafka,
            "AFAQ_TRACES_SAMPLED_SHARE": "1",
            "AFAQ_TRACES_FILE": str(self._directory / "traces" / f"{name}.jsonl"),
            OFFSET_FILE_VARIABLE: str(self._directory / "clock-offset"),
            f"{prefix}_POSTGRES_DSN": endpoints.dsns[name].app,
            f"{prefix}_PORT": urls[name].rpartition(":")[2],
            **variables_of(name, secrets),
            **simulated_variables_of(name, secrets, sign_in=urls["sign-in"], simulators=urls["simulators"]),
            **self._extra.get(name, {}),
        }

    async def _run_processes(self, endpoints: Endpoints) -> None:
        programs = self._programs(endpoints)
        self.supervisor = Supervisor(programs, self._directory, say=self._say, echo=self._echo)
        await self.supervisor.start()
        await self.supervisor.wait_ready(READY_SECONDS)

    def _programs(self, endpoints: Endpoints) -> list[Program]:
        def program(name: str, command: list[str], path: str) -> Program:
            url = f"{endpoints.urls[name]}{path}"
            env = {**self.environments[name], INSTANCE_VARIABLE: name}  # its own: a second process is another instance
            return Program(name, command, env, lambda: _answers(url))

        python = sys.executable
        programs = [program(name, [python, "-m", "afaq", name, "--role", "all"], "/health/ready") for name in NAMES]
        programs.append(program("simulators", [python, "-m", "simulators"], "/health/ready"))
        port = endpoints.urls["sign-in"].rpartition(":")[2]
        sign_in = [python, "-W", "ignore", "-m", "oidc_provider_mock", "--host", "127.0.0.1", "--port", port]
        programs.append(program("sign-in", sign_in, "/.well-known/openid-configuration"))
        return programs


async def _migrate(name: str, dsns: Dsns) -> None:
    role = dsns.app.partition("//")[2].partition(":")[0]
    await migrate(dsns.owner, name, migrations_of(name), app_role=role)


async def _answers(url: str) -> bool:
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session,
            session.get(url) as response,
        ):
            return response.status == 200
    return False
