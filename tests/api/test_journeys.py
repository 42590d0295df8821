"""The services of the catalogue from end to end, as their people live through them, on the real stack."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from afaq.demo.client import Api
from shared.kernel.clock import KUWAIT
from shared.kernel.iban import kuwaiti_iban
from tests.api.support import Http, as_json, assert_problem, new_key
from tests.conftest import RunningStack
from tests.support import Person, a_person, pay, until_status

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
JPEG = b"\xff\xd8\xff\xe0" + bytes(200) + b"\xff\xd9"
IBAN = kuwaiti_iban("NBOK", "1000372151")
NO_SUCH_IBAN = kuwaiti_iban("NBOK", "1000370000")
WHY = {"en": "The papers are not enough.", "ar": "الأوراق غير كافية."}


def told(**values: Any) -> dict[str, Any]:
    """Facts as a registrar tells them, beside those that every test's person has."""
    now = datetime.now(UTC)
    known = {
        "driving_licence_expires_on": (now - timedelta(days=100)).date().isoformat(),
        "unpaid_traffic_fines_fils": 0,
        "sees_well_enough": True,
    }
    return {
        name: {"value": value, "source": "moi-traffic", "as_of": now.isoformat()}
        for name, value in (known | values).items()
    }


async def submit(api: Api, person: Person, service_id: str, form: Any) -> Any:
    return await api.post("requests", "/requests", {"service_id": service_id, "form": form}, person.token)


async def decide(
    api: Api, agency: str, request: Any, decision: str = "approve", *, reason: Any = None, officer: str = "first"
) -> None:
    """An officer of the agency decides the request's open task there."""
    token = await api.sign_in(role=f"officer:{agency}", name=officer)

    async def task() -> Any:
        items = (await api.get("requests", "/tasks?limit=100", token))["items"]
        return next((task for task in items if task["request_id"] == request["id"]), None)

    found = await api.until(task, f"task at {agency}")
    await api.post("requests", f"/tasks/{found['id']}/decision", {"decision": decision, "reason": reason}, token)


async def hand_in(http: Http, person: Person, request: Any, name: str, content: bytes, kind: str) -> Any:
    path = f"/requests/{request['id']}/documents/{name}"
    return await http.send(
        "PUT", "requests", path, person.token, key=new_key(), content=content, headers={"Content-Type": kind}
    )


async def agree(api: Api, applicant: Person, request: Any, party: Person) -> None:
    async def invited() -> Any:
        return await api.get("requests", f"/requests/{request['id']}/invitations", applicant.token)

    [invitation] = await api.until(invited, "invitation")
    path = f"/tasks/{invitation['task_id']}"
    await api.post("requests", f"{path}/claim", {"code": invitation["code"]}, party.token)
    await api.post("requests", f"{path}/decision", {"decision": "approve"}, party.token)


async def until_fee(api: Api, person: Person, request: Any) -> Any:
    async def look() -> Any:
        found = await api.get("requests", f"/requests/{request['id']}", person.token)
        return found if found["payment_id"] else None

    return await api.until(look, "fee")


async def an_offer_of(api: Api, person: Person, service_id: str) -> Any:
    async def look() -> Any:
        items = (await api.get("requests", "/offers", person.token))["items"]
        return next((offer for offer in items if offer["service_id"] == service_id), None)

    return await api.until(look, f"offer of {service_id}")


async def balances(api: Api) -> dict[str, int]:
    operator = await api.sign_in(role="operator")
    ledger = await api.get("payments", "/ledger/balances", operator)
    assert ledger["sum_fils"] == 0
    return {account["account"]: account["balance_fils"] for account in ledger["accounts"]}


async def paid_by_bank(platform: RunningStack) -> list[Any]:
    async with aiohttp.request("GET", f"{platform.endpoints.urls['simulators']}/bank/ledger") as response:
        payments: list[Any] = (await response.json())["payments"]
        return payments


async def test_a_residency_waits_for_traffic_fines_and_goes_on_when_they_are_paid(platform: RunningStack) -> None:
    api, today = platform.api, datetime.now(KUWAIT).date()
    facts = told(
        unpaid_traffic_fines_fils=75_000,
        residency_expires_on=(today - timedelta(days=40)).isoformat(),
        work_permit_valid_until="2099-01-01",
        unpaid_state_debts_fils=0,
        has_biometrics=True,
        is_insured=False,
    )
    registrar = await api.sign_in(role="registrar")
    resident = await a_person(api, residence="resident", facts=told())
    path = f"/persons/{resident.id}"
    await api.patch("identity", path, {"facts": facts}, registrar)

    async def owes() -> Any:
        quote = await api.post(
            "requests", "/quotes", {"service_id": "residency-renewal", "form": {"years": 1}}, resident.token
        )
        return quote if quote["holds"] and quote["eligible"] == "yes" else None

    quote = await api.until(owes, "hold")
    assert [hold["clears_with"] for hold in quote["holds"]] == ["traffic-fine-payment"]
    assert {line["item"]: line["amount_fils"] for line in quote["fees"]} == {
        "residency": 20_000,
        "insurance": 100_000,
        "late": 100_000,
    }
    renewal = await submit(api, resident, "residency-renewal", {"years": 1})
    assert (renewal["status"], renewal["waits_for"]) == ("in_progress", "applicant")
    why = await api.get("requests", f"/requests/{renewal['id']}/why", resident.token)
    [wait] = why["waits"]
    assert wait["hold"]["clears_with"] == "traffic-fine-payment"
    permit = next(rule for rule in why["rules"] if rule["id"] == "has-a-work-permit")
    assert permit["sources"]["work_permit_valid_until"]["source"] == "moi-traffic"

    fines = await submit(api, resident, "traffic-fine-payment", {})
    await pay(api, resident, await until_fee(api, resident, fines))
    await until_status(api, resident, fines, "fulfilled")
    renewal = await until_fee(api, resident, renewal)
    before = (await balances(api)).get("agency:moh-insurance", 0)
    await pay(api, resident, renewal)
    await decide(api, "moi-residency", renewal)
    await until_status(api, resident, renewal, "fulfilled")
    assert (await balances(api))["agency:moh-insurance"] == before - 100_000

    async def renewed() -> Any:
        known = await api.get("identity", "/me", resident.token)
        return known["facts"]["residency_expires_on"]["value"] == (today + timedelta(days=365)).isoformat()

    await api.until(renewed, "fact of the new residency")


async def test_a_licence_is_held_up_by_fines_and_goes_on_when_they_are_paid(platform: RunningStack) -> None:
    api = platform.api
    driver = await a_person(api, facts=told(unpaid_traffic_fines_fils=30_000))
    renewal = await submit(api, driver, "driving-licence-renewal", {"delivery": "digital"})
    assert (renewal["steps"], renewal["payment_id"]) == (
        [{"id": "traffic-fines", "waits_for": "applicant", "documents": []}],
        None,
    )
    fines = await submit(api, driver, "traffic-fine-payment", {})
    await pay(api, driver, await until_fee(api, driver, fines))
    await until_status(api, driver, fines, "fulfilled")
    await pay(api, driver, await until_fee(api, driver, renewal))
    await decide(api, "moi-traffic", renewal)
    await until_status(api, driver, renewal, "fulfilled")


async def test_fines_are_dropped_after_an_objection_with_evidence(platform: RunningStack, http: Http) -> None:
    api = platform.api
    driver, stranger = await a_person(api), await a_person(api)
    registrar = await api.sign_in(role="registrar")
    facts = told(unpaid_traffic_fines_fils=30_000)
    await api.patch("identity", f"/persons/{driver.id}", {"facts": facts}, registrar)
    form = {"service_id": "traffic-fine-objection", "form": {"words": "I was in hospital on that day."}}

    async def accepted() -> Any:
        answered = await http.post("requests", "/requests", form, driver.token)
        return answered.json if answered.status == 202 else None

    request = await api.until(accepted, "request")
    assert request["steps"] == [{"id": "evidence", "waits_for": "applicant", "documents": ["evidence"]}]
    for content, kind in ((b"MZ not a picture", "image/png"), (PDF[:-9], "application/pdf"), (b"", "application/pdf")):
        wrong = await hand_in(http, driver, request, "evidence", content, kind)
        assert_problem(wrong, 422, "upload-not-accepted")
    assert_problem(await hand_in(http, driver, request, "passport", PDF, "application/pdf"), 404, "not-found")
    assert_problem(await hand_in(http, stranger, request, "evidence", PDF, "application/pdf"), 404, "not-found")
    assert (await hand_in(http, driver, request, "evidence", PDF, "application/pdf")).status == 200
    path = f"/requests/{request['id']}/documents/evidence"
    assert (await http.get("requests", path, driver.token)).content == PDF
    assert_problem(await http.get("requests", path, stranger.token), 404, "not-found")
    late = await hand_in(http, driver, request, "evidence", PDF, "application/pdf")
    assert_problem(late, 409, "document-not-asked-for")
    officer = await api.sign_in(role="officer:moi-traffic")

    async def is_seen() -> Any:
        return (await http.get("requests", path, officer)).content == PDF

    await api.until(is_seen, "evidence at the officer's")
    await decide(api, "moi-traffic", request)
    await until_status(api, driver, request, "fulfilled")

    async def owes_nothing() -> Any:
        known = await api.get("identity", "/me", driver.token)
        return known["facts"]["unpaid_traffic_fines_fils"]["value"] == 0

    await api.until(owes_nothing, "fact")


async def test_a_worker_agrees_and_the_agencys_own_system_permits(platform: RunningStack) -> None:
    api = platform.api
    employer, worker = await a_person(api, facts=told(free_worker_quota=2)), await a_person(api, residence="resident")
    form = {"kind": "transfer", "job_title": "Draughtsman", "monthly_salary_fils": 450_000}
    request = await submit(api, employer, "work-permit", form)
    await agree(api, employer, request, worker)
    request = await until_fee(api, employer, request)
    payment = await api.until(
        lambda: api.find("payments", f"/payments/{request['payment_id']}", employer.token), "payment"
    )
    assert payment["amount_fils"] == 300_000
    await pay(api, employer, request)
    done = await until_status(api, employer, request, "fulfilled")
    permit = await api.get("requests", f"/documents/{done['document_id']}", worker.token)
    assert permit["holder_id"] == worker.id

    async def may_work() -> Any:
        known = await api.get("identity", "/me", worker.token)
        return known["facts"].get("work_permit_valid_until")

    assert (await api.until(may_work, "permit in the worker's facts"))["source"] == "manpower"


async def test_what_the_agencys_system_refuses_is_decided_again_by_people(platform: RunningStack) -> None:
    api = platform.api
    employer, worker = await a_person(api, facts=told(free_worker_quota=2)), await a_person(api, residence="resident")
    form = {"kind": "first", "job_title": "please refuse", "monthly_salary_fils": 450_000}
    request = await submit(api, employer, "work-permit", form)
    await agree(api, employer, request, worker)
    await pay(api, employer, await until_fee(api, employer, request))
    refused = await until_status(api, employer, request, "rejected")
    assert refused["object_until"] is not None
    path = f"/requests/{request['id']}"
    assert (await api.get("requests", f"{path}/why", employer.token))["refused"]["en"]
    await api.post("requests", f"{path}/objection", {"words": "The title was a mistake."}, employer.token)
    await decide(api, "manpower", request)
    request = await until_status(api, employer, request, "in_progress")

    async def is_due_again() -> Any:
        found = await api.get("requests", path, employer.token)
        return found if found["payment_id"] != refused["payment_id"] else None

    await pay(api, employer, await api.until(is_due_again, "fee that is due again"))
    await until_status(api, employer, request, "fulfilled")
    assert (await api.get("payments", "/payments", employer.token))["items"][0]["attempts"]


async def test_a_marriage_is_registered_and_what_follows_is_offered(platform: RunningStack, http: Http) -> None:
    api = platform.api
    facts = told(
        has_marriage_loan=False, receives_housing_benefit=False, monthly_salary_fils=1_200_000, is_married=False
    )
    husband, wife = await a_person(api, facts=facts), await a_person(api)
    form = {"contract_on": "2026-11-20", "place": "home"}
    asked = {"service_id": "marriage-registration", "form": form}
    assert_problem(await http.post("requests", "/requests", asked, husband.token), 401, "assurance-too-low")
    claims = {"civil_id": husband.civil_id, "acr": "urn:afaq:high"}
    await api.put("sign-in", f"/users/{husband.id}", claims)
    surely = (await api.sign_in_at_provider(husband.id, acr="high"))["access_token"]
    request = await api.post("requests", "/requests", asked, surely)
    picture = await hand_in(http, husband, request, "medical-certificate-wife", JPEG, "image/jpeg")
    assert_problem(picture, 422, "upload-not-accepted")
    for whose in ("husband", "wife"):
        handed = await hand_in(http, husband, request, f"medical-certificate-{whose}", PDF, "application/pdf")
        assert handed.status == 200
    await agree(api, husband, request, wife)
    await decide(api, "moj", request)
    request = await until_fee(api, husband, request)
    await pay(api, husband, request)
    await until_status(api, husband, request, "fulfilled")

    loan = await an_offer_of(api, husband, "marriage-loan")
    prefilled = await api.get("requests", "/catalogue/marriage-loan/prefill", husband.token)
    assert prefilled["monthly_salary_fils"]["value"] == 1_200_000
    assert prefilled["monthly_salary_fils"]["source"] == "moi-traffic"
    taken = await api.post("requests", f"/offers/{loan['id']}/accept", {}, husband.token)
    await decide(api, "credit-bank", taken)

    async def owed() -> Any:
        return (await api.get("payments", "/payouts", husband.token))["items"]

    [payout] = await api.until(owed, "payout")
    assert (payout["status"], payout["amount_fils"]) == ("needs_account", 4_000_000)

    async def waits_for_him() -> bool:
        return bool((await api.get("requests", f"/requests/{taken['id']}", husband.token))["waits_for"] == "applicant")

    await api.until(waits_for_him, "word that he has to name an account")
    why = await api.get("requests", f"/requests/{taken['id']}/why", husband.token)
    assert [wait["owner"] for wait in why["waits"]] == ["applicant"]
    mistyped = as_json({"iban": "KW81CBKU0000000000001234560102"})
    refused = await http.send("PUT", "payments", "/payout-account", husband.token, key=new_key(), content=mistyped)
    assert_problem(refused, 422, "iban-invalid")
    await api.put("payments", "/payout-account", {"iban": NO_SUCH_IBAN}, husband.token)

    async def is_told() -> Any:
        inbox = (await api.get("notifications", "/inbox", husband.token))["items"]
        return any(message["purpose"] == "payout-returned" for message in inbox)

    await api.until(is_told, "word that the account is unknown")
    await api.put("payments", "/payout-account", {"iban": f" {IBAN[:4]} {IBAN[4:]} "}, husband.token)
    await until_status(api, husband, taken, "fulfilled")
    paid = [payment for payment in await paid_by_bank(platform) if payment["iban"] == IBAN]
    assert [payment["amount_fils"] for payment in paid] == [4_000_000]
    await have_the_rent_allowance(platform, http, husband)


async def have_the_rent_allowance(platform: RunningStack, http: Http, husband: Person) -> None:
    api = platform.api
    allowance = await an_offer_of(api, husband, "rent-allowance")
    taken = await api.post("requests", f"/offers/{allowance['id']}/accept", {}, husband.token)
    assert (await hand_in(http, husband, taken, "lease", JPEG, "image/jpeg")).status == 200
    await decide(api, "housing", taken)
    await until_status(api, husband, taken, "fulfilled")
    paid = [payment for payment in await paid_by_bank(platform) if payment["iban"] == IBAN]
    assert sorted(payment["amount_fils"] for payment in paid) == [150_000, 4_000_000]
    assert (await balances(api))["payouts_due"] == 0


async def has_died(api: Api, deceased: Person, *, next_of_kin: Person) -> None:
    """The registry has told of it five days ago: the days of mourning are over."""
    days_ago = datetime.now(UTC) - timedelta(days=5)
    notice = {
        "kind": "death",
        "source": "moh-registry",
        "number": f"D-{uuid.uuid4().hex[:12]}",
        "person_id": deceased.id,
        "next_of_kin_civil_id": next_of_kin.civil_id,
        "occurred_at": days_ago.isoformat(),
        "noticed_at": days_ago.isoformat(),
    }
    await api.post("identity", "/life-events", notice, await api.sign_in(role="registrar"))


async def test_after_a_death_the_next_of_kin_is_offered_the_pension_once(platform: RunningStack) -> None:
    api = platform.api
    deceased, widow = await a_person(api), await a_person(api, facts=told(receives_survivor_pension=False))
    await has_died(api, deceased, next_of_kin=widow)
    offer = await an_offer_of(api, widow, "survivor-pension")
    await api.put("payments", "/payout-account", {"iban": kuwaiti_iban("KFHO", "77001")}, widow.token)
    request = await api.post("requests", f"/offers/{offer['id']}/accept", {}, widow.token)
    await decide(api, "pifss", request)
    await until_status(api, widow, request, "fulfilled")
    [payout] = (await api.get("payments", "/payouts", widow.token))["items"]
    assert (payout["status"], payout["amount_fils"]) == ("made", 230_000)


async def test_an_adult_has_a_card_of_their_own_once_the_fingerprints_are_taken(
    platform: RunningStack, http: Http
) -> None:
    api = platform.api
    young = await a_person(api, facts=told())
    request = await submit(api, young, "adult-civil-id", {"delivery": "digital"})
    assert request["waits_for"] == "applicant"
    registrar = await api.sign_in(role="registrar")
    facts = {"facts": told(has_biometrics=True)}
    await api.patch("identity", f"/persons/{young.id}", facts, registrar)

    async def asks_for_a_picture() -> Any:
        found = await api.get("requests", f"/requests/{request['id']}", young.token)
        return any(step["documents"] for step in found["steps"])

    await api.until(asks_for_a_picture, "question for a photograph")
    assert_problem(
        await hand_in(http, young, request, "photograph", PDF, "application/pdf"), 422, "upload-not-accepted"
    )
    assert (await hand_in(http, young, request, "photograph", JPEG, "image/jpeg")).status == 200
    await pay(api, young, await until_fee(api, young, request))
    await decide(api, "paci", request)
    await until_status(api, young, request, "fulfilled")


@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_an_objection_is_decided_by_somebody_else(platform: RunningStack, http: Http, decision: str) -> None:
    api = platform.api
    facts = told(is_married=True, has_marriage_loan=False, monthly_salary_fils=900_000)
    husband = await a_person(api, facts=facts)
    request = await submit(api, husband, "marriage-loan", {})
    path = f"/requests/{request['id']}"
    early = await http.post("requests", f"{path}/objection", {"words": "I object."}, husband.token)
    assert_problem(early, 409, "request-not-objectionable")
    await decide(api, "credit-bank", request, "reject", reason=WHY, officer="first")
    await until_status(api, husband, request, "rejected")
    await api.post("requests", f"{path}/objection", {"words": "They are enough."}, husband.token)
    again = await http.post("requests", f"{path}/objection", {"words": "Twice."}, husband.token)
    assert_problem(again, 409, "request-not-objectionable")
    same = await api.sign_in(role="officer:credit-bank", name="first")

    async def theirs() -> Any:
        items = (await api.get("requests", "/tasks?limit=100", same))["items"]
        return next((task for task in items if task["request_id"] == request["id"]), None)

    task = await api.until(theirs, "objection in the queue")
    refused = await http.post("requests", f"/tasks/{task['id']}/decision", {"decision": "approve"}, same)
    assert_problem(refused, 409, "task-decided-by-you-before")
    await decide(api, "credit-bank", request, decision, reason=WHY, officer="second")
    await until_status(api, husband, request, "in_progress" if decision == "approve" else "rejected")
