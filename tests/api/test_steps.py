"""Steps beyond a fee and an officer: somebody else agrees, agencies work side by side, an agency needs to know more."""

from typing import Any

from afaq.demo.client import Api
from tests.api.support import Http, assert_problem
from tests.conftest import RunningStack
from tests.support import Person, a_person, pay, until_status

WHY = {"en": "Which floor is it on?", "ar": "في أي دور يقع؟"}
HOME = {"governorate": "HA", "area": "Salmiya", "block": "10", "street": "Salem Al-Mubarak", "building": "7"}
BUSINESS = {"trade_name_ar": "تصميم تجريبي", "trade_name_en": "Test Design", "activity": "design"}


async def submit(api: Api, person: Person, service_id: str, form: Any) -> Any:
    return await api.post("requests", "/requests", {"service_id": service_id, "form": form}, person.token)


async def decide(api: Api, agency: str, request: Any, decision: str = "approve", reason: Any = None) -> None:
    """An officer of the agency decides the request's open task there."""
    officer = await api.sign_in(role=f"officer:{agency}")

    async def task() -> Any:
        items = (await api.get("requests", "/tasks?limit=100", officer))["items"]
        return next((task for task in items if task["request_id"] == request["id"]), None)

    found = await api.until(task, f"task at {agency}")
    await api.post("requests", f"/tasks/{found['id']}/decision", {"decision": decision, "reason": reason}, officer)


async def an_invitation(api: Api, tenant: Person, request: Any) -> Any:
    async def invited() -> Any:
        return await api.get("requests", f"/requests/{request['id']}/invitations", tenant.token)

    [invitation] = await api.until(invited, "invitation")
    return invitation


async def test_a_landlord_agrees_with_the_code_that_the_tenant_has_handed_on(platform: RunningStack) -> None:
    api, tenant, landlord = platform.api, await a_person(platform.api), await a_person(platform.api)
    request = await submit(api, tenant, "address-change", HOME)
    assert (request["status"], request["waits_for"]) == ("in_progress", "partner")
    invitation = await an_invitation(api, tenant, request)
    path = f"/tasks/{invitation['task_id']}"
    await api.post("requests", f"{path}/claim", {"code": invitation["code"]}, landlord.token)
    [asked] = (await api.get("requests", "/tasks", landlord.token))["items"]
    assert (asked["id"], asked["party"]) == (invitation["task_id"], "landlord")
    seen = await api.get("requests", f"/requests/{request['id']}", landlord.token)
    assert seen["form"] == HOME
    assert await api.find("requests", f"/requests/{request['id']}/why", landlord.token) is None
    assert await api.find("requests", f"/requests/{request['id']}/why", tenant.token) is not None
    await api.post("requests", f"{path}/decision", {"decision": "approve"}, landlord.token)
    request = await api.until(lambda: _with_payment(api, tenant, request), "fee")
    await pay(api, tenant, request)
    await decide(api, "paci", request)
    done = await until_status(api, tenant, request, "fulfilled")
    assert done["document_id"] is not None
    told = [event["type"] for event in done["history"]]
    assert told.count("requests.request.consented") == 1


async def _with_payment(api: Api, person: Person, request: Any) -> Any:
    found = await api.get("requests", f"/requests/{request['id']}", person.token)
    return found if found["payment_id"] else None


async def test_only_the_code_makes_somebody_the_other_party(platform: RunningStack, http: Http) -> None:
    api, tenant, stranger = platform.api, await a_person(platform.api), await a_person(platform.api)
    request = await submit(api, tenant, "address-change", HOME)
    invitation = await an_invitation(api, tenant, request)
    path = f"/tasks/{invitation['task_id']}"
    wrong = {"code": "AAAA-BBBB-CCCC-DDDD"}
    assert_problem(await http.post("requests", f"{path}/claim", wrong, stranger.token), 404, "not-found")
    approve = {"decision": "approve"}
    assert_problem(await http.post("requests", f"{path}/decision", approve, stranger.token), 404, "not-found")
    assert_problem(await http.get("requests", f"/requests/{request['id']}", stranger.token), 404, "not-found")
    right = {"code": invitation["code"]}
    assert_problem(await http.post("requests", f"{path}/claim", right, tenant.token), 409, "task-for-somebody-else")
    await api.post("requests", f"{path}/claim", right, stranger.token)
    late = await a_person(api)
    assert_problem(await http.post("requests", f"{path}/claim", right, late.token), 409, "task-claimed-already")
    assert [i["code"] for i in await api.get("requests", f"/requests/{request['id']}/invitations", tenant.token)] == [
        None
    ]


async def test_a_landlord_who_does_not_agree_ends_the_request(platform: RunningStack) -> None:
    api, tenant, landlord = platform.api, await a_person(platform.api), await a_person(platform.api)
    request = await submit(api, tenant, "address-change", HOME)
    invitation = await an_invitation(api, tenant, request)
    path = f"/tasks/{invitation['task_id']}"
    await api.post("requests", f"{path}/claim", {"code": invitation["code"]}, landlord.token)
    await api.post("requests", f"{path}/decision", {"decision": "reject", "reason": WHY}, landlord.token)
    await until_status(api, tenant, request, "rejected")


async def test_authorities_look_at_a_business_side_by_side_and_one_needs_to_know_more(platform: RunningStack) -> None:
    api, founder = platform.api, await a_person(platform.api)
    request = await submit(api, founder, "business-licence", BUSINESS)
    await decide(api, "moci", request)
    await decide(api, "municipality", request, "return", WHY)
    returned = await until_status(api, founder, request, "needs_information")
    assert {step["id"]: step["waits_for"] for step in returned["steps"]} == {
        "municipality": "applicant",
        "fire-safety": "agency",
    }
    await decide(api, "fire-force", request)  # the other authority goes on meanwhile
    answer = {"form": {**BUSINESS, "premises": "12345678"}}
    await api.post("requests", f"/requests/{request['id']}/answer", answer, founder.token)
    await decide(api, "municipality", request)
    request = await api.until(lambda: _with_payment(api, founder, request), "fee")
    await pay(api, founder, request)
    done = await until_status(api, founder, request, "fulfilled")
    assert done["form"] == answer["form"]


async def test_an_answer_is_checked_as_the_form_is_and_only_when_it_is_asked_for(
    platform: RunningStack, http: Http
) -> None:
    api, founder = platform.api, await a_person(platform.api)
    request = await submit(api, founder, "business-licence", BUSINESS)
    path = f"/requests/{request['id']}/answer"
    bad, good = {"form": {**BUSINESS, "premises": "?"}}, {"form": BUSINESS}
    assert_problem(await http.post("requests", path, bad, founder.token), 422, "form-invalid")
    assert_problem(await http.post("requests", path, good, founder.token), 409, "request-not-returned")
