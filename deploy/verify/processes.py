"""python -m deploy.verify.processes env|files: what the chart's pods are told is enough to start, be ready, and end.

Renders the chart, and runs the Jobs and then a process of every Deployment and StatefulSet on this machine, with the
arguments, variables and secret files of their pods; only addresses and secrets are those of a PostgreSQL and a Kafka
that it starts.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from afaq.local.databases import Dsns, create_databases
from afaq.local.kafka import Kafka
from afaq.local.ports import claim_ports
from afaq.local.postgres import Postgres
from afaq.local.unprivileged import remove_with_substitute
from afaq.secrets.made import local_secrets, simulated_variables_of, variables_of

PROJECT = Path(__file__).parents[2]
HELM = PROJECT / "deploy/helm"
READY_SECONDS, IN_ORDER_WITHIN_SECONDS = 120, 10
NOWHERE = "https://outside.invalid"
"""Where those outside would be; nobody is asked for anything here."""
Pod = Mapping[str, Any]


@dataclass(frozen=True)
class Place:
    """What stands in for what a cluster would give; secret files are written below `folder`."""

    folder: Path
    kafka: str
    dsns: Mapping[str, Dsns]
    secrets: Mapping[str, str]
    ports: Mapping[str, int]

    def told(self, name: str, pod: Pod) -> dict[str, str]:
        """The variables of a pod's process, as it is given them here."""
        container, here = pod["containers"][0], self._here(name)
        given = {entry["name"]: here.get(entry["name"]) or str(entry["value"]) for entry in container["env"]}
        for source in container.get("envFrom", ()):
            given |= self._secret(source["secretRef"]["name"])
        for volume in pod["volumes"]:
            for source in volume.get("projected", {}).get("sources", ()):
                items = source["secret"].get("items")
                files = {i["path"]: here[i["path"]] for i in items} if items else self._secret(source["secret"]["name"])
                self._write(name, files)
        return {"PATH": os.environ["PATH"], **given}

    def _write(self, name: str, files: Mapping[str, str]) -> None:
        (self.folder / name).mkdir(exist_ok=True)
        for file, text in files.items():
            (self.folder / name / file).write_text(text, encoding="utf-8")

    def _here(self, name: str) -> dict[str, str]:
        here = {"AFAQ_KAFKA_BOOTSTRAP": self.kafka, "AFAQ_INSTANCE": f"{name}-0"}
        here["AFAQ_SECRETS_DIRECTORY"] = str(self.folder / name)
        for service, dsns in self.dsns.items():
            mine = {"OWNER_DSN": dsns.owner, "POSTGRES_DSN": dsns.app, "HOST": "127.0.0.1", "PORT": self.ports[name]}
            here |= {f"AFAQ_{service.upper()}_{variable}": str(value) for variable, value in mine.items()}
        return here

    def _secret(self, name: str) -> dict[str, str]:
        service = name.removeprefix("afaq-")
        outside = simulated_variables_of(service, self.secrets, sign_in=NOWHERE, simulators=NOWHERE)
        return variables_of(service, self.secrets) | outside


async def main() -> None:
    """Runs it all, and prints for each process after how many seconds it was ready, and then had ended."""
    pods = _rendered(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        postgres, kafka = Postgres(folder / "postgres"), Kafka(folder / "kafka")
        await asyncio.gather(postgres.start(), kafka.start())
        try:
            secrets = local_secrets(folder / "secrets.json")
            dsns = await create_databases(postgres.dsn, secrets)
            ports = claim_ports(folder / "ports.json", *pods)
            await _run(pods, Place(folder, kafka.bootstrap, dsns, secrets, ports))
        finally:
            await asyncio.gather(postgres.stop(), kafka.stop())
            remove_with_substitute(folder / "postgres")


def _rendered(secrets_as: str) -> dict[str, Pod]:
    command = [str(PROJECT / ".venv/bin/helm"), "template", "afaq", str(HELM / "afaq"), f"--set=secretsAs={secrets_as}"]
    command += ["-f", str(HELM / "values/external.yaml")]
    said = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    documents = [found for found in yaml.safe_load_all(said.stdout) if found]
    listed = [one for document in documents for one in document.get("items", [document])]
    objects = [found for found in listed if "template" in found["spec"]]
    return {found["metadata"]["name"]: found["spec"]["template"]["spec"] for found in objects}


async def _run(pods: Mapping[str, Pod], place: Place) -> None:
    for name, pod in pods.items():
        if name.endswith(("-topics", "-migrate")):
            job = await _started(name, pod, place)
            assert await job.wait() == 0, name
            print(f"{name}: done")
    running = {n: await _started(n, c, place) for n, c in pods.items() if n.endswith(("-api", "-worker"))}
    try:
        ready = await asyncio.gather(*(_ready(place.ports[name]) for name in running))
    finally:
        began = time.monotonic()
        for process in running.values():
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
        ended = await asyncio.gather(*(_ended(process, began) for process in running.values()))
    for name, after, (code, seconds) in zip(running, ready, ended, strict=True):
        print(f"{name}: ready after {after:.1f} s, ended with {code} after {seconds:.1f} s")
        assert code == 0, name
        assert seconds < IN_ORDER_WITHIN_SECONDS, name


async def _started(name: str, pod: Pod, place: Place) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "afaq", *pod["containers"][0]["args"])
    return await asyncio.create_subprocess_exec(
        *command, cwd=PROJECT, env=place.told(name, pod), stdout=asyncio.subprocess.DEVNULL
    )


async def _ready(port: int) -> float:
    began = time.monotonic()
    async with asyncio.timeout(READY_SECONDS), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}/health/ready") as answer:
                    if answer.status == 200:
                        return time.monotonic() - began
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.2)


async def _ended(process: asyncio.subprocess.Process, began: float) -> tuple[int, float]:
    code = await process.wait()
    return code, time.monotonic() - began


if __name__ == "__main__":
    asyncio.run(main())
