"""What the rules of the field refuse: with a code, the reason in both languages, and nothing begun."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.conftest import World
from tests.api.support import (
    CAPTURED_CARD,
    Answered,
    Http,
    a_driver,
    a_request,
    an_open_task,
    assert_problem,
    eligibility_of,
    facts,
    new_civil_id,
    open_tasks,
    person_form,
)
from tests.conftest import RunningStack
from tests.support import SERVICE, SUBMISSION, Person, a_person, until_status

EXPIRY = "within-thirty-days-of-expiry"
REASON = {"ar": "الصورة غير واضحة", "en": "The photograph is not clear"}


async def refused_submission(http: Http, person: Person, code: str) -> list[Any]:
    """The rules that a refusal names; nothing was begun."""
    answered = await http.post("requests", "/requests", SUBMISSION, person.token)
    problem = assert_problem(answered, 409, code)
    assert (await http.get("requests", "/requests", person.token)).json["items"] == []
    assert (await http.get("payments", "/payments", person.token)).json["items"] == []
    rules: list[Any] = problem["details"]["rules"]
    return rules


RESIDENCY = {"service_id": "residency-renewal", "form": {"years": 1}}


@pytest.mark.parametrize(
    ("residency", "permit", "failed"),
    [
        (200, 100, ["within-sixty-days-of-expiry"]),
        (20, -1, ["has-a-work-permit"]),
        (200, -1, ["within-sixty-days-of-expiry", "has-a-work-permit"]),
    ],
)
async def test_who_is_not_eligible_is_told_every_reason(
    residency: int, permit: int, failed: list[str], platform: RunningStack, http: Http
) -> None:
    now = datetime.now(UTC)
    ends = {"residency_expires_on": residency, "work_permit_valid_until": permit}
    told = {
        name: {"value": (now.date() + timedelta(days=days)).isoformat(), "source": "test", "as_of": now.isoformat()}
        for name, days in ends.items()
    }
    person = await a_person(platform.api, residence="resident", facts=facts() | told)
    answered = await http.post("requests", "/requests", RESIDENCY, person.token)
    rules = assert_problem(answered, 409, "not-eligible")["details"]["rules"]
    assert [rule["id"] for rule in rules] == failed
    for rule in rules:
        assert set(rule["reason"]) == {"ar", "en"} and all(rule["reason"].values())
    told = await eligibility_of(platform, person.token, "residency-renewal")
    assert told["eligible"] == "no"
    assert {rule["id"]: rule["reason"] for rule in told["rules"] if rule["verdict"] == "failed"} == {
        rule["id"]: rule["reason"] for rule in rules
    }


@pytest.mark.parametrize("days", [-400, -1, 0, 29])
async def test_a_licence_that_has_ended_or_soon_will_can_be_renewed(
    days: int, platform: RunningStack, http: Http
) -> None:
    person = await a_driver(platform, expires_in_days=days)
    assert (await eligibility_of(platform, person.token))["eligible"] == "yes"
    assert (await http.post("requests", "/requests", SUBMISSION, person.token)).status == 202


async def test_one_day_too_early_is_too_early(platform: RunningStack, http: Http) -> None:
    person = await a_driver(platform, expires_in_days=32)
    assert [rule["id"] for rule in await refused_submission(http, person, "not-eligible")] == [EXPIRY]


@pytest.mark.parametrize(
    ("known", "undecided"),
    [
        ({"expires_in_days": None}, [EXPIRY]),
        ({"expires_in_days": None, "fines_fils": None}, [EXPIRY]),
    ],
)
async def test_what_a_registry_has_not_said_is_never_taken_for_a_no_nor_for_a_yes(
    known: dict[str, None], undecided: list[str], platform: RunningStack, http: Http
) -> None:
    person = await a_driver(platform, **known)
    rules = await refused_submission(http, person, "eligibility-undecided")
    assert [rule["id"] for rule in rules] == undecided
    assert (await eligibility_of(platform, person.token))["eligible"] == "unknown"


@pytest.mark.parametrize("fines_fils", [None, 1, 30_000])
async def test_what_can_be_cleared_or_is_not_known_yet_holds_up_and_turns_nobody_away(
    fines_fils: int | None, platform: RunningStack, http: Http
) -> None:
    person = await a_driver(platform, fines_fils=fines_fils)
    answered = await http.post("requests", "/requests", SUBMISSION, person.token)
    assert answered.status == 202
    assert [step["id"] for step in answered.json["steps"]] == ["traffic-fines"]


@pytest.mark.parametrize(
    ("form", "errors"),
    [
        ({}, {("/form/delivery", "required")}),
        ({"delivery": "by-pigeon"}, {("/form/delivery", "enum")}),
        ({"delivery": None}, {("/form/delivery", "enum")}),
        ({"delivery": "kiosk"}, {("/form/kiosk", "required")}),
        ({"delivery": "kiosk", "kiosk": "X"}, {("/form/kiosk", "pattern")}),
        ({"delivery": "kiosk", "kiosk": 7}, {("/form/kiosk", "type")}),
        ({"delivery": "digital", "favourite/colour": "blue"}, {("/form", "additionalProperties")}),
        ({"delivery": "by-pigeon", "kiosk": "X"}, {("/form/delivery", "enum"), ("/form/kiosk", "pattern")}),
    ],
)
async def test_each_fault_of_a_form_points_to_its_field(
    form: dict[str, Any], errors: set[tuple[str, str]], http: Http, world: World
) -> None:
    """A page marks the field that an error points to. A name that the person made up is not repeated."""
    answered = await http.post("requests", "/requests", {"service_id": SERVICE, "form": form}, world.owner.token)
    problem = assert_problem(answered, 422, "form-invalid")
    assert {(error["pointer"], error["code"]) for error in problem["errors"]} == errors
    assert not any(typed in answered.text for typed in ("by-pigeon", "blue", "colour"))


@pytest.mark.parametrize("submission", [{"service_id": "no-such-service"}, {"service_id": SERVICE, "version": 99}])
async def test_a_service_that_the_catalogue_lacks_is_unknown(
    submission: dict[str, Any], http: Http, world: World
) -> None:
    answered = await http.post("requests", "/requests", submission | {"form": {}}, world.owner.token)
    assert_problem(answered, 404, "service-unknown")


async def withdraw(http: Http, person: Person, request_id: str) -> Answered:
    return await http.post("requests", f"/requests/{request_id}/withdraw", None, person.token)


async def decide(http: Http, world: World, task_id: str, **decision: Any) -> Answered:
    return await http.post("requests", f"/tasks/{task_id}/decision", decision, world.officer)


async def test_a_request_is_withdrawn_once(platform: RunningStack, http: Http, world: World) -> None:
    request = await a_request(platform, world.owner)
    assert (await withdraw(http, world.owner, request["id"])).json["status"] == "withdrawn"
    problem = assert_problem(await withdraw(http, world.owner, request["id"]), 409, "request-not-withdrawable")
    assert problem["details"] == {"status": "withdrawn"}
    history = (await http.get("requests", f"/requests/{request['id']}", world.owner.token)).json["history"]
    assert [event["type"] for event in history].count("requests.request.withdrawn") == 1


async def test_what_is_fulfilled_is_not_withdrawn(http: Http, world: World) -> None:
    answered = await withdraw(http, world.owner, world.of_owner["request_id"])
    assert assert_problem(answered, 409, "request-not-withdrawable")["details"] == {"status": "fulfilled"}
    assert (await http.get("requests", f"/documents/{world.of_owner['document_id']}", world.owner.token)).status == 200


@pytest.mark.parametrize(("first", "second"), [("approve", "reject"), ("reject", "approve"), ("approve", "approve")])
async def test_a_task_is_decided_once(
    first: str, second: str, platform: RunningStack, http: Http, world: World
) -> None:
    request, task = await an_open_task(platform, world.owner)
    decided = await decide(http, world, task["id"], decision=first, reason=REASON)
    assert (decided.status, decided.json["decision"], decided.json["status"]) == (200, first, "decided")
    again = await decide(http, world, task["id"], decision=second, reason=REASON)
    assert assert_problem(again, 409, "task-not-open")["details"] == {"status": "decided"}
    end = "fulfilled" if first == "approve" else "rejected"
    await until_status(platform.api, world.owner, request, end)


async def test_a_rejection_without_a_reason_leaves_the_task_open(
    platform: RunningStack, http: Http, world: World
) -> None:
    request, task = await an_open_task(platform, world.owner)
    refused = await decide(http, world, task["id"], decision="reject")
    assert_problem(refused, 422, "task-rejection-without-reason")
    for reason in ({"en": "Only English"}, {"ar": "", "en": ""}, {"ar": " ", "en": "\t"}, "no", {}):
        assert_problem(await decide(http, world, task["id"], decision="reject", reason=reason), 422, "invalid-request")
    assert task["id"] in {found["id"] for found in await open_tasks(platform, world.officer)}
    assert (await decide(http, world, task["id"], decision="approve")).status == 200
    await until_status(platform.api, world.owner, request, "fulfilled")


async def test_the_task_of_a_withdrawn_request_cannot_be_decided(
    platform: RunningStack, http: Http, world: World
) -> None:
    request, task = await an_open_task(platform, world.owner)
    assert (await withdraw(http, world.owner, request["id"])).status == 200

    async def is_cancelled() -> bool:
        return task["id"] not in {found["id"] for found in await open_tasks(platform, world.officer)}

    await platform.api.until(is_cancelled, "end of the task")
    answered = await decide(http, world, task["id"], decision="approve")
    assert assert_problem(answered, 409, "task-not-open")["details"] == {"status": "cancelled"}
    story = (await http.get("requests", f"/requests/{request['id']}", world.owner.token)).json
    assert story["status"] == "withdrawn"


async def test_a_payment_whose_request_has_ended_is_not_paid(platform: RunningStack, http: Http, world: World) -> None:
    request = await a_request(platform, world.owner)
    path = f"/payments/{request['payment_id']}"
    await withdraw(http, world.owner, request["id"])

    async def is_cancelled() -> bool:
        return bool((await http.get("payments", path, world.owner.token)).json["status"] == "cancelled")

    await platform.api.until(is_cancelled, "end of the payment")
    answered = await http.post("payments", f"{path}/attempts", None, world.owner.token)
    assert assert_problem(answered, 409, "payment-not-open")["details"] == {"status": "cancelled"}
    assert (await http.get("payments", path, world.owner.token)).json["attempts"] == []


async def test_what_is_paid_is_not_paid_again(http: Http, world: World) -> None:
    path = f"/payments/{world.of_owner['payment_id']}"
    answered = await http.post("payments", f"{path}/attempts", None, world.owner.token)
    assert assert_problem(answered, 409, "payment-not-open")["details"] == {"status": "captured"}
    assert len((await http.get("payments", path, world.owner.token)).json["attempts"]) == 1


CIVIL_IDS = {
    "": "shape",
    "1": "shape",
    "2020304000190": "shape",
    "20203040001x": "shape",
    "²" * 12: "shape",
    "१" * 12: "shape",
    CAPTURED_CARD: "shape",
    "002030400019": "century",
    "402030400019": "century",
    "902030400019": "century",
    "202130400019": "date",
    "202023000019": "date",
    "201022900019": "date",
    "399123100019": "future",
    "202030400010": "check-digit",
}


@pytest.mark.parametrize("civil_id", CIVIL_IDS)
async def test_a_number_that_can_be_nobodys_is_refused_with_the_reason(civil_id: str, http: Http, world: World) -> None:
    for service_path, body, token in (
        ("/persons", person_form() | {"civil_id": civil_id}, world.registrar),
        ("/local/sign-in", {"civil_id": civil_id}, None),
    ):
        answered = await http.post("identity", service_path, body, token)
        problem = assert_problem(answered, 422, "civil-id-invalid")
        errors = [(error["pointer"], error["code"]) for error in problem["errors"]]
        assert errors == [("/civil_id", CIVIL_IDS[civil_id])]
        assert len(civil_id) < 2 or civil_id not in answered.text


async def test_a_civil_id_may_be_written_as_people_write_it(http: Http, world: World) -> None:
    civil_id = new_civil_id()
    arabic = civil_id.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    written = f"{arabic[0]} {arabic[1:7]}-{arabic[7:]}"
    registered = await http.post("identity", "/persons", person_form(written), world.registrar)
    assert registered.status == 201
    for form in (civil_id, arabic, f"{civil_id[:6]} {civil_id[6:]}"):
        assert (await http.post("identity", "/local/sign-in", {"civil_id": form})).status == 200
        answered = await http.post("identity", "/persons", person_form(form), world.registrar)
        assert_problem(answered, 409, "person-already-registered")


async def test_one_civil_id_is_not_registered_twice(platform: RunningStack, http: Http, world: World) -> None:
    before = (await http.get("identity", "/me", world.owner.token)).json
    namesake = person_form(world.owner.civil_id) | {"name": {"ar": "غيره", "en": "Another"}, "language": "ar"}
    answered = await http.post("identity", "/persons", namesake, world.registrar)
    assert_problem(answered, 409, "person-already-registered")
    assert world.owner.civil_id not in answered.text and world.owner.id not in answered.text
    assert (await http.get("identity", "/me", world.owner.token)).json == before


@pytest.mark.parametrize("code", ["AAAA-BBBB-CCCC-DDDD", "7777-7777-7777-7777"])
async def test_an_unknown_code_verifies_nothing(code: str, http: Http) -> None:
    assert_problem(await http.get("requests", f"/verify/{code}"), 404, "document-unknown")


@pytest.mark.parametrize(
    "code", ["x", "AAAA-BBBB-CCCC", "aaaa-bbbb-cccc-dddd", "AAAA-BBBB-CCCC-DDD1", "AAAABBBBCCCCDDDD", "%00", "AAAA%0A"]
)
async def test_a_code_of_another_shape_is_refused(code: str, http: Http) -> None:
    answered = await http.get("requests", f"/verify/{code}")
    problem = assert_problem(answered, 422, "invalid-request")
    assert [(error["in"], error["pointer"]) for error in problem["errors"]] == [("path", "/code")]


async def test_a_code_verifies_what_the_document_says_and_no_more(http: Http, world: World) -> None:
    answered = await http.get("requests", f"/verify/{world.of_owner['code']}")
    verified = answered.json
    assert (verified["genuine"], verified["valid"], verified["revoked"]) == (True, True, False)
    assert verified["kind"] == "driving-licence"
    assert set(verified) == {
        *("genuine", "valid", "revoked", "kind", "title", "holder", "issuer", "valid_from", "valid_until")
    }
    assert world.owner.civil_id not in answered.text and world.owner.id not in answered.text
