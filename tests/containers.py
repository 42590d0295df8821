"""PostgreSQL and Kafka in containers, for AFAQ_TEST_STACK=containers: images by POSTGRES_IMAGE and KAFKA_IMAGE."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from afaq.local.postgres import SETTINGS

START_SECONDS = 120
OF_THE_CONTAINER = ("listen_addresses", "unix_socket_directories")


@asynccontextmanager
async def servers_in_containers() -> AsyncIterator[tuple[str, str]]:
    """The address of a PostgreSQL where tests may create databases, and of a Kafka."""
    postgres, kafka = _postgres(), KafkaContainer()
    await asyncio.gather(*(asyncio.to_thread(server.start) for server in (postgres, kafka)))
    try:
        print(f"test servers: {postgres.image} and {kafka.image} in containers, Kafka at {kafka.bootstrap}")
        yield postgres.get_connection_url(), kafka.bootstrap
    finally:
        for server in (postgres, kafka):
            server.stop()


def _postgres() -> PostgresContainer:
    postgres = PostgresContainer(os.environ.get("POSTGRES_IMAGE", "postgres:18"), driver=None)
    settings = [f"--{name}={value}" for name, value in SETTINGS.items() if name not in OF_THE_CONTAINER]
    locale = "--locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C"
    return postgres.with_command(["postgres", *settings]).with_env("POSTGRES_INITDB_ARGS", locale)


class KafkaContainer(DockerContainer):
    """One broker. It is told beforehand at which port clients find it, and reaches itself by another."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.bootstrap = f"127.0.0.1:{free.getsockname()[1]}"
        super().__init__(os.environ.get("KAFKA_IMAGE", "apache/kafka:4.3.1"))
        self.with_bind_ports(9094, int(self.bootstrap.partition(":")[2]))
        self.with_envs(
            KAFKA_NODE_ID="1",
            CLUSTER_ID="MkU3OEVBNTcwNTJENDM2Qg",
            KAFKA_PROCESS_ROLES="broker,controller",
            KAFKA_CONTROLLER_QUORUM_VOTERS="1@localhost:9093",
            KAFKA_CONTROLLER_LISTENER_NAMES="CONTROLLER",
            KAFKA_LISTENERS="INTERNAL://:9092,CONTROLLER://:9093,CLIENT://:9094",
            KAFKA_ADVERTISED_LISTENERS=f"INTERNAL://localhost:9092,CLIENT://{self.bootstrap}",
            KAFKA_INTER_BROKER_LISTENER_NAME="INTERNAL",
            KAFKA_LISTENER_SECURITY_PROTOCOL_MAP="INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT,CLIENT:PLAINTEXT",
            KAFKA_AUTO_CREATE_TOPICS_ENABLE="false",
            KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR="1",
            KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR="1",
            KAFKA_TRANSACTION_STATE_LOG_MIN_ISR="1",
            KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS="0",
        )
        self.waiting_for(LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(START_SECONDS))
