"""What happens to nodes and processes: a drain, a kill, a node whose own processes are started again."""

import asyncio
import time

from deploy.verify.kubernetes.cluster import Refused
from deploy.verify.kubernetes.world import PODS, World, is_ready, seconds_until


async def drain(world: World) -> None:
    """A node is emptied under load, one pod of a role at a time, and taken back."""
    world.scene("a node is drained under load")
    async with world.load():
        began = time.monotonic()
        said = await world.cluster.kubectl(
            "drain", "node-1", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=600s"
        )
        seconds = time.monotonic() - began
        await world.until_settled()
        pods = await world.pods()
        gone = all(pod["spec"]["nodeName"] == "node-2" for pod in pods)
        world.must(
            gone and len(pods) == PODS,
            f"drained after {seconds:.0f} s, {said.count('evicting')} evictions asked for; {await world.count()}",
        )
    world.saw(await _second_is_refused(world))
    await world.cluster.kubectl("uncordon", "node-1")
    await world.audit()


async def _second_is_refused(world: World) -> str:
    """While one pod of a role is away, the budget lets no other go."""
    victim, other = (
        pod["metadata"]["name"] for pod in await world.pods("afaq/role=api,app.kubernetes.io/component=payments")
    )
    answers = []
    for name in (victim, other):
        eviction = f'{{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {{"name": "{name}"}}}}'
        try:
            await world.cluster.kubectl(
                "create", "--raw", f"/api/v1/namespaces/afaq/pods/{name}/eviction", "-f", "-", given=eviction
            )
            answers.append("one goes")
        except Refused as refused:
            answers.append("the other may not" if "disruption budget" in str(refused) else str(refused))
    world.must(
        answers == ["one goes", "the other may not"], f"two evictions from payments' api at once: {', '.join(answers)}"
    )
    await world.until_settled()
    return await world.count()


async def kill(world: World) -> None:
    """SIGKILL to the processes of two pods: what was not committed is done again."""
    world.scene("kill -9 of an api's and a worker's process under load")
    api = (await world.pods("afaq/role=api,app.kubernetes.io/component=requests"))[0]["metadata"]["name"]
    for name in (api, "afaq-requests-worker-0"):
        async with world.load(may_fail=True):
            await _kill(world, name)
            seconds = await seconds_until(lambda name=name: _is_back(world, name), within=120)
            world.saw(f"{name}: ready again after {seconds:.0f} s")
    await world.audit()


async def _kill(world: World, name: str) -> None:
    """From outside, as the kernel does it: in its own namespace a first process cannot be killed."""
    pod = (await world.cluster.get("pod", name))[0]
    container = pod["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2]
    await world.cluster.on_node("kill", pod["spec"]["nodeName"], container)


async def _is_back(world: World, name: str) -> bool:
    pod = (await world.cluster.get("pod", name))[0]
    return is_ready(pod) and pod["status"]["containerStatuses"][0]["restartCount"] > 0


async def restart_node(world: World) -> None:
    """The kubelet and the container runtime of the node with everything outside are killed and started; pods run on."""
    world.scene("a node's own processes killed and started again under load")
    async with world.load():
        await world.cluster.on_node("restart", "node-2")
        await asyncio.sleep(20)
        await world.cluster.kubectl("wait", "node/node-2", "--for=condition=Ready", "--timeout=60s")
        await world.until_settled()
        world.saw(await world.count())
    await world.audit()
