"""Whatever is wrong with a command: a problem with a code in both languages, nothing repeated, nothing half done."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from afaq.services import NAMES
from shared.kernel.iban import kuwaiti_iban
from tests.api.conftest import World
from tests.api.malformed_bodies import (
    FAMILIES,
    HARMFUL,
    MARK,
    Malformed,
    extra_fields,
    with_value,
    wrong_types,
)
from tests.api.support import (
    AGENCY,
    CHILD_NAME,
    Answered,
    Http,
    a_child,
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
    in_days,
    life_event_form,
    new_civil_id,
    new_key,
    person_form,
    problem_faults,
    representative_form,
    version_in_force,
)
from tests.conftest import RunningStack
from tests.support import SERVICE, SUBMISSION

MEBIBYTE = 1024 * 1024
WRONG = frozenset({"invalid-request", "form-invalid", "civil-id-invalid", "iban-invalid"})


@dataclass(frozen=True)
class Command:
    """A command that would be done as it is; `look` is what must not change while it is malformed.

    `inert`: the same without any effect should it be let in, for texts that would do harm elsewhere.
    """

    method: str
    service: str
    path: str
    token: str | None
    body: Mapping[str, Any] | None = None
    look: Callable[[], Awaitable[Any]] | None = None
    inert_path: str | None = None
    inert_body: dict[str, Any] = field(default_factory=dict)


REASON = {"ar": "سبب للاختبار", "en": "A reason for a test"}
WITH_BODY = (
    "register",
    "change",
    "name",
    "number",
    "change me",
    "tell",
    "tell of a birth",
    "correct",
    "correct a birth",
    "relate",
    "appoint",
    "sign-in",
    "quote",
    "submit",
    "accept",
    "snooze",
    "rate",
    "answer",
    "claim",
    "decide",
    "choose",
    "ask",
    "give",
    "suppose",
    "publish",
    "object",
    "name the account",
    "gather",
)
WITHOUT_BODY = (
    "annul",
    "end",
    "token",
    "revoke",
    "withdraw",
    "see",
    "decline",
    "attempt",
    "erase",
    "notification",
    "receipt",
    "verify",
    "draft",
    "save",
    "discard",
    "hand in",
    "answer of a system",
)
ROUTES = {
    "register": "identity POST /persons",
    "change": "identity PATCH /persons/{person_id}",
    "erase": "identity DELETE /persons/{person_id}",
    "tell": "identity POST /life-events",
    "correct": "identity POST /life-events/{source}/{number}/correction",
    "annul": "identity POST /life-events/{source}/{number}/annulment",
    "name": "identity PUT /persons/{person_id}/name",
    "number": "identity PUT /persons/{person_id}/civil-id",
    "change me": "identity PATCH /me",
    "tell of a birth": "identity POST /life-events",
    "correct a birth": "identity POST /life-events/{source}/{number}/correction",
    "relate": "identity POST /relations",
    "appoint": "identity POST /representatives",
    "end": "identity POST /relations/{id}/end",
    "token": "identity POST /token",
    "revoke": "identity POST /revoke",
    "accept": "requests POST /offers/{offer_id}/accept",
    "see": "requests POST /offers/{offer_id}/seen",
    "decline": "requests POST /offers/{offer_id}/decline",
    "snooze": "requests POST /offers/{offer_id}/snooze",
    "choose": "notifications PUT /preferences",
    "ask": "notifications POST /codes",
    "give": "notifications POST /codes/confirmation",
    "receipt": "notifications POST /providers/sms/{provider}",
    "verify": "requests POST /verify",
    "sign-in": "identity POST /local/sign-in",
    "quote": "requests POST /quotes",
    "submit": "requests POST /requests",
    "withdraw": "requests POST /requests/{request_id}/withdraw",
    "answer": "requests POST /requests/{request_id}/answer",
    "claim": "requests POST /tasks/{task_id}/claim",
    "rate": "requests POST /requests/{request_id}/rating",
    "decide": "requests POST /tasks/{task_id}/decision",
    "attempt": "payments POST /payments/{payment_id}/attempts",
    "notification": "payments POST /gateway/knet/notification",
    "suppose": "requests POST /eligibility",
    "save": "requests PUT /drafts/{service_id}",
    "discard": "requests DELETE /drafts/{service_id}",
    "object": "requests POST /requests/{request_id}/objection",
    "hand in": "requests PUT /requests/{request_id}/documents/{name}",
    "draft": "requests PUT /catalogue/services/{service_id}/versions/{version}",
    "publish": "requests POST /catalogue/services/{service_id}/versions/{version}/publish",
    "answer of a system": "requests POST /agencies/{agency}/decisions",
    "name the account": "payments PUT /payout-account",
    "gather": "payments POST /baskets",
}


@pytest.fixture(scope="module")
async def commands(platform: RunningStack, http: Http, world: World) -> Mapping[str, Command]:
    return {
        **await usual_commands(platform, http, world),
        **await commands_about_families(platform, world),
        **await commands_about_contacts(platform),
        **await commands_about_services(platform, http, world),
    }


async def commands_about_services(platform: RunningStack, http: Http, world: World) -> Mapping[str, Command]:
    owner, (drafted, digest) = world.owner, await a_drafted_version(platform)
    waiting = await a_papers_request(platform, owner)
    rejected = await a_rejected_request(platform, http, owner)

    def sees(service: str, path: str) -> Callable[[], Awaitable[Any]]:
        return lambda: platform.api.get(service, path, owner.token)

    supposed = {"service_id": SERVICE, "version": version_in_force()}
    account, request = {"iban": kuwaiti_iban("NBOK", "4711")}, f"/requests/{rejected['id']}"
    papers = f"/requests/{waiting['id']}"
    return {
        "suppose": Command("POST", "requests", "/eligibility", owner.token, supposed),
        "save": Command("PUT", "requests", f"/drafts/{SERVICE}", owner.token, None, sees("requests", "/drafts")),
        "discard": Command("DELETE", "requests", f"/drafts/{SERVICE}", owner.token, None, sees("requests", "/drafts")),
        "object": Command(
            "POST", "requests", f"{request}/objection", owner.token, {"words": "لا أوافق"}, sees("requests", request)
        ),
        "hand in": Command(
            "PUT", "requests", f"{papers}/documents/letter", owner.token, None, sees("requests", papers)
        ),
        "draft": Command("PUT", "requests", drafted, world.policy),
        "publish": Command("POST", "requests", f"{drafted}/publish", world.policy, {"digest": digest}),
        "answer of a system": Command("POST", "requests", "/agencies/manpower/decisions", None),
        "gather": Command("POST", "payments", "/baskets", owner.token, {"payment_ids": [str(uuid4()), str(uuid4())]}),
        "name the account": Command(
            "PUT", "payments", "/payout-account", owner.token, account, sees("payments", "/payout-account")
        ),
    }


async def commands_about_families(platform: RunningStack, world: World) -> Mapping[str, Command]:
    api, owner = platform.api, world.owner
    holder, nobody = await a_driver(platform), str(uuid4())
    child = await a_child(platform, owner)
    grown = await a_newborn(platform, birth_form(owner, occurred_at="1905-06-08T09:00:00+03:00"))
    told = birth_form(owner)
    await a_newborn(platform, told)
    offer = await an_offer(platform, owner)
    relation = await api.post("identity", "/representatives", representative_form(holder), owner.token)

    def person(id: str) -> Callable[[], Awaitable[Any]]:
        return lambda: api.get("identity", f"/persons/{id}", world.registrar)

    async def relations() -> Any:
        return await api.get("identity", "/relations", holder.token)

    async def offered() -> Any:
        return await api.get("requests", f"/offers/{offer['id']}", owner.token)

    async def children() -> int:
        return len(await api.get("identity", "/relations", owner.token))

    unknown_offer = f"/offers/{nobody}"
    return {
        "name": Command(
            "PUT",
            "identity",
            f"/persons/{child}/name",
            owner.token,
            {"name": CHILD_NAME},
            person(child),
            inert_path=f"/persons/{nobody}/name",
        ),
        "number": Command(
            "PUT",
            "identity",
            f"/persons/{grown}/civil-id",
            world.registrar,
            {"civil_id": new_civil_id(date(1905, 6, 8))},
            person(grown),
            inert_path=f"/persons/{nobody}/civil-id",
        ),
        "tell of a birth": Command(
            "POST",
            "identity",
            "/life-events",
            world.registrar,
            birth_form(owner, holder),
            children,
            inert_body={"mother_civil_id": new_civil_id(), "father_civil_id": new_civil_id()},
        ),
        "correct a birth": Command(
            "POST",
            "identity",
            f"/life-events/{told['source']}/{told['number']}/correction",
            world.registrar,
            {
                "occurred_at": told["occurred_at"],
                "mother_civil_id": owner.civil_id,
                "father_civil_id": holder.civil_id,
                "sex": "male",
            },
            relations,
            inert_path="/life-events/nobody/unknown/correction",
        ),
        "relate": Command(
            "POST",
            "identity",
            "/relations",
            world.registrar,
            {
                "kind": "representative",
                "holder_id": holder.id,
                "for_id": owner.id,
                "scopes": [SERVICE],
                "until": in_days(3)[:10],
            },
            relations,
            inert_body={"holder_id": nobody},
        ),
        "appoint": Command(
            "POST",
            "identity",
            "/representatives",
            owner.token,
            representative_form(holder),
            relations,
            inert_body={"civil_id": new_civil_id()},
        ),
        "end": Command("POST", "identity", f"/relations/{relation['id']}/end", owner.token, None, relations),
        "token": Command("POST", "identity", "/token", None),
        "revoke": Command("POST", "identity", "/revoke", None),
        "accept": Command(
            "POST",
            "requests",
            f"/offers/{offer['id']}/accept",
            owner.token,
            {"form": {"delivery": "digital"}},
            offered,
            inert_path=f"{unknown_offer}/accept",
        ),
        "see": Command("POST", "requests", f"/offers/{offer['id']}/seen", owner.token, None, offered),
        "decline": Command("POST", "requests", f"/offers/{offer['id']}/decline", owner.token, None, offered),
        "snooze": Command(
            "POST",
            "requests",
            f"/offers/{offer['id']}/snooze",
            owner.token,
            {"until": in_days(3)},
            offered,
            inert_path=f"{unknown_offer}/snooze",
        ),
    }


async def commands_about_contacts(platform: RunningStack) -> Mapping[str, Command]:
    person = await a_driver(platform, {"mobile": None, "email": None})

    async def known() -> Any:
        return await platform.api.get("identity", "/me", person.token)

    async def chosen() -> Any:
        return await platform.api.get("notifications", "/preferences", person.token)

    contacts = {"mobile": "99999998", "email": "another@example.test", "language": "ar"}
    return {
        "change me": Command("PATCH", "identity", "/me", person.token, contacts, known),
        "choose": Command("PUT", "notifications", "/preferences", person.token, {"channels": ["email"]}, chosen),
        "ask": Command("POST", "notifications", "/codes", person.token, {"channel": "sms"}),
        "give": Command(
            "POST", "notifications", "/codes/confirmation", person.token, {"channel": "sms", "code": "123456"}
        ),
        "receipt": Command("POST", "notifications", "/providers/sms/north", None),
        "verify": Command("POST", "requests", "/verify", None),
    }


async def usual_commands(platform: RunningStack, http: Http, world: World) -> Mapping[str, Command]:
    api, owner = platform.api, world.owner
    disposable = await a_driver(platform)
    withdrawable = await a_request(platform, owner)
    payable = await a_request(platform, owner)
    returned, invitation = await a_returned_request(platform, owner), await an_invitation(platform)
    rateable = await a_withdrawn_request(platform, owner)
    request, task = await an_open_task(platform, owner)
    civil_id = new_civil_id()
    living, dead = await a_driver(platform), await a_driver(platform)
    told = life_event_form(dead.id)
    await api.post("identity", "/life-events", told, world.registrar)
    life_event = f"/life-events/{told['source']}/{told['number']}"

    def status(service: str, path: str, token: str | None = owner.token) -> Callable[[], Awaitable[Any]]:
        return lambda: api.get(service, path, token)

    async def lives() -> int:
        return (await http.post("identity", "/local/sign-in", {"civil_id": living.civil_id})).status

    async def is_registered() -> int:
        return (await http.post("identity", "/local/sign-in", {"civil_id": civil_id})).status

    return {
        "register": Command(
            "POST",
            "identity",
            "/persons",
            world.registrar,
            person_form(civil_id),
            is_registered,
            inert_body={"civil_id": owner.civil_id},
        ),
        "change": Command(
            "PATCH",
            "identity",
            f"/persons/{owner.id}",
            world.registrar,
            {name: person_form()[name] for name in ("mobile", "email", "language", "facts")},
            status("identity", "/me"),
            inert_path=f"/persons/{uuid4()}",
        ),
        "erase": Command(
            "DELETE",
            "identity",
            f"/persons/{disposable.id}",
            world.registrar,
            None,
            status("identity", "/me", disposable.token),
        ),
        "tell": Command(
            "POST",
            "identity",
            "/life-events",
            world.registrar,
            life_event_form(living.id),
            lives,
            inert_body={"person_id": str(uuid4())},
        ),
        "correct": Command(
            "POST",
            "identity",
            f"{life_event}/correction",
            world.registrar,
            {"occurred_at": told["noticed_at"]},
            inert_path="/life-events/nobody/unknown/correction",
        ),
        "annul": Command("POST", "identity", f"{life_event}/annulment", world.registrar),
        "sign-in": Command(
            "POST", "identity", "/local/sign-in", None, {"role": "registrar", "civil_id": None, "name": "somebody"}
        ),
        "quote": Command(
            "POST",
            "requests",
            "/quotes",
            owner.token,
            {**SUBMISSION, "version": version_in_force(), "form": {"delivery": "kiosk", "kiosk": "avenues-1"}},
            status("requests", "/requests?limit=100"),
        ),
        "submit": Command(
            "POST",
            "requests",
            "/requests",
            owner.token,
            {**SUBMISSION, "version": version_in_force(), "form": {"delivery": "kiosk", "kiosk": "avenues-1"}},
            status("requests", "/requests?limit=100"),
        ),
        "withdraw": Command(
            "POST",
            "requests",
            f"/requests/{withdrawable['id']}/withdraw",
            owner.token,
            None,
            status("requests", f"/requests/{withdrawable['id']}"),
        ),
        "answer": Command(
            "POST",
            "requests",
            f"/requests/{returned['id']}/answer",
            owner.token,
            {"form": SUBMISSION["form"]},
            status("requests", f"/requests/{returned['id']}"),
        ),
        "claim": Command(
            "POST",
            "requests",
            f"/tasks/{invitation['task_id']}/claim",
            owner.token,
            {"code": invitation["code"]},
            status("requests", "/tasks"),
        ),
        "rate": Command(
            "POST",
            "requests",
            f"/requests/{rateable['id']}/rating",
            owner.token,
            {"satisfaction": 4, "effort": 6, "comment": "سريع"},
            status("requests", f"/requests/{rateable['id']}"),
        ),
        "decide": Command(
            "POST",
            "requests",
            f"/tasks/{task['id']}/decision",
            world.officer,
            {"decision": "reject", "reason": REASON},
            status("requests", f"/requests/{request['id']}"),
            inert_path=f"/tasks/{world.of_owner['task_id']}/decision",
        ),
        "attempt": Command(
            "POST",
            "payments",
            f"/payments/{payable['payment_id']}/attempts",
            owner.token,
            None,
            status("payments", f"/payments/{payable['payment_id']}"),
        ),
        "notification": Command("POST", "payments", "/gateway/knet/notification", None),
    }


async def sent(http: Http, command: Command, content: bytes | None, **given: Any) -> Answered:
    given = {"key": new_key(), "path": command.path} | given
    path = given.pop("path")
    return await http.send(command.method, command.service, path, command.token, content=content, **given)


def faults_of(answered: Answered, expected: frozenset[str], status: int = 422) -> list[str]:
    """What is wrong with a refusal."""
    faults = problem_faults(answered)
    if answered.status != status or answered.code not in expected:
        faults.append(f"expected {status} {' or '.join(sorted(expected))}, was {answered}")
    if MARK in answered.text:
        faults.append(f"it repeats what was typed: {answered.json.get('errors')}")
    return faults


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", WITH_BODY)
async def test_a_malformed_body_is_refused_and_nothing_is_done(
    name: str, family: str, commands: Mapping[str, Command], http: Http
) -> None:
    command = commands[name]
    body, path = dict(command.body or {}), command.path
    if family in HARMFUL:
        body, path = body | command.inert_body, command.inert_path or path
    before = await command.look() if command.look else None
    faults = []
    for malformed in FAMILIES[family](body):
        answered = await sent(http, command, malformed.content, path=path)
        faults += [f"{malformed.about}: {found}" for found in faults_of(answered, WRONG)]
    assert faults == []
    assert (await command.look() if command.look else None) == before


@pytest.mark.parametrize("name", WITH_BODY)
async def test_every_error_points_to_a_place_in_the_body(
    name: str, commands: Mapping[str, Command], http: Http
) -> None:
    command = commands[name]
    body = dict(command.body or {}) | command.inert_body
    wrong = [*wrong_types(body), *extra_fields(body), with_value(body, ("a/b~c",), 1)]
    wrong += [Malformed(text, text.encode()) for text in ("{", "{}", "[]")]
    wrong += [with_value(body, ("facts",), {"Not/A~Name": 1})] if "facts" in body else []
    unresolved = []
    for malformed in wrong:
        answered = await sent(http, command, malformed.content, path=command.inert_path or command.path)
        pointers = [error["pointer"] for error in answered.json.get("errors", []) if error.get("in", "body") == "body"]
        lost = [pointer for pointer in pointers if not resolves(pointer, malformed.content)]
        unresolved += [f"{malformed.about}: {pointer}" for pointer in lost]
    assert unresolved == []


def resolves(pointer: str, content: bytes) -> bool:
    """Whether a JSON pointer (RFC 6901) leads to something in a body, or to a field that its object lacks."""
    try:
        place = json.loads(content)
    except ValueError:
        return pointer == ""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    for number, part in enumerate(parts, start=1):
        if not isinstance(place, dict):
            return False
        if part not in place:
            return number == len(parts)
        place = place[part]
    return pointer == "" or pointer.startswith("/")


@pytest.mark.parametrize("name", [*WITH_BODY, *WITHOUT_BODY])
async def test_a_body_beyond_a_mebibyte_is_refused_unread(
    name: str, commands: Mapping[str, Command], http: Http
) -> None:
    """The client says how much it has and waits to be asked for it, so that a refusal is not lost in a reset."""
    command = commands[name]
    before = await command.look() if command.look else None
    faults = []
    huge_form = as_json({**(command.body or {}), "extra": "x" * MEBIBYTE})
    for content in (huge_form, b"x" * (MEBIBYTE + 1), b"[" * (MEBIBYTE + 1), b"\x00" * 4 * MEBIBYTE):
        answered = await sent(http, command, content, asks_first=True)
        found = faults_of(answered, frozenset({"body-too-large"}), 413)
        faults += [f"{content[:20]!r}: {fault}" for fault in found]
    assert faults == []
    assert (await command.look() if command.look else None) == before


async def test_a_stranger_is_refused_a_huge_body_too(http: Http) -> None:
    content = as_json({"a": "x" * 2 * MEBIBYTE})
    answered = await http.send("POST", "identity", "/persons", content=content, asks_first=True)
    assert answered.status in {401, 413}
    assert problem_faults(answered) == []


@pytest.mark.parametrize(
    "name", [name for name, route in ROUTES.items() if "id}" in route and "service_id" not in route]
)
async def test_an_id_that_is_none_is_refused(name: str, commands: Mapping[str, Command], http: Http) -> None:
    command = commands[name]
    id = command.path.split("/")[2]
    content = None if command.body is None else as_json(command.body)
    faults = []
    for wrong in (MARK, "1", "null", "\x00", f"{id}{MARK}", f"{MARK}{id[1:]}", "-", "'", "%", "g" * 36, "a" * 5000):
        path = command.path.replace(id, quote(wrong, safe=""))
        found = faults_of(await sent(http, command, content, path=path), frozenset({"invalid-request"}))
        faults += [f"{wrong[:50]!r}: {fault}" for fault in found]
    assert faults == []


READS = {
    "identity": ["/persons/{}"],
    "requests": [
        "/requests/{}",
        "/requests/{}/stream",
        "/documents/{}",
        "/requests?cursor={}",
        "/requests?limit={}",
        "/offers/{}",
        "/offers?cursor={}",
    ],
    "payments": ["/payments/{}", "/payments?cursor={}", "/payments?limit={}", "/payments?request_id={}"],
    "notifications": ["/inbox?before={}", "/inbox?before_id={}", "/inbox?limit={}"],
}


@pytest.mark.parametrize(("service", "path"), [(name, path) for name, paths in READS.items() for path in paths])
async def test_a_read_with_a_wrong_value_is_refused(service: str, path: str, http: Http, world: World) -> None:
    faults = []
    for wrong in (MARK, "\x00", "'", "None", "g" * 36, MARK * 2000, "0x10", f"{uuid4()}{MARK}"):
        answered = await http.get(service, path.format(quote(wrong, safe="")), world.owner.token)
        found = faults_of(answered, frozenset({"invalid-request"}))
        faults += [f"{wrong[:50]!r}: {fault}" for fault in found]
    assert faults == []


@pytest.mark.parametrize(
    "path", ["/requests?limit=0", "/requests?limit=101", "/requests?limit=-1", f"/requests?limit={10**30}"]
)
async def test_a_page_that_is_too_small_or_too_large_is_refused(path: str, http: Http, world: World) -> None:
    assert faults_of(await http.get("requests", path, world.owner.token), frozenset({"invalid-request"})) == []


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_an_instant_beyond_the_calendar_is_refused(instant: str, http: Http, world: World) -> None:
    path = f"/inbox?before={quote(instant)}"
    assert faults_of(await http.get("notifications", path, world.owner.token), frozenset({"invalid-request"})) == []


@pytest.mark.parametrize("after", ["-1", "x", MARK.encode().decode("latin-1"), "1.5", str(2**63), str(10**30)])
async def test_a_stream_from_a_place_that_cannot_be_is_refused(after: str, http: Http, world: World) -> None:
    path = f"/requests/{world.of_owner['request_id']}/stream"
    answered = await http.send("GET", "requests", path, world.owner.token, headers={"Last-Event-ID": after})
    assert faults_of(answered, frozenset({"invalid-request"})) == []


@pytest.mark.parametrize("content", [b"", b"trandata=", b"trandata=zz", b"trandata=%00", b"x=1", b"\xff", b"trandata"])
async def test_a_callback_that_cannot_be_read_is_refused(content: bytes, http: Http) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answered = await http.send("POST", "payments", "/gateway/knet/notification", content=content, headers=headers)
    assert faults_of(answered, frozenset({"gateway-message-unreadable"})) == []


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "application/pdf", "application/x-www-form-urlencoded", MARK]
)
async def test_a_body_that_does_not_say_it_is_json_is_refused(content_type: str, http: Http, world: World) -> None:
    form, headers = person_form(), {"Content-Type": content_type}
    answered = await http.send(
        "POST", "identity", "/persons", world.registrar, key=new_key(), content=as_json(form), headers=headers
    )
    assert faults_of(answered, WRONG) == []
    assert (await http.post("identity", "/local/sign-in", {"civil_id": form["civil_id"]})).status == 404


@pytest.mark.parametrize("language", ["ar", "ar-KW,en;q=0.5", "en", "fr", "", "*", MARK.encode().decode("latin-1")])
async def test_a_problem_is_told_in_the_language_that_the_caller_prefers(language: str, http: Http) -> None:
    answered = await http.send("GET", "identity", "/me", headers={"Accept-Language": language})
    assert problem_faults(answered) == []
    chosen = "ar" if language.startswith("ar") else "en"
    assert answered.json["title"] == answered.json["localized"]["title"][chosen]
    assert answered.json["detail"] == answered.json["localized"]["detail"][chosen]


async def test_every_command_of_the_documents_is_tried_here(http: Http) -> None:
    documented = {
        f"{name} {method.upper()} {path}"
        for name in NAMES
        for path, methods in (await http.get(name, "/openapi.json")).json["paths"].items()
        for method in methods
        if method != "get"
    }
    assert documented == set(ROUTES.values())
    assert set(ROUTES) == {*WITH_BODY, *WITHOUT_BODY}


async def test_a_fact_keeps_what_the_registry_said(platform: RunningStack, world: World) -> None:
    """That which is odd but right is let in: no text is mangled on the way."""
    odd = {"value": "a\u200fb\u2028\n\t😀é", "source": AGENCY, "as_of": "2026-01-01T00:00:00+03:00"}
    person = await a_driver(platform)
    body = {"facts": {"odd_text": odd}}
    await platform.api._call("PATCH", "identity", f"/persons/{person.id}", world.registrar, body, new_key())
    known = (await platform.api.get("identity", "/me", person.token))["facts"]
    assert known["odd_text"]["value"] == odd["value"]
    assert set(known) == {"odd_text", "driving_licence_expires_on", "unpaid_traffic_fines_fils", "sees_well_enough"}
