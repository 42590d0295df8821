"""python -m deploy.verify.recovery archive|stream: loses a database cluster under load, restores it, and measures it.

On a stack of its own people renew licences after a base backup, while the write-ahead log is archived every ten
seconds, or streamed. Then PostgreSQL is killed and its files are removed. Restored is what the archive has; each
service takes back what it has published since. Printed is what was acknowledged and is not there, before and after
that, how long each part took, and what the auditor finds.
"""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import aiohttp
import asyncpg

from afaq.demo.acts import pay, until_fulfilled
from afaq.demo.client import Api
from afaq.demo.people import SyntheticPerson, synthetic_people
from afaq.local.errors import StackError
from afaq.local.unprivileged import remove_with_substitute
from afaq.services import NAMES
from tests.conftest import RunningStack
from tests.resilience.audit import violations
from tests.resilience.disaster import Site, streaming
from tests.resilience.test_disaster import admin
from tests.support import a_person, submit

PEOPLE, AT_ONCE, LOAD_SECONDS = 1500, 8, 45.0
SUBMISSION = {"service_id": "driving-licence-renewal", "form": {"delivery": "digital"}}
AWAY = (aiohttp.ClientError, StackError, TimeoutError, OSError)


class Load:
    """People who renew their licences until they are told to stop, or nothing answers them any more."""

    def __init__(self, api: Api, people: list[SyntheticPerson]) -> None:
        self._api = api
        self._people = people
        self.acknowledged: list[str] = []
        self.fulfilled: list[str] = []
        self.met: Counter[str] = Counter()

    async def run(self) -> None:
        """Ends when nobody is left, or everybody has met an error."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(self._one_after_the_other())

    async def _one_after_the_other(self) -> None:
        try:
            while self._people:
                token = await self._api.sign_in(civil_id=self._people.pop().civil_id)
                request = await self._api.post("requests", "/requests", SUBMISSION, token)
                self.acknowledged.append(request["id"])
                await pay(self._api, request["payment_id"], token, lambda _: None)
                await until_fulfilled(self._api, request["id"], token)
                self.fulfilled.append(request["id"])
        except AWAY as error:  # at the disaster, as it should be; the report shows who met it, and with what
            self.met[type(error).__name__] += 1


@contextmanager
def timed(part: str) -> Iterator[None]:
    """Prints how long a part has taken."""
    began = time.monotonic()
    yield
    print(f"{time.monotonic() - began:8.1f} s  {part}", flush=True)


async def main(mode: str) -> None:
    """Measures, and prints."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder) / "stack")
        try:
            await site.prepare()
            load = await _until_the_disaster(site, mode)
            await _recover(site, load)
        finally:
            remove_with_substitute(site.folder / "postgres")


async def _until_the_disaster(site: Site, mode: str) -> Load:
    async with site.running() as platform, contextlib.AsyncExitStack() as archived:
        await _open_desk(platform)
        people = await _registered(platform)
        site.back_up(admin(platform))
        if mode == "stream":
            await archived.enter_async_context(streaming(site, admin(platform)))
        load = Load(platform.api, people)
        running = asyncio.create_task(load.run())
        await asyncio.sleep(LOAD_SECONDS)
        _kill(platform)
        site.destroy()
        print(f"after {LOAD_SECONDS:.0f} s of load the database cluster is gone")
        await running
    print(f"{len(load.acknowledged)} requests were acknowledged, {len(load.fulfilled)} of them fulfilled")
    print(f"people met: {', '.join(f'{times} x {error}' for error, times in load.met.items()) or 'nothing'}")
    return load


def _kill(platform: RunningStack) -> None:
    postgres = platform.stack._postgres  # noqa: SLF001 nobody else has the process
    assert postgres is not None and postgres.pid is not None
    os.kill(postgres.pid, signal.SIGKILL)


async def _open_desk(platform: RunningStack) -> None:
    desk = {"automatic": True, "agency": "moi-traffic", "delay_seconds": 0.0, "reject_every": 0}
    async with aiohttp.request("PUT", f"{platform.endpoints.urls['simulators']}/agency/switches", json=desk) as done:
        done.raise_for_status()


async def _registered(platform: RunningStack) -> list[SyntheticPerson]:
    now = datetime.now(UTC)
    people = synthetic_people(PEOPLE, today=now.date(), now=now.isoformat())
    registrar = await platform.api.sign_in(role="registrar")
    for start in range(0, len(people), AT_ONCE):
        some = people[start : start + AT_ONCE]
        await asyncio.gather(*(platform.api.post("identity", "/persons", one.form, registrar) for one in some))
    await asyncio.sleep(5)  # until the other services know of them
    return people


async def _recover(site: Site, load: Load) -> None:
    began = time.monotonic()
    with timed("copy the base backup, replay the archive"):
        await site.restore(None)
    with timed("start the servers"):
        servers = site.servers()
        await servers.__aenter__()
    print(f"not in the restored database: {await _missing(site, load)} acknowledged requests")
    with timed("afaq doctor"):
        _, said = await site.afaq("doctor")
    print("\n".join(line for line in said.splitlines() if "log has not" in line))
    for name in NAMES:
        with timed(f"afaq replay recover {name}"):
            code, said = await site.afaq("replay", "recover", name, "--yes")
        print(said.splitlines()[-1] if code == 0 else said)
    print(f"not there after what was published is taken back: {await _missing(site, load)} acknowledged requests")
    await servers.__aexit__(None, None, None)
    with timed("start servers and services"):
        running = site.running()
        platform = await running.__aenter__()
    await _open_desk(platform)  # the simulators have forgotten it
    with timed("the first renewal"):
        newcomer = await a_person(platform.api)
        request = await submit(platform.api, newcomer)
        await pay(platform.api, request["payment_id"], newcomer.token, lambda _: None)
        await until_fulfilled(platform.api, request["id"], newcomer.token)
    print(f"recovered after {time.monotonic() - began:.1f} s")
    found = await violations(platform, *({"id": id} for id in load.acknowledged))
    print(f"the auditor finds {len(found)} violations")
    print("\n".join(found[:20]))
    await running.__aexit__(None, None, None)


async def _missing(site: Site, load: Load) -> int:
    connection = await asyncpg.connect(site.environment()["AFAQ_REQUESTS_POSTGRES_DSN"])
    wanted = [UUID(id) for id in load.acknowledged]
    there = await connection.fetchval("select count(*) from requests where id = any($1::uuid[])", wanted)
    await connection.close()
    return len(wanted) - int(there)


if __name__ == "__main__":
    if sys.argv[1:] not in (["archive"], ["stream"]):
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1]))
