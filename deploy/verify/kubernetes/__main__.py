"""python -m deploy.verify.kubernetes DIR [SCENE...]: the chart on a real cluster, with real pods, scene by scene.

`deploy/verify/kubernetes/cluster DIR check` starts the cluster, runs this in the network of a node, and ends it.
"""

import asyncio
import sys
import time
from pathlib import Path

from deploy.verify.kubernetes.cluster import Cluster
from deploy.verify.kubernetes.faults import drain, kill, restart_node
from deploy.verify.kubernetes.releases import bad_releases, install, journeys, refusals, upgrade_and_back
from deploy.verify.kubernetes.scaling import more_workers, scale_by_cpu, scale_by_lag
from deploy.verify.kubernetes.upgrade import upgrade_from_last_release
from deploy.verify.kubernetes.walls import walls
from deploy.verify.kubernetes.world import World

ORDER = (
    upgrade_from_last_release,
    *(install, journeys, upgrade_and_back, bad_releases, refusals),
    *(drain, kill, restart_node, walls, more_workers, scale_by_cpu, scale_by_lag),
)
SCENES = {scene.__name__: scene for scene in ORDER}


async def main() -> int:
    """All scenes, or those that are named; 1 where something was not as it should be."""
    directory, *names = sys.argv[1:]
    world = World(Cluster(Path(directory)))
    began = time.monotonic()
    for name in names or SCENES:
        try:
            await SCENES[name](world)
        except Exception as error:
            world.failed(f"{name} comes to its end: {error!r}")
    print(
        f"\n{time.monotonic() - began:.0f} s; "
        + (f"WRONG: {'; '.join(world.wrong)}" if world.wrong else "all as it should be")
    )
    return bool(world.wrong)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
