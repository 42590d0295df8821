"""Releases under load: the first, the next, the way back, and those that are bad."""

import yaml

from deploy.verify.kubernetes.cluster import CHART, Refused
from deploy.verify.kubernetes.world import PODS, World, is_ready

VALUES = CHART.parent / "values"
TRIED = ("apply", "-n", "stranger", "--server-side", "--dry-run=server", "-f", "-")
BROKEN = (
    ("a port that there is not", "containerPort: 8080", "containerPort: 99999"),
    ("no way to roll out", "maxUnavailable: 0, maxSurge: 1", "maxUnavailable: 0, maxSurge: 0"),
    ("what Prometheus cannot scrape by", "interval: 15s", "interval: 5 apples"),
)
ROOT_POD = """{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "root"},
 "spec": {"containers": [{"name": "root", "image": "root"}]}}"""


async def install(world: World) -> None:
    """`helm install` in a namespace that enforces the profile `restricted`."""
    world.scene("install, with every pod under the profile restricted")
    await world.begin("1")
    seconds = await world.cluster.helm("install")
    pods = await world.pods()
    world.must(len(pods) == PODS and all(map(is_ready, pods)), f"helm install: {seconds:.0f} s; {await world.count()}")
    await _is_restricted(world)


async def journeys(world: World) -> None:
    """A birth with what follows it, by inbox, short message and mail; then renewals."""
    world.scene("a birth, and renewals")
    await world.birth()
    async with world.load():
        pass
    await world.audit()
    world.saw(_last_line(await world.cluster.execute("operator", "afaq", "doctor", namespace="outside")))


async def _is_restricted(world: World) -> None:
    said = await _refusal(world, "apply", "--dry-run=server", "-f", "-", given=ROOT_POD)
    world.must("runAsNonRoot" in said, "a pod that may run as root is refused")
    said = await _refusal(world, "exec", "afaq-requests-worker-0", "--", "touch", "/opt/afaq/written")
    world.must("Read-only file system" in said, "a process cannot write to its file system")
    said = await world.cluster.execute("afaq-requests-worker-0", "sh", "-c", "id -u; ls -d /var/run/secrets/* || true")
    world.must(said.split() == ["10001"], "it is user 10001, and has no token of the cluster")


async def _refusal(world: World, *arguments: str, given: str = "") -> str:
    try:
        return f"not refused: {await world.cluster.kubectl(*arguments, given=given)}"
    except Refused as refused:
        return str(refused)


async def upgrade_and_back(world: World) -> None:
    """All pods are replaced by those of another image, and then by the first again, while people renew licences."""
    world.scene("upgrade of every pod under load, and back")
    async with world.load():
        seconds = await world.cluster.helm("upgrade", "--set-string=image.tag=2")
        world.must(await images(world) == {"2"}, f"helm upgrade: {seconds:.0f} s; {await world.count()}")
    async with world.load():
        seconds = await world.cluster.helm("rollback")
        world.must(await images(world) == {"1"}, f"helm rollback: {seconds:.0f} s; {await world.count()}")
    await world.audit()


async def images(world: World) -> set[str]:
    """The tags of the images that the pods are of."""
    return {pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in await world.pods()}


async def bad_releases(world: World) -> None:
    """An image that there is not, and a setting with which no process starts: what runs goes on."""
    world.scene("a release whose image there is not")
    async with world.load():
        await _fails(world, "--set=image.tag=missing", wait_seconds=40)
        world.must(await _serving(world) == PODS, f"{await _serving(world)} pods of the last release serve")
    world.scene("a release whose processes end at once, under --rollback-on-failure")
    async with world.load():
        await _fails(world, "--set=services.requests.env.PUBLIC_URL=nonsense", "--rollback-on-failure", wait_seconds=60)
        await world.until_settled()
        world.must(await _serving(world) == PODS, f"{await _serving(world)} pods serve; {await world.count()}")
    world.scene("a release whose processes end at once, taken back by hand")
    async with world.load():
        await _fails(world, "--set=services.requests.env.PUBLIC_URL=nonsense", wait_seconds=60)
        world.saw(f"held: {await world.count()}")
        seconds = await world.cluster.helm("rollback")
        await world.until_settled()
        world.must(await _serving(world) == PODS, f"helm rollback: {seconds:.0f} s; {await world.count()}")
    await world.audit()


async def _fails(world: World, *arguments: str, wait_seconds: int) -> None:
    try:
        await world.cluster.helm("upgrade", *arguments, wait_seconds=wait_seconds)
    except Refused as refused:
        world.saw(f"helm upgrade {arguments[-1]}: {_last_line(str(refused))[:300]}")
    else:
        world.failed("the release fails")


async def _serving(world: World) -> int:
    pods = await world.pods("app.kubernetes.io/name=afaq,afaq/role in (api,worker)")
    return sum(is_ready(pod) for pod in pods)


def _last_line(said: str) -> str:
    return said.strip().splitlines()[-1]


async def refusals(world: World) -> None:
    """The server takes the chart with everything optional; what it refuses shows that its taking means something."""
    world.scene("what the server takes, and refuses")
    for name in ("prometheus.yaml", "keda.yaml"):
        objects = yaml.safe_load_all((world.cluster.directory / name).read_text())
        await world.cluster.apply(
            *(found for found in objects if found and found["kind"] == "CustomResourceDefinition")
        )
    files = [part for name in ("external", "operators") for part in ("-f", str(VALUES / f"{name}.yaml"))]
    rendered = await world.cluster.run("helm", "template", "afaq", CHART, "-n", "stranger", *files)
    took = await world.cluster.kubectl(*TRIED, given=rendered)
    world.saw(f"everything optional: {len(took.splitlines())} objects taken")
    for what, sound, broken in BROKEN:
        assert sound in rendered
        said = await _refusal(world, *TRIED, given=rendered.replace(sound, broken))
        world.must("nvalid" in said, f"refused: {what}")
