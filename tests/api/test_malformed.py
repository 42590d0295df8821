"""Whatever is wrong with a command: a problem with a code in both languages, nothing repeated, nothing half done."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from afaq.services import NAMES
from tests.api.conftest import World
from tests.api.support import (
    AGENCY,
    Answered,
    Http,
    a_driver,
    a_request,
    an_open_task,
    as_json,
    life_event_form,
    new_civil_id,
    new_key,
    person_form,
    problem_faults,
)
from tests.conftest import RunningStack
from tests.support import SUBMISSION

MARK = "§"
"""Stands in whatever is typed wrongly here: no answer may repeat it. Nothing that the platform says has it."""
MEBIBYTE = 1024 * 1024
NESTED = "nested"
WRONG = frozenset({"invalid-request", "form-invalid", "civil-id-invalid"})


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
    inert_body: Mapping[str, Any] = field(default_factory=dict)


REASON = {"ar": "سبب للاختبار", "en": "A reason for a test"}
WITH_BODY = ("register", "change", "tell", "correct", "sign-in", "submit", "decide")
WITHOUT_BODY = ("annul", "withdraw", "attempt", "erase", "notification")
ROUTES = {
    "register": "identity POST /persons",
    "change": "identity PATCH /persons/{person_id}",
    "erase": "identity DELETE /persons/{person_id}",
    "tell": "identity POST /life-events",
    "correct": "identity POST /life-events/{source}/{number}/correction",
    "annul": "identity POST /life-events/{source}/{number}/annulment",
    "sign-in": "identity POST /local/sign-in",
    "submit": "requests POST /requests",
    "withdraw": "requests POST /requests/{request_id}/withdraw",
    "decide": "requests POST /tasks/{task_id}/decision",
    "attempt": "payments POST /payments/{payment_id}/attempts",
    "notification": "payments POST /gateway/knet/notification",
}


@pytest.fixture(scope="module")
async def commands(platform: RunningStack, http: Http, world: World) -> Mapping[str, Command]:
    api, owner = platform.api, world.owner
    disposable = await a_driver(platform)
    withdrawable = await a_request(platform, owner)
    payable = await a_request(platform, owner)
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
        "sign-in": Command("POST", "identity", "/local/sign-in", None, {"role": "registrar", "civil_id": None}),
        "submit": Command(
            "POST",
            "requests",
            "/requests",
            owner.token,
            {**SUBMISSION, "version": 1, "form": {"delivery": "kiosk", "kiosk": "avenues-1"}},
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


def changed(body: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The body with another value at a place."""
    copy = deepcopy(dict(body))
    place = copy
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return copy


def places(body: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every place of a body and what is there."""
    for name, value in body.items():
        yield (*above, name), value
        if isinstance(value, dict):
            yield from places(value, (*above, name))


@dataclass(frozen=True)
class Malformed:
    """A body that cannot be right, and what about it."""

    about: str
    content: bytes


def with_value(body: Mapping[str, Any], path: tuple[str, ...], value: Any) -> Malformed:
    about = f"{'.'.join(path)} = {value!r}"
    return Malformed(about if len(about) < 100 else f"{about[:100]}…", as_json(changed(body, path, value)))


def not_json(_: Mapping[str, Any]) -> Iterator[Malformed]:
    contents = [b"", b"{", b'{"a":', b'{"a": "\xff\xfe"}', b"name=value", b"\x00", b"{}{}", b"{'a': 1}"]
    contents += [f"{MARK}{MARK}".encode(), f'{{"{MARK}": 1,}}'.encode(), b'{"a": ' + b"9" * 5000 + b"}"]
    yield from (Malformed(str(content[:20]), content) for content in contents)


def another_kind_of_json(_: Mapping[str, Any]) -> Iterator[Malformed]:
    for text in ("[]", "null", "true", "1", "1e400", "NaN", f'"{MARK}"', f'["{MARK}"]'):
        yield Malformed(text, text.encode())


def wrong_types(body: Mapping[str, Any]) -> Iterator[Malformed]:
    """Every field, at any depth, with what it cannot be."""
    for path, value in places(body):
        if path[-1] == "value":
            wrong: list[Any] = [[], {}, None, [MARK], 1.5, float("nan"), float("inf")]
        elif isinstance(value, dict):
            wrong = [[], [MARK], MARK, 7, True]
        else:
            wrong = [[], {}, [MARK], {MARK: MARK}, 1.5, float("nan"), -(10**400)]
            wrong += [MARK, "1", True] if isinstance(value, int) else []
            wrong += [True, 7] if isinstance(value, str) else []
        yield from (with_value(body, path, value) for value in wrong)


def extra_fields(body: Mapping[str, Any]) -> Iterator[Malformed]:
    yield with_value(body, ("extra",), MARK)
    yield with_value(body, ("__proto__",), {"x": MARK})
    for path, value in places(body):
        if isinstance(value, dict) and path != ("facts",):
            yield with_value(body, (*path, "extra"), MARK)


LIMITS = {
    ("civil_id",): 30,
    ("role",): 60,
    ("name", "ar"): 4000,
    ("name", "en"): 4000,
    ("reason", "ar"): 4000,
    ("reason", "en"): 4000,
    ("email",): 254,
    ("mobile",): 20,
    ("service_id",): 61,
    ("source",): 41,
    ("number",): 80,
    ("form", "kiosk"): 40,
    ("facts", "driving_licence_expires_on", "source"): 41,
    ("facts", "driving_licence_expires_on", "value"): 200,
}


def too_long(body: Mapping[str, Any]) -> Iterator[Malformed]:
    present = dict(places(body))
    for path, limit in LIMITS.items():
        if path in present:
            yield with_value(body, path, "a" * (limit + 1))
            yield with_value(body, path, MARK * 100_000)
    if "facts" in body:
        fact = body["facts"]["unpaid_traffic_fines_fils"]
        yield with_value(body, ("facts", "a" * 62), fact)
        yield with_value(body, ("facts",), {f"fact_{number}": fact for number in range(51)})
    if "form" in body:
        yield with_value(body, ("form",), {f"field_{number}": 1 for number in range(201)})


def too_deep(body: Mapping[str, Any]) -> Iterator[Malformed]:
    """Brackets by the thousand, whole and as a field; all well below a mebibyte."""
    for depth in (100, 300, 2_000, 100_000):
        yield Malformed(f"{depth} arrays", b"[" * depth + b"]" * depth)
        yield Malformed(f"{depth} objects", b'{"a":' * depth + b"1" + b"}" * depth)
        for path, _ in places(body):
            marked = as_json(changed(body, path, NESTED))
            content = marked.replace(f'"{NESTED}"'.encode(), b"[" * depth + b"]" * depth)
            yield Malformed(f"{'.'.join(path)} = {depth} arrays", content)


def texts_with(character: str) -> Callable[[Mapping[str, Any]], Iterator[Malformed]]:
    def contents(body: Mapping[str, Any]) -> Iterator[Malformed]:
        for path, value in places(body):
            if isinstance(value, str):
                yield with_value(body, path, character)
                yield with_value(body, path, f"{value}{character}")
                yield with_value(body, path, f"{value[:2]}{character}{value[2:]}")
            elif isinstance(value, dict):
                first = next(iter(value.values()))
                yield with_value(body, (*path, f"a{character}b"), first)

    return contents


Family = Callable[[Mapping[str, Any]], Iterator[Malformed]]
FAMILIES: Mapping[str, Family] = {
    "not JSON": not_json,
    "another kind of JSON": another_kind_of_json,
    "a wrong type": wrong_types,
    "an extra field": extra_fields,
    "too long a text": too_long,
    "too deep": too_deep,
    "a NUL": texts_with("\x00"),
    "a lone high surrogate": texts_with("\ud800"),
    "a lone low surrogate": texts_with("\udfff"),
}
HARMFUL = ("a NUL", "a lone high surrogate", "a lone low surrogate")
"""In texts that the platform hands on: sent so that nothing happens should they be let in."""


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


@pytest.mark.parametrize("name", [name for name, route in ROUTES.items() if "_id}" in route])
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
    "requests": ["/requests/{}", "/requests/{}/stream", "/documents/{}", "/requests?cursor={}", "/requests?limit={}"],
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


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", MARK])
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
    assert set(known) == {"odd_text", "driving_licence_expires_on", "unpaid_traffic_fines_fils"}
