"""Versions of services: written by one, published by another, live at once; what runs keeps its version."""

import time
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from shared.kernel.clock import KUWAIT
from tests.api.conftest import World
from tests.api.support import (
    POLICY,
    Http,
    a_definition,
    as_json,
    assert_problem,
    hand_in,
    new_key,
    published,
    task_of,
)
from tests.conftest import RunningStack
from tests.support import a_person, until_status

LIVE_WITHIN_SECONDS = 1.0


def path_of(service_id: str, version: int) -> str:
    return f"/catalogue/services/{service_id}/versions/{version}"


async def put(http: Http, path: str, definition: Any, token: str) -> Any:
    return await http.send("PUT", "requests", path, token, key=new_key(), content=as_json(definition))


async def test_whoever_has_written_a_version_does_not_publish_it(platform: RunningStack, http: Http) -> None:
    service_id = f"test-{uuid4().hex[:12]}"
    path = path_of(service_id, 1)
    writer, reader = [await platform.api.sign_in(role=POLICY, name=name) for name in ("writer", "reader")]
    drafted = (await put(http, path, a_definition(service_id), writer)).json
    assert drafted["status"] == "draft"
    read = {"digest": drafted["digest"]}
    assert_problem(await http.get("requests", f"/catalogue/{service_id}"), 404, "service-unknown")
    refused = await http.post("requests", f"{path}/publish", read, writer)
    assert_problem(refused, 409, "version-needs-another-officer")
    another = a_definition(service_id, service_level_working_days=2)
    read_now = {"digest": (await put(http, path, another, writer)).json["digest"]}
    assert_problem(await http.post("requests", f"{path}/publish", read, reader), 409, "version-written-anew")
    answered = await http.post("requests", f"{path}/publish", read_now, reader)
    since = time.monotonic()
    assert answered.json["status"] == "published"
    card = await http.get("requests", f"/catalogue/{service_id}")
    assert (card.status, card.json["version"]) == (200, 1)
    assert time.monotonic() - since < LIVE_WITHIN_SECONDS
    assert_problem(await http.post("requests", f"{path}/publish", read_now, reader), 409, "version-published")
    again = await put(http, path, a_definition(service_id, service_level_working_days=5), writer)
    assert_problem(again, 409, "version-published")


async def test_what_is_wrong_is_told_in_both_languages_and_not_saved(http: Http, world: World) -> None:
    service_id = f"test-{uuid4().hex[:12]}"
    definition = a_definition(service_id, agency="moi-traffic")
    definition["steps"][1]["agency"] = "ministry-of-magic"
    definition["name"].pop("ar")
    answered = await put(http, path_of(service_id, 1), definition, world.policy)
    problem = assert_problem(answered, 422, "definition-has-findings")
    [finding] = problem["errors"]
    assert (finding["code"], finding["pointer"]) == ("arabic-missing", "/name/ar")
    assert finding["text"]["ar"]
    definition["name"]["ar"] = "خدمة"
    problem = assert_problem(
        await put(http, path_of(service_id, 1), definition, world.policy), 422, "definition-has-findings"
    )
    assert [finding["code"] for finding in problem["errors"]] == ["unknown-agency"]
    assert_problem(await http.get("requests", path_of(service_id, 1), world.policy), 404, "version-unknown")


async def test_a_draft_is_seen_by_its_agency_only_and_a_service_stays_with_its_agency(
    platform: RunningStack, http: Http, world: World
) -> None:
    service_id = f"test-{uuid4().hex[:12]}"
    path = path_of(service_id, 1)
    assert (await put(http, path, a_definition(service_id), world.policy)).status == 200
    assert (await http.get("requests", path, world.policy)).json["definition"]["agency"] == "moi-traffic"
    for token in (world.owner.token, world.policy_elsewhere, world.officer):
        assert_problem(await http.get("requests", path, token), 404, "version-unknown")
    stolen = a_definition(service_id, version=2, agency="moh-licensing")
    stolen["agency"] = "paci"
    elsewhere = await platform.api.sign_in(role="policy:paci")
    assert_problem(await put(http, path_of(service_id, 2), stolen, elsewhere), 403, "not-allowed")
    theirs = a_definition("address-change", version=9)
    assert_problem(await put(http, path_of("address-change", 9), theirs, world.policy), 403, "not-allowed")


async def test_a_request_keeps_the_version_that_it_began_with(platform: RunningStack, http: Http) -> None:
    api, person = platform.api, await a_person(platform.api)
    service_id = f"test-{uuid4().hex[:12]}"
    first = a_definition(service_id)
    await published(platform, first)
    asked = {"service_id": service_id, "form": {}}
    request = await api.post("requests", "/requests", asked, person.token)
    fee = {
        "kind": "fee",
        "id": "fee",
        "amount_fils": 5_000,
        "description": {"en": "A new fee", "ar": "رسم جديد"},
        "pay_within_days": 9,
        "refund_when_rejected": True,
    }
    second = a_definition(service_id, version=2, service_level_working_days=3)
    second["steps"].insert(1, fee)
    await published(platform, second)
    later = await api.post("requests", "/requests", asked, person.token)
    assert (request["service_version"], later["service_version"]) == (1, 2)
    for asked_for in (request, later):
        assert (await hand_in(http, person, asked_for)).status == 200
    task = await task_of(platform, request)
    officer = await api.sign_in(role="officer:moi-traffic")
    await api.post("requests", f"/tasks/{task['id']}/decision", {"decision": "approve"}, officer)
    done = await until_status(api, person, request, "fulfilled")
    assert done["payment_id"] is None
    changed = await api.get("requests", f"{path_of(service_id, 2)}/changes?since=1", person.token)
    said = {change["pointer"]: change for change in changed}
    assert said["/steps/fee"]["kind"] == "added"
    assert said["/service_level_working_days"]["text"]["en"].endswith("1 → 3")
    assert "أيام عمل" in said["/service_level_working_days"]["text"]["ar"]


async def test_a_version_that_begins_later_is_not_what_people_get_today(platform: RunningStack, http: Http) -> None:
    service_id = f"test-{uuid4().hex[:12]}"
    await published(platform, a_definition(service_id))
    tomorrow = datetime.now(KUWAIT).date() + timedelta(days=1)
    await published(platform, a_definition(service_id, version=2, effective_from=tomorrow.isoformat()))
    assert (await http.get("requests", f"/catalogue/{service_id}")).json["version"] == 1
    person, asked = await a_person(platform.api), {"service_id": service_id, "form": {}}
    early = await http.post("requests", "/requests", {**asked, "version": 2}, person.token)
    assert_problem(early, 409, "version-not-in-force")
    assert (await http.post("requests", "/requests", {**asked, "version": 1}, person.token)).status == 202


async def test_nobody_chooses_a_version_that_others_do_not_get_any_more(platform: RunningStack, http: Http) -> None:
    service_id, person = f"test-{uuid4().hex[:12]}", await a_person(platform.api)
    for version in (1, 2):
        await published(platform, a_definition(service_id, version=version))
    asked = {"service_id": service_id, "form": {}, "version": 1}
    assert_problem(await http.post("requests", "/requests", asked, person.token), 409, "version-not-in-force")
    assert (await http.post("requests", "/requests", {**asked, "version": 2}, person.token)).status == 202


async def test_a_form_is_saved_for_later_and_gone_when_it_is_sent(platform: RunningStack, http: Http) -> None:
    api, person = platform.api, await a_person(platform.api)
    saved = await api.put("requests", "/drafts/driving-licence-renewal", {"form": {"delivery": "kiosk"}}, person.token)
    assert [error["pointer"] for error in saved["errors"]] == ["/form/kiosk"]
    [draft] = await api.get("requests", "/drafts", person.token)
    form = draft["form"] | {"kiosk": "avenues-1"}
    asked = {"service_id": "driving-licence-renewal", "form": form, "from_draft": True}
    await api.post("requests", "/requests", asked, person.token)
    assert await api.get("requests", "/drafts", person.token) == []


async def test_one_may_ask_what_a_rule_would_say_to_ones_plans(platform: RunningStack, http: Http) -> None:
    person = await a_person(platform.api)

    async def supposed(**facts: Any) -> Any:
        asked = {"service_id": "driving-licence-renewal", "facts": facts}
        return (await http.post("requests", "/eligibility", asked, person.token)).json

    assert (await supposed())["eligible"] == "yes"
    assert (await supposed(driving_licence_expires_on="2099-01-01"))["eligible"] == "no"
    unknown = (await http.post("requests", "/eligibility", {"service_id": "work-permit"}, person.token)).json
    assert unknown["eligible"] == "unknown"
    [rule] = unknown["rules"]
    assert [owner["en"] for owner in rule["waits_for"]] == ["The Public Authority for Manpower"]
