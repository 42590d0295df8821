"""Who may what: every route of every service, for every sort of caller, on what is theirs and what is not.

The table says who may, and with what answer. Everybody else is answered 401, 403 or, where they may not know that a
thing is there, 404. A route that is not in the table fails a test.
"""

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import uuid4

import pytest

from afaq.services import NAMES
from shared.kernel.iban import kuwaiti_iban
from tests.api.conftest import World
from tests.api.support import (
    AGENCY,
    CHILD_NAME,
    OFFICER,
    PDF,
    Answered,
    Forger,
    Http,
    a_child,
    a_definition,
    a_drafted_version,
    a_driver,
    a_newborn,
    a_papers_request,
    a_rejected_request,
    a_request,
    a_returned_request,
    a_withdrawn_request,
    an_invitation,
    an_offer,
    an_open_task,
    as_json,
    birth_form,
    hand_in,
    in_days,
    life_event_form,
    new_civil_id,
    new_key,
    oauth_faults,
    open_tasks,
    person_form,
    problem_faults,
    representative_form,
    task_of,
    version_in_force,
)
from tests.conftest import RunningStack
from tests.support import SERVICE, SUBMISSION, Person, submit


class Who(StrEnum):
    """Sorts of callers. The forged tokens claim to be the owner's, with every role there is."""

    NOBODY = "nobody"
    EXPIRED = "expired token"
    GARBAGE = "garbage token"
    ANOTHER_KEY = "token signed by another key with the same kid"
    OWN_KEY = "token that brings its own key"
    NO_ALGORITHM = "token with alg none"
    PUBLIC_KEY = "HS256 token signed with the public key"
    AUDIENCE = "token for another audience"
    ISSUER = "token of another issuer"
    ALTERED = "token with altered roles"
    NO_SCHEME = "token without Bearer"
    OWNER = "citizen who owns the object"
    ANOTHER = "another citizen"
    OFFICER = "officer of the right agency"
    OFFICER_ELSEWHERE = "officer of another agency"
    REGISTRAR = "registrar"
    OPERATOR = "operator"
    POLICY = "policy officer of the right agency"
    POLICY_ELSEWHERE = "policy officer of another agency"


STAFF = (Who.OFFICER, Who.OFFICER_ELSEWHERE, Who.REGISTRAR, Who.OPERATOR, Who.POLICY, Who.POLICY_ELSEWHERE)
SIGNED_IN = (Who.OWNER, Who.ANOTHER, *STAFF)
STRANGERS = tuple(who for who in Who if who not in SIGNED_IN)
Expected = tuple[int, str | None]
UNAUTHENTICATED: Expected = (401, "not-authenticated")
NOT_ALLOWED: Expected = (403, "not-allowed")
NOT_FOUND: Expected = (404, "not-found")


@dataclass(frozen=True)
class Rule:
    """What a route answers: `may` to whom, `hidden` to whom it says 404, `unknown` about what is not there.

    A public route answers everybody, whatever token they bring. `unknown` None: it says the same of what is not there.
    `speaks_oauth`: it refuses in the words of RFC 6749.
    """

    may: Mapping[Who, int] = field(default_factory=dict)
    hidden: tuple[Who, ...] = ()
    public: int | None = None
    unknown: str | None = "not-found"
    speaks_oauth: bool = False

    def expected(self, who: Who, *, is_unknown: bool) -> Expected:
        """The status and code for one caller."""
        if self.public is not None:
            return (404, self.unknown) if is_unknown and self.unknown else (self.public, None)
        if who in STRANGERS:
            return UNAUTHENTICATED
        if is_unknown and self.unknown and (who in self.may or who in self.hidden):
            return 404, self.unknown
        if who in self.may:
            return self.may[who], None
        return (404, self.unknown) if who in self.hidden else NOT_ALLOWED


def public(status: int = 200, unknown: str | None = "not-found") -> Rule:
    return Rule(public=status, unknown=unknown)


def everybody(status: int) -> Rule:
    """Whoever is signed in, about themselves."""
    return Rule(dict.fromkeys(SIGNED_IN, status))


def citizens(status: int) -> Rule:
    """Every citizen, about themselves."""
    return Rule({Who.OWNER: status, Who.ANOTHER: status})


def owner(status: int) -> Rule:
    """The citizen whose it is; other citizens may not know of it."""
    return Rule({Who.OWNER: status}, hidden=(Who.ANOTHER,))


def registrars(status: int) -> Rule:
    return Rule({Who.REGISTRAR: status}, unknown="person-unknown")


def reporters(status: int) -> Rule:
    """Registrars, and the agency that it is of."""
    return Rule({Who.REGISTRAR: status, Who.OFFICER: status}, unknown="life-event-unknown")


APPLICANT_AND_AGENCY = Rule(
    {Who.OWNER: 200, Who.OFFICER: 200},
    hidden=(Who.ANOTHER, *(who for who in STAFF if who is not Who.OFFICER)),
)

TABLE: Mapping[str, Rule] = {
    "identity POST /persons": registrars(201),
    "identity PATCH /persons/{person_id}": registrars(200),
    "identity DELETE /persons/{person_id}": registrars(204),
    "identity POST /life-events": reporters(202),
    "identity POST /life-events/{source}/{number}/correction": reporters(200),
    "identity POST /life-events/{source}/{number}/annulment": reporters(200),
    "identity GET /persons/{person_id}": Rule(
        {Who.OWNER: 200, Who.REGISTRAR: 200},
        hidden=(Who.ANOTHER, *(who for who in STAFF if who is not Who.REGISTRAR)),
    ),
    "identity PUT /persons/{person_id}/name": owner(200),
    "identity PUT /persons/{person_id}/civil-id": registrars(200),
    "identity GET /me": Rule(
        {Who.OWNER: 200, Who.ANOTHER: 200},
        hidden=STAFF,
    ),
    "identity PATCH /me": citizens(200),
    "identity GET /relations": everybody(200),
    "identity POST /relations": registrars(201),
    "identity POST /representatives": citizens(201),
    "identity POST /relations/{id}/end": Rule(
        {Who.OWNER: 200, Who.REGISTRAR: 200},
        hidden=(Who.ANOTHER, *(who for who in STAFF if who is not Who.REGISTRAR)),
    ),
    "identity GET /.well-known/oauth-authorization-server": public(),
    "identity GET /authorize": public(422),
    "identity GET /sign-in/callback": public(409),
    "identity POST /token": Rule(public=400, speaks_oauth=True),
    "identity POST /revoke": public(),
    "identity POST /local/sign-in": public(),
    "requests GET /catalogue": public(),
    "requests GET /catalogue/{service_id}": public(unknown="service-unknown"),
    "requests GET /catalogue/{service_id}/prefill": Rule({Who.OWNER: 200, Who.ANOTHER: 200}, unknown="service-unknown"),
    "requests PUT /catalogue/services/{service_id}/versions/{version}": Rule({Who.POLICY: 200}, unknown=None),
    "requests POST /catalogue/services/{service_id}/versions/{version}/publish": Rule(
        {Who.POLICY: 200}, hidden=(Who.POLICY_ELSEWHERE,), unknown="version-unknown"
    ),
    "requests GET /catalogue/services/{service_id}/versions/{version}": Rule(
        dict.fromkeys(SIGNED_IN, 200), unknown="version-unknown"
    ),
    "requests GET /catalogue/services/{service_id}/versions/{version}/changes": Rule(
        dict.fromkeys(SIGNED_IN, 200), unknown="version-unknown"
    ),
    "requests GET /drafts": citizens(200),
    "requests PUT /drafts/{service_id}": Rule({Who.OWNER: 200, Who.ANOTHER: 200}, unknown="service-unknown"),
    "requests DELETE /drafts/{service_id}": Rule({Who.OWNER: 200, Who.ANOTHER: 200}, unknown=None),
    "requests GET /eligibility": citizens(200),
    "requests POST /eligibility": citizens(200),
    "requests POST /quotes": citizens(200),
    "requests POST /requests": citizens(202),
    "requests GET /requests": citizens(200),
    "requests GET /requests/{request_id}": APPLICANT_AND_AGENCY,
    "requests GET /requests/{request_id}/why": APPLICANT_AND_AGENCY,
    "requests PUT /requests/{request_id}/documents/{name}": owner(200),
    "requests GET /requests/{request_id}/documents/{name}": APPLICANT_AND_AGENCY,
    "requests POST /requests/{request_id}/objection": owner(200),
    "requests POST /agencies/{agency}/decisions": public(401, unknown=None),
    "requests GET /requests/{request_id}/stream": APPLICANT_AND_AGENCY,
    "requests POST /requests/{request_id}/withdraw": owner(200),
    "requests POST /requests/{request_id}/rating": owner(201),
    "requests GET /offers": citizens(200),
    "requests GET /offers/{offer_id}": owner(200),
    "requests GET /offers/{offer_id}/why": owner(200),
    "requests POST /offers/{offer_id}/accept": owner(202),
    "requests POST /offers/{offer_id}/seen": owner(200),
    "requests POST /offers/{offer_id}/decline": owner(200),
    "requests POST /offers/{offer_id}/snooze": owner(200),
    "requests GET /tasks": Rule(
        {Who.OFFICER: 200, Who.OFFICER_ELSEWHERE: 200, Who.OWNER: 200, Who.ANOTHER: 200},
    ),
    "requests POST /requests/{request_id}/answer": owner(200),
    "requests GET /requests/{request_id}/invitations": owner(200),
    "requests POST /tasks/{task_id}/claim": Rule({Who.OWNER: 200, Who.ANOTHER: 409}),  # the first who has the code
    "requests POST /tasks/{task_id}/decision": Rule(
        {Who.OFFICER: 200}, hidden=(Who.OFFICER_ELSEWHERE, Who.OWNER, Who.ANOTHER)
    ),
    "requests GET /documents/{document_id}": owner(200),
    "requests GET /documents/{document_id}/pdf": owner(200),
    "requests GET /verify/{code}": public(unknown="document-unknown"),
    "requests POST /verify": public(409),
    "payments GET /payments": citizens(200),
    "payments GET /payments/{payment_id}": owner(200),
    "payments POST /payments/{payment_id}/attempts": owner(201),
    "payments POST /baskets": Rule({Who.OWNER: 201}, hidden=(Who.ANOTHER,)),
    "payments GET /baskets/{basket_id}": owner(200),
    "payments GET /payout-account": citizens(200),
    "payments PUT /payout-account": citizens(200),
    "payments GET /payouts": citizens(200),
    "payments GET /ledger/balances": Rule({Who.OPERATOR: 200}),
    "payments POST /gateway/knet/notification": public(422),
    "payments GET /gateway/knet/return": public(),
    "notifications GET /inbox": citizens(200),
    "notifications GET /preferences": citizens(200),
    "notifications PUT /preferences": citizens(200),
    "notifications POST /codes": citizens(202),
    "notifications POST /codes/confirmation": citizens(409),
    "notifications POST /providers/sms/{provider}": public(401, unknown=None),
    **{f"{name} GET {path}": public() for name in NAMES for path in ("/health/live", "/health/ready")},
}

UNLISTED = [f"{name} GET {path}" for name in NAMES for path in ("/metrics", "/openapi.json", "/docs")]
"""Routes that the documents do not name: public, and without anything of anybody."""

UNKNOWN = {
    "service_id": "no-such-service",
    "code": "AAAA-BBBB-CCCC-DDDD",
    "provider": "no-such-company",
    "source": AGENCY,
    "number": "no-such-number",
    "version": "7",
    "name": "letter",
    "agency": "manpower",
}


@dataclass
class Target:
    """What a route is called about, and how to see that refused callers changed nothing."""

    ids: Mapping[str, str]
    body: Any = None
    look: Callable[[], Awaitable[Any]] | None = None


@pytest.fixture(scope="module")
def tokens(platform: RunningStack, world: World) -> Mapping[Who, str | None]:
    forger = Forger(platform)
    claims = forger.claims(world.owner.id, ["citizen", OFFICER, "operator", "registrar"])
    return {
        Who.NOBODY: None,
        Who.EXPIRED: forger.signed(claims | {"iat": claims["iat"] - 900, "exp": claims["iat"] - 60}),
        Who.GARBAGE: "not.a.token",
        Who.ANOTHER_KEY: forger.signed_by_another(claims),
        Who.OWN_KEY: forger.bringing_its_own_key(claims),
        Who.NO_ALGORITHM: forger.unsigned(claims),
        Who.PUBLIC_KEY: forger.signed_with_the_public_key(claims),
        Who.AUDIENCE: forger.signed(claims | {"aud": "another"}),
        Who.ISSUER: forger.signed(claims | {"iss": "another"}),
        Who.ALTERED: forger.altered(world.owner.token, claims),
        Who.NO_SCHEME: world.owner.token,
        Who.OWNER: world.owner.token,
        Who.ANOTHER: world.another.token,
        Who.OFFICER: world.officer,
        Who.OFFICER_ELSEWHERE: world.officer_elsewhere,
        Who.REGISTRAR: world.registrar,
        Who.OPERATOR: world.operator,
        Who.POLICY: world.policy,
        Who.POLICY_ELSEWHERE: world.policy_elsewhere,
    }


async def call(http: Http, route: str, who: Who, token: str | None, target: Target) -> Answered:
    service, method, template = route.split(" ")
    path = re.sub(r"{(\w+)}", lambda name: target.ids[name[1]], template)
    is_file = isinstance(target.body, bytes)
    content = target.body if target.body is None or is_file else as_json(target.body)
    headers = {"Authorization": token} if who is Who.NO_SCHEME and token else {}
    headers |= {"Content-Type": "application/pdf"} if is_file else {}
    bearer = None if who is Who.NO_SCHEME else token
    return await http.send(method, service, path, bearer, key=new_key(), content=content, headers=headers)


async def target_of(route: str, platform: RunningStack, http: Http, world: World) -> Target:
    """What belongs to the owner and would be done if the caller were let."""
    service, within = route.split(" ", 1)
    for prepare in TARGETS[service]:
        target = await prepare(within, platform, http, world)
        if target is not None:
            return target
    assert " GET " in route or route in NOTHING_NEEDED
    known = {"service_id": SERVICE, "version": str(version_in_force()), "provider": "north", "agency": "manpower"}
    return Target({**world.of_owner, **known})


NOTHING_NEEDED = (
    "identity POST /token",
    "identity POST /revoke",
    "requests POST /verify",
    "requests POST /agencies/{agency}/decisions",
    "requests DELETE /drafts/{service_id}",
    "payments POST /gateway/knet/notification",
    "notifications POST /providers/sms/{provider}",
)


async def a_person_target(route: str, platform: RunningStack, http: Http, world: World) -> Target | None:
    owner, api = world.owner, platform.api
    match route:
        case "POST /persons":
            civil_id = new_civil_id()
            return Target({}, person_form(civil_id), lambda: _status_of_sign_in(http, civil_id))
        case "PATCH /persons/{person_id}":
            return Target(world.of_owner, {"language": "ar"}, lambda: api.get("identity", "/me", owner.token))
        case "DELETE /persons/{person_id}":
            person = await a_driver(platform)
            return Target({"person_id": person.id}, None, lambda: _status_of_sign_in(http, person.civil_id))
        case "PUT /persons/{person_id}/name":
            child = await a_child(platform, owner)
            path = f"/persons/{child}"
            named = {"name": CHILD_NAME}
            return Target({"person_id": child}, named, lambda: api.get("identity", path, world.registrar))
        case "PUT /persons/{person_id}/civil-id":
            child = await a_newborn(platform, birth_form(owner, occurred_at="1905-06-07T09:00:00+03:00"))
            path = f"/persons/{child}"
            given = {"civil_id": new_civil_id(date(1905, 6, 7))}
            return Target({"person_id": child}, given, lambda: api.get("identity", path, world.registrar))
        case "PATCH /me":
            return Target({}, {"language": "ar"}, lambda: api.get("identity", "/me", owner.token))
    return None


async def another_identity_target(route: str, platform: RunningStack, http: Http, world: World) -> Target | None:
    owner, api = world.owner, platform.api
    match route:
        case "POST /life-events":
            person = await a_driver(platform)
            return Target({}, life_event_form(person.id), lambda: _status_of_sign_in(http, person.civil_id))
        case "POST /life-events/{source}/{number}/correction" | "POST /life-events/{source}/{number}/annulment":
            person = await a_driver(platform)
            form = life_event_form(person.id)
            await api.post("identity", "/life-events", form, world.registrar)
            body = {"occurred_at": form["noticed_at"]} if route.endswith("correction") else None
            return Target(form, body)
        case "POST /relations":
            holder, other = await a_driver(platform), await a_driver(platform)
            form = {"kind": "spouse", "holder_id": holder.id, "for_id": other.id}
            return Target({}, form, lambda: api.get("identity", "/relations", holder.token))
        case "POST /representatives":
            holder = await a_driver(platform)
            return Target({}, representative_form(holder), lambda: api.get("identity", "/relations", holder.token))
        case "POST /relations/{id}/end":
            holder = await a_driver(platform)
            relation = await api.post("identity", "/representatives", representative_form(holder), owner.token)
            return Target(relation, None, lambda: api.get("identity", "/relations", holder.token))
        case "POST /local/sign-in":
            return Target({}, {"civil_id": owner.civil_id})
    return None


async def a_target_in_requests(route: str, platform: RunningStack, http: Http, world: World) -> Target | None:
    match route:
        case "POST /quotes":
            return Target({}, SUBMISSION)
        case "POST /eligibility":
            return Target({}, {"service_id": SERVICE, "facts": {"age": 17}})
    return None


async def a_service_target(route: str, platform: RunningStack, http: Http, world: World) -> Target | None:
    owner, api = world.owner, platform.api
    match route:
        case "PUT /drafts/{service_id}":
            return Target({"service_id": SERVICE}, {"form": {}}, lambda: api.get("requests", "/drafts", owner.token))
        case "PUT /catalogue/services/{service_id}/versions/{version}":
            definition = a_definition(f"test-{uuid4().hex[:12]}")
            return Target({"service_id": definition["id"], "version": "1"}, definition)
        case "POST /catalogue/services/{service_id}/versions/{version}/publish":
            path, digest = await a_drafted_version(platform)
            return Target({"service_id": path.split("/")[3], "version": "1"}, {"digest": digest})
        case "PUT /requests/{request_id}/documents/{name}":
            request = await a_papers_request(platform, owner)
            path = f"/requests/{request['id']}"
            ids = {"request_id": request["id"], "name": "letter"}
            return Target(ids, PDF, lambda: api.get("requests", path, owner.token))
        case "GET /requests/{request_id}/documents/{name}":
            request = await a_papers_request(platform, owner)
            assert (await hand_in(http, owner, request)).status == 200
            await task_of(platform, request)
            return Target({"request_id": request["id"], "name": "letter"})
        case "POST /requests/{request_id}/objection":
            request = await a_rejected_request(platform, http, owner)
            path = f"/requests/{request['id']}"
            ids = {"request_id": request["id"]}
            return Target(ids, {"words": "It is not so."}, lambda: api.get("requests", path, owner.token))
    return None


async def a_request_target(route: str, platform: RunningStack, http: Http, world: World) -> Target | None:
    owner, api = world.owner, platform.api
    match route:
        case "POST /requests":
            return Target({}, SUBMISSION, lambda: api.get("requests", "/requests", owner.token))
        case "POST /requests/{request_id}/withdraw":
            request = await a_request(platform, owner)
            path = f"/requests/{request['id']}"
            return Target({"request_id": request["id"]}, None, lambda: api.get("requests", path, owner.token))
        case "POST /requests/{request_id}/rating":
            request = await a_withdrawn_request(platform, owner)
            path = f"/requests/{request['id']}"
            ids = {"request_id": request["id"]}
            return Target(ids, {"satisfaction": 4}, lambda: api.get("requests", path, owner.token))
        case "POST /requests/{request_id}/answer":
            request = await a_returned_request(platform, owner)
            path = f"/requests/{request['id']}"
            ids = {"request_id": request["id"]}
            return Target(ids, {"form": SUBMISSION["form"]}, lambda: api.get("requests", path, owner.token))
        case "GET /requests/{request_id}/invitations":
            return Target({"request_id": (await a_request(platform, owner))["id"]}, None)
        case "POST /tasks/{task_id}/claim":
            invitation = await an_invitation(platform)
            return Target({"task_id": invitation["task_id"]}, {"code": invitation["code"]})
        case "POST /tasks/{task_id}/decision":
            request, task = await an_open_task(platform, owner)
            path = f"/requests/{request['id']}"
            ids = {"task_id": task["id"]}
            return Target(ids, {"decision": "approve"}, lambda: api.get("requests", path, owner.token))
        case "POST /offers/{offer_id}/accept" | "POST /offers/{offer_id}/seen" | "POST /offers/{offer_id}/decline":
            offer = await an_offer(platform, owner)
            path = f"/offers/{offer['id']}"
            body: Any = {} if route.endswith("accept") else None
            return Target({"offer_id": offer["id"]}, body, lambda: api.get("requests", path, owner.token))
        case "POST /offers/{offer_id}/snooze":
            offer = await an_offer(platform, owner)
            path = f"/offers/{offer['id']}"
            ids = {"offer_id": offer["id"]}
            return Target(ids, {"until": in_days(3)}, lambda: api.get("requests", path, owner.token))
        case "GET /offers/{offer_id}" | "GET /offers/{offer_id}/why":
            return Target({"offer_id": (await an_offer(platform, owner))["id"]})
    return None


async def another_target(route: str, platform: RunningStack, http: Http, world: World) -> Target | None:
    owner, api = world.owner, platform.api
    match route:
        case "POST /payments/{payment_id}/attempts":
            request = await a_request(platform, owner)
            path = f"/payments/{request['payment_id']}"
            ids = {"payment_id": request["payment_id"]}
            return Target(ids, None, lambda: api.get("payments", path, owner.token))
        case "POST /baskets":
            wanted = await payable(platform, owner)
            look = lambda: api.get("payments", f"/payments/{wanted[0]}", owner.token)  # noqa: E731
            return Target({}, {"payment_ids": wanted}, look)
        case "GET /baskets/{basket_id}":
            form = {"payment_ids": await payable(platform, owner)}
            return Target({"basket_id": (await api.post("payments", "/baskets", form, owner.token))["id"]})
        case "PUT /payout-account":
            look = lambda: api.get("payments", "/payout-account", owner.token)  # noqa: E731
            return Target({}, {"iban": kuwaiti_iban("NBOK", "4711")}, look)
        case "PUT /preferences":
            return Target({}, {"channels": ["email"]}, lambda: api.get("notifications", "/preferences", owner.token))
        case "POST /codes":
            return Target({}, {"channel": "sms"})
        case "POST /codes/confirmation":
            return Target({}, {"channel": "email", "code": "000000"})
    return None


async def payable(platform: RunningStack, person: Person) -> list[str]:
    """Two payments that can be paid."""
    return [(await a_request(platform, person))["payment_id"] for _ in range(2)]


Prepare = Callable[[str, RunningStack, Http, World], Awaitable[Target | None]]
TARGETS: Mapping[str, tuple[Prepare, ...]] = {
    "identity": (a_person_target, another_identity_target),
    "requests": (a_target_in_requests, a_service_target, a_request_target),
    "payments": (another_target,),
    "notifications": (another_target,),
}


async def _status_of_sign_in(http: Http, civil_id: str) -> int:
    return (await http.post("identity", "/local/sign-in", {"civil_id": civil_id})).status


def fault(rule: Rule, who: Who, answered: Answered, *, is_unknown: bool) -> str | None:
    """What is wrong with an answer, in words; None for nothing."""
    status, code = rule.expected(who, is_unknown=is_unknown)
    what = "unknown id" if is_unknown else "owner's"
    faults = oauth_faults(answered) if rule.speaks_oauth else problem_faults(answered)
    if status >= 400 and faults:
        return f"{who}, {what}: {answered} {faults}"
    if status == 401 and answered.headers.get("WWW-Authenticate") != "Bearer":
        return f"{who}, {what}: 401 without WWW-Authenticate"
    is_right = answered.status == status and (code is None or answered.code == code)
    return None if is_right else f"{who}, {what}: expected {status} {code or ''}, was {answered}"


@pytest.mark.parametrize("route", TABLE)
async def test_only_those_whom_the_table_names_are_let_in(
    route: str, platform: RunningStack, http: Http, world: World, tokens: Mapping[Who, str | None]
) -> None:
    rule, target = TABLE[route], await target_of(route, platform, http, world)
    refused = [who for who in Who if rule.public is None and who not in rule.may]
    before = await target.look() if target.look else None
    faults = []
    for who in refused:
        answered = await call(http, route, who, tokens[who], target)
        faults.append(fault(rule, who, answered, is_unknown=False))
    assert (await target.look() if target.look else None) == before, "somebody who was refused has changed something"
    for who in (who for who in Who if who not in refused):
        answered = await call(http, route, who, tokens[who], target)
        faults.append(fault(rule, who, answered, is_unknown=False))
        if "POST /persons" in route:
            target.body = person_form()
    assert [found for found in faults if found] == []


@pytest.mark.parametrize("route", [route for route in TABLE if "{" in route])
async def test_what_is_not_there_looks_like_what_one_may_not_see(
    route: str, platform: RunningStack, http: Http, world: World, tokens: Mapping[Who, str | None]
) -> None:
    rule = TABLE[route]
    ids = {name: UNKNOWN.get(name, str(uuid4())) for name in re.findall(r"{(\w+)}", route)}
    if rule.unknown is None and "service_id" in ids:
        ids["service_id"] = f"test-{uuid4().hex[:12]}"  # it will be there afterwards
    bodies: dict[str, Any] = {
        "/decision": {"decision": "approve"},
        "/correction": {"occurred_at": "2026-01-01T00:00:00Z"},
        "/name": {"name": CHILD_NAME},
        "/civil-id": {"civil_id": new_civil_id()},
        "/accept": {},
        "/snooze": {"until": in_days(3)},
        "/rating": {"satisfaction": 4},
        "/answer": {"form": SUBMISSION["form"]},
        "/claim": {"code": "AAAA-BBBB-CCCC-DDDD"},
        "/objection": {"words": "It is not so."},
        "/publish": {"digest": "0" * 64},
        "/drafts/{service_id}": {"form": {}},
        "/documents/{name}": PDF,
        "PUT /catalogue/services/{service_id}/versions/{version}": a_definition(version=7),
    }
    body: Any = next((body for end, body in bodies.items() if route.endswith(end)), {} if "PATCH" in route else None)
    faults = []
    for who in Who:
        answered = await call(http, route, who, tokens[who], Target(ids, body))
        faults.append(fault(rule, who, answered, is_unknown=True))
    assert [found for found in faults if found] == []


async def test_every_route_of_the_documents_is_in_the_table(http: Http) -> None:
    documented = {
        f"{name} {method.upper()} {path}"
        for name in NAMES
        for path, methods in (await http.get(name, "/openapi.json")).json["paths"].items()
        for method in methods
    }
    assert documented == set(TABLE)


@pytest.mark.parametrize("route", UNLISTED)
async def test_what_the_documents_do_not_name_tells_nothing_of_anybody(route: str, http: Http, world: World) -> None:
    service, method, path = route.split(" ")
    answered = await http.send(method, service, path)
    assert answered.status == 200
    for secret in (world.owner.civil_id, world.owner.id, *world.of_owner.values(), world.owner.token):
        assert secret not in answered.text


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST", "OPTIONS", "TRACE"])
async def test_a_method_that_an_address_does_not_take_is_refused(method: str, http: Http, world: World) -> None:
    answered = await http.send(method, "requests", f"/requests/{world.of_owner['request_id']}", world.owner.token)
    assert (answered.status, answered.code) == (405, "method-not-allowed")
    assert problem_faults(answered) == []
    assert answered.headers["Allow"] == "GET"


async def test_tokens_that_lack_a_claim_or_have_a_wrong_one_are_refused(
    platform: RunningStack, http: Http, world: World
) -> None:
    forger, now = Forger(platform), int(time.time())
    assert (await http.get("payments", "/payments", _forged(forger, world.owner))).status == 200
    wrong: list[dict[str, Any]] = [
        *({name: None} for name in ("iss", "aud", "sub", "roles", "assurance", "iat", "exp")),
        {"nbf": now + 120},
        {"iat": now + 120},
        {"exp": "never"},
        {"exp": -1},
        {"aud": ["another", "yet another"]},
        {"iss": ["afaq"]},
        {"sub": "somebody"},
        {"sub": ""},
        {"roles": 7},
        {"assurance": "high"},
        {"sub": 7},
    ]
    for change in wrong:
        answered = await http.get("payments", "/payments", _forged(forger, world.owner, **change))
        assert (answered.status, answered.code) == (401, "not-authenticated"), change
        assert problem_faults(answered) == []


def _forged(forger: Forger, person: Person, **changes: Any) -> str:
    return forger.signed(forger.claims(person.id, ["citizen"]) | changes)


async def test_headers_of_tokens_of_any_kind_are_refused_and_harm_nothing(
    platform: RunningStack, http: Http, world: World
) -> None:
    forger = Forger(platform)
    kids: list[Any] = [None, 1, [], {}, "", "\x00", "../../etc/passwd", "' or 1=1 --", str(uuid4()), "k" * 5000]
    headers: list[Any] = [{"alg": "ES256", "kid": kid} for kid in kids]
    headers += [{}, [], "x", 1, None, {"alg": []}, {"alg": "ES256", "crit": ["x"], "x": 1}]
    tokens = [forger.with_header(header) for header in headers]
    tokens += [".", "..", "a.b.c", "a.b.c.d.e", "é.é.é", "x" * 20_000, world.owner.token[:-2], f"{world.owner.token}x"]
    tokens += [forger.signed(forger.claims(world.owner.id, ["citizen"]), kid=str(uuid4()))]
    for token in tokens:
        answered = await http.get("requests", "/requests", token)
        assert (answered.status, answered.code) == (401, "not-authenticated"), token[:100]
        assert token[:50] not in answered.text or len(token) < 8


async def test_a_role_that_only_resembles_one_lets_nobody_in(platform: RunningStack, http: Http, world: World) -> None:
    forger = Forger(platform)
    for roles in ([], ["citizens"], ["Citizen"], ["citizen "], ["officer"], ["officer:"], ["*"], ["admin"]):
        token = forger.signed(forger.claims(world.owner.id, roles))
        answered = await http.get("requests", "/requests", token)
        assert (answered.status, answered.code) == (403, "not-allowed"), roles
    for roles in (["officer"], ["officer:"], [f"{OFFICER} "], [OFFICER.upper()]):
        token = forger.signed(forger.claims(world.owner.id, roles))
        answered = await http.get("requests", f"/requests/{world.of_another['request_id']}", token)
        assert (answered.status, answered.code) == NOT_FOUND, roles


async def test_lists_hold_only_what_is_the_callers_own(http: Http, world: World) -> None:
    mine = {world.of_owner["request_id"]}
    requests = (await http.get("requests", "/requests?limit=100", world.another.token)).json["items"]
    assert world.of_another["request_id"] in {request["id"] for request in requests}
    assert mine.isdisjoint(request["id"] for request in requests)
    payments = (await http.get("payments", "/payments?limit=100", world.another.token)).json["items"]
    assert world.of_another["payment_id"] in {payment["id"] for payment in payments}
    assert mine.isdisjoint(payment["request_id"] for payment in payments)
    foreign = f"/payments?request_id={world.of_owner['request_id']}"
    assert (await http.get("payments", foreign, world.another.token)).json["items"] == []
    inbox = (await http.get("notifications", "/inbox?limit=100", world.another.token)).json["items"]
    assert inbox and mine.isdisjoint(message["about_id"] for message in inbox)


async def test_an_officer_finds_the_tasks_of_their_own_agency_only(platform: RunningStack, world: World) -> None:
    request, _ = await an_open_task(platform, world.owner)
    ours = await open_tasks(platform, world.officer)
    assert request["id"] in {task["request_id"] for task in ours}
    assert {task["agency"] for task in ours} == {"moi-traffic"}
    assert await open_tasks(platform, world.officer_elsewhere) == []


async def test_an_officer_sees_a_request_from_when_their_agency_has_a_task_on_it(
    platform: RunningStack, http: Http, world: World
) -> None:
    request = await submit(platform.api, world.owner)
    answered = await http.get("requests", f"/requests/{request['id']}", world.officer)
    assert (answered.status, answered.code) == NOT_FOUND


async def test_an_erased_person_is_let_nowhere_with_the_token_that_is_still_good(
    platform: RunningStack, http: Http, world: World
) -> None:
    person = await a_driver(platform)
    request = await submit(platform.api, person)
    assert (await http.send("DELETE", "identity", f"/persons/{person.id}", world.registrar)).status == 204
    assert (await http.get("identity", "/me", person.token)).code == "not-found"
    assert (await http.post("identity", "/local/sign-in", {"civil_id": person.civil_id})).code == "not-found"

    async def is_withdrawn() -> bool:
        answered = await http.get("requests", f"/requests/{request['id']}", person.token)
        return answered.status == 404 or answered.json["status"] == "withdrawn"

    await platform.api.until(is_withdrawn, "end of the request")
    changed = await http.send(
        "PATCH", "identity", f"/persons/{person.id}", world.registrar, key=new_key(), content=b"{}"
    )
    assert (changed.status, changed.code) == (409, "person-erased")
    again = await http.send("DELETE", "identity", f"/persons/{person.id}", world.registrar)
    assert again.status == 204
    submitted = await http.post("requests", "/requests", SUBMISSION, person.token)
    assert 400 <= submitted.status < 500
