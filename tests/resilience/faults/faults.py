"""Faults that a platform has to stand: each strikes, and is over when it returns; nobody repairs anything."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import asyncpg

from afaq.local.ports import claim_ports
from afaq.services import NAMES
from shared.kernel.crash_points import POINTS
from tests.resilience.faults.stricken import Stricken
from tests.support import another_process

Fault = Callable[[Stricken, random.Random], Awaitable[None]]
TRANSIENT_STATES = ("40001", "40P01", "55P03", "57014", "53100", "53200")
"""Serialization failure, deadlock, lock not available, statement timeout, disk full, out of memory."""
GATEWAY_TROUBLES: tuple[dict[str, Any], ...] = (
    {"timeout_after_charge": True},
    {"duplicate_callback": True},
    {"callback_delay_seconds": 2},
    {"wrong_amount": True},
    {"charges_more": True},
    {"no_callback": True},
    {"down": True},
    {"slow_seconds": 12},
)
PROVOKE = """
create function provoked() returns trigger language plpgsql as $$
begin
    if random() < {share} then raise exception 'provoked' using errcode = '{state}'; end if;
    return null;
end $$;
create trigger provoked after insert on outbox for each statement execute function provoked();
"""
CALM = "drop trigger if exists provoked on outbox; drop function if exists provoked()"


async def process_killed(platform: Stricken, choose: random.Random) -> None:
    """SIGKILL of a service's process at a random moment."""
    name = choose.choice(NAMES)
    await asyncio.sleep(choose.random())
    with platform.strike(f"SIGKILL of {name}"):
        platform.signal(name, signal.SIGKILL)
        await platform.until_ready(name)


async def process_dies_at_a_point(platform: Stricken, choose: random.Random) -> None:
    """A process dies at a named point, if it comes there."""
    name, point = choose.choice(NAMES), choose.choice(sorted(POINTS))
    with platform.strike(f"{name} dies {point}"):
        platform.arm(name, point)
        with contextlib.suppress(TimeoutError):
            await until_struck(platform, name, within_seconds=3)
        platform.crash_file(name).unlink(missing_ok=True)
        await platform.until_ready(name)


async def process_stopped(platform: Stricken, choose: random.Random) -> None:
    """SIGSTOP of a service's process for some seconds."""
    async with standing_still(platform, choose.choice(NAMES)):
        await asyncio.sleep(choose.uniform(2, 12))


async def postgres_killed(platform: Stricken, _: random.Random) -> None:
    """The database server dies with all its processes, and is started again."""
    with platform.strike("SIGKILL of PostgreSQL"):
        await platform.kill_postgres()


async def kafka_killed(platform: Stricken, _: random.Random) -> None:
    """The broker dies, and is started again."""
    with platform.strike("SIGKILL of Kafka"):
        await platform.kill_kafka()


async def kafka_stopped(platform: Stricken, choose: random.Random) -> None:
    """The broker stands still: longer, at times, than what is sent may wait for its answer."""
    seconds, pid = choose.uniform(3, 12), platform.kafka.pid
    assert pid is not None
    with platform.strike(f"SIGSTOP of Kafka for {seconds:.0f} s"):
        _send(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            _send(pid, signal.SIGCONT)


async def simulators_killed(platform: Stricken, _: random.Random) -> None:
    """Gateway, companies and mail server are gone for a moment."""
    with platform.strike("SIGKILL of the simulators"):
        platform.signal("simulators", signal.SIGKILL)
        await asyncio.sleep(0.5)


async def commits_lost(platform: Stricken, choose: random.Random) -> None:
    """COMMITs are done and their answers are lost."""
    with platform.strike("answers of COMMIT lost"):
        for name in NAMES:
            platform.proxies[name].lose_commits(choose.randint(1, 4))
        await asyncio.sleep(3)
        lost = {name: proxy.lost_commits for name, proxy in platform.proxies.items()}
        for proxy in platform.proxies.values():
            proxy.heal()
    platform.tell(f"answers of COMMIT lost so far: {lost}")


async def database_slow(platform: Stricken, choose: random.Random) -> None:
    """Every answer of the database comes later."""
    seconds = choose.uniform(3, 6)
    async with troubled(platform, f"database slower by 50 ms for {seconds:.0f} s", delay_seconds=0.05):
        await asyncio.sleep(seconds)


async def database_throttled(platform: Stricken, choose: random.Random) -> None:
    """Little comes through at a time."""
    seconds = choose.uniform(2, 5)
    async with troubled(platform, f"100 KB/s to the database for {seconds:.0f} s", bytes_per_second=100_000):
        await asyncio.sleep(seconds)


async def database_cut(platform: Stricken, choose: random.Random) -> None:
    """A service cannot reach its database for some seconds."""
    name, seconds = choose.choice(NAMES), choose.uniform(1, 5)
    with platform.strike(f"{name} cut from its database for {seconds:.0f} s"):
        platform.proxies[name].cut()
        await asyncio.sleep(seconds)
        platform.proxies[name].heal()


async def connections_reset(platform: Stricken, _: random.Random) -> None:
    """Every connection to the database is reset."""
    with platform.strike("every connection to the database reset"):
        for proxy in platform.proxies.values():
            proxy.reset()


async def connections_half_closed(platform: Stricken, choose: random.Random) -> None:
    """A service's connections end for it, while its sessions live on in the database with the locks that they hold."""
    name = choose.choice(NAMES)
    with platform.strike(f"half-closed connections of {name}"):
        platform.proxies[name].half_close()


async def worker_joins_and_leaves(platform: Stricken, choose: random.Random) -> None:
    """A second worker joins the group in the middle of the work, and leaves it, in order or not."""
    name = choose.choice(("requests", "payments", "notifications"))
    port = claim_ports(platform.directory / "more-ports.json", "second")["second"]
    way = choose.choice((signal.SIGTERM, signal.SIGKILL))
    with platform.strike(f"a second worker of {name} joins, and leaves by {way.name}"):
        async with another_process(platform, name, "worker", port) as process:
            await asyncio.sleep(choose.uniform(0.5, 2))
            process.send_signal(way)
            await process.wait()


async def gateway_troubled(platform: Stricken, choose: random.Random) -> None:
    """The gateway does something wrong for some seconds."""
    trouble = choose.choice(GATEWAY_TROUBLES)
    with platform.strike(f"gateway: {trouble}"):
        await switch_gateway(platform, **trouble)
        await asyncio.sleep(choose.uniform(2, 4))
        await switch_gateway(platform)


async def deadlocked(platform: Stricken, _: random.Random) -> None:
    """A session takes the locks of a service's transaction in reverse order, and the database ends the service's."""
    with platform.strike("a deadlock in requests"), contextlib.suppress(asyncpg.PostgresError, OSError):
        await deadlock(platform, "requests")


async def statements_failing(platform: Stricken, choose: random.Random) -> None:
    """A third of a service's transactions fail with what the database says of itself."""
    name, state = choose.choice(NAMES), choose.choice(TRANSIENT_STATES)
    with platform.strike(f"SQLSTATE {state} in {name}"):
        async with provoked(platform, name, state):
            await asyncio.sleep(2)


FAULTS: tuple[Fault, ...] = (
    process_killed,
    process_dies_at_a_point,
    process_stopped,
    postgres_killed,
    kafka_killed,
    kafka_stopped,
    simulators_killed,
    commits_lost,
    database_slow,
    database_throttled,
    database_cut,
    connections_reset,
    connections_half_closed,
    worker_joins_and_leaves,
    gateway_troubled,
    deadlocked,
    statements_failing,
)


async def until_struck(platform: Stricken, name: str, *, within_seconds: float) -> None:
    """Until the armed process has come to its point and died. Raises TimeoutError where it does not come there."""
    async with asyncio.timeout(within_seconds):
        while platform.crash_file(name).exists():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def standing_still(platform: Stricken, name: str) -> AsyncIterator[None]:
    """A process stands still, and then goes on as if nothing had been."""
    with platform.strike(f"SIGSTOP of {name}"):
        pid = platform.signal(name, signal.SIGSTOP)
        try:
            yield
        finally:
            if pid is not None:
                _send(pid, signal.SIGCONT)


@asynccontextmanager
async def troubled(platform: Stricken, what: str, **trouble: Any) -> AsyncIterator[None]:
    """Trouble between all services and their databases."""
    with platform.strike(what):
        for proxy in platform.proxies.values():
            for setting, value in trouble.items():
                setattr(proxy, setting, value)
        try:
            yield
        finally:
            for proxy in platform.proxies.values():
                proxy.heal()


async def switch_gateway(platform: Stricken, **switches: Any) -> None:
    """Sets what is to go wrong at the gateway; nothing, without any. One that is just being started again is well."""
    url = f"{platform.endpoints.urls['simulators']}/knet/switches"
    with contextlib.suppress(aiohttp.ClientError):
        async with aiohttp.request("PUT", url, json=switches) as response:
            response.raise_for_status()


@asynccontextmanager
async def provoked(platform: Stricken, name: str, state: str, *, share: float = 0.3) -> AsyncIterator[None]:
    """Transactions of a service fail with an SQLSTATE."""
    await _once_it_works(platform, name, CALM + ";" + PROVOKE.format(state=state, share=share))
    try:
        yield
    finally:
        await _once_it_works(platform, name, CALM)


async def _once_it_works(platform: Stricken, name: str, script: str) -> None:
    """Another fault may strike the database at the same time."""
    while True:
        try:
            session = await platform.superuser(name)
            try:
                return await _execute(session, script)
            finally:
                session.terminate()
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await asyncio.sleep(0.2)


async def _execute(session: "asyncpg.Connection[asyncpg.Record]", script: str) -> None:
    async with session.transaction():
        await session.execute(script)


async def deadlock(platform: Stricken, name: str) -> None:
    """Takes the locks of the service's transactions in reverse order; the service's are the ones that are ended."""
    session = await platform.superuser(name)
    try:
        await session.execute("set deadlock_timeout = '30s'")  # whoever looks first is the one that is ended
        async with session.transaction():
            await session.execute("lock table outbox in share row exclusive mode")
            await _until_a_transaction_waits(session, name)
            await session.execute(f"lock table {name} in exclusive mode")
    finally:
        session.terminate()


async def deadlocks(platform: Stricken, name: str) -> int:
    """How many deadlocks the database has broken so far."""
    session = await platform.superuser(name)
    found = await session.fetchval("select deadlocks from pg_stat_database where datname = current_database()")
    await session.close()
    return int(found)


async def _until_a_transaction_waits(session: "asyncpg.Connection[asyncpg.Record]", table: str) -> None:
    """Until somebody who has locked rows of the table waits for the outbox; not for ever, as nobody may come."""
    waiting = """
        select count(*) from pg_locks w join pg_locks h using (pid)
        where w.relation = 'outbox'::regclass and not w.granted and h.relation = $1::text::regclass and h.granted
          and h.mode = 'RowShareLock'
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5):
            while not await session.fetchval(waiting, table):
                await asyncio.sleep(0.02)


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
