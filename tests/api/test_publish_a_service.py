"""The page for policy officers: its service is checked, tried, published by two of them, and lived through."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from afaq.cli import app
from tests.api.support import PDF, Http, as_json, new_key
from tests.conftest import RunningStack
from tests.support import a_person, pay, until_status

PAGE = Path("docs/how-to/publish-a-service.md").read_text(encoding="utf-8")
HERE = Path(__file__).parent
FALCONS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]
CONSOLE = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)


def transcript(of: str) -> tuple[dict[str, str], str]:
    """The files that a console of the page shows, and what the command of this name has answered."""
    block = next(block for block in CONSOLE if f"$ afaq catalogue {of}" in block)
    files = dict(re.findall(r"\$ cat (\S+)\n([^$]*)", block))
    return files, block.split(f"$ afaq catalogue {of}")[1].partition("\n")[2]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A policy officer's folder."""
    changed = FALCONS.replace("version: 1", "version: 2").replace("amount_fils: 10000", "amount_fils: 12000")
    (tmp_path / "falcon-permit.yaml").write_text(FALCONS, encoding="utf-8")
    (tmp_path / "falcon-permit-2.yaml").write_text(changed, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answered(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["catalogue", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(
    ("of", "arguments"),
    [
        ("lint", ["lint", "falcon-permit.yaml"]),
        ("try", ["try", "falcon-permit.yaml", "--facts", "somebody.yaml", "--form", "form.yaml"]),
        ("diff", ["diff", "falcon-permit.yaml", "falcon-permit-2.yaml"]),
    ],
)
def test_the_commands_answer_as_the_page_says(of: str, arguments: list[str], desk: Path) -> None:
    files, expected = transcript(of)
    for name, content in files.items():
        (desk / name).write_text(content, encoding="utf-8")
    assert answered(*arguments) == expected


def test_the_card_is_what_people_see_in_their_language(desk: Path) -> None:
    english, arabic = answered("card", "falcon-permit.yaml"), answered("card", "falcon-permit.yaml", "--arabic")
    assert "**Participating entities**: Kuwait Fire Force; General Traffic Department, Ministry of Interior" in english
    assert "- For each falcon: 2.500 KWD each" in english
    assert "# ترخيص اقتناء الصقور" in arabic
    assert "**أوقات العمل**: من الأحد إلى الخميس" in arabic


def test_a_finding_says_the_line(desk: Path) -> None:
    (desk / "falcon-permit.yaml").write_text(FALCONS.replace("ar: رسم الترخيص", "ar: Permit"), encoding="utf-8")
    result = CliRunner().invoke(app, ["catalogue", "lint", "falcon-permit.yaml"])
    line = next(n for n, text in enumerate(FALCONS.splitlines(), 1) if "ar: رسم الترخيص" in text)
    assert result.exit_code == 1
    assert result.output.startswith(f"falcon-permit.yaml:{line}: /steps/3/items/0/text/ar [not-arabic]")


def test_the_schema_for_editors_is_the_one_that_is_kept() -> None:
    kept = json.loads(Path("docs/generated/service-definition.schema.json").read_text(encoding="utf-8"))
    assert json.loads(answered("schema")) == kept


@pytest.mark.parametrize(
    ("facts", "form", "said"),
    [
        ("{age: 30, unpaid_traffic_fines_fils: 0}", "{falcons: 99, place: farm}", "/form/falcons (maximum)"),
        ("{aeg: 30}", "{falcons: 2, place: farm}", "no register tells aeg"),
    ],
)
def test_what_would_not_be_taken_is_said(desk: Path, facts: str, form: str, said: str) -> None:
    (desk / "facts.yaml").write_text(facts, encoding="utf-8")
    (desk / "form.yaml").write_text(form, encoding="utf-8")
    arguments = ["try", "falcon-permit.yaml", "--facts", "facts.yaml", "--form", "form.yaml"]
    result = CliRunner().invoke(app, ["catalogue", *arguments])
    assert result.exit_code == 1
    assert said in result.output


async def publish(platform: RunningStack, http: Http, definition: Any) -> None:
    path = f"/catalogue/services/{definition['id']}/versions/{definition['version']}"
    role = f"policy:{definition['agency']}"
    you, colleague = [await platform.api.sign_in(role=role, name=name) for name in ("you", "colleague")]
    put = await http.send("PUT", "requests", path, you, key=new_key(), content=as_json(definition))
    assert put.status == 200, put.text
    assert (await http.post("requests", f"{path}/publish", {"digest": put.json["digest"]}, colleague)).json[
        "status"
    ] == "published"


async def decided(platform: RunningStack, agency: str, request: Any) -> None:
    token = await platform.api.sign_in(role=f"officer:{agency}")

    async def task() -> Any:
        items = (await platform.api.get("requests", "/tasks?limit=100", token))["items"]
        return next((task for task in items if task["request_id"] == request["id"]), None)

    found = await platform.api.until(task, f"task at {agency}")
    await platform.api.post("requests", f"/tasks/{found['id']}/decision", {"decision": "approve"}, token)


async def test_the_service_of_the_page_is_published_and_lived_through(platform: RunningStack, http: Http) -> None:
    await publish(platform, http, yaml.safe_load(FALCONS))
    api, falconer = platform.api, await a_person(platform.api)
    form = {"falcons": 2, "place": "farm"}
    request = await api.post("requests", "/requests", {"service_id": "falcon-permit", "form": form}, falconer.token)
    path, kind = f"/requests/{request['id']}/documents/falcon-passports", {"Content-Type": "application/pdf"}
    await http.send("PUT", "requests", path, falconer.token, key=new_key(), content=PDF, headers=kind)
    await decided(platform, "municipality", request)

    async def with_fee() -> Any:
        found = await api.get("requests", f"/requests/{request['id']}", falconer.token)
        return found if found["payment_id"] else None

    request = await api.until(with_fee, "fee")
    await pay(api, falconer, request)
    done = await until_status(api, falconer, request, "fulfilled")
    assert done["document_id"] is not None
    [payment] = (await api.get("payments", f"/payments?request_id={request['id']}", falconer.token))["items"]
    assert payment["amount_fils"] == 20_000


async def test_what_an_officer_wrote_from_the_page_alone_works(platform: RunningStack, http: Http) -> None:
    """By somebody who had only the page, the agencies and the facts: spring-camp.yaml beside this file."""
    await publish(platform, http, yaml.safe_load((HERE / "spring-camp.yaml").read_text(encoding="utf-8")))
    api, camper, cousin = platform.api, await a_person(platform.api), await a_person(platform.api)
    form = {"camp_of": "family", "area": "north", "first_day": "2026-12-01", "days": 30, "gas": True, "generators": 1}
    request = await api.post("requests", "/requests", {"service_id": "spring-camp", "form": form}, camper.token)

    async def invited() -> Any:
        return await api.get("requests", f"/requests/{request['id']}/invitations", camper.token)

    [invitation] = await api.until(invited, "invitation")
    task = f"/tasks/{invitation['task_id']}"
    await api.post("requests", f"{task}/claim", {"code": invitation["code"]}, cousin.token)
    await api.post("requests", f"{task}/decision", {"decision": "approve"}, cousin.token)
    await decided(platform, "fire-force", request)
    await decided(platform, "municipality", request)

    async def with_fee() -> Any:
        found = await api.get("requests", f"/requests/{request['id']}", camper.token)
        return found if found["payment_id"] else None

    request = await api.until(with_fee, "fee")
    await pay(api, camper, request)
    assert (await until_status(api, camper, request, "fulfilled"))["document_id"] is not None
    [payment] = (await api.get("payments", f"/payments?request_id={request['id']}", camper.token))["items"]
    assert payment["amount_fils"] == 130_000
