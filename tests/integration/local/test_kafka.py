"""The embedded Kafka: a broker as real as in production, out of the jars that were locked and no others."""

import os
import socketserver
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnknownTopicOrPartitionError, for_code

from afaq.local.errors import StackError
from afaq.local.kafka import Kafka
from afaq.local.kafka_jars import KAFKA_VERSION, kafka_jars, locked_jars
from afaq.local.lock import AlreadyRunning, owner_of


@pytest.fixture(scope="module")
def home(new_directory: Callable[[], Path]) -> Path:
    """The directory of the one broker."""
    return new_directory()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kafka(home: Path) -> AsyncIterator[Kafka]:
    """One broker for all tests; those that restart it leave it running."""
    broker = Kafka(home)
    await broker.start()
    yield broker
    await broker.stop()


async def make_topic(kafka: Kafka, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        reply = await admin.create_topics([NewTopic(name, 1, 1)])
        for topic, code, *_ in reply.topic_errors:
            if code:
                raise for_code(code)(topic)
    finally:
        await admin.close()


async def send(kafka: Kafka, topic: str, value: bytes, *, transactional_id: str | None = None) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, enable_idempotence=True, transactional_id=transactional_id
    )
    await producer.start()
    try:
        if transactional_id is None:
            await producer.send_and_wait(topic, value)
        else:
            async with producer.transaction():
                await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def first_of(kafka: Kafka, topic: str, *, group: str | None = None) -> bytes | None:
    consumer = AIOKafkaConsumer(
        *([topic] if group else []),
        bootstrap_servers=kafka.bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        if group is None:
            consumer.assign([TopicPartition(topic, 0)])
        value: bytes | None = (await consumer.getone()).value
        return value
    finally:
        await consumer.stop()


async def test_is_ready_when_started(kafka: Kafka) -> None:
    await make_topic(kafka, "ready")
    await send(kafka, "ready", b"at once")
    assert await first_of(kafka, "ready") == b"at once"


async def test_serves_groups_and_transactions(kafka: Kafka) -> None:
    await make_topic(kafka, "transfers")
    await send(kafka, "transfers", b"whole", transactional_id="relay")
    assert await first_of(kafka, "transfers", group="readers") == b"whole"


async def test_makes_no_topic_by_accident(kafka: Kafka) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        with pytest.raises(UnknownTopicOrPartitionError):
            for topic in await admin.describe_topics(["misspelt"]):
                raise for_code(topic["error_code"])
        assert "misspelt" not in await admin.list_topics()
    finally:
        await admin.close()


async def test_data_and_address_survive_a_restart(kafka: Kafka) -> None:
    await make_topic(kafka, "kept")
    await send(kafka, "kept", b"for ever")
    bootstrap = kafka.bootstrap
    await kafka.stop()
    await kafka.start()
    assert kafka.bootstrap == bootstrap
    assert await first_of(kafka, "kept") == b"for ever"


async def test_moves_to_other_ports_when_its_own_are_taken(kafka: Kafka) -> None:
    await make_topic(kafka, "moved")
    await send(kafka, "moved", b"along")
    former = kafka.bootstrap
    await kafka.stop()
    host, port = former.split(":")
    with socketserver.TCPServer((host, int(port)), socketserver.BaseRequestHandler):
        await kafka.start()
    assert kafka.bootstrap != former
    assert await first_of(kafka, "moved") == b"along"


@pytest.mark.usefixtures("kafka")
async def test_a_second_owner_is_refused(home: Path) -> None:
    with pytest.raises(AlreadyRunning) as refusal:
        await Kafka(home).start()
    assert refusal.value.pid == os.getpid()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a parent-death signal")
async def test_ends_with_its_killed_owner(
    directory: Path,
    leave_behind: Callable[..., int],
    is_running: Callable[[int], bool],
    wait_until: Callable[[Callable[[], bool]], None],
) -> None:
    pid = leave_behind("kafka", directory, unobserved=False)
    wait_until(lambda: not is_running(pid))


async def test_stops_what_a_killed_owner_left_running(
    directory: Path, leave_behind: Callable[..., int], is_running: Callable[[int], bool]
) -> None:
    pid = leave_behind("kafka", directory, unobserved=True)
    assert is_running(pid)
    said: list[str] = []
    kafka = Kafka(directory, said.append)
    await kafka.start()
    assert not is_running(pid)
    assert "stopped the Kafka that an earlier run left behind" in said
    await make_topic(kafka, "usable")
    await kafka.stop()


async def test_a_broken_start_says_why_and_leaves_nothing(directory: Path) -> None:
    (directory / "data").mkdir(parents=True)
    with pytest.raises(StackError, match=r"^Kafka did not start: .*meta\.properties.* \(see .*server\.log\)\.$"):
        await Kafka(directory).start()
    assert owner_of(directory) is None


def a_jar(folder: Path) -> Path:
    return folder / f"kafka-clients-{KAFKA_VERSION}.jar"


async def test_refuses_an_altered_jar(jar_cache: Path, directory: Path) -> None:
    with a_jar(jar_cache).open("ab") as jar:
        jar.write(b"!")
    with pytest.raises(StackError, match=rf"^{a_jar(jar_cache)} is not the jar that .* delete it and start again\.$"):
        await Kafka(directory).start()
    assert owner_of(directory) is None


async def test_refuses_a_jar_too_many(jar_cache: Path, directory: Path) -> None:
    (jar_cache / "stranger-1.0.jar").touch()
    with pytest.raises(StackError, match=r"stranger-1\.0\.jar is not one of Kafka .* delete it and start again\.$"):
        await Kafka(directory).start()


def test_fetches_a_jar_that_is_gone(jar_cache: Path) -> None:
    a_jar(jar_cache).unlink()
    said: list[str] = []
    jars = kafka_jars(said.append)
    assert [jar.name for jar in jars] == [jar.name for jar in locked_jars()]
    assert a_jar(jar_cache).exists()
    assert said[0].startswith(f"fetching Apache Kafka {KAFKA_VERSION}: 1 jars")


def test_says_in_one_sentence_what_to_do_without_the_network(jar_cache: Path, mirror: Callable[[str], None]) -> None:
    mirror("http://127.0.0.1:9")  # nobody listens on the port that discards
    a_jar(jar_cache).unlink()
    with pytest.raises(StackError, match=r"could not be fetched \(ConnectionError\); start again with Internet access"):
        kafka_jars(print)


def test_refuses_what_a_repository_has_altered(
    jar_cache: Path, mirror: Callable[[str], None], bad_repository: str
) -> None:
    mirror(bad_repository)
    a_jar(jar_cache).unlink()
    with pytest.raises(StackError, match=r"repository's kafka-clients-.*\.jar is not the one that .* locks"):
        kafka_jars(print)
    assert not a_jar(jar_cache).exists()


def test_no_part_of_kafka_is_of_another_version() -> None:
    parts = [jar.coordinate for jar in locked_jars() if jar.coordinate.startswith("org.apache.kafka:")]
    assert parts
    assert all(part.endswith(f":{KAFKA_VERSION}") for part in parts)


@pytest.fixture
def mirror(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Names the repository to use, in jgo's own settings as a user would."""

    def name(url: str) -> None:
        settings = directory / "jgo.conf"
        settings.write_text(f"[repositories]\nmirror = {url}\n")
        monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))

    return name


@pytest.fixture
def bad_repository() -> Iterator[str]:
    """A repository that answers every request with something else."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"something else")

        def log_message(self, format: str, *args: object) -> None:
            """Quietly."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
