"""Who reaches whom: each wall is tried, and tried again once it has been taken away, to see that it was the wall."""

import json
from collections.abc import Mapping

from deploy.verify.kubernetes.cluster import Object
from deploy.verify.kubernetes.world import World, is_ready, seconds_until

PROBE = """
import json, socket, sys
def reaches(place):
    try:
        socket.create_connection(place.split(":"), timeout=3).close()
    except OSError:
        return False
    return True
print(json.dumps({place: reaches(place) for place in sys.argv[1:]}))
"""
DATABASES = ("requests-db:5432", "payments-db:5432")
BROKER, API, WORKER = (
    "kafka-1:9094",
    "afaq-requests-api.afaq:80",
    "afaq-requests-worker-0.afaq-requests-worker.afaq:8080",
)
STRANGER: Object = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "stranger", "namespace": "stranger"},
    "spec": {
        "containers": [{"name": "afaq", "image": "localhost/afaq-verify/afaq:1", "command": ["sleep", "infinity"]}],
    },
}


async def walls(world: World) -> None:
    """With the chart's policies, without them, and with them again."""
    world.scene("network policies")
    await world.cluster.apply(STRANGER)
    await world.cluster.kubectl("wait", "-n", "stranger", "pod/stranger", "--for=condition=Ready", "--timeout=60s")
    kept = {
        "requests' api": {"requests-db:5432": True, "payments-db:5432": False, BROKER: False},
        "requests' worker": {"requests-db:5432": True, "payments-db:5432": False, BROKER: True},
        "a stranger": {API: False, WORKER: False},
    }
    world.must(await _reached(world) == kept, f"with them: {_said(kept)}")
    await world.cluster.helm("upgrade", "--set=networkPolicy.enabled=false")
    torn = {who: dict.fromkeys(places, True) for who, places in kept.items()}

    async def all_is_reached() -> bool:
        return await _reached(world) == torn

    await seconds_until(all_is_reached, within=60)
    world.saw("without them (networkPolicy.enabled=false) all of these are reached")
    await world.cluster.helm("rollback")

    async def walls_stand() -> bool:
        return await _reached(world) == kept

    seconds = await seconds_until(walls_stand, within=60)
    world.saw(f"with them again: refused as before, {seconds:.0f} s after the release")
    await world.cluster.kubectl("delete", "-n", "stranger", "pod/stranger", "--now")


async def _reached(world: World) -> dict[str, Mapping[str, bool]]:
    pods = [
        pod["metadata"]["name"] for pod in await world.pods("app.kubernetes.io/component=requests") if is_ready(pod)
    ]
    api = next(name for name in pods if "-api-" in name)
    return {
        "requests' api": await _from(world, api, "afaq", *DATABASES, BROKER),
        "requests' worker": await _from(world, "afaq-requests-worker-0", "afaq", *DATABASES, BROKER),
        "a stranger": await _from(world, "stranger", "stranger", API, WORKER),
    }


async def _from(world: World, pod: str, namespace: str, *places: str) -> dict[str, bool]:
    found: dict[str, bool] = json.loads(
        await world.cluster.execute(pod, "python", "-c", PROBE, *places, namespace=namespace)
    )
    return found


def _said(reached: Mapping[str, Mapping[str, bool]]) -> str:
    return "; ".join(
        f"{who} reaches {', '.join(p for p, does in places.items() if does) or 'nothing'},"
        f" not {', '.join(p for p, does in places.items() if not does)}"
        for who, places in reached.items()
    )
