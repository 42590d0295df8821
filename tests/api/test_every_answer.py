"""What every answer carries, whether the processes say truly how they are, and what their metrics must not tell."""

import re
from collections.abc import Mapping

import pytest

from afaq.services import NAMES
from tests.api.conftest import World
from tests.api.support import (
    Answered,
    Http,
    as_json,
    assert_problem,
    new_key,
    oauth_faults,
    person_form,
    problem_faults,
)
from tests.conftest import RunningStack
from tests.support import SUBMISSION

ANSWERS: Mapping[str, tuple[str, str, str, bytes | None, int]] = {
    "a read": ("GET", "requests", "/requests", None, 200),
    "a command": ("POST", "requests", "/requests", as_json(SUBMISSION), 202),
    "a stream": ("GET", "requests", "/requests/{request_id}/stream", None, 200),
    "a document": ("GET", "requests", "/documents/{document_id}", None, 200),
    "a verification": ("GET", "requests", "/verify/{code}", None, 200),
    "an inbox": ("GET", "notifications", "/inbox", None, 200),
    "a page": ("GET", "payments", "/gateway/knet/return", None, 200),
    "a health": ("GET", "payments", "/health/ready", None, 200),
    "a discovery": ("GET", "identity", "/.well-known/oauth-authorization-server", None, 200),
    "a code refused": ("POST", "identity", "/token", b"grant_type=authorization_code&code=x", 400),
    "a client refused": ("GET", "identity", "/authorize?client_id=x", None, 422),
    "a return refused": ("GET", "identity", "/sign-in/callback?state=x&code=x", None, 409),
    "a receipt refused": ("POST", "notifications", "/providers/sms/north", b"{}", 401),
    "the metrics": ("GET", "payments", "/metrics", None, 200),
    "the documentation": ("GET", "payments", "/openapi.json", None, 200),
    "a redirection": ("GET", "requests", "/requests/", None, 307),
    "a form refused": ("POST", "requests", "/requests", b"{", 422),
    "a role refused": ("GET", "payments", "/ledger/balances", None, 403),
    "a method refused": ("PUT", "payments", "/payments", None, 405),
    "a thing not there": ("GET", "requests", "/requests/00000000-0000-7000-8000-000000000000", None, 404),
    "an address not there": ("GET", "requests", "/no/such/address", None, 404),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_no_answer_is_stored_nor_taken_for_what_it_is_not(name: str, http: Http, world: World) -> None:
    method, service, path, content, status = ANSWERS[name]
    path = path.format(**world.of_owner)
    answered = await http.send(method, service, path, world.owner.token, key=new_key(), content=content)
    assert answered.status == status
    if status >= 400:
        assert (oauth_faults(answered) if path == "/token" else problem_faults(answered)) == []
    assert_headers(answered)


def assert_headers(answered: Answered) -> None:
    assert "no-store" in answered.headers.get("Cache-Control", "").split(", ")
    assert answered.headers.get("X-Content-Type-Options") == "nosniff"
    assert "Server" not in answered.headers and "X-Powered-By" not in answered.headers
    assert "Set-Cookie" not in answered.headers
    assert "Access-Control-Allow-Origin" not in answered.headers


async def test_a_refused_stranger_is_told_how_to_come_in(http: Http) -> None:
    for service, path in (("identity", "/me"), ("requests", "/tasks"), ("payments", "/payments")):
        answered = await http.get(service, path)
        assert_problem(answered, 401, "not-authenticated")
        assert answered.headers["WWW-Authenticate"] == "Bearer"
        assert_headers(answered)


@pytest.mark.parametrize("service", NAMES)
async def test_a_process_that_runs_is_live_and_ready(service: str, http: Http) -> None:
    live, ready = await http.get(service, "/health/live"), await http.get(service, "/health/ready")
    assert (live.status, live.json) == (200, {"status": "ok"})
    assert ready.status == 200
    assert set(ready.json.values()) == {"ok"}
    assert {"status", "database", "access_keys", "events"} <= set(ready.json)


NAMES_OF_METRICS = (
    "afaq_outbox_depth",
    "afaq_outbox_oldest_seconds",
    "afaq_consumer_lag",
    "afaq_jobs",
    "afaq_commit_seconds",
    "afaq_http_seconds",
)
WITH_TIMERS = "payments"
"""The others' jobs are done at once, and what is not there has no series."""


@pytest.mark.parametrize("service", NAMES)
async def test_what_operators_watch_is_measured(service: str, platform: RunningStack, http: Http, world: World) -> None:
    async def measured() -> set[str]:
        text = (await http.get(service, "/metrics")).text
        return {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}

    assert set(NAMES_OF_METRICS) <= await measured()

    async def series() -> set[str] | None:
        text = (await http.get(service, "/metrics")).text
        found = {
            name
            for name in NAMES_OF_METRICS
            if re.search(rf'^{name}(_count)?{{.*service="{service}"', text, re.MULTILINE)
        }
        wanted = set(NAMES_OF_METRICS) - (set() if service == WITH_TIMERS else {"afaq_jobs"})
        return found if wanted <= found else None

    assert await platform.api.until(series, "series of every metric")


async def test_a_request_is_measured_by_the_template_of_its_address(http: Http, world: World) -> None:
    await http.get("requests", f"/requests/{world.of_owner['request_id']}", world.owner.token)
    await http.get("requests", "/no/such/address")
    text = (await http.get("requests", "/metrics")).text
    labels = 'method="GET",route="/requests/{request_id}",service="requests",status="200"'
    assert f"afaq_http_seconds_count{{{labels}}}" in text
    assert "/no/such/address" not in text


UUID_PATTERN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.mark.parametrize("service", NAMES)
async def test_metrics_tell_nothing_of_any_person(service: str, http: Http, world: World) -> None:
    text = re.sub(r"(?m) [-+.e\d]+$", "", (await http.get(service, "/metrics")).text)  # without the numbers
    assert UUID_PATTERN.search(text) is None
    assert re.search(r"\d{12}", text) is None, "a civil ID, perhaps"
    form = person_form()
    for told in (*form["name"].values(), form["email"], form["mobile"], world.of_owner["code"], "AFQ-"):
        assert told not in text


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
@pytest.mark.parametrize("service", NAMES)
async def test_the_documentation_is_there(service: str, path: str, http: Http) -> None:
    assert (await http.get(service, path)).status == 200


OAUTH_ROUTES = ("/.well-known/oauth-authorization-server", "/authorize", "/sign-in/callback", "/token", "/revoke")
"""Those who come here have no token yet."""


@pytest.mark.parametrize("service", NAMES)
async def test_the_document_says_who_is_let_in_and_how_refusals_look(service: str, http: Http) -> None:
    """Programs are made from it: each route that needs a token says so, and each names its problems."""
    document = (await http.get(service, "/openapi.json")).json
    schemes = document.get("components", {}).get("securitySchemes", {})
    public = {"/local/sign-in", "/catalogue", "/catalogue/{service_id}", "/verify", "/verify/{code}", *OAUTH_ROUTES}
    faults = []
    for path, methods in document["paths"].items():
        is_public = path in public or path.startswith(("/health", "/gateway", "/providers", "/agencies"))
        for method, operation in methods.items():
            if path.startswith("/health"):
                continue
            answers = operation["responses"]
            if not is_public and not (operation.get("security") and schemes):
                faults.append(f"{method} {path}: needs a token and does not say so")
            if not is_public and "401" not in answers:
                faults.append(f"{method} {path}: 401 is not declared")
            for status, answer in answers.items():
                kind = "application/json" if (path, status) == ("/token", "400") else "application/problem+json"
                if status >= "4" and set(answer.get("content", {})) != {kind}:
                    faults.append(f"{method} {path}: {status} is not {kind}")
    assert faults == []
