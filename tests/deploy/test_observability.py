"""Dashboards and alerts ask for what is there, and whoever is woken finds a page with commands that exist."""

import re
import shlex
import subprocess
import uuid
from collections.abc import Iterator

import pytest
import yaml

from afaq.services import NAMES, functions_of
from afaq.status.journeys import journeys
from deploy.observability.dashboards import FOLDER, dashboards
from shared.contracts import identity, notifications, payments, requests
from shared.contracts.event import all_events
from tests.commands import assert_is_a_command
from tests.deploy.chart import CHART, DEPLOY, EXTERNAL, of_kind, render, tool
from tests.deploy.queries import FROM_SCRAPING, exported, queries, selectors

CONTRACTS = (identity, notifications, payments, requests)
"""Imported, so that all events are known."""
ALERTS_TEST = DEPLOY / "observability/alerts.test.yaml"
RUNBOOKS = DEPLOY.parent / "docs/operations/runbooks"
RULES = yaml.safe_load((CHART / "alerts.yaml").read_text())["groups"][0]["rules"]
ALERTS = {rule["alert"]: rule for rule in RULES}
ASKED = [
    *((f"{board.stem}", query) for board in sorted(FOLDER.glob("*.json")) for query in queries(board)),
    *((name, rule["expr"]) for name, rule in ALERTS.items()),
    *((one.id, query) for one in journeys() for query in (one.share, one.stopped) if query),
]
HEADINGS = ["Symptom", "Meaning", "What to do", "How to know that it worked"]


def test_dashboards_are_as_they_are_made() -> None:
    assert {board.name: board.read_text() for board in FOLDER.glob("*.json")} == dashboards()


@pytest.mark.parametrize(("where", "query"), ASKED)
def test_what_is_asked_for_is_there(where: str, query: str) -> None:
    series, types = exported(), {event.type for event in all_events()}
    for selector in selectors(query):
        assert selector.metric in series, where
        assert selector.wanted.keys() <= series[selector.metric] | FROM_SCRAPING, where
        assert set(selector.wanted.get("service", "requests").split("|")) <= set(NAMES), where
        assert set(selector.wanted.get("type", "requests.request.submitted").split("|")) <= types, where


@pytest.mark.parametrize("query", ["sum by (service (afaq_jobs)", "rate(afaq_jobs)[5m]", "histogram_quantile(0.9)"])
def test_what_is_no_query_is_found(query: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        selectors(query)


def test_prometheus_takes_the_rules_and_each_alert_is_raised_when_it_should_be() -> None:
    for command in (["check", "rules", CHART / "alerts.yaml"], ["test", "rules", ALERTS_TEST]):
        said = subprocess.run([tool("promtool"), *map(str, command)], capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stdout + said.stderr
    cases = [case for test in yaml.safe_load(ALERTS_TEST.read_text())["tests"] for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == ALERTS.keys()


def test_each_alert_has_its_page() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"} == ALERTS.keys()
    for name, rule in ALERTS.items():
        assert rule["annotations"]["runbook"] == f"docs/operations/runbooks/{name}.md"
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert re.findall(r"^## (.+)$", _page(name), re.MULTILINE) == HEADINGS


def test_what_an_effect_that_fails_means_to_people_is_said() -> None:
    handlers = (handler for name in NAMES for handler in functions_of(name).effects._handlers.values())
    page = _page("AfaqEffectsFail")
    assert [handler.effect.__name__ for handler in handlers if f"`{handler.effect.__name__}`" not in page] == []


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_commands_of_a_page_exist(alert: str) -> None:
    commands = list(_commands(_page(alert)))
    assert commands
    for said in {command.replace("$SERVICE", service) for command in commands for service in NAMES}:
        _assert_exists(shlex.split(said.replace("$JOB", str(uuid.UUID(int=0))), comments=True))


@pytest.mark.parametrize(
    "command",
    [
        "afaq parked lists requests",
        "afaq parked list",
        "afaq doctor --all",
        "kubectl logs deployment/afaq-request-api",
        "kubectl exec deployment/afaq-requests-api -- afaq docter",
        "helm upgrade afaq deploy/helm/afaq --set services.requests.api.replica=2",
    ],
)
def test_a_command_that_does_not_exist_is_found(command: str) -> None:
    with pytest.raises(AssertionError):
        _assert_exists(shlex.split(command))


def _page(alert: str) -> str:
    return (RUNBOOKS / f"{alert}.md").read_text()


def _commands(page: str) -> Iterator[str]:
    for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL):
        yield from (
            line for line in block.splitlines() if line.strip() and not line.startswith(("#", "SERVICE=", "JOB="))
        )


def _assert_exists(words: list[str]) -> None:
    program, *rest = words
    if program == "afaq":
        assert_is_a_command(rest)
    elif program == "kubectl":
        _assert_names_what_is_there(rest)
    else:
        assert program == "helm", program
        _assert_is_of_helm(rest)


def _assert_names_what_is_there(words: list[str]) -> None:
    assert words[0] in {"exec", "get", "describe", "logs", "rollout", "scale", "top", "delete"}, words[0]
    objects = render((EXTERNAL,))
    sets = of_kind(objects, "StatefulSet")
    there = {f"{kind.lower()}/{name}" for kind in ("Deployment", "StatefulSet") for name in of_kind(objects, kind)}
    there |= {f"pod/{name}-0" for name in sets}
    assert {word for word in words if re.fullmatch(r"(deployment|statefulset|pod)/.+", word)} <= there
    if "--" in words:
        _assert_exists(words[words.index("--") + 1 :])


def _assert_is_of_helm(words: list[str]) -> None:
    assert words[0] in {"history", "rollback", "upgrade"}, words[0]
    assert words[1] == "afaq"
    if words[0] == "upgrade":
        assert (DEPLOY.parent / words[2]).samefile(CHART)
        render((EXTERNAL,), *words[words.index("--set") :])
