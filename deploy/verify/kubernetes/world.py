"""What the scenes share: the cluster, the people who load it, and what was seen."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from afaq.demo.birth import be_born, register_parents
from afaq.demo.client import Api
from afaq.demo.people import the_parents
from deploy.verify.kubernetes.cluster import ByService, Cluster, Refused, bring_outside
from deploy.verify.kubernetes.load import Load, gather_people, session_of

RENEWALS_PER_SECOND = 2.0
PODS = 12
"""Of the release: two for each api, a worker each."""


@dataclass
class World:
    """`accepted`: every request that was ever promised. `wrong`: what was not as it should be."""

    cluster: Cluster
    accepted: dict[str, bool] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    _people: Sequence[str] = ()
    _births: int = 0

    async def begin(self, release: str) -> None:
        """Everything outside of the chart anew, as it is for this release of it, and nobody known there."""
        began = time.monotonic()
        await bring_outside(self.cluster, release)
        self.accepted, self._people, self._births = {}, (), 0
        self.saw(f"databases, broker, bucket and simulators are ready after {time.monotonic() - began:.0f} s")

    def scene(self, name: str) -> None:
        """What begins."""
        print(f"\n== {name}", flush=True)

    def saw(self, what: str) -> None:
        """A line for whoever reads."""
        print(f"   {what}", flush=True)

    def must(self, holds: object, what: str) -> None:
        """The same for what has to be so; the other scenes go on where it is not."""
        if holds:
            self.saw(what)
        else:
            self.failed(what)

    def failed(self, what: str) -> None:
        """What should have been and was not."""
        self.saw(f"NOT: {what}")
        self.wrong.append(what)

    @asynccontextmanager
    async def load(self, per_second: float = RENEWALS_PER_SECOND, *, may_fail: bool = False) -> AsyncIterator[Load]:
        """Renewals while the body runs, by the addresses of the Services; then what became of them."""
        urls, names = await self.cluster.urls(), await ByService.of(self.cluster)
        self._people = self._people or await gather_people(urls, names)
        load = Load(urls, names, self._people, per_second=per_second)
        try:
            async with load:
                await asyncio.sleep(5)  # so that what happens next happens under load
                yield load
                await asyncio.sleep(5)
        finally:
            self.accepted |= load.accepted
        self.must((may_fail or not load.failed) and not load.unfulfilled, str(load))

    async def birth(self) -> None:
        """A birth with what follows it, by inbox, short message and mail."""
        urls, names, people = await self.cluster.urls(), await ByService.of(self.cluster), the_parents(self._births)
        self._births += 1
        urls["simulators"] = (
            f"http://{names.addresses['simulators']}:8090"  # what the birth calls resolves no names of ours
        )
        async with session_of(names) as session:
            api = Api(urls, session)
            told = await be_born(api, urls, await register_parents(api, people), people, lambda text: None)
        channels = sorted({message.channel.partition(" by ")[0] for message in told})
        self.must(channels == ["SMS", "inbox", "mail"], f"a birth: {len(told)} messages by {', '.join(channels)}")

    async def audit(self) -> None:
        """Nothing lost, nothing doubled, in all that ever was."""
        try:
            said = await self.cluster.audited(self.accepted)
        except Refused as refused:
            self.failed(f"the audit is clean: {refused}")
        else:
            counted = next((line for line in said.splitlines() if "acknowledged" in line), said)
            self.saw(f"audit clean; {' '.join(counted.replace('│', ' ').split())}")

    async def pods(self, selector: str = "app.kubernetes.io/name=afaq") -> list[Any]:
        """The pods that are there, or should be; not those that are on their way out."""
        found = await self.cluster.get("pods", "-l", selector)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    async def until_settled(self, seconds: float = 300) -> None:
        """Until all pods that should be there are ready, and none is more."""
        for kind in ("deployment", "statefulset"):
            for made in await self.cluster.get(kind):
                name = f"{kind}/{made['metadata']['name']}"
                await self.cluster.kubectl("rollout", "status", name, f"--timeout={seconds:.0f}s")

    async def count(self) -> str:
        """How many pods are how, for whoever reads."""
        pods = await self.pods()
        ready = sum(is_ready(pod) for pod in pods)
        restarts = sum(status["restartCount"] for pod in pods for status in pod["status"].get("containerStatuses", ()))
        places = sorted({pod["spec"].get("nodeName", "nowhere") for pod in pods})
        return f"{ready} of {len(pods)} pods ready on {' and '.join(places)}, {restarts} restarts"


def is_ready(pod: Any) -> bool:
    """Whether it says so itself."""
    conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", ())}
    return conditions.get("Ready") == "True"


async def seconds_until(condition: Any, *, within: float) -> float:
    """How long it takes until the awaited condition holds. Raises TimeoutError where it does not."""
    began = time.monotonic()
    async with asyncio.timeout(within):
        while not await condition():
            await asyncio.sleep(0.5)
    return time.monotonic() - began
