"""Repeats: the same key and body are answered as the first time, and nothing is done twice."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import pytest

from afaq.services import NAMES
from shared.kernel.iban import kuwaiti_iban
from tests.api.conftest import World
from tests.api.support import (
    CHILD_NAME,
    CIVIL_ID_CARD,
    PDF,
    Answered,
    Http,
    a_child,
    a_definition,
    a_drafted_version,
    a_driver,
    a_newborn,
    a_papers_request,
    a_reachable_driver,
    a_rejected_request,
    a_request,
    a_returned_request,
    a_withdrawn_request,
    an_invitation,
    an_offer,
    an_open_task,
    as_json,
    assert_problem,
    birth_form,
    code_sent_to,
    facts,
    in_days,
    life_event_form,
    messages_to,
    new_civil_id,
    new_key,
    new_mobile,
    person_form,
    representative_form,
)
from tests.conftest import RunningStack
from tests.support import SERVICE, SUBMISSION, Person


@dataclass(frozen=True)
class Command:
    """A command that can be done, another body for it, and how often it was done."""

    method: str
    service: str
    path: str
    token: str
    status: int
    body: Mapping[str, Any] | bytes | None
    another_body: Mapping[str, Any] | bytes
    times_done: Callable[[], Awaitable[int]]

    async def send(self, http: Http, key: str | None, body: Any = None) -> Answered:
        sent = self.body if body is None else body
        content = sent if sent is None or isinstance(sent, bytes) else as_json(sent)
        headers = {"Content-Type": "application/pdf"} if isinstance(sent, bytes) else None
        return await http.send(
            self.method, self.service, self.path, self.token, key=key, content=content, headers=headers
        )


async def register(platform: RunningStack, http: Http, world: World) -> Command:
    form = person_form(new_civil_id())

    async def times_done() -> int:
        return int((await http.post("identity", "/local/sign-in", {"civil_id": form["civil_id"]})).status == 200)

    other = form | {"language": "ar"}
    return Command("POST", "identity", "/persons", world.registrar, 201, form, other, times_done)


async def change(platform: RunningStack, http: Http, world: World) -> Command:
    person = await a_driver(platform)
    fact = next(iter(facts().values()))

    async def times_done() -> int:
        return int("added" in (await platform.api.get("identity", "/me", person.token))["facts"])

    body, other = {"facts": {"added": fact}}, {"facts": {"added_too": fact}}
    path = f"/persons/{person.id}"
    return Command("PATCH", "identity", path, world.registrar, 200, body, other, times_done)


def sees_whether(
    platform: RunningStack, http: Http, person: Person, *, can_sign_in: bool, what: str
) -> Callable[[], Awaitable[int]]:
    """Once, when it has come to that."""

    async def times_done() -> int:
        async def has_come_to_that() -> bool:
            answered = await http.post("identity", "/local/sign-in", {"civil_id": person.civil_id})
            return (answered.status == 200) is can_sign_in

        return int(await platform.api.until(has_come_to_that, what))

    return times_done


async def tell(platform: RunningStack, http: Http, world: World) -> Command:
    person = await a_driver(platform)
    body, other = life_event_form(person.id), life_event_form(world.owner.id)
    died = sees_whether(platform, http, person, can_sign_in=False, what="death")
    return Command("POST", "identity", "/life-events", world.registrar, 202, body, other, died)


async def a_death_told(platform: RunningStack, http: Http, world: World) -> tuple[Person, dict[str, Any]]:
    person = await a_driver(platform)
    form = life_event_form(person.id)
    assert (await http.post("identity", "/life-events", form, world.registrar)).status == 202
    await sees_whether(platform, http, person, can_sign_in=False, what="death")()
    return person, form


async def correct(platform: RunningStack, http: Http, world: World) -> Command:
    person, told = await a_death_told(platform, http, world)
    path = f"/life-events/{told['source']}/{told['number']}/correction"
    body, other = {"occurred_at": told["noticed_at"]}, {"occurred_at": "2026-01-01T00:00:00Z"}
    still_dead = sees_whether(platform, http, person, can_sign_in=False, what="death")
    return Command("POST", "identity", path, world.registrar, 200, body, other, still_dead)


async def annul(platform: RunningStack, http: Http, world: World) -> Command:
    person, told = await a_death_told(platform, http, world)
    path = f"/life-events/{told['source']}/{told['number']}/annulment"
    lives = sees_whether(platform, http, person, can_sign_in=True, what="end of the notice")
    return Command("POST", "identity", path, world.registrar, 200, None, {"a": 1}, lives)


async def submit(platform: RunningStack, http: Http, world: World) -> Command:
    person = await a_driver(platform)

    async def times_done() -> int:
        return len((await platform.api.get("requests", "/requests", person.token))["items"])

    other = SUBMISSION | {"form": {"delivery": "kiosk", "kiosk": "avenues-1"}}
    return Command("POST", "requests", "/requests", person.token, 202, SUBMISSION, other, times_done)


async def withdraw(platform: RunningStack, http: Http, world: World) -> Command:
    request = await a_request(platform, world.owner)
    path = f"/requests/{request['id']}"
    times = times_in_history(platform, world, path, "requests.request.withdrawn")
    return Command("POST", "requests", f"{path}/withdraw", world.owner.token, 200, None, {"a": 1}, times)


async def rate(platform: RunningStack, http: Http, world: World) -> Command:
    request = await a_withdrawn_request(platform, world.owner)
    path = f"/requests/{request['id']}"
    times = times_in_history(platform, world, path, "requests.request.rated")
    body = {"satisfaction": 5}
    return Command("POST", "requests", f"{path}/rating", world.owner.token, 201, body, {"satisfaction": 1}, times)


async def answer(platform: RunningStack, http: Http, world: World) -> Command:
    request = await a_returned_request(platform, world.owner)
    path = f"/requests/{request['id']}"
    times = times_in_history(platform, world, path, "requests.request.answered")
    form = SUBMISSION["form"]
    other = {"form": {"delivery": "kiosk", "kiosk": "avenues-1"}}
    return Command("POST", "requests", f"{path}/answer", world.owner.token, 200, {"form": form}, other, times)


async def claim(platform: RunningStack, http: Http, world: World) -> Command:
    invitation, landlord = await an_invitation(platform), await a_driver(platform)

    async def times_done() -> int:
        return len((await platform.api.get("requests", "/tasks", landlord.token))["items"])

    path, body = f"/tasks/{invitation['task_id']}/claim", {"code": invitation["code"]}
    other = {"code": "AAAA-BBBB-CCCC-DDDD"}
    return Command("POST", "requests", path, landlord.token, 200, body, other, times_done)


async def decide(platform: RunningStack, http: Http, world: World) -> Command:
    request, task = await an_open_task(platform, world.owner)
    times = times_in_history(platform, world, f"/requests/{request['id']}", "requests.request.approved")
    path, body = f"/tasks/{task['id']}/decision", {"decision": "approve"}
    reason = {"ar": "سبب", "en": "A reason"}
    other = {"decision": "reject", "reason": reason}
    return Command("POST", "requests", path, world.officer, 200, body, other, times)


async def attempt(platform: RunningStack, http: Http, world: World) -> Command:
    request = await a_request(platform, world.owner)
    path = f"/payments/{request['payment_id']}"

    async def times_done() -> int:
        return len((await platform.api.get("payments", path, world.owner.token))["attempts"])

    return Command("POST", "payments", f"{path}/attempts", world.owner.token, 201, None, {"a": 1}, times_done)


async def change_me(platform: RunningStack, http: Http, world: World) -> Command:
    person = await a_driver(platform)

    async def times_done() -> int:
        return int((await platform.api.get("identity", "/me", person.token))["language"] == "ar")

    return Command("PATCH", "identity", "/me", person.token, 200, {"language": "ar"}, {"language": "en"}, times_done)


async def name(platform: RunningStack, http: Http, world: World) -> Command:
    mother = await a_driver(platform)
    child = await a_child(platform, mother)

    async def times_done() -> int:
        return int((await platform.api.get("identity", f"/persons/{child}", mother.token))["is_named"])

    body, other = {"name": CHILD_NAME}, {"name": {"ar": "غيرها", "en": "Another"}}
    return Command("PUT", "identity", f"/persons/{child}/name", mother.token, 200, body, other, times_done)


async def assign(platform: RunningStack, http: Http, world: World) -> Command:
    mother, born_on = await a_driver(platform), date(1905, 6, 7)
    child = await a_newborn(platform, birth_form(mother, occurred_at=f"{born_on}T09:00:00+03:00"))

    async def times_done() -> int:
        return int((await platform.api.get("identity", f"/persons/{child}", world.registrar))["has_civil_id"])

    body, other = {"civil_id": new_civil_id(born_on)}, {"civil_id": new_civil_id(born_on)}
    return Command("PUT", "identity", f"/persons/{child}/civil-id", world.registrar, 200, body, other, times_done)


async def tell_of_a_birth(platform: RunningStack, http: Http, world: World) -> Command:
    mother = await a_driver(platform)
    body, other = birth_form(mother), birth_form(mother)

    async def children() -> int:
        return len(await platform.api.get("identity", "/relations", mother.token))

    async def times_done() -> int:
        return int(await platform.api.until(children, "child"))

    return Command("POST", "identity", "/life-events", world.registrar, 202, body, other, times_done)


async def relate(platform: RunningStack, http: Http, world: World) -> Command:
    holder, other = await a_driver(platform), await a_driver(platform)
    body = {"kind": "spouse", "holder_id": holder.id, "for_id": other.id}
    times = in_force(platform, holder)
    return Command("POST", "identity", "/relations", world.registrar, 201, body, body | {"kind": "guardian"}, times)


async def appoint(platform: RunningStack, http: Http, world: World) -> Command:
    holder = await a_driver(platform)
    body, times = representative_form(holder), in_force(platform, holder)
    other = body | {"scopes": ["another-service"]}
    return Command("POST", "identity", "/representatives", world.owner.token, 201, body, other, times)


async def end(platform: RunningStack, http: Http, world: World) -> Command:
    holder = await a_driver(platform)
    form = representative_form(holder)
    relation = await platform.api.post("identity", "/representatives", form, world.owner.token)

    async def times_done() -> int:
        (found,) = await platform.api.get("identity", "/relations", holder.token)
        return int(found["status"] == "ended")

    path = f"/relations/{relation['id']}/end"
    return Command("POST", "identity", path, world.owner.token, 200, None, {"a": 1}, times_done)


def in_force(platform: RunningStack, holder: Person) -> Callable[[], Awaitable[int]]:
    async def times() -> int:
        return sum(
            relation["status"] == "in_force"
            for relation in await platform.api.get("identity", "/relations", holder.token)
        )

    return times


async def accept(platform: RunningStack, http: Http, world: World) -> Command:
    mother = await a_driver(platform)
    offer = await an_offer(platform, mother)

    async def times_done() -> int:
        requests = (await platform.api.get("requests", "/requests", mother.token))["items"]
        return sum(request["service_id"] == CIVIL_ID_CARD for request in requests)

    body, other = {"form": {"delivery": "digital"}}, {"form": {"delivery": "kiosk"}}
    return Command("POST", "requests", f"/offers/{offer['id']}/accept", mother.token, 202, body, other, times_done)


async def see(platform: RunningStack, http: Http, world: World) -> Command:
    return await answering(platform, "seen", None, {"a": 1}, lambda offer: offer["is_seen"])


async def decline(platform: RunningStack, http: Http, world: World) -> Command:
    return await answering(platform, "decline", None, {"a": 1}, lambda offer: offer["status"] == "declined")


async def snooze(platform: RunningStack, http: Http, world: World) -> Command:
    body, other = {"until": in_days(3)}, {"until": in_days(4)}
    is_later = datetime.fromisoformat(body["until"])
    return await answering(
        platform,
        "snooze",
        body,
        other,
        lambda offer: offer["status"] == "snoozed" and datetime.fromisoformat(offer["snoozed_until"]) == is_later,
    )


async def answering(
    platform: RunningStack,
    how: str,
    body: Mapping[str, Any] | None,
    other: Mapping[str, Any],
    is_done: Callable[[Any], bool],
) -> Command:
    mother = await a_driver(platform)
    path = f"/offers/{(await an_offer(platform, mother))['id']}"

    async def times_done() -> int:
        return int(is_done(await platform.api.get("requests", path, mother.token)))

    return Command("POST", "requests", f"{path}/{how}", mother.token, 200, body, other, times_done)


async def choose(platform: RunningStack, http: Http, world: World) -> Command:
    person, body = await a_driver(platform), {"channels": ["email"]}

    async def times_done() -> int:
        return int((await platform.api.get("notifications", "/preferences", person.token)) == body)

    other: dict[str, Any] = {"channels": []}
    return Command("PUT", "notifications", "/preferences", person.token, 200, body, other, times_done)


async def ask(platform: RunningStack, http: Http, world: World) -> Command:
    mobile = new_mobile()
    person = await a_reachable_driver(platform, mobile)

    async def messages() -> int:
        return len(await messages_to(platform, mobile))

    async def times_done() -> int:
        return int(await platform.api.until(messages, "code"))

    body, other = {"channel": "sms"}, {"channel": "email"}
    return Command("POST", "notifications", "/codes", person.token, 202, body, other, times_done)


async def give(platform: RunningStack, http: Http, world: World) -> Command:
    mobile = new_mobile()
    person = await a_reachable_driver(platform, mobile)
    await platform.api.post("notifications", "/codes", {"channel": "sms"}, person.token)
    body = {"channel": "sms", "code": await code_sent_to(platform, mobile)}

    async def times_done() -> int:
        """The code has been used up."""
        answered = await http.post("notifications", "/codes/confirmation", body, person.token)
        return int(answered.code == "code-not-good-any-more")

    other = body | {"channel": "email"}
    return Command("POST", "notifications", "/codes/confirmation", person.token, 200, body, other, times_done)


def times_in_history(platform: RunningStack, world: World, path: str, type: str) -> Callable[[], Awaitable[int]]:
    async def times() -> int:
        history = (await platform.api.get("requests", path, world.owner.token))["history"]
        return sum(event["type"] == type for event in history)

    async def times_once_it_is_there() -> int:
        """A decision is known to the request a moment later."""
        return int(await platform.api.until(times, type))

    return times_once_it_is_there


async def draft_version(platform: RunningStack, http: Http, world: World) -> Command:
    definition = a_definition(f"test-{uuid4().hex[:12]}")
    path = f"/catalogue/services/{definition['id']}/versions/1"

    async def times_done() -> int:
        return int((await platform.api.get("requests", path, world.policy))["definition"]["steps"] != [])

    other = definition | {"service_level_working_days": 9}
    return Command("PUT", "requests", path, world.policy, 200, definition, other, times_done)


async def publish_version(platform: RunningStack, http: Http, world: World) -> Command:
    path, digest = await a_drafted_version(platform)

    async def times_done() -> int:
        return int((await platform.api.get("requests", path, world.policy))["status"] == "published")

    return Command(
        "POST", "requests", f"{path}/publish", world.policy, 200, {"digest": digest}, {"digest": "0" * 64}, times_done
    )


async def save(platform: RunningStack, http: Http, world: World) -> Command:
    person = await a_driver(platform)

    async def times_done() -> int:
        drafts = await platform.api.get("requests", "/drafts", person.token)
        return sum(draft["form"] == {"delivery": "kiosk"} for draft in drafts)

    body: dict[str, Any] = {"form": {"delivery": "kiosk"}}
    other: dict[str, Any] = {"form": {}}
    return Command("PUT", "requests", f"/drafts/{SERVICE}", person.token, 200, body, other, times_done)


async def discard(platform: RunningStack, http: Http, world: World) -> Command:
    person = await a_driver(platform)
    await platform.api.put("requests", f"/drafts/{SERVICE}", {"form": {}}, person.token)

    async def times_done() -> int:
        return int(await platform.api.get("requests", "/drafts", person.token) == [])

    return Command("DELETE", "requests", f"/drafts/{SERVICE}", person.token, 200, None, {"a": 1}, times_done)


async def object_to(platform: RunningStack, http: Http, world: World) -> Command:
    path = f"/requests/{(await a_rejected_request(platform, http, world.owner))['id']}"
    body, other = {"words": "It is not so."}, {"words": "Not at all."}
    done = times_in_history(platform, world, path, "requests.request.objected")
    return Command("POST", "requests", f"{path}/objection", world.owner.token, 200, body, other, done)


async def hand_in_a_letter(platform: RunningStack, http: Http, world: World) -> Command:
    path = f"/requests/{(await a_papers_request(platform, world.owner))['id']}"
    done = times_in_history(platform, world, path, "requests.request.document_handed_in")
    return Command("PUT", "requests", f"{path}/documents/letter", world.owner.token, 200, PDF, PDF + PDF, done)


async def name_account(platform: RunningStack, http: Http, world: World) -> Command:
    person = await a_driver(platform)

    async def times_done() -> int:
        account = await platform.api.get("payments", "/payout-account", person.token)
        return int(account["iban_ends_in"] == "4711")

    body, other = {"iban": kuwaiti_iban("NBOK", "4711")}, {"iban": kuwaiti_iban("NBOK", "4712")}
    return Command("PUT", "payments", "/payout-account", person.token, 200, body, other, times_done)


async def gather(platform: RunningStack, http: Http, world: World) -> Command:
    ids = [(await a_request(platform, world.owner))["payment_id"] for _ in range(3)]

    async def times_done() -> int:
        return len((await platform.api.get("payments", f"/payments/{ids[0]}", world.owner.token))["attempts"])

    body, other = {"payment_ids": ids[:2]}, {"payment_ids": ids}
    return Command("POST", "payments", "/baskets", world.owner.token, 201, body, other, times_done)


Prepare = Callable[[RunningStack, Http, World], Awaitable[Command]]
COMMANDS: Mapping[str, Prepare] = {
    found.__name__: found
    for found in (
        *(register, change, change_me, name, assign, tell, tell_of_a_birth, correct, annul, relate, appoint, end),
        *(submit, withdraw, rate, answer, claim, accept, see, decline, snooze, decide, attempt, choose, ask, give),
        *(draft_version, publish_version, save, discard, object_to, hand_in_a_letter, name_account, gather),
    )
}
each_command = pytest.mark.parametrize("prepare", COMMANDS.values(), ids=COMMANDS)


@each_command
async def test_a_command_without_a_key_is_refused(
    prepare: Prepare, platform: RunningStack, http: Http, world: World
) -> None:
    command = await prepare(platform, http, world)
    assert_problem(await command.send(http, None), 400, "idempotency-key-missing")
    for key in ("", "x" * 256):
        assert_problem(await command.send(http, key), 422, "invalid-request")
    done = await command.send(http, new_key().ljust(255, "x"))
    assert (done.status, done.is_replay) == (command.status, False), "a refused key spoils nothing"


@each_command
async def test_the_same_key_and_body_are_answered_as_the_first_time(
    prepare: Prepare, platform: RunningStack, http: Http, world: World
) -> None:
    command, key = await prepare(platform, http, world), new_key()
    first = await command.send(http, key)
    assert (first.status, first.is_replay) == (command.status, False)
    for _ in range(2):
        again = await command.send(http, key)
        assert (again.status, again.json) == (first.status, first.json)
        assert again.is_replay
    assert await command.times_done() == 1


@each_command
async def test_a_key_with_another_body_is_refused(
    prepare: Prepare, platform: RunningStack, http: Http, world: World
) -> None:
    command, key = await prepare(platform, http, world), new_key()
    first = await command.send(http, key)
    assert first.status == command.status
    assert_problem(await command.send(http, key, command.another_body), 422, "idempotency-key-reused")
    assert await command.times_done() == 1
    again = await command.send(http, key)
    assert (again.status, again.is_replay) == (first.status, True), "the first answer is kept"


@each_command
async def test_the_same_request_several_times_at_once_is_done_once(
    prepare: Prepare, platform: RunningStack, http: Http, world: World
) -> None:
    for _ in range(3):
        command, key = await prepare(platform, http, world), new_key()
        answers = await asyncio.gather(*(command.send(http, key) for _ in range(8)))
        done = [answer for answer in answers if answer.status == command.status]
        refused = [answer for answer in answers if answer not in done]
        for answer in refused:
            assert_problem(answer, 409, "request-in-progress")
            assert answer.headers["Retry-After"] == "1"
        assert Counter(answer.is_replay for answer in done)[False] == 1
        assert len({answer.content for answer in done}) == 1
        assert await command.times_done() == 1
        later = await command.send(http, key)
        assert (later.status, later.is_replay) == (command.status, True)


async def test_every_command_that_takes_a_key_is_tried_here(platform: RunningStack, http: Http, world: World) -> None:
    takes_a_key = {
        f"{service} {method.upper()} {path}"
        for service in NAMES
        for path, methods in (await http.get(service, "/openapi.json")).json["paths"].items()
        for method, operation in methods.items()
        if any(parameter["name"].lower() == "idempotency-key" for parameter in operation.get("parameters", []))
    }
    prepared = [await prepare(platform, http, world) for prepare in COMMANDS.values()]
    tried = {route for route in takes_a_key for command in prepared if fits(command, route)}
    assert tried == takes_a_key


def fits(command: Command, route: str) -> bool:
    service, method, template = route.split(" ")
    pattern = re.sub(r"{\w+}", "[^/]+", template)
    return (service, method) == (command.service, command.method) and bool(re.fullmatch(pattern, command.path))


async def test_a_key_is_the_callers_own(platform: RunningStack, http: Http) -> None:
    key, persons = new_key(), [await a_driver(platform), await a_driver(platform)]
    ids = []
    for person in persons:
        answered = await http.post("requests", "/requests", SUBMISSION, person.token, key=key)
        assert (answered.status, answered.is_replay) == (202, False)
        ids.append(answered.json["id"])
        assert (await http.get("requests", f"/requests/{ids[-1]}", person.token)).status == 200
    assert len(set(ids)) == 2
    assert_problem(await http.get("requests", f"/requests/{ids[0]}", persons[1].token), 404, "not-found")


async def test_a_key_is_for_one_address(platform: RunningStack, http: Http, world: World) -> None:
    key = new_key()
    for _ in range(2):
        request = await a_request(platform, world.owner)
        answered = await http.post("requests", f"/requests/{request['id']}/withdraw", None, world.owner.token, key=key)
        assert (answered.status, answered.is_replay) == (200, False)


async def test_what_was_refused_may_be_tried_again_with_its_key(
    platform: RunningStack, http: Http, world: World
) -> None:
    """A register tells the right day, and the citizen presses the button again."""
    person, key = await a_driver(platform, expires_in_days=200), new_key()
    refused = await http.post("requests", "/requests", SUBMISSION, person.token, key=key)
    assert_problem(refused, 409, "not-eligible")
    right = {"facts": {"driving_licence_expires_on": facts()["driving_licence_expires_on"]}}
    path = f"/persons/{person.id}"
    changed = await http.send("PATCH", "identity", path, world.registrar, key=new_key(), content=as_json(right))
    assert changed.status == 200

    async def submitted() -> Answered | None:
        answered = await http.post("requests", "/requests", SUBMISSION, person.token, key=key)
        return None if answered.code == "not-eligible" else answered

    answered = await platform.api.until(submitted, "news of the day in requests")
    assert (answered.status, answered.is_replay) == (202, False)


async def test_a_first_answer_is_kept_when_much_has_happened_since(
    platform: RunningStack, http: Http, world: World
) -> None:
    key, person = new_key(), await a_driver(platform)
    first = await http.post("requests", "/requests", SUBMISSION, person.token, key=key)
    path = f"/requests/{first.json['id']}"
    assert (await http.post("requests", f"{path}/withdraw", None, person.token)).status == 200
    again = await http.post("requests", "/requests", SUBMISSION, person.token, key=key)
    assert (again.status, again.content, again.is_replay) == (first.status, first.content, True)
    assert (await http.get("requests", path, person.token)).json["status"] == "withdrawn"


async def test_one_civil_id_is_registered_once_whoever_is_faster(http: Http, world: World) -> None:
    for _ in range(3):
        form = person_form()
        answers = await asyncio.gather(*(http.post("identity", "/persons", form, world.registrar) for _ in range(6)))
        registered = [answer for answer in answers if answer.status == 201]
        assert len(registered) == 1
        for answer in answers:
            if answer not in registered:
                assert_problem(answer, 409, "person-already-registered")


async def test_a_person_is_erased_as_often_as_one_likes(platform: RunningStack, http: Http, world: World) -> None:
    person = await a_driver(platform)
    path = f"/persons/{person.id}"
    answers = await asyncio.gather(*(http.send("DELETE", "identity", path, world.registrar) for _ in range(4)))
    assert {answer.status for answer in answers} == {204}
    assert {answer.content for answer in answers} == {b""}
