"""What follows when a child is born, somebody dies, a company is founded, and when a card or a licence ends."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from shared.kernel.civil_id import check_digit
from shared.kernel.clock import KUWAIT
from shared.kernel.iban import kuwaiti_iban
from tests.api.support import Http, as_json, assert_problem, new_key
from tests.api.test_journeys import (
    JPEG,
    PDF,
    agree,
    an_offer_of,
    balances,
    decide,
    hand_in,
    has_died,
    submit,
    told,
    until_fee,
)
from tests.conftest import RunningStack
from tests.resilience.births import a_number, name_the_child, requests_of, tell_of_a_birth, until_request, until_task
from tests.support import Person, a_person, pay, until_status

_serials = count(9000)


def today() -> date:
    return datetime.now(KUWAIT).date()


def civil_id_of_a_newborn() -> str:
    """A number for a birth of today that nobody is given: some 150 are born here a day, and these count from 9000."""
    while True:
        first_eleven = f"3{today():%y%m%d}{next(_serials)}"
        digit = check_digit(first_eleven)
        if digit is not None:
            return f"{first_eleven}{digit}"


async def a_newborn(platform: RunningStack, residence: str = "citizen") -> tuple[Person, Person, str]:
    """A mother, a father, and their child, which they have named."""
    api = platform.api
    mother, father = [await a_person(api, residence=residence) for _ in range(2)]
    child = {"sex": "female", "residence": residence}
    now = datetime.now(UTC).replace(microsecond=0)
    born = await tell_of_a_birth(
        api,
        mother.civil_id,
        a_number(),
        father_civil_id=father.civil_id,
        child=child,
        occurred_at=now.isoformat(),
        noticed_at=now.isoformat(),
    )
    await until_task(api, mother)
    await name_the_child(api, mother, born["person_id"])
    return mother, father, born["person_id"]


async def fact_of(platform: RunningStack, parent: Person, child_id: str, name: str) -> Any:
    """What a register has told of a child, once it has."""

    async def look() -> Any:
        known = await platform.api.get("identity", f"/persons/{child_id}", parent.token)
        return known["facts"].get(name)

    return (await platform.api.until(look, name))["value"]


async def test_when_a_child_of_citizens_is_registered_the_rest_follows(platform: RunningStack, http: Http) -> None:
    api = platform.api
    mother, father, child_id = await a_newborn(platform)
    registrar = await api.sign_in(role="registrar")
    await api.put("identity", f"/persons/{child_id}/civil-id", {"civil_id": civil_id_of_a_newborn()}, registrar)

    rations = await until_request(api, father, "ration-card-child", "fulfilled")
    assert rations["beneficiary_id"] == child_id
    assert await fact_of(platform, mother, child_id, "is_on_ration_card") is True

    async def waits_for_an_account() -> Any:
        found = await requests_of(api, father, "children-allowance")
        return found[0] if found and found[0]["waits_for"] == "applicant" else None

    allowance = await api.until(waits_for_an_account, "allowance that waits for an account")
    await api.put("payments", "/payout-account", {"iban": kuwaiti_iban("NBOK", "5500112233")}, father.token)
    await until_status(api, father, allowance, "fulfilled")
    [payout] = (await api.get("payments", "/payouts", father.token))["items"]
    assert (payout["status"], payout["amount_fils"]) == ("made", 50_000)
    asked = {"service_id": "children-allowance", "form": {}}
    assert_problem(await http.post("requests", "/requests", asked, father.token), 409, "service-offered-only")
    card = await api.get("requests", "/catalogue/children-allowance")
    assert card["offered_only"] is True

    offer = await an_offer_of(api, mother, "newborn-passport")
    passport = await api.post("requests", f"/offers/{offer['id']}/accept", {}, mother.token)
    assert (await hand_in(http, mother, passport, "photograph", JPEG, "image/jpeg")).status == 200
    await pay(api, mother, await until_fee(api, mother, passport))
    await decide(api, "moi-nationality", passport)
    done = await until_status(api, mother, passport, "fulfilled")
    document = await api.get("requests", f"/documents/{done['document_id']}", mother.token)
    assert document["kind"] == "passport"

    form = as_json({"service_id": "child-vaccination", "form": {"governorate": "KW-HA"}})
    for_the_child = {"On-Behalf-Of": child_id}
    asked_for = await http.send(
        "POST", "requests", "/requests", mother.token, key=new_key(), content=form, headers=for_the_child
    )
    assert asked_for.status == 202, asked_for.text
    visit = asked_for.json
    await decide(api, "moh-centres", visit)
    await until_status(api, mother, visit, "fulfilled")


async def test_a_newborn_of_residents_has_a_residency_of_its_own(platform: RunningStack, http: Http) -> None:
    api = platform.api
    _, father, child_id = await a_newborn(platform, "resident")
    offer = await an_offer_of(api, father, "newborn-residency")
    request = await api.post("requests", f"/offers/{offer['id']}/accept", {}, father.token)
    assert (await hand_in(http, father, request, "passport", PDF, "application/pdf")).status == 200
    request = await until_fee(api, father, request)
    payment = await api.until(lambda: api.find("payments", f"/payments/{request['payment_id']}", father.token), "fee")
    assert payment["amount_fils"] == 120_000
    await pay(api, father, request)
    await decide(api, "moi-residency", request)
    await until_status(api, father, request, "fulfilled")
    ends_on = await fact_of(platform, father, child_id, "residency_expires_on")
    assert ends_on == (today() + timedelta(days=365)).isoformat()


async def test_the_next_of_kin_has_the_certificate_without_asking(platform: RunningStack, http: Http) -> None:
    api = platform.api
    deceased, son = await a_person(api), await a_person(api)
    await has_died(api, deceased, next_of_kin=son)
    done = await until_request(api, son, "death-certificate", "fulfilled")
    document = await api.get("requests", f"/documents/{done['document_id']}", son.token)
    verified = await api.get("requests", f"/verify/{document['code']}")
    assert verified["valid"] and verified["kind"] == "death-certificate"
    asked = {"service_id": "death-certificate", "form": {}}
    assert_problem(await http.post("requests", "/requests", asked, son.token), 409, "service-offered-only")

    await an_offer_of(api, son, "inheritance-certificate")
    await api.put("sign-in", f"/users/{son.id}", {"civil_id": son.civil_id, "acr": "urn:afaq:high"})
    surely = (await api.sign_in_at_provider(son.id, acr="high"))["access_token"]
    form = {"service_id": "inheritance-certificate", "form": {"heirs": 3, "deceased_civil_id": deceased.civil_id}}
    request = await api.post("requests", "/requests", form, surely)
    assert (await hand_in(http, son, request, "testimony", PDF, "application/pdf")).status == 200
    await pay(api, son, await until_fee(api, son, request))
    await decide(api, "moj", request)
    await until_status(api, son, request, "fulfilled")


async def test_a_company_is_looked_at_side_by_side_and_renewed_when_its_licence_ends(
    platform: RunningStack, http: Http
) -> None:
    api = platform.api
    founder, partner = await a_person(api), await a_person(api)
    await api.put("sign-in", f"/users/{founder.id}", {"civil_id": founder.civil_id, "acr": "urn:afaq:high"})
    surely = (await api.sign_in_at_provider(founder.id, acr="high"))["access_token"]
    form = {
        "trade_name_ar": "شركة المثال",
        "trade_name_en": "Example Company",
        "activity": "software",
        "kuwaiti_share_percent": 51,
        "premises": "12345678",
    }
    asked = {"service_id": "company-licence", "form": form}
    too_little = {**asked, "form": {**form, "kuwaiti_share_percent": 50}}
    assert_problem(await http.post("requests", "/requests", too_little, surely), 422, "form-invalid")
    request = await api.post("requests", "/requests", asked, surely)
    await agree(api, founder, request, partner)
    for document in ("memorandum", "lease"):
        assert (await hand_in(http, founder, request, document, PDF, "application/pdf")).status == 200
    await decide(api, "moci", request)

    async def with_three() -> Any:
        found = await api.get("requests", f"/requests/{request['id']}", founder.token)
        return {step["id"] for step in found["steps"]} == {"municipality", "fire-safety", "labour-file"}

    await api.until(with_three, "approvals side by side")
    for agency in ("manpower", "fire-force", "municipality"):
        await decide(api, agency, request)
    request = await until_fee(api, founder, request)
    before = (await balances(api)).get("agency:chamber", 0)
    await pay(api, founder, request)
    await until_status(api, founder, request, "fulfilled")
    assert (await balances(api))["agency:chamber"] == before - 30_000

    async def ends_on() -> Any:
        return (await api.get("identity", "/me", founder.token))["facts"].get("business_licence_expires_on")

    assert (await api.until(ends_on, "end of the licence"))["value"] == (today() + timedelta(days=1461)).isoformat()
    registrar = await api.sign_in(role="registrar")
    facts = told(business_licence_expires_on=(today() + timedelta(days=50)).isoformat())
    await api.patch("identity", f"/persons/{founder.id}", {"facts": facts}, registrar)
    offer = await an_offer_of(api, founder, "business-licence-renewal")
    renewal = await api.post("requests", f"/offers/{offer['id']}/accept", {}, founder.token)
    await pay(api, founder, await until_fee(api, founder, renewal))
    await decide(api, "moci", renewal)
    await until_status(api, founder, renewal, "fulfilled")


async def test_a_card_that_ends_is_renewed_with_one_tap(platform: RunningStack) -> None:
    api = platform.api
    holder = await a_person(
        api, facts=told(civil_id_expires_on=(today() + timedelta(days=10)).isoformat(), has_biometrics=True)
    )
    offer = await an_offer_of(api, holder, "civil-id-renewal")
    request = await api.post("requests", f"/offers/{offer['id']}/accept", {}, holder.token)
    await pay(api, holder, await until_fee(api, holder, request))
    await decide(api, "paci", request)
    await until_status(api, holder, request, "fulfilled")

    async def holds_on() -> Any:
        known = (await api.get("identity", "/me", holder.token))["facts"]["civil_id_expires_on"]["value"]
        return known == (today() + timedelta(days=1826)).isoformat()

    await api.until(holds_on, "end of the new card")


async def test_who_is_sixty_has_their_eyes_tested_before_the_licence_is_renewed(platform: RunningStack) -> None:
    api = platform.api
    driver = await a_person(api, facts=told(sees_well_enough=False))
    renewal = await submit(api, driver, "driving-licence-renewal", {"delivery": "digital"})
    assert renewal["steps"] == [{"id": "eyesight", "waits_for": "applicant", "documents": []}]
    registrar = await api.sign_in(role="registrar")
    await api.patch("identity", f"/persons/{driver.id}", {"facts": told()}, registrar)
    await pay(api, driver, await until_fee(api, driver, renewal))
    await decide(api, "moi-traffic", renewal)
    await until_status(api, driver, renewal, "fulfilled")


async def test_a_family_takes_its_place_in_the_housing_queue(platform: RunningStack) -> None:
    api = platform.api
    husband = await a_person(api, facts=told(is_married=True, receives_housing_benefit=False))
    request = await submit(api, husband, "housing-request", {})
    await decide(api, "housing", request)
    await until_status(api, husband, request, "fulfilled")
