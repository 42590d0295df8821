"""A real Prometheus looks at a running platform: what dashboards, alerts and the status page then know of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from afaq.local.ports import claim_ports
from afaq.services import NAMES
from afaq.status.asked import look
from afaq.status.journeys import State, journeys
from deploy.observability.dashboards import FOLDER
from tests.conftest import RunningStack
from tests.deploy.chart import CHART, tool
from tests.deploy.queries import queries
from tests.support import a_person, approve, pay, submit, until_status

SCRAPE_SECONDS = 1
COUNTED_SECONDS = 45
"""What waits in the databases is counted every twenty seconds."""
NOT_TOLD_HERE = (
    *("afaq_circuit_open", "afaq_consumer_paused", 'state="parked"', 'status="503"'),
    *("payments.payment.expired", "payments.refund.made", "afaq_message_seconds", "afaq_ledger_fils"),
)
"""What these tell of has not happened here; and of the ledger only what is a minute old is told."""


@asynccontextmanager
async def prometheus(platform: RunningStack, folder: Path) -> AsyncIterator[str]:
    """Its address, once it has seen every service."""
    scraped = [
        {"job_name": name, "static_configs": [{"targets": [platform.endpoints.urls[name].removeprefix("http://")]}]}
        for name in NAMES
    ]
    told = {
        "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{SCRAPE_SECONDS}s"},
        "rule_files": [str(CHART / "alerts.yaml")],
        "scrape_configs": scraped,
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(told))
    listens = f"127.0.0.1:{claim_ports(folder / 'ports', 'prometheus')['prometheus']}"
    files = (f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'series'}")
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            tool("prometheus"), *files, f"--web.listen-address={listens}", stdout=log, stderr=log
        )
        try:
            async with asyncio.timeout(30):
                while await values(f"http://{listens}", "sum(up)") != [float(len(NAMES))]:
                    await asyncio.sleep(0.3)
            yield f"http://{listens}"
        finally:
            process.terminate()
            await process.wait()


async def asked(address: str, path: str, **parameters: str) -> Any:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{address}/api/v1/{path}", params=parameters) as response,
    ):
        said = await response.json()
    assert said["status"] == "success", said
    return said["data"]


async def values(address: str, query: str) -> list[float]:
    try:
        found = await asked(address, "query", query=query)
    except aiohttp.ClientConnectionError:  # it has just begun
        return []
    return [float(series["value"][1]) for series in found["result"]]


async def renew(platform: RunningStack, *, is_left_to_an_officer: bool = False) -> None:
    person = await a_person(platform.api)
    request = await submit(platform.api, person)
    await pay(platform.api, person, request)
    if is_left_to_an_officer:
        return
    await approve(platform.api, request)
    await until_status(platform.api, person, request, "fulfilled")
    await asyncio.sleep(2 * SCRAPE_SECONDS)


async def test_prometheus_knows_how_people_fare(platform: RunningStack, tmp_path: Path) -> None:
    addresses = {name: platform.endpoints.urls[name] for name in NAMES}
    async with prometheus(platform, tmp_path) as address:
        for _ in range(2):  # what is counted for the first time has not grown yet
            await renew(platform)
        await renew(platform, is_left_to_an_officer=True)

        found = await look(journeys(), addresses, address, datetime.now(UTC))
        assert found.states == {journey.id: State.WORKS for journey in journeys()}
        for journey in journeys():
            assert journey.share is None or await values(address, journey.share) == [1.0], journey.id

        away = await look(journeys(), {**addresses, "payments": "http://127.0.0.1:9"}, address, datetime.now(UTC))
        assert {id for id, state in away.states.items() if state is State.DOWN} == {"pay"}

        silent = {query for board in FOLDER.glob("*.json") for query in queries(board)}
        silent = {query for query in silent if not any(part in query for part in NOT_TOLD_HERE)}
        for _ in range(COUNTED_SECONDS):
            silent = {query for query in silent if not await values(address, query)}
            await asyncio.sleep(SCRAPE_SECONDS if silent else 0)
        assert silent == set()

        rules = [rule for group in (await asked(address, "rules"))["groups"] for rule in group["rules"]]
        assert {rule["health"] for rule in rules} == {"ok"}
        assert (await asked(address, "alerts"))["alerts"] == []
    unseen = await look(journeys(), addresses, address, datetime.now(UTC))
    assert set(unseen.states.values()) == {State.UNKNOWN}
