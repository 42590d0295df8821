"""The chart renders to what Kubernetes takes, and its objects mean what they should."""

import json
import re
import tomllib
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import PostgresDsn, SecretStr
from starlette.routing import Route

from afaq.services import NAMES
from shared.runtime.settings import ServiceSettings
from shared.web.app import bare_app
from tests.deploy.chart import (
    CHART,
    EXTERNAL,
    KUBERNETES,
    OPERATORS,
    Object,
    documents,
    helm,
    of_kind,
    pods,
    problems,
    render,
    selects,
)

EVERYTHING = (EXTERNAL, OPERATORS)
IN_ORDER_WITHIN_SECONDS = 10
"""What deploy/README.md promises of SIGTERM."""
OF_ALL_SERVICES = {f"AFAQ_KAFKA_{name}" for name in ("BOOTSTRAP", "CA_FILE", "USERNAME", "PASSWORD")}
SECRETS = "AFAQ_SECRETS_DIRECTORY"
VERIFIED = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/etc/afaq/database/ca.crt"}
"""What PostgreSQL's clients take for their own."""
NOT_SECRET_BUT_LONG = {"AFAQ_REQUESTS_PAPER_CERTIFICATE"}


@pytest.fixture(scope="module")
def plain() -> list[Object]:
    return render((EXTERNAL,))


@pytest.fixture(scope="module")
def everything() -> list[Object]:
    return render(EVERYTHING)


@pytest.mark.parametrize("kubernetes", KUBERNETES)
@pytest.mark.parametrize("values", [(EXTERNAL,), EVERYTHING], ids=["external", "operators"])
def test_every_object_is_one_that_kubernetes_takes(kubernetes: str, values: tuple[Path, ...]) -> None:
    assert list(problems(render(values, kubernetes=kubernetes), kubernetes)) == []


@pytest.mark.parametrize("values", [(EXTERNAL,), EVERYTHING], ids=["external", "operators"])
def test_helm_finds_no_fault(values: tuple[Path, ...]) -> None:
    said = helm("lint", "--strict", CHART, *(part for file in values for part in ("-f", file)))
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("Deployment", ("spec", "replicas"), "two"),
        ("StatefulSet", ("spec", "podManagement"), "Parallel"),
        ("PodDisruptionBudget", ("apiVersion",), "policy/v1beta1"),
        ("Job", ("spec", "template", "spec", "containers", 0, "readinesProbe"), {}),
        ("NetworkPolicy", ("spec", "egress", 0, "ports", 0, "port"), True),
    ],
)
def test_the_check_finds_what_is_wrong(plain: list[Object], kind: str, path: tuple[Any, ...], value: object) -> None:
    wrong = deepcopy(next(found for found in plain if found["kind"] == kind))
    inner: Any = wrong
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    assert list(problems([wrong], KUBERNETES[-1]))


@pytest.mark.parametrize(
    ("said", "because"),
    [
        (["--set=services.payments.env.KNET_PASSWORD=x"], "KNET_PASSWORD"),
        (["--set=image.tag=latest"], "image/tag"),
        (["--set=services.requests.env.PAPER_STORE=file:///papers"], "PAPER_STORE"),
        (["--set-json=services.payments.database.peers=[]"], "peers"),
        (["--set=services.payments.env.KNET_URL=null"], "KNET_URL"),
        (["--set=replicas=3"], "replicas"),
        (["--set=kafka.bootstrap="], "bootstrap"),
        (["--set=services.identity.kafka.username=someone"], "secret"),
    ],
)
def test_values_that_make_no_sense_are_refused(said: list[str], because: str) -> None:
    answer = helm("template", "afaq", CHART, "-f", EXTERNAL, *said)
    assert answer.returncode != 0
    assert because in answer.stderr


@pytest.mark.parametrize("service", NAMES)
def test_no_value_may_be_a_secret(service: str) -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())["definitions"]["service"]
    refused = re.compile(schema["properties"]["env"]["propertyNames"]["not"]["pattern"])
    settings = _settings_of(service).items()
    assert [name for name, field in settings if _holds_a_secret(field.annotation) and not refused.search(name)] == []


def test_each_service_has_its_api_and_its_workers(plain: list[Object]) -> None:
    assert of_kind(plain, "Deployment").keys() == {f"afaq-{name}-api" for name in NAMES}
    assert of_kind(plain, "StatefulSet").keys() == {f"afaq-{name}-worker" for name in NAMES}
    assert of_kind(plain, "PodDisruptionBudget").keys() == {f"afaq-{n}-{r}" for n in NAMES for r in ("api", "worker")}


def test_what_selects_pods_selects_those_of_one_role(everything: list[Object]) -> None:
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(everything).items()}
    selectors = {kind: of_kind(everything, kind) for kind in ("Deployment", "StatefulSet", "PodDisruptionBudget")}
    exact = {name: spec["selector"] for specs in selectors.values() for name, spec in specs.items()}
    exact |= {name: {"matchLabels": spec["selector"]} for name, spec in of_kind(everything, "Service").items()}
    for name, selector in exact.items():
        assert [pod for pod, having in labels.items() if selects(selector, having)] == [name]


def test_pods_are_restricted(everything: list[Object]) -> None:
    for pod in pods(everything).values():
        spec = pod["spec"]
        assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]


def test_pods_of_a_role_are_kept_apart_whether_or_not_nodes_name_a_zone(plain: list[Object]) -> None:
    for name, pod in _processes(plain).items():
        assert (
            "topologySpreadConstraints" not in pod
        )  # one of them counts for nothing where a node lacks the other's key
        apart = pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
        terms = {term["podAffinityTerm"]["topologyKey"]: term["podAffinityTerm"]["labelSelector"] for term in apart}
        assert terms.keys() == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        labels = {other: found["metadata"]["labels"] for other, found in pods(plain).items()}
        for selector in terms.values():
            assert [other for other, having in labels.items() if selects(selector, having)] == [name]


def test_a_process_has_the_time_to_end_in_order(plain: list[Object]) -> None:
    for name, pod in _processes(plain).items():
        told = _told({"spec": pod})
        assert ("AFAQ_LEAVING_SECONDS" in told) == name.endswith("-api")
        leaving = float(told.get("AFAQ_LEAVING_SECONDS", 0))
        assert pod["terminationGracePeriodSeconds"] > leaving + IN_ORDER_WITHIN_SECONDS


def test_probes_ask_what_the_app_answers(plain: list[Object]) -> None:
    answered = {route.path for route in bare_app("any", None).routes if isinstance(route, Route)}
    for pod in _processes(plain).values():
        container = pod["containers"][0]
        asked = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
        assert {probe["path"] for probe in asked.values()} <= answered
        assert asked["readiness"]["path"] == "/health/ready"
        assert asked["liveness"]["path"] == "/health/live"
        assert {probe["port"] for probe in asked.values()} == {port["name"] for port in container["ports"]}


@pytest.mark.parametrize("service", NAMES)
@pytest.mark.parametrize("secrets_as", ["env", "files"])
def test_processes_are_told_what_they_read_and_no_secret(service: str, secrets_as: str) -> None:
    objects = render(EVERYTHING, f"--set=secretsAs={secrets_as}")
    settings = _settings_of(service)
    secret = {name for name, field in settings.items() if _holds_a_secret(field.annotation)} | NOT_SECRET_BUT_LONG
    required = {name for name, field in settings.items() if field.is_required()}
    for role in ("api", "worker"):
        told = _told(pods(objects)[f"afaq-{service}-{role}"])
        assert told.keys() - OF_ALL_SERVICES - {SECRETS} - VERIFIED.keys() <= settings.keys()
        assert (SECRETS in told) == (secrets_as == "files")
        assert required - secret <= told.keys()
        assert not [name for name, value in told.items() if name in secret and isinstance(value, str)]


def test_who_has_no_secret_has_no_place_for_them() -> None:
    topics = pods(render((EXTERNAL,), "--set=secretsAs=files"))["afaq-kafka-topics"]["spec"]
    assert [volume["name"] for volume in topics["volumes"]] == ["tmp"]
    assert [mount["name"] for mount in topics["containers"][0]["volumeMounts"]] == ["tmp"]
    assert SECRETS not in _told({"spec": topics})


def test_who_reaches_a_database_knows_whose_certificate_it_must_have(
    plain: list[Object], everything: list[Object]
) -> None:
    for name, pod in pods(everything).items():
        reaches = not name.endswith("-topics")
        mounted = {mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"]}
        assert (_told(pod).items() >= VERIFIED.items()) == reaches
        assert ("/etc/afaq/database" in mounted) == reaches
    assert not [name for name, pod in pods(plain).items() if VERIFIED.keys() & _told(pod).keys()]


def test_only_a_worker_has_the_name_that_it_keeps(plain: list[Object]) -> None:
    for name, pod in _processes(plain).items():
        told = _told({"spec": pod}).get("AFAQ_INSTANCE")
        assert told == ({"fieldRef": {"fieldPath": "metadata.name"}} if name.endswith("-worker") else None)


@pytest.mark.parametrize("values", [(EXTERNAL,), EVERYTHING], ids=["env", "files"])
def test_who_owns_a_database_is_known_to_its_migration_alone(values: tuple[Path, ...]) -> None:
    for name, pod in pods(render(values)).items():
        owners = [variable for variable in _told(pod) if variable.endswith("_OWNER_DSN")]
        assert len(owners) == name.endswith("-migrate")


def test_databases_and_topics_are_brought_up_to_date_before_a_process(plain: list[Object]) -> None:
    jobs = {found["metadata"]["name"]: found for found in plain if found["kind"] == "Job"}
    ran = {tuple(job["spec"]["template"]["spec"]["containers"][0]["args"]) for job in jobs.values()}
    assert ran == {("topics",), *(("migrate", name) for name in NAMES)}
    (hook,) = (found for found in documents((EXTERNAL,)) if found["metadata"].get("annotations"))
    assert hook["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert hook["items"] == list(jobs.values()), "all at the same time, as one hook"
    for job in jobs.values():
        told = job["metadata"]["annotations"]
        assert told == hook["metadata"]["annotations"], "so that it is a hook for those, too, who take a List apart"


def test_nothing_is_reached_but_what_is_needed(plain: list[Object]) -> None:
    told = yaml.safe_load(EXTERNAL.read_text())
    kafka = told["networkPolicy"]["kafka"]["peers"][0]
    databases = {name: told["services"][name]["database"]["peers"][0] for name in NAMES}
    for name, pod in pods(plain).items():
        _, service, role = name.split("-")
        reached = _reached(plain, pod["metadata"]["labels"])
        assert (kafka in reached) == (role in {"worker", "topics"})
        assert [name for name, peer in databases.items() if peer in reached] == [service] * (role != "topics")


def test_every_pod_is_denied_what_is_not_allowed(plain: list[Object]) -> None:
    denies = of_kind(plain, "NetworkPolicy")["afaq"]
    assert denies["policyTypes"] == ["Ingress", "Egress"]
    assert all(selects(denies["podSelector"], pod["metadata"]["labels"]) for pod in pods(plain).values())
    callers = [name for name, spec in of_kind(plain, "NetworkPolicy").items() if spec.get("ingress")]
    assert callers == ["afaq-api"]


def test_what_scales_leaves_the_number_of_pods_alone(everything: list[Object]) -> None:
    scaled = {"Deployment": "HorizontalPodAutoscaler", "StatefulSet": "ScaledObject"}
    for kind, scaler in scaled.items():
        targets = of_kind(everything, kind)
        assert targets.keys() == {spec["scaleTargetRef"]["name"] for spec in of_kind(everything, scaler).values()}
        assert not [name for name, spec in targets.items() if "replicas" in spec]


def test_who_looks_at_a_lag_is_the_service_itself(everything: list[Object]) -> None:
    told = yaml.safe_load(OPERATORS.read_text())
    triggers = {name: spec["triggers"][0] for name, spec in of_kind(everything, "ScaledObject").items()}
    shown = of_kind(everything, "TriggerAuthentication")
    assert shown.keys() == triggers.keys()
    for name in NAMES:
        worker, user = f"afaq-{name}-worker", told["services"][name]["kafka"]
        assert triggers[worker]["authenticationRef"] == {"name": worker}
        assert triggers[worker]["metadata"]["consumerGroup"] == f"afaq.{name}"
        secrets = {of["parameter"]: (of["name"], of["key"]) for of in shown[worker]["secretTargetRef"]}
        assert secrets == {
            "ca": tuple(told["kafka"]["ca"].values()),
            "password": (user["secret"], user["key"]),
        }
        (username,) = shown[worker]["env"]
        assert _told(pods(everything)[worker])[username["name"]] == user["username"]


def test_chart_and_project_have_one_version() -> None:
    project = tomllib.loads((CHART.parents[2] / "pyproject.toml").read_text())["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == project["version"]


def _processes(objects: list[Object]) -> dict[str, Object]:
    return {name: pod["spec"] for name, pod in pods(objects).items() if name.endswith(("-api", "-worker"))}


def _told(pod: Object) -> dict[str, Any]:
    """What a pod is told by variable: a value, or where it has it from."""
    entries = pod["spec"]["containers"][0]["env"]
    files = [
        source["secret"]
        for volume in pod["spec"]["volumes"]
        for source in volume.get("projected", {}).get("sources", ())
    ]
    said = {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in entries}
    return said | {item["path"]: source for source in files for item in source.get("items", ())}


def _holds_a_secret(kind: Any) -> bool:
    inside = [field.annotation for field in getattr(kind, "model_fields", {}).values()]
    return kind in {SecretStr, PostgresDsn} or any(map(_holds_a_secret, (*get_args(kind), *inside)))


def _variable(service: str, field: str) -> str:
    return f"AFAQ_{service.upper()}_{field.upper()}"


def _settings_of(service: str) -> dict[str, Any]:
    module = import_module(f"services.{service}.settings")
    kind: type[ServiceSettings] = getattr(module, f"{service.capitalize()}Settings")
    fields = kind.model_fields.items()
    return {str(field.validation_alias or _variable(service, name)): field for name, field in fields}


def _reached(objects: list[Object], labels: Object) -> list[Object]:
    policies = of_kind(objects, "NetworkPolicy").values()
    rules = [rule for spec in policies if selects(spec["podSelector"], labels) for rule in spec.get("egress", ())]
    return [peer for rule in rules for peer in rule["to"]]
