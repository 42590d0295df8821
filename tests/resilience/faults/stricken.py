"""A platform that can be struck: its databases are behind proxies, its servers and processes can be killed."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import asyncpg

from afaq.local.children import running_in
from afaq.local.kafka import Kafka
from afaq.local.postgres import Postgres
from afaq.local.stack import Stack
from afaq.secrets.made import local_secrets
from afaq.services import NAMES
from shared.kernel.clock import MovableClock
from shared.kernel.crash_points import VARIABLE as CRASH_FILE
from tests.conftest import RunningStack
from tests.resilience.faults.proxy import Address, Proxy


@dataclass(frozen=True)
class Strike:
    """A fault that was: when it began and was over, on the loop's clock."""

    name: str
    began_at: float
    ended_at: float


@dataclass(frozen=True)
class Stricken(RunningStack):
    """A running platform, and what it takes to hurt it.

    `acknowledged`: the requests that clients were promised. `strangers`: keys of what tests put on topics themselves.
    `more_urls`: other processes of a service, which clients try when one does not answer.
    """

    proxies: Mapping[str, Proxy]
    acknowledged: dict[str, Any] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)
    more_urls: dict[str, tuple[str, ...]] = field(default_factory=dict)
    strikes: list[Strike] = field(default_factory=list)

    @property
    def postgres(self) -> Postgres:
        """The server behind the proxies."""
        assert self.stack._postgres is not None
        return self.stack._postgres

    @property
    def kafka(self) -> Kafka:
        """The broker."""
        assert self.stack._kafka is not None
        return self.stack._kafka

    @property
    def clock(self) -> MovableClock:
        """The time of this platform."""
        return MovableClock(self.directory / "clock-offset")

    @contextmanager
    def strike(self, name: str) -> Iterator[None]:
        """Says what is done when, and remembers it."""
        began_at = time.monotonic()
        self.tell(name)
        yield
        ended_at = time.monotonic()
        self.strikes.append(Strike(name, began_at, ended_at))
        self.tell(f"{name}: over after {ended_at - began_at:.1f} s")

    def tell(self, what: str) -> None:
        """A line of the operation log."""
        print(f"[{time.monotonic() % 10_000:8.2f}] {what}", flush=True)

    def addresses(self, service: str) -> Sequence[str]:
        """Of the service's processes, each of which may answer."""
        return [self.endpoints.urls[service], *self.more_urls.get(service, ())]

    async def what_holds_it_up(self) -> str:
        """For whoever reads of a failure."""
        return await what_holds_it_up(self)

    def pid(self, name: str) -> int | None:
        """The process of a service at this moment."""
        assert self.stack.supervisor is not None
        return self.stack.supervisor.pids.get(name)

    def signal(self, name: str, number: signal.Signals) -> int | None:
        """Sends the service's process a signal; its id, or None where it is just being started again."""
        pid = self.pid(name)
        if pid is not None:
            os.kill(pid, number)
        return pid

    async def is_ready(self, name: str) -> bool:
        """Whether the service's process says that it has all it needs."""
        url = f"{self.endpoints.urls[name]}/health/ready"
        try:
            async with asyncio.timeout(3), aiohttp.request("GET", url) as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def until_ready(self, *names: str, within_seconds: float = 60) -> None:
        """Until these services, or all, have what they need; nobody helps them."""
        async with asyncio.timeout(within_seconds):
            for name in names or NAMES:
                while not await self.is_ready(name):
                    await asyncio.sleep(0.05)

    async def kill_postgres(self) -> None:
        """SIGKILL of every process of the server, as when the machine is gone, and its start as an init system does."""
        for pid in running_in(self.postgres._data, "postgres"):
            _kill(pid)
        await self.postgres.stop()
        await self.postgres.start()

    async def kill_kafka(self) -> None:
        """SIGKILL of the broker, and its start as an init system does."""
        assert self.kafka.pid is not None
        _kill(self.kafka.pid)
        await self.kafka.stop()
        await self.kafka.start()

    async def superuser(self, name: str) -> "asyncpg.Connection[asyncpg.Record]":
        """A session that may do everything in a service's database, and goes there directly."""
        return await asyncpg.connect(f"{self.postgres.dsn.rpartition('/')[0]}/afaq_{name}")


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


async def stricken_stack(folder: Path) -> tuple[Stack, Mapping[str, Proxy]]:
    """A stack, not started, whose services reach their databases by proxies only; crash points can be armed."""
    secrets = local_secrets(folder / "secrets.json")

    def database() -> Address:
        assert stack._postgres is not None
        place = urlsplit(stack._postgres.dsn)
        return str(place.hostname), place.port or 0

    proxies = {name: Proxy(database) for name in NAMES}
    extra: dict[str, dict[str, str]] = {}
    for name, proxy in proxies.items():
        await proxy.start()
        login = f"afaq_{name}_app:{quote(secrets[f'{name}.app_password'], safe='')}"
        extra[name] = {
            f"AFAQ_{name.upper()}_POSTGRES_DSN": f"postgresql://{login}@127.0.0.1:{proxy.port}/afaq_{name}",
            CRASH_FILE: str(folder / f"crash-{name}"),
            "AFAQ_TRACES_SAMPLED_SHARE": "0",
        }
    extra["identity"]["AFAQ_IDENTITY_TOKEN_LIFETIME_SECONDS"] = "3600"
    stack = Stack(folder, say=print, echo=False, extra=extra)
    return stack, proxies


async def until_quiet(platform: Stricken, *, within_seconds: float) -> None:
    """Until nothing is left to publish or to be done now, in any service."""
    left: Sequence[str] = ()
    give_up_at = time.monotonic() + within_seconds
    while time.monotonic() < give_up_at:
        left = await left_to_do(platform)
        if not left:
            return
        await asyncio.sleep(0.25)
    raise AssertionError(f"after {within_seconds:.0f} s there is still {', '.join(left)}")


async def left_to_do(platform: Stricken) -> list[str]:
    """What is still to be published or to be done now, in all services."""
    return [what for name in NAMES for what in await _left_to_do(platform, name)]


async def what_holds_it_up(platform: Stricken) -> str:
    """For whoever reads of a failure: what is left to do, and what has not been read."""
    unread: list[str] = []
    for name in NAMES:
        try:
            async with (
                asyncio.timeout(5),
                aiohttp.request("GET", f"{platform.endpoints.urls[name]}/metrics") as response,
            ):
                lines = (await response.text()).splitlines()
        except (aiohttp.ClientError, TimeoutError) as error:
            unread.append(f"{name} does not answer: {type(error).__name__}")
        else:
            unread += [line for line in lines if line.startswith("afaq_consumer_lag") and not line.endswith(" 0.0")]
    return "; ".join([*await left_to_do(platform), *unread]) or "nothing is left to do"


async def _left_to_do(platform: Stricken, name: str) -> list[str]:
    connection = await asyncpg.connect(platform.endpoints.dsns[name].app)
    try:
        outbox = await connection.fetchval("select count(*) from outbox")
        jobs = await connection.fetch(
            "select kind, name, count(*) as many from jobs"
            " where state = 'live' and (run_at <= $1 or leased_until is not null) group by 1, 2",
            platform.clock.now(),
        )
    finally:
        await connection.close()
    waiting = [f"{row['many']} {row['kind']} {row['name']} in {name}" for row in jobs]
    return waiting + ([f"{outbox} in the outbox of {name}"] if outbox else [])
