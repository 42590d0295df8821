"""More workers and fewer, by a release and by the lag of their group (KEDA): nothing is lost or doubled."""

import asyncio
import time

import yaml

from deploy.verify.kubernetes.cluster import alias
from deploy.verify.kubernetes.world import World, is_ready, seconds_until

SCALED = "afaq-requests-worker"
BURST_PER_SECOND, BURST_SECONDS = 6.0, 150
PROGRAMS = {"keda-operator": "/keda", "keda-metrics-apiserver": "/keda-adapter"}
AUTOSCALING = "services.requests.worker.autoscaling"
CPU = "services.requests.worker.resources.limits.cpu=100m"
"""With so little one worker is behind by more than four messages for each of four workers; four are not."""


async def more_workers(world: World) -> None:
    """One worker of requests, four, and one again, by releases: the group's partitions go to and fro under load."""
    world.scene("workers of requests from one to four and back under load")
    async with world.load():
        seconds = await world.cluster.helm("upgrade", "--set=services.requests.worker.replicas=4")
        world.must(await _has(world, 4), f"four workers are ready after {seconds:.0f} s")
        await asyncio.sleep(15)
        seconds = await world.cluster.helm("rollback")
        await world.until_settled()
        world.must(await _has(world, 1), f"one worker after {seconds:.0f} s")
    await world.audit()


async def scale_by_cpu(world: World) -> None:
    """The number of requests' apis is handed over to a HorizontalPodAutoscaler: two, four under load, two again."""
    world.scene("apis by CPU")
    kept = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "afaq-requests-api"}}
    await world.cluster.apply(kept | {"spec": {"replicas": 2}}, manager="handover")
    async with world.load():
        values = "services.requests.api.autoscaling"
        await world.cluster.helm("upgrade", f"--set={values}.enabled=true,{values}.maxReplicas=4")
        seconds = await seconds_until(lambda: _apis(world, 4), within=240)
        world.saw(f"four apis are ready {seconds:.0f} s after the release that leaves it to the autoscaler")
    seconds = await seconds_until(lambda: _apis(world, 2), within=300)
    world.saw(f"two again {seconds:.0f} s after the load")
    await world.cluster.helm("rollback")
    await world.until_settled()
    world.must(await _apis(world, 2), "two after the rollback to a number of the release's own")
    await world.audit()


async def _apis(world: World, count: int) -> bool:
    pods = await world.pods("afaq/role=api,app.kubernetes.io/component=requests")
    return len(pods) == count and all(map(is_ready, pods))


async def scale_by_lag(world: World) -> None:
    """One worker of requests, a burst that one cannot keep up with, four workers, and one again."""
    world.scene("workers by lag")
    await _bring_keda(world)
    limits = f"{AUTOSCALING}.minReplicas=1,{AUTOSCALING}.maxReplicas=4,{AUTOSCALING}.lag=4"
    await world.cluster.helm("upgrade", f"--set={AUTOSCALING}.enabled=true,{limits},{CPU}")
    await seconds_until(lambda: _has(world, 1), within=300)
    began = time.monotonic()
    seen = list[tuple[float, int]]()
    watching = asyncio.create_task(_watch(world, began, seen))
    async with world.load(BURST_PER_SECOND):
        await asyncio.sleep(BURST_SECONDS)
    await seconds_until(lambda: _has(world, 1), within=600)
    watching.cancel()
    counts = [count for _, count in seen]
    course = ", ".join(f"{count} after {seconds:.0f} s" for seconds, count in seen)
    world.must(max(counts) == 4 and counts[0] == 1, f"workers of requests: {course}")
    await world.cluster.helm("rollback")
    await world.until_settled()
    await world.audit()


async def _watch(world: World, began: float, seen: list[tuple[float, int]]) -> None:
    """Notes each change of how many workers there are, and after how many seconds."""
    while True:
        count = await _ready_workers(world)
        if not seen or seen[-1][1] != count:
            seen.append((time.monotonic() - began, count))
        await asyncio.sleep(1)


async def _ready_workers(world: World) -> int:
    return int((await world.cluster.get("statefulset", SCALED))[0]["status"].get("readyReplicas", 0))


async def _has(world: World, count: int) -> bool:
    return await _ready_workers(world) == count


async def _bring_keda(world: World) -> None:
    """KEDA as its project deploys it, of the image that is here, without its webhook."""
    text = (world.cluster.directory / "keda.yaml").read_text()
    objects = [found for found in yaml.safe_load_all(text) if found and "webhook" not in str(found["metadata"]).lower()]
    for deployment in (found for found in objects if found["kind"] == "Deployment"):
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        container |= {"image": "localhost/afaq-verify/system:1", "imagePullPolicy": "IfNotPresent"}
        container["command"] = [PROGRAMS[deployment["metadata"]["name"]]]
        container["securityContext"]["runAsUser"] = 1000
    await world.cluster.apply(*objects)
    await world.cluster.apply(alias("keda", "kafka-1", "outside"))
    for name in PROGRAMS:
        await world.cluster.kubectl("rollout", "status", f"deployment/{name}", "-n", "keda", "--timeout=300s")
