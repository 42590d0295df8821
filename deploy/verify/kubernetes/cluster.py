"""The cluster in the hands of what verifies it: kubectl, Helm, and what lies outside of the chart."""

import asyncio
import base64
import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from aiohttp.abc import AbstractResolver, ResolveResult

from afaq.secrets.files import write_new_secrets
from afaq.secrets.made import password
from afaq.services import NAMES

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]
CHART = PROJECT / "deploy/helm/afaq"
CA = "/run/secrets/ca/ca.crt"
BUCKET = {
    "AWS_ENDPOINT_URL": "http://bucket:9000",
    "AWS_ALLOW_HTTP": "true",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "papers",
    "AWS_SECRET_ACCESS_KEY": "papers",
}
NAMESPACES = {"outside": "baseline", "afaq": "restricted", "stranger": "baseline"}
"""Each with what it enforces of its pods."""
OUTSIDE = ("kafka-1", "bucket", "simulators", *(f"{name}-db" for name in NAMES))
Object = dict[str, Any]


class Refused(Exception):
    """A program ended with an error; the text is what it said."""


@dataclass(frozen=True)
class Cluster:
    """What `cluster DIR start` has started."""

    directory: Path

    async def run(self, program: str, *arguments: str | Path, given: str = "", seconds: float = 900) -> str:
        """What a program says that knows this cluster. Raises Refused where it ends with an error."""
        config = self.directory / "state/keys/admin.kubeconfig"
        process = await asyncio.create_subprocess_exec(
            program,
            *map(str, arguments),
            env={**os.environ, "KUBECONFIG": str(config)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(given.encode()), seconds)
        if process.returncode:
            raise Refused(f"{program} {' '.join(map(str, arguments))}:\n{out.decode()}{err.decode()}")
        return out.decode()

    async def on_node(self, command: str, node: str, *arguments: str) -> None:
        """Does something to a node's processes: see `cluster`."""
        await self.run(str(HERE / "cluster"), self.directory, command, node, *arguments)

    async def kubectl(self, *arguments: str | Path, given: str = "") -> str:
        """What kubectl says; the namespace is the chart's unless another is named."""
        return await self.run("kubectl", *arguments, given=given)

    async def apply(self, *objects: Object, manager: str = "verify") -> None:
        """Makes them so, as whoever then owns what is said of them."""
        given = "\n---\n".join(map(json.dumps, objects))
        await self.kubectl("apply", "--server-side", f"--field-manager={manager}", "-f", "-", given=given)

    async def get(self, *what: str) -> list[Any]:
        """The objects that there are."""
        found = json.loads(await self.kubectl("get", *what, "-o", "json"))
        return list(found.get("items", [found]))

    async def helm(self, verb: str, *arguments: str, wait_seconds: int = 600) -> float:
        """Installs, upgrades or takes back the release, and waits for it; how many seconds that took."""
        began = time.monotonic()
        chart = [] if verb == "rollback" else [str(CHART), "-f", str(HERE / "values.yaml")]
        wait = ["--wait", f"--timeout={wait_seconds}s"]
        await self.run("helm", verb, "afaq", *chart, "-n", "afaq", *wait, *arguments)
        return time.monotonic() - began

    async def execute(self, pod: str, *command: str, given: str = "", namespace: str = "afaq") -> str:
        """What a command says that runs in a pod."""
        return await self.kubectl("exec", "-i", "-n", namespace, pod, "--", *command, given=given)

    async def urls(self) -> dict[str, str]:
        """Where the services are, by the names that their pages use."""
        return {name: f"http://afaq-{name}-api" for name in NAMES} | {
            "simulators": "http://simulators:8090",
            "sign-in": "http://simulators:8091",
        }

    async def audited(self, accepted: Mapping[str, Any]) -> str:
        """What the audit says of everything, and of what clients were promised. Raises Refused where it finds fault."""
        command = ("afaq", "audit", "--patience", "180", "--acknowledged", "/dev/stdin")
        return await self.execute("operator", *command, given="\n".join(accepted), namespace="outside")


class ByService(AbstractResolver):
    """Finds a name as a pod of the cluster would, by the cluster's Services."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self.addresses = addresses

    @classmethod
    async def of(cls, cluster: Cluster) -> "ByService":
        """As they are at this moment."""
        specs = {
            s["metadata"]["name"]: s["spec"]
            for s in await cluster.get("services", "--all-namespaces")
            if s["spec"].get("clusterIP", "None") != "None"
        }
        return cls({name: spec["clusterIP"] for name, spec in specs.items()})

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """The Service's address."""
        if host not in self.addresses:
            raise OSError(f"no Service {host}")
        address = self.addresses[host]
        return [ResolveResult(hostname=host, host=address, port=port, family=2, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is held."""


async def bring_outside(cluster: Cluster, release: str) -> None:
    """Databases, broker, bucket and simulators, and the Secrets by which they and the chart's pods know each other.

    All anew: what there was is taken away, with the release of the chart. Kafka's users may do what `release` declares.
    """
    secrets = cluster.directory / "state/secrets"
    if secrets.exists():
        shutil.rmtree(secrets)
    await cluster.kubectl("delete", "namespace", *NAMESPACES, "--ignore-not-found", "--timeout=180s")
    for name, level in NAMESPACES.items():
        labels = {"pod-security.kubernetes.io/enforce": level}
        await cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    write_new_secrets(secrets, simulated=True)
    await cluster.apply(*_secrets(secrets), *_scripts(), *_names())
    await cluster.apply(*(found for found in _outside() if found["kind"] != "Job"))
    for made in await cluster.get("deployments,statefulsets", "-n", "outside"):
        name = f"{made['kind']}/{made['metadata']['name']}"
        await cluster.kubectl("rollout", "status", name, "-n", "outside", "--timeout=300s")
    await give_access(cluster, release)


async def give_access(cluster: Cluster, release: str) -> None:
    """Kafka's users may do what the services of this release declare."""
    (job,) = (found for found in _outside() if found["kind"] == "Job")
    job["spec"]["template"]["spec"]["containers"][0]["image"] = f"localhost/afaq-verify/afaq:{release}"
    await cluster.kubectl("delete", "job", "-n", "outside", "--ignore-not-found", "kafka-users")
    await cluster.apply(job)
    await cluster.kubectl("wait", "job/kafka-users", "-n", "outside", "--for=condition=Complete", "--timeout=300s")


def _outside() -> list[Any]:
    return list(yaml.safe_load_all((HERE / "outside.yaml").read_text()))


def _secrets(directory: Path) -> list[Object]:
    """A Secret for each folder, where it is needed, and what the chart wants by other names."""
    folders = {folder.name: _texts(folder) for folder in directory.iterdir() if folder.is_dir()}
    ca, admin = {"ca.crt": (directory / "ca.pem").read_text()}, {"password": password()}
    found = [_secret("outside", name, texts) for name, texts in folders.items()]
    found += [_secret(namespace, "ca", ca) for namespace in ("outside", "afaq")]
    found += [_secret(namespace, "admin-login", admin) for namespace in ("outside", "afaq")]
    for name in NAMES:
        told, owned = folders[name], folders["migrate"]
        app, owner = (_address(texts, name, role) for texts, role in ((told, "POSTGRES"), (owned, "OWNER")))
        mine = {k: v for k, v in told.items() if not k.endswith("_DSN")} | {"AFAQ_PROFILE": "local"}
        found += [
            _secret("afaq", f"afaq-{name}", mine | (BUCKET if name == "requests" else {})),
            _secret("afaq", f"afaq-{name}-kafka", folders[f"{name}-kafka"]),
            _secret("afaq", f"afaq-{name}-database", {"app": app}),
            _secret("afaq", f"afaq-{name}-database-owner", {"owner": owner}),
        ]
    return found


def _address(texts: Mapping[str, str], name: str, role: str) -> str:
    """Without what it says of TLS, which the chart says."""
    return texts[f"AFAQ_{name.upper()}_{role}_DSN"].partition("?")[0]


def _texts(folder: Path) -> dict[str, str]:
    """The folder's files, with what is called by other names here."""
    renamed = (("sign-in.localhost", "simulators"), (".localhost", ""), ("/run/secrets/ca.pem", CA))
    texts = {file.name: file.read_text() for file in folder.iterdir()}
    for old, new in renamed:
        texts = {name: text.replace(old, new) for name, text in texts.items()}
    return texts


def _secret(namespace: str, name: str, texts: Mapping[str, str]) -> Object:
    data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "data": data}


def _scripts() -> list[Object]:
    files = {
        "postgres": [PROJECT / "deploy/postgres" / name for name in ("start.sh", "roles.sh", "pg_hba.conf")],
        "kafka-admin": [HERE / "kafka_admin.py"],
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "outside"},
            "data": {file.name: file.read_text() for file in scripts},
        }
        for name, scripts in files.items()
    ]


def _names() -> list[Object]:
    """Each by its short name on the other side too: certificates, and the addresses of pages, have no other."""
    here = [("afaq", name, "outside") for name in OUTSIDE]
    there = [("outside", f"afaq-{name}-api", "afaq") for name in NAMES]
    return [alias(namespace, name, home) for namespace, name, home in (*here, *there)]


def alias(namespace: str, name: str, home: str) -> Object:
    """A name by which a Service of another namespace is found in this one."""
    spec = {"type": "ExternalName", "externalName": f"{name}.{home}.svc.cluster.local"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace}, "spec": spec}
