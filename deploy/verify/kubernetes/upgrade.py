"""From the last release to this one, back, and on again, under load, in the order of docs/operations/upgrades.md."""

import json
import re
import time

from afaq.demo.client import Api
from afaq.services import NAMES
from deploy.verify.kubernetes.cluster import ByService, give_access
from deploy.verify.kubernetes.load import session_of
from deploy.verify.kubernetes.releases import images
from deploy.verify.kubernetes.world import World

LAST, THIS = "last", "1"
NEW_IN_THIS = "residency-renewal"
"""A service whose newest version has words that the last release does not know."""
CONTRACTS = "0007_drop_life_event_bindings"
"""A migration that takes away."""
WAITS = json.dumps(
    {
        "spec": {
            "template": {
                "spec": {"containers": [{"name": "afaq", "lifecycle": {"preStop": {"sleep": {"seconds": 3}}}}]}
            }
        }
    }
)
"""What the last release's api does not do by itself: it answers until no proxy sends it anything. It also ends with the
connections that are kept to it, whatever is on its way: so none are kept while it is replaced."""


async def upgrade_from_last_release(world: World) -> None:
    """Real migrations: expand, roll, look, back, and forward; publish; contract. Nobody is to notice any of it."""
    world.scene("from the last release to this one, back, and on again, under load")
    await world.begin(LAST)
    await world.cluster.helm("install", *_of(LAST))
    for name in NAMES:
        await world.cluster.kubectl("patch", "deployment", f"afaq-{name}-api", "-p", WAITS)
    await world.until_settled()
    world.must(await images(world) == {LAST}, f"the last release: {await world.count()}")
    await world.birth()
    began = time.monotonic()
    async with world.load(keeps=False):
        await give_access(world.cluster, THIS)
        await _roll(world, "expanded and rolled")
    async with world.load():
        seconds = await world.cluster.helm("rollback")
        world.must(await images(world) == {LAST}, f"helm rollback: {seconds:.0f} s; {await _looked(world)}")
        await world.birth()
    async with world.load(keeps=False):
        await _roll(world, "forward again")
    async with world.load():
        seconds = await world.cluster.helm("upgrade")
        world.must(await _offered(world) == 2, f"published: {seconds:.0f} s; {await _looked(world)}")
        said = await _contract(world)
        world.must(CONTRACTS in said, f"contracted: {said}")
        await world.birth()
    world.saw(f"{time.monotonic() - began:.0f} s in all")
    await world.audit()


async def _roll(world: World, what: str) -> None:
    """This release's processes in the place of the last one's; nothing is offered yet that those could not read."""
    seconds = await world.cluster.helm("upgrade", *_of(THIS))
    world.must(await images(world) == {THIS}, f"{what}: {seconds:.0f} s; {await _looked(world)}")
    offered = await _offered(world)
    world.must(offered == 1, f"{NEW_IN_THIS} is offered in version {offered}")
    await world.birth()


def _of(release: str) -> tuple[str, str]:
    """This release, or the last, which publishes nothing that the last does not know."""
    return f"--set-string=image.tag={release}", "--set-string=services.requests.env.PUBLISHES_SEED=false"


async def _looked(world: World) -> str:
    """What operators see: pods, and what could not be processed, of which there has to be nothing."""
    said = [
        await world.cluster.execute("operator", "afaq", "parked", "list", name, namespace="outside") for name in NAMES
    ]
    parked = [table for name, table in zip(NAMES, said, strict=True) if f"parked in {name}: 0" not in table]
    world.must(not parked, "\n".join(parked) or "nothing is parked")
    return await world.count()


async def _offered(world: World) -> int:
    """The version in which people are offered what is new."""
    async with session_of(await ByService.of(world.cluster)) as session:
        offered = await Api(await world.cluster.urls(), session).get("requests", "/catalogue")
    return next((int(service["version"]) for service in offered if service["id"] == NEW_IN_THIS), 0)


async def _contract(world: World) -> str:
    """The migrations' Jobs by hand, told to take away as well."""
    hooks = await world.cluster.run("helm", "get", "hooks", "afaq", "-n", "afaq")
    told = re.sub(r'(args: \["migrate".*)\]', r'\1,"--contract"]', hooks)
    those = ("-l", "afaq/role=migrate")
    await world.cluster.kubectl("apply", *those, "-f", "-", given=told)
    await world.cluster.kubectl("wait", "job", *those, "--for=condition=Complete", "--timeout=300s")
    said = await world.cluster.kubectl("logs", *those)
    await world.cluster.kubectl("delete", "job", *those)
    return said.strip().replace("\n", "; ")
