"""The chart as Helm renders it, and what is wrong with an object by the schemas of Kubernetes."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
CHART = DEPLOY / "helm/afaq"
EXTERNAL, OPERATORS = DEPLOY / "helm/values/external.yaml", DEPLOY / "helm/values/operators.yaml"
KUBERNETES = ("1.35", "1.36", "1.37")
FOREIGN_KINDS = {"ServiceMonitor", "PrometheusRule", "ScaledObject", "TriggerAuthentication"}
"""Of operators that a cluster may have; the schemas of Kubernetes do not know them."""

Object = dict[str, Any]


def tool(name: str) -> str:
    """Where the program is; the test is skipped where it cannot be had (see .ci/tools)."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}") or shutil.which(name)
    return found or pytest.skip(f"skipped: {name} is not here; .ci/tools gets it")


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What Helm says."""
    return subprocess.run([tool("helm"), *map(str, arguments)], capture_output=True, text=True, check=False)


@cache
def documents(values: tuple[Path, ...], *arguments: str, kubernetes: str = KUBERNETES[-1]) -> list[Object]:
    """What Helm renders with these values."""
    files = [part for file in values for part in ("-f", file)]
    said = helm("template", "afaq", CHART, "-n", "afaq", "--kube-version", kubernetes, *files, *arguments)
    assert said.returncode == 0, said.stderr
    return [found for found in yaml.load_all(said.stdout, yaml.CSafeLoader) if found]


def render(values: tuple[Path, ...], *arguments: str, kubernetes: str = KUBERNETES[-1]) -> list[Object]:
    """The objects that it would create: also those that are listed in one document."""
    found = documents(values, *arguments, kubernetes=kubernetes)
    return [one for document in found for one in document.get("items", [document])]


def problems(objects: Sequence[Object], kubernetes: str) -> Iterator[str]:
    """What these objects have that this Kubernetes would refuse, or does not know."""
    for found in objects:
        who = f"{found['kind']} {found['metadata']['name']}"
        try:
            kubernetes_validate.validate(found, kubernetes, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{who}: {'/'.join(map(str, error.path))}: {error.message}"
        except kubernetes_validate.SchemaNotFoundError:
            if found["kind"] not in FOREIGN_KINDS:
                yield f"{who}: Kubernetes {kubernetes} has no {found['apiVersion']}"


def pods(objects: Sequence[Object]) -> dict[str, Object]:
    """The pod templates by the name of what makes them."""
    return {found["metadata"]["name"]: found["spec"]["template"] for found in objects if "template" in found["spec"]}


def of_kind(objects: Sequence[Object], kind: str) -> dict[str, Object]:
    """The specs of this kind by name."""
    return {found["metadata"]["name"]: found["spec"] for found in objects if found["kind"] == kind}


def selects(selector: Object, labels: Object) -> bool:
    """Whether a label selector takes these labels."""
    exact = selector.get("matchLabels", {}).items() <= labels.items()
    return exact and all(labels.get(e["key"]) in e["values"] for e in selector.get("matchExpressions", ()))
