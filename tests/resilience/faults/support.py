"""Load around a fault, and what has to hold once it is over."""

from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

import asyncpg

from afaq.audit import audit
from afaq.audit.outside import Deployment
from afaq.services import NAMES, functions_of
from shared.kernel.clock import the_clock
from shared.messaging.brokers import Brokers
from shared.store.keyring import KeyRing
from shared.store.pool import open_pool
from shared.store.shell import Shell
from tests.resilience.faults.load import Load
from tests.resilience.faults.stricken import Stricken, until_quiet

PATIENCE_SECONDS = 240
"""How long a recovery really takes is printed; this is only when nobody waits any longer."""


@asynccontextmanager
async def under_load(platform: Stricken, name: str, *, per_second: float = 3) -> AsyncIterator[Load]:
    """People come all the while; afterwards everybody has what they were promised, and the platform is sound."""
    async with Load(platform, per_second=per_second, name=name) as load:
        await load.until_one_more()
        yield load
        await load.all_done(within_seconds=PATIENCE_SECONDS)
    load.report()
    await assert_clean(platform)


async def assert_clean(platform: Stricken) -> None:
    """Nothing is left to do, nothing is parked, and the auditor finds nothing that what was done has broken."""
    await until_quiet(platform, within_seconds=PATIENCE_SECONDS)
    async with AsyncExitStack() as opened:
        shells = {name: await opened.enter_async_context(_shell(platform, name)) for name in NAMES}
        audited = await audit(
            shells,
            Deployment(Brokers(bootstrap=platform.endpoints.kafka), platform.endpoints.urls["simulators"]),
            acknowledged=frozenset(UUID(id) for id in platform.acknowledged),
            patience_seconds=5 if platform.strangers else 20,  # what strangers have put there stays wrong
        )
    print(f"audited in {audited.seconds:.1f} s: {len(platform.acknowledged)} acknowledged, {audited.looks} looks")
    wrong = [found for found in audited.violations if not any(stranger in found for stranger in platform.strangers)]
    assert wrong == []
    assert await parked(platform) == []


async def parked(platform: Stricken) -> list[str]:
    """What waits for a person, but for what a test has made wait."""
    found = []
    for name in NAMES:
        connection = await asyncpg.connect(platform.endpoints.dsns[name].app)
        rows = await connection.fetch("select name, key, reason, error from jobs where state = 'parked'")
        await connection.close()
        found += [f"{name}: {row['name']} {row['key']} {row['reason']} {row['error']}" for row in rows]
    return [what for what in found if not any(stranger in what for stranger in platform.strangers)]


@asynccontextmanager
async def _shell(platform: Stricken, name: str) -> AsyncIterator[Shell]:
    key = b64decode(platform.stack.environments[name][f"AFAQ_{name.upper()}_MASTER_KEY"])
    pool = await open_pool(platform.endpoints.dsns[name].app, application=f"afaq-tests-{name}", size=4)
    try:
        yield await Shell.open(functions_of(name), pool, KeyRing(key), the_clock())
    finally:
        await pool.close()
