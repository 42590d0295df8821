"""One asks for another: as far as the relation between them and the service's definition allow, and no further."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from pydantic_core import to_json

from services.requests.domain.definition import ServiceDefinition
from shared.contracts.topics import PAYMENTS_EVENTS, REQUESTS_EVENTS
from shared.kernel.clock import KUWAIT
from tests.api.conftest import World
from tests.api.sign_in import HIGH, known_there, signed_in
from tests.api.support import (
    AGENCY,
    CHILD_NAME,
    CIVIL_ID_CARD,
    Answered,
    Http,
    a_child,
    a_driver,
    a_newborn,
    an_offer,
    as_json,
    assert_problem,
    birth_form,
    in_days,
    life_event_form,
    new_key,
    representative_form,
    rows_of,
)
from tests.conftest import RunningStack
from tests.support import SUBMISSION, Person, everything_on, header, pay, until_status

CARD = {"service_id": CIVIL_ID_CARD, "form": {"delivery": "digital"}}
ERRAND, OTHER_ERRAND, OATH = "test-errand", "test-other-errand", "test-oath"


def definition(service_id: str, **changes: Any) -> ServiceDefinition:
    """A service that gives a paper at once, as the catalogue would have it."""
    words = {"en": "A service of the tests", "ar": "خدمة للاختبار"}
    paper = {"kind": "issue", "id": "paper", "document": "test-paper", "title": words, "valid_days": 10}
    given = {
        "id": service_id,
        "version": 1,
        "agency": AGENCY,
        "name": words,
        "description": words,
        "audience": ["citizen", "resident"],
        "service_level_working_days": 1,
        "form": {"type": "object", "additionalProperties": False},
        "eligibility": [],
        "steps": [paper],
    }
    return ServiceDefinition.model_validate(given | changes)


@pytest.fixture(scope="module", autouse=True)
async def services(platform: RunningStack) -> None:
    """The catalogue has no service yet that a representative may ask for, nor one that needs a surer sign-in."""
    for found in (
        definition(ERRAND, on_behalf_of=["representative"]),
        definition(OTHER_ERRAND, on_behalf_of=["representative", "spouse"]),
        definition(OATH, assurance="high"),
    ):
        columns = "key, service_id, version, definition, effective_from"
        insert = f"insert into service_versions ({columns}) values ($1, $2, 1, $3, '2020-01-01')"
        text = to_json(found).decode()
        await rows_of(platform, "requests", f"{insert} on conflict do nothing", found.key, found.id, text)


@dataclass(frozen=True)
class Family:
    """Parents, and their child that has its name."""

    mother: Person
    father: Person
    child_id: str


@pytest.fixture(scope="module")
async def family(platform: RunningStack) -> Family:
    mother, father = await a_driver(platform), await a_driver(platform)
    child_id = await a_child(platform, mother, father, is_named=True)
    family = Family(mother, father, child_id)

    async def has_name() -> bool:
        told = await requests_for(platform_http, "GET", "/eligibility", mother, child_id)
        return any(found["service_id"] == CIVIL_ID_CARD and found["eligible"] == "yes" for found in told.json)

    platform_http = Http(platform.endpoints.urls, platform.api._session)
    await platform.api.until(has_name, "name of the child in requests")
    return family


async def requests_for(http: Http, method: str, path: str, caller: Person, for_id: str, body: Any = None) -> Answered:
    """What requests answers somebody who asks for another."""
    content = None if body is None else as_json(body)
    headers = {"On-Behalf-Of": for_id}
    return await http.send(method, "requests", path, caller.token, key=new_key(), content=content, headers=headers)


async def ask_for(http: Http, caller: Person, for_id: str, service_id: str = ERRAND) -> Answered:
    submission = CARD if service_id == CIVIL_ID_CARD else {"service_id": service_id, "form": {}}
    return await requests_for(http, "POST", "/requests", caller, for_id, submission)


async def may_ask(platform: RunningStack, http: Http, caller: Person, for_id: str, service_id: str = ERRAND) -> Any:
    """The request, once news of the relation has come to requests."""

    async def look() -> Any:
        answered = await ask_for(http, caller, for_id, service_id)
        return answered.json if answered.status == 202 else None

    return await platform.api.until(look, "request for another")


async def may_not_ask(
    platform: RunningStack, http: Http, caller: Person, for_id: str, service_id: str = ERRAND
) -> None:
    """Refused, once news of the end of the relation has come to requests."""

    async def look() -> bool:
        return (await ask_for(http, caller, for_id, service_id)).code == "not-allowed-for-them"

    await platform.api.until(look, "refusal")


async def recorded_for(platform: RunningStack, service: str, id: str, actors: str = "%") -> set[str | None]:
    """For whom the events of an aggregate were recorded, as the log has it."""
    query = "select on_behalf_of from event_log where aggregate_id = $1 and actor like $2"
    rows = await rows_of(platform, service, query, id, actors)
    assert rows
    return {row["on_behalf_of"] for row in rows}


async def is_hidden(http: Http, caller: Person | str, *paths: str) -> None:
    token = caller if isinstance(caller, str) else caller.token
    for path in paths:
        assert_problem(await http.get("requests", path, token), 404, "not-found")


async def asked_by(platform: RunningStack, http: Http, caller: Person, child_id: str) -> Any:
    """A request for a civil ID."""
    answered = await ask_for(http, caller, child_id, CIVIL_ID_CARD)
    assert answered.status == 202, answered.text
    return answered.json


# Guardians.


async def test_a_guardian_asks_for_a_child_and_both_parents_see_it_to_its_end(
    platform: RunningStack, http: Http, world: World, family: Family
) -> None:
    request = await asked_by(platform, http, family.father, family.child_id)
    assert request["beneficiary_id"] == family.child_id
    path = f"/requests/{request['id']}"
    for parent in (family.father, family.mother):
        story = (await http.get("requests", path, parent.token)).json
        assert (story["id"], story["form"]) == (request["id"], CARD["form"])
    for stranger in (world.another, world.officer_elsewhere, world.registrar, world.operator):
        await is_hidden(http, stranger, path, f"{path}/stream")
    await pay(platform.api, family.father, request)
    payment = f"/payments/{request['payment_id']}"
    for other in (family.mother, world.another):
        assert_problem(await http.get("payments", payment, other.token), 404, "not-found")
    await decide(platform, request)
    done = await until_status(platform.api, family.father, request, "fulfilled")
    document = f"/documents/{done['document_id']}"
    for parent in (family.father, family.mother):
        assert (await http.get("requests", document, parent.token)).json["holder_id"] == family.child_id
    papers = [
        (await http.get("requests", f"{document}/pdf", who.token)).content for who in (family.father, family.mother)
    ]
    assert papers[0] == papers[1] and papers[0].startswith(b"%PDF-")
    await is_hidden(http, world.another, document, f"{document}/pdf")
    code = (await http.get("requests", document, family.mother.token)).json["code"]
    assert (await http.get("requests", f"/verify/{code}")).json["holder"] == CHILD_NAME
    assert request["id"] in await listed(http, family.father)
    assert request["id"] not in await listed(http, family.mother), "a list has what one has asked for"


async def decide(platform: RunningStack, request: Any) -> None:
    """The civil register's officer approves."""
    officer = await platform.api.sign_in(role="officer:paci")

    async def look() -> Any:
        tasks = (await platform.api.get("requests", "/tasks?limit=100", officer))["items"]
        return next((task for task in tasks if task["request_id"] == request["id"]), None)

    task = await platform.api.until(look, "task")
    await platform.api.post("requests", f"/tasks/{task['id']}/decision", {"decision": "approve"}, officer)


async def listed(http: Http, person: Person) -> set[str]:
    items = (await http.get("requests", "/requests?limit=100", person.token)).json["items"]
    return {request["id"] for request in items}


async def test_the_record_says_for_whom_it_was_asked(
    platform: RunningStack, http: Http, world: World, family: Family
) -> None:
    request = await asked_by(platform, http, family.mother, family.child_id)
    own = (await http.post("requests", "/requests", {"service_id": OTHER_ERRAND}, family.mother.token)).json
    path = f"/payments/{request['payment_id']}"
    await platform.api.until(lambda: platform.api.find("payments", path, family.mother.token), "payment")
    assert await recorded_for(platform, "requests", request["id"]) == {family.child_id}
    assert await recorded_for(platform, "requests", request["id"], f"citizen/{family.mother.id}") == {family.child_id}
    said: dict[str, set[str | None]] = {}
    for record in await everything_on(platform, REQUESTS_EVENTS, PAYMENTS_EVENTS):
        names = dict(record.headers)
        about = (record.key or b"").decode()
        said.setdefault(about, set()).add(header(record, "ce_onbehalfof") if "ce_onbehalfof" in names else None)
    assert said[request["id"]] == {family.child_id}
    assert said[request["payment_id"]] == {family.child_id}, "what follows from it says so too"
    assert said[own["id"]] == {None}


async def test_a_guardian_sees_what_the_child_may_have(http: Http, family: Family, world: World) -> None:
    told = (await requests_for(http, "GET", "/eligibility", family.father, family.child_id)).json
    mine = {"address-change", "birth-certificate", CIVIL_ID_CARD, "child-vaccination", "newborn-passport"}
    mine |= {"civil-id-renewal", "newborn-residency"}  # but not what begins by itself and nobody asks for
    assert {found["service_id"] for found in told} == mine
    for stranger in (world.another, world.owner):
        answered = await requests_for(http, "GET", "/eligibility", stranger, family.child_id)
        assert_problem(answered, 404, "not-found")
    assert_problem(await requests_for(http, "GET", "/eligibility", family.father, str(uuid4())), 404, "not-found")


async def test_a_guardian_does_for_a_child_only_what_the_definition_lists(http: Http, family: Family) -> None:
    for service_id in (ERRAND, OTHER_ERRAND):
        assert_problem(await ask_for(http, family.mother, family.child_id, service_id), 403, "not-allowed-for-them")
    answered = await requests_for(http, "POST", "/requests", family.mother, family.child_id, SUBMISSION)
    assert_problem(answered, 403, "not-allowed-for-them")


async def test_parents_do_nothing_for_one_another(http: Http, family: Family) -> None:
    assert_problem(await ask_for(http, family.father, family.mother.id, CIVIL_ID_CARD), 403, "not-allowed-for-them")
    assert_problem(await ask_for(http, family.mother, family.father.id, CIVIL_ID_CARD), 403, "not-allowed-for-them")


async def test_strangers_may_neither_ask_for_a_child_nor_see_or_name_it(
    platform: RunningStack, http: Http, world: World, family: Family
) -> None:
    unnamed = await a_child(platform, family.mother)
    for child_id in (family.child_id, unnamed):
        assert_problem(await ask_for(http, world.another, child_id, CIVIL_ID_CARD), 403, "not-allowed-for-them")
        assert_problem(await http.get("identity", f"/persons/{child_id}", world.another.token), 404, "not-found")
    content = as_json({"name": {"ar": "غريب", "en": "Strange"}})
    for path in (f"/persons/{unnamed}/name", f"/persons/{world.owner.id}/name"):
        answered = await http.send("PUT", "identity", path, world.another.token, key=new_key(), content=content)
        assert_problem(answered, 404, "not-found")
    father = await http.get("identity", f"/persons/{unnamed}", family.father.token)
    assert_problem(father, 404, "not-found")  # nobody has named him as this one's father
    assert not (await http.get("identity", f"/persons/{unnamed}", family.mother.token)).json["is_named"]


async def test_a_child_is_named_once_whoever_is_faster(platform: RunningStack, http: Http) -> None:
    mother, father = await a_driver(platform), await a_driver(platform)
    child = await a_child(platform, mother, father)
    names = {"her name": mother, "his name": father}
    answers = {}
    for name, parent in names.items():
        content = as_json({"name": {"ar": "اسم", "en": name}})
        path = f"/persons/{child}/name"
        answers[name] = await http.send("PUT", "identity", path, parent.token, key=new_key(), content=content)
    assert answers["her name"].status == 200
    assert_problem(answers["his name"], 409, "person-already-named")
    assert (await http.get("identity", f"/persons/{child}", father.token)).json["name"]["en"] == "her name"
    rows = await rows_of(
        platform,
        "identity",
        "select on_behalf_of from event_log where aggregate_id = $1 and actor like 'citizen/%'",
        child,
    )
    assert [row["on_behalf_of"] for row in rows] == [child]


async def test_the_other_parent_is_asked_for_the_name_and_not_any_more_once_it_is_given(
    platform: RunningStack, http: Http
) -> None:
    mother, father = await a_driver(platform), await a_driver(platform)
    child = await a_child(platform, mother, father)

    async def task_of(parent: Person) -> Any:
        items = (await platform.api.get("requests", "/tasks", parent.token))["items"]
        return next((task for task in items if task["about_id"] == child), None)

    tasks = [await platform.api.until(partial(task_of, parent), "task") for parent in (mother, father)]
    for task in tasks:
        (need,) = task["needs"]
        assert (need["service"], need["path"], need["fact"]) == ("identity", f"/persons/{child}/name", "is_named")
        assert task["agency"] is None
    assert await task_of(await a_driver(platform)) is None
    for task in tasks:
        answered = await http.post("requests", f"/tasks/{task['id']}/decision", {"decision": "approve"}, mother.token)
        assert_problem(answered, 404, "not-found")  # what one is asked for is stated, not decided
        officer = await platform.api.sign_in(role="officer:moh-registry")
        answered = await http.post("requests", f"/tasks/{task['id']}/decision", {"decision": "approve"}, officer)
        assert_problem(answered, 404, "not-found")
    await platform.api.put("identity", f"/persons/{child}/name", {"name": CHILD_NAME}, father.token)

    async def are_done() -> bool:
        return not any([await task_of(parent) for parent in (mother, father)])

    await platform.api.until(are_done, "end of the tasks")


async def test_whose_relation_has_ended_asks_and_sees_no_more(platform: RunningStack, http: Http, world: World) -> None:
    mother, father = await a_driver(platform), await a_driver(platform)
    child = await a_child(platform, mother, father, is_named=True)
    await may_ask(platform, http, father, child, CIVIL_ID_CARD)
    mothers = await may_ask(platform, http, mother, child, CIVIL_ID_CARD)
    path = f"/requests/{mothers['id']}"
    assert (await http.get("requests", path, father.token)).status == 200
    (relation,) = await platform.api.get("identity", "/relations", father.token)
    end = f"/relations/{relation['id']}/end"
    for who in (father, mother):
        answered = await http.post("identity", end, None, who.token)
        assert_problem(answered, 403 if who is father else 404, "not-allowed" if who is father else "not-found")
    assert (await http.post("identity", end, None, world.registrar)).json["status"] == "ended"
    await may_not_ask(platform, http, father, child, CIVIL_ID_CARD)
    await is_hidden(http, father, path)
    answered = await requests_for(http, "GET", "/eligibility", father, child)
    assert_problem(answered, 404, "not-found")
    assert_problem(await http.get("identity", f"/persons/{child}", father.token), 404, "not-found")
    assert (await http.get("requests", path, mother.token)).status == 200
    assert (await ask_for(http, mother, child, CIVIL_ID_CARD)).status == 202


async def test_who_is_no_parent_after_a_correction_asks_no_more(
    platform: RunningStack, http: Http, world: World
) -> None:
    mother, wrong, right = [await a_driver(platform) for _ in range(3)]
    form = birth_form(mother, wrong)
    child = await a_newborn(platform, form)
    path = f"/life-events/{form['source']}/{form['number']}/correction"
    corrected = await http.post("identity", path, {"father_civil_id": right.civil_id}, world.registrar)
    assert corrected.status == 200

    async def is_so() -> bool:
        codes = [(await http.get("identity", f"/persons/{child}", who.token)).status for who in (wrong, right)]
        return codes == [404, 200]

    await platform.api.until(is_so, "the right father")
    await may_not_ask(platform, http, wrong, child, CIVIL_ID_CARD)


async def test_of_somebody_grown_up_nobody_is_the_guardian(platform: RunningStack, http: Http) -> None:
    """A hospital's notice of a birth long ago; the relation is there and gives nothing."""
    mother = await a_driver(platform)
    grown = await a_newborn(platform, birth_form(mother, occurred_at="1990-01-02T09:00:00+03:00"))

    async def relations() -> Any:
        return await platform.api.get("identity", "/relations", mother.token)

    await platform.api.until(relations, "relation")
    await may_not_ask(platform, http, mother, grown, CIVIL_ID_CARD)
    assert_problem(await http.get("identity", f"/persons/{grown}", mother.token), 404, "not-found")
    assert_problem(await requests_for(http, "GET", "/eligibility", mother, grown), 404, "not-found")


async def test_for_a_child_that_has_died_nobody_asks(platform: RunningStack, http: Http, world: World) -> None:
    mother = await a_driver(platform)
    child = await a_child(platform, mother, is_named=True)
    await may_ask(platform, http, mother, child, CIVIL_ID_CARD)
    told = await http.post("identity", "/life-events", life_event_form(child), world.registrar)
    assert told.status == 202

    async def is_refused() -> bool:
        return (await ask_for(http, mother, child, CIVIL_ID_CARD)).code == "applicant-deceased"

    await platform.api.until(is_refused, "refusal")
    stranger = await ask_for(http, world.another, child, CIVIL_ID_CARD)
    assert_problem(stranger, 403, "not-allowed-for-them")  # who is no guardian does not learn of the death


# Representatives and spouses.


async def test_a_representative_asks_for_what_was_named_and_for_nothing_else(
    platform: RunningStack, http: Http, world: World
) -> None:
    principal, holder = await a_driver(platform), await a_driver(platform)
    form = representative_form(holder, ERRAND)
    relation = (await http.post("identity", "/representatives", form, principal.token)).json
    assert (relation["holder_id"], relation["for_id"]) == (holder.id, principal.id)
    assert (relation["scopes"], relation["until"], relation["status"]) == ([ERRAND], form["until"], "in_force")
    request = await may_ask(platform, http, holder, principal.id)
    for service_id in (OTHER_ERRAND, CIVIL_ID_CARD):
        assert_problem(await ask_for(http, holder, principal.id, service_id), 403, "not-allowed-for-them")
    answered = await requests_for(http, "POST", "/requests", holder, principal.id, SUBMISSION)
    assert_problem(answered, 403, "not-allowed-for-them")
    assert_problem(await ask_for(http, principal, holder.id), 403, "not-allowed-for-them")  # not the other way round
    for person in (principal, holder):
        assert (await http.get("requests", f"/requests/{request['id']}", person.token)).status == 200
    assert request["id"] in await listed(http, principal), "it is for them"
    told = (await requests_for(http, "GET", "/eligibility", holder, principal.id)).json
    assert [found["service_id"] for found in told] == [ERRAND]


async def test_a_representative_sees_nothing_else_of_whom_they_represent(
    platform: RunningStack, http: Http, world: World
) -> None:
    holder = await a_driver(platform)
    await http.post("identity", "/representatives", representative_form(holder, ERRAND), world.owner.token)
    request = await may_ask(platform, http, holder, world.owner.id)
    mine = await until_status(platform.api, holder, request, "fulfilled")
    assert (await http.get("requests", f"/documents/{mine['document_id']}", holder.token)).status == 200
    await is_hidden(
        http,
        holder,
        f"/requests/{world.of_owner['request_id']}",
        f"/requests/{world.of_owner['request_id']}/stream",
        f"/documents/{world.of_owner['document_id']}",
        f"/documents/{world.of_owner['document_id']}/pdf",
    )
    assert_problem(await http.get("identity", f"/persons/{world.owner.id}", holder.token), 404, "not-found")
    payment = f"/payments/{world.of_owner['payment_id']}"
    assert_problem(await http.get("payments", payment, holder.token), 404, "not-found")
    withdrawn = await http.post("requests", f"/requests/{request['id']}/withdraw", None, world.owner.token)
    assert_problem(withdrawn, 404, "not-found")  # only who has asked takes it back


async def test_to_appoint_again_changes_for_what(platform: RunningStack, http: Http) -> None:
    principal, holder = await a_driver(platform), await a_driver(platform)
    await http.post("identity", "/representatives", representative_form(holder, ERRAND), principal.token)
    await may_ask(platform, http, holder, principal.id)
    again = await http.post("identity", "/representatives", representative_form(holder, OTHER_ERRAND), principal.token)
    assert again.status == 201
    await may_ask(platform, http, holder, principal.id, OTHER_ERRAND)
    assert_problem(await ask_for(http, holder, principal.id), 403, "not-allowed-for-them")
    (relation,) = await platform.api.get("identity", "/relations", holder.token)
    assert relation["scopes"] == [OTHER_ERRAND]


@pytest.mark.parametrize("who", ["holder", "principal", "registrar"])
async def test_either_of_the_two_ends_it(who: str, platform: RunningStack, http: Http, world: World) -> None:
    principal, holder = await a_driver(platform), await a_driver(platform)
    relation = (
        await http.post("identity", "/representatives", representative_form(holder, ERRAND), principal.token)
    ).json
    await may_ask(platform, http, holder, principal.id)
    end = f"/relations/{relation['id']}/end"
    for stranger in (world.another.token, world.operator, world.officer):
        assert_problem(await http.post("identity", end, None, stranger), 404, "not-found")
    token = {"holder": holder.token, "principal": principal.token, "registrar": world.registrar}[who]
    assert (await http.post("identity", end, None, token)).json["status"] == "ended"
    await may_not_ask(platform, http, holder, principal.id)
    for person in (principal, holder):
        (found,) = await platform.api.get("identity", "/relations", person.token)
        assert found["status"] == "ended"


@pytest.mark.parametrize(
    ("days", "code"), [(-1, "invalid-request"), (5 * 366 + 2, "invalid-request"), (10**6, "invalid-request")]
)
async def test_nobody_is_appointed_for_ever_nor_for_yesterday(
    days: int, code: str, platform: RunningStack, http: Http, world: World
) -> None:
    holder = await a_driver(platform)
    until = (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
    answered = await http.post(
        "identity", "/representatives", representative_form(holder, ERRAND) | {"until": until}, world.owner.token
    )
    problem = assert_problem(answered, 422, code)
    assert [error["pointer"] for error in problem["errors"]] == ["/until"]
    assert await platform.api.get("identity", "/relations", holder.token) == []


async def test_nobody_represents_themselves_or_whom_nobody_knows(http: Http, world: World) -> None:
    own = await http.post("identity", "/representatives", representative_form(world.owner), world.owner.token)
    assert_problem(own, 409, "relation-with-oneself")
    form = {"kind": "spouse", "holder_id": world.owner.id, "for_id": world.owner.id}
    assert_problem(await http.post("identity", "/relations", form, world.registrar), 409, "relation-with-oneself")
    for unknown in ({"holder_id": str(uuid4())}, {"for_id": str(uuid4())}):
        answered = await http.post("identity", "/relations", form | unknown, world.registrar)
        assert_problem(answered, 404, "person-unknown")


async def test_a_registrar_records_until_when_and_for_what(platform: RunningStack, http: Http, world: World) -> None:
    """The last day itself still counts: the day after cannot be waited for here."""
    principal, holder = await a_driver(platform), await a_driver(platform)
    form = {"kind": "representative", "holder_id": holder.id, "for_id": principal.id}
    today = datetime.now(KUWAIT).date().isoformat()
    answered = await http.post("identity", "/relations", form | {"until": today, "scopes": []}, world.registrar)
    assert answered.status == 201, answered.text
    assert answered.json["scopes"] == []
    await may_ask(platform, http, holder, principal.id)
    assert (await ask_for(http, holder, principal.id, OTHER_ERRAND)).status == 202, "without scopes it is for all"
    assert_problem(await ask_for(http, holder, principal.id, OATH), 401, "assurance-too-low")


async def test_a_spouse_does_nothing_where_the_definition_does_not_say_so(
    platform: RunningStack, http: Http, world: World
) -> None:
    spouse = await a_driver(platform)
    form = {"kind": "spouse", "holder_id": spouse.id, "for_id": world.owner.id}
    assert (await http.post("identity", "/relations", form, world.registrar)).status == 201
    await may_ask(platform, http, spouse, world.owner.id, OTHER_ERRAND)  # this one says so
    for service_id in (ERRAND, CIVIL_ID_CARD):
        assert_problem(await ask_for(http, spouse, world.owner.id, service_id), 403, "not-allowed-for-them")
    answered = await requests_for(http, "POST", "/requests", spouse, world.owner.id, SUBMISSION)
    assert_problem(answered, 403, "not-allowed-for-them")
    await is_hidden(
        http,
        spouse,
        f"/requests/{world.of_owner['request_id']}",
        f"/documents/{world.of_owner['document_id']}",
        f"/documents/{world.of_owner['document_id']}/pdf",
    )
    told = (await requests_for(http, "GET", "/eligibility", spouse, world.owner.id)).json
    assert [found["service_id"] for found in told] == [OTHER_ERRAND]


async def test_who_asks_for_themselves_by_name_asks_for_themselves(platform: RunningStack, http: Http) -> None:
    person = await a_driver(platform)
    request = (await ask_for(http, person, person.id)).json
    assert request["beneficiary_id"] == person.id
    assert await recorded_for(platform, "requests", request["id"]) == {None}


@pytest.mark.parametrize("wrong", ["", "x", "me", "00000000-0000-0000-0000-00000000000", "§"])
async def test_for_whom_is_an_id(wrong: str, http: Http, world: World) -> None:
    for method, path, body in (("GET", "/eligibility", None), ("POST", "/requests", SUBMISSION)):
        answered = await requests_for(http, method, path, world.owner, wrong.encode().decode("latin-1"), body)
        assert_problem(answered, 422, "invalid-request")


async def test_the_same_key_for_oneself_and_for_another_is_not_one_request(
    platform: RunningStack, http: Http, family: Family
) -> None:
    """The key's meaning is the request's, and for whom it is belongs to it."""
    mother, key = family.mother, new_key()
    content = as_json({"service_id": OTHER_ERRAND, "form": {}})
    own = await http.send("POST", "requests", "/requests", mother.token, key=key, content=content)
    assert own.status == 202
    for_child = {"On-Behalf-Of": family.child_id}
    for _ in range(2):
        answered = await http.send(
            "POST", "requests", "/requests", mother.token, key=key, content=content, headers=for_child
        )
        assert_problem(answered, 422, "idempotency-key-reused")


async def test_some_services_need_a_surer_sign_in(platform: RunningStack, http: Http) -> None:
    person = await a_driver(platform)
    await known_there(http, person)
    body = {"service_id": OATH, "form": {}}
    token = (await signed_in(http, person.id))["access_token"]
    answered = await http.post("requests", "/requests", body, token)
    assert assert_problem(answered, 401, "assurance-too-low")["details"] == {"acr_values": "high"}
    challenge = answered.headers["WWW-Authenticate"]
    assert challenge == 'Bearer error="insufficient_user_authentication", acr_values="high"'
    await known_there(http, person, acr=HIGH)
    surer = await signed_in(http, person.id, acr_values="high")
    assert surer["acr"] == "high"
    assert (await http.post("requests", "/requests", body, surer["access_token"])).status == 202


# Offers.


@pytest.fixture
async def mother(platform: RunningStack) -> Person:
    return await a_driver(platform)


async def answer(http: Http, person: Person, offer: Any, how: str, body: Any = None) -> Answered:
    return await http.post("requests", f"/offers/{offer['id']}/{how}", body, person.token)


async def test_an_offer_says_what_why_and_until_when(
    platform: RunningStack, http: Http, world: World, mother: Person
) -> None:
    offer = await an_offer(platform, mother)
    assert (offer["status"], offer["mode"], offer["service_id"]) == ("open", "offer", CIVIL_ID_CARD)
    assert (offer["fee_fils"], offer["form"], offer["is_seen"]) == (5_000, {"delivery": "digital"}, False)
    assert datetime.fromisoformat(offer["expires_at"]) > datetime.now(UTC)
    assert (await http.get("requests", f"/offers/{offer['id']}", mother.token)).json == offer
    told = (await http.get("requests", f"/offers/{offer['id']}/why", mother.token)).json
    assert (told["your_role"], told["occasion"]["kind"], told["occasion"]["source"]) == (
        "mother",
        "birth",
        "moh-hospitals",
    )
    assert {rule["id"]: rule["verdict"] for rule in told["rules"]} == {
        "has-a-name": "passed",
        "has-no-civil-id": "passed",
        "under-five": "passed",
    }
    assert {name for rule in told["rules"] for name in rule["facts"]} == {"is_named", "has_civil_id", "age"}
    for stranger in (world.another.token, world.owner.token):
        for path in (f"/offers/{offer['id']}", f"/offers/{offer['id']}/why"):
            assert_problem(await http.get("requests", path, stranger), 404, "not-found")
        for how, body in (("accept", {}), ("seen", None), ("decline", None), ("snooze", {"until": in_days(3)})):
            answered = await http.post("requests", f"/offers/{offer['id']}/{how}", body, stranger)
            assert_problem(answered, 404, "not-found")
    assert (await http.get("requests", f"/offers/{offer['id']}", mother.token)).json == offer


async def test_an_offer_is_the_mothers_and_not_the_fathers(platform: RunningStack, http: Http) -> None:
    mother, father = await a_driver(platform), await a_driver(platform)
    child = await a_child(platform, mother, father, is_named=True)
    offer = await an_offer(platform, mother, child)
    assert (await http.get("requests", "/offers", father.token)).json["items"] == []
    assert_problem(await answer(http, father, offer, "accept", {}), 404, "not-found")


async def test_an_offer_is_taken_once_whatever_the_keys(platform: RunningStack, http: Http, mother: Person) -> None:
    offer = await an_offer(platform, mother)
    taken = await answer(http, mother, offer, "accept", {})
    assert taken.status == 202
    request = taken.json
    assert (request["service_id"], request["beneficiary_id"]) == (CIVIL_ID_CARD, offer["beneficiary_id"])
    for _ in range(3):
        again = await answer(http, mother, offer, "accept", {})
        assert (again.status, again.code in ("offer-not-open", "request-already-submitted")) == (409, True)
    for how, body in (("decline", None), ("snooze", {"until": in_days(3)})):
        assert_problem(await answer(http, mother, offer, how, body), 409, "offer-not-open")
    found = (await http.get("requests", f"/offers/{offer['id']}", mother.token)).json
    assert (found["status"], found["request_id"]) == ("accepted", request["id"])
    assert (await http.get("requests", "/offers", mother.token)).json["items"] == []
    items = (await http.get("requests", "/requests", mother.token)).json["items"]
    assert [found["id"] for found in items if found["service_id"] == CIVIL_ID_CARD] == [request["id"]]
    assert await recorded_for(platform, "requests", request["id"]) == {offer["beneficiary_id"]}


async def test_the_form_may_be_otherwise_than_the_offer_has_it_but_not_wrong(
    platform: RunningStack, http: Http, mother: Person
) -> None:
    offer = await an_offer(platform, mother)
    for form in ({"delivery": "by-pigeon"}, {"delivery": None}, {"colour": "blue"}):
        assert_problem(await answer(http, mother, offer, "accept", {"form": form}), 422, "form-invalid")
    request = (await answer(http, mother, offer, "accept", {"form": {"delivery": "kiosk"}})).json
    story = (await http.get("requests", f"/requests/{request['id']}", mother.token)).json
    assert story["form"] == {"delivery": "kiosk"}


async def test_what_is_declined_can_still_be_asked_for(platform: RunningStack, http: Http, mother: Person) -> None:
    offer = await an_offer(platform, mother)
    for _ in range(2):
        answered = await answer(http, mother, offer, "decline")
        if answered.status != 200:
            assert_problem(answered, 409, "offer-not-open")
    assert (await http.get("requests", f"/offers/{offer['id']}", mother.token)).json["status"] == "declined"
    assert_problem(await answer(http, mother, offer, "accept", {}), 409, "offer-not-open")
    assert (await http.get("requests", "/offers", mother.token)).json["items"] == []
    assert (await ask_for(http, mother, offer["beneficiary_id"], CIVIL_ID_CARD)).status == 202


async def test_what_is_put_off_is_still_there_and_can_be_taken(
    platform: RunningStack, http: Http, mother: Person
) -> None:
    offer = await an_offer(platform, mother)
    until = in_days(3)
    put_off = (await answer(http, mother, offer, "snooze", {"until": until})).json
    assert put_off["status"] == "snoozed"
    assert datetime.fromisoformat(put_off["snoozed_until"]) == datetime.fromisoformat(until)
    assert [found["id"] for found in (await http.get("requests", "/offers", mother.token)).json["items"]] == [
        offer["id"]
    ]
    assert (await answer(http, mother, offer, "accept", {})).status == 202


@pytest.mark.parametrize("days", [-1, 0, 61, 119, 400])
async def test_an_offer_is_put_off_by_sixty_days_at_most_and_not_beyond_its_end(
    days: int, platform: RunningStack, http: Http, mother: Person
) -> None:
    offer = await an_offer(platform, mother)
    answered = await answer(http, mother, offer, "snooze", {"until": in_days(days)})
    problem = assert_problem(answered, 409, "offer-snoozed-too-long")
    latest = datetime.fromisoformat(problem["details"]["latest"])
    assert latest <= datetime.fromisoformat(offer["expires_at"])
    assert (await http.get("requests", f"/offers/{offer['id']}", mother.token)).json["status"] == "open"
    a_little_earlier = (latest - timedelta(minutes=1)).isoformat()
    assert (await answer(http, mother, offer, "snooze", {"until": a_little_earlier})).status == 200


@pytest.mark.parametrize("until", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_an_instant_beyond_the_calendar_is_too_late_or_too_early(
    until: str, platform: RunningStack, http: Http, mother: Person
) -> None:
    offer = await an_offer(platform, mother)
    answered = await answer(http, mother, offer, "snooze", {"until": until})
    assert_problem(answered, 409, "offer-snoozed-too-long")


async def test_a_reminder_can_be_answered_but_not_accepted(platform: RunningStack, http: Http, mother: Person) -> None:
    """The second visit of the vaccination schedule: its form needs the mother."""
    child = await a_newborn(platform, birth_form(mother, occurred_at=in_days(-55)))

    async def look() -> Any:
        items = (await http.get("requests", "/offers", mother.token)).json["items"]
        return next((offer for offer in items if offer["mode"] == "nudge"), None)

    offer = await platform.api.until(look, "reminder")
    assert (offer["service_id"], offer["beneficiary_id"]) == ("child-vaccination", child)
    answered = await answer(http, mother, offer, "accept", {"form": {"governorate": "KW-KU"}})
    assert_problem(answered, 409, "offer-only-tells")
    assert (await answer(http, mother, offer, "seen")).status == 200
    assert (await http.get("requests", f"/offers/{offer['id']}", mother.token)).json["is_seen"] is True


async def test_an_offer_goes_when_the_birth_was_none(
    platform: RunningStack, http: Http, world: World, mother: Person
) -> None:
    form = birth_form(mother)
    child = await a_newborn(platform, form)
    named = await http.send(
        "PUT",
        "identity",
        f"/persons/{child}/name",
        mother.token,
        key=new_key(),
        content=as_json({"name": CHILD_NAME}),
    )
    assert named.status == 200
    offer = await an_offer(platform, mother, child)
    path = f"/life-events/{form['source']}/{form['number']}/annulment"
    assert (await http.post("identity", path, None, world.registrar)).status == 200

    async def is_gone() -> bool:
        found = (await http.get("requests", f"/offers/{offer['id']}", mother.token)).json
        return bool(found["status"] == "withdrawn")

    await platform.api.until(is_gone, "end of the offer")
    assert (await http.get("requests", "/offers", mother.token)).json["items"] == []
    assert (await answer(http, mother, offer, "accept", {})).code in ("offer-not-open", "not-allowed-for-them")
    assert_problem(await http.get("identity", f"/persons/{child}", mother.token), 404, "not-found")


async def test_who_is_no_guardian_any_more_cannot_take_the_offer(
    platform: RunningStack, http: Http, world: World, mother: Person
) -> None:
    offer = await an_offer(platform, mother)
    (relation,) = await platform.api.get("identity", "/relations", mother.token)
    assert (await http.post("identity", f"/relations/{relation['id']}/end", None, world.registrar)).status == 200
    await may_not_ask(platform, http, mother, offer["beneficiary_id"], CIVIL_ID_CARD)
    assert_problem(await answer(http, mother, offer, "accept", {}), 403, "not-allowed-for-them")
    found = (await http.get("requests", f"/offers/{offer['id']}", mother.token)).json
    assert (found["status"], found["request_id"]) == ("open", None), "neither or both"


async def test_offers_come_in_pages(platform: RunningStack, http: Http, mother: Person) -> None:
    offers = {(await an_offer(platform, mother))["id"] for _ in range(3)}
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await http.get("requests", f"/offers?limit=1{cursor}", mother.token)).json
        seen += [offer["id"] for offer in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == 3 and set(seen) == offers
