"""How a person is told: what they prefer, the codes that prove a contact, and the receipts of companies."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import time
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from shared.contracts.topics import NOTIFICATIONS_EVENTS
from tests.api.conftest import World
from tests.api.support import (
    Answered,
    Http,
    a_driver,
    a_reachable_driver,
    as_json,
    assert_problem,
    code_sent_to,
    messages_to,
    new_key,
    new_mobile,
    person_form,
    rows_of,
    secrets_of,
)
from tests.conftest import RunningStack
from tests.support import Person, as_text, everything_on, submit

OTHERS_MOBILE = "+96599999999"
"""Of everybody else in these tests."""


# What a person prefers.


async def choose(http: Http, person: Person, *channels: str) -> Answered:
    content = as_json({"channels": list(channels)})
    return await http.send("PUT", "notifications", "/preferences", person.token, key=new_key(), content=content)


async def chosen_by(http: Http, person: Person) -> list[str]:
    found: list[str] = (await http.get("notifications", "/preferences", person.token)).json["channels"]
    return found


async def test_who_has_chosen_nothing_is_told_by_short_message_and_then_by_mail(
    platform: RunningStack, http: Http
) -> None:
    assert await chosen_by(http, await a_driver(platform)) == ["sms", "email"]


@pytest.mark.parametrize("channels", [[], ["sms"], ["email"], ["sms", "email"], ["email", "sms"]], ids=str)
async def test_a_person_chooses_channels_and_their_order(
    channels: list[str], platform: RunningStack, http: Http, world: World
) -> None:
    person = await a_driver(platform)
    before = await chosen_by(http, world.another)
    for _ in range(2):
        answered = await choose(http, person, *channels)
        assert (answered.status, answered.json) == (200, {"channels": channels})
    assert await chosen_by(http, person) == channels
    assert await chosen_by(http, world.another) == before, "of nobody else"


@pytest.mark.parametrize(
    "channels", [["in_app"], ["pigeon"], ["sms", "sms"], ["sms", "email", "sms"], ["SMS"], ["sms", None]], ids=str
)
async def test_a_choice_that_cannot_be_is_refused_and_the_one_before_stands(
    channels: list[Any], platform: RunningStack, http: Http
) -> None:
    person = await a_driver(platform)
    await choose(http, person, "email")
    assert_problem(await choose(http, person, *channels), 422, "invalid-request")
    assert await chosen_by(http, person) == ["email"]


@pytest.mark.parametrize(
    ("channels", "by"),
    [([], set()), (["email"], {"email"}), (["sms", "email"], {"sms"}), (["email", "sms"], {"email"})],
)
async def test_messages_go_the_way_that_was_chosen_and_to_the_inbox_in_any_case(
    channels: list[str], by: set[str], platform: RunningStack, http: Http
) -> None:
    mobile = new_mobile()
    person = await a_reachable_driver(platform, mobile)
    await choose(http, person, *channels)
    await platform.api.until(lambda: is_projected(platform, person), "choice")
    await submit(platform.api, person)

    async def told() -> Any:
        items = (await http.get("notifications", "/inbox", person.token)).json["items"]
        ways = [{attempt["channel"] for attempt in message["sent_by"]} for message in items]
        settled = [a["status"] in ("sent", "delivered") for message in items for a in message["sent_by"]]
        return ways if len(items) >= 2 and all(ways) == bool(by) and all(settled) else None

    ways: list[set[str]] = await platform.api.until(told, "messages")
    assert all(way - {"in_app"} == by for way in ways)
    assert bool(await messages_to(platform, mobile)) is ("sms" in by)


async def is_projected(platform: RunningStack, person: Person) -> bool:
    return bool(
        await rows_of(platform, "notifications", "select 1 from chosen_channels where person_id = $1", person.id)
    )


# Codes.


async def ask(http: Http, person: Person, channel: str = "sms", *, key: str | None = None) -> Answered:
    return await http.post("notifications", "/codes", {"channel": channel}, person.token, key=key)


async def give(http: Http, person: Person, code: str, channel: str = "sms", *, key: str | None = None) -> Answered:
    form = {"channel": channel, "code": code}
    return await http.post("notifications", "/codes/confirmation", form, person.token, key=key)


def another_code(code: str, step: int = 1) -> str:
    return f"{(int(code) + step) % 1_000_000:06}"


async def test_the_code_that_has_come_confirms_the_contact(platform: RunningStack, http: Http) -> None:
    mobile = new_mobile()
    person = await a_reachable_driver(platform, mobile)
    asked = await ask(http, person)
    assert asked.status == 202
    assert (asked.json["channel"], asked.json["is_confirmed"], asked.json["mistakes"]) == ("sms", False, 0)
    code = await code_sent_to(platform, mobile)
    assert code not in asked.text
    given = await give(http, person, code)
    assert given.status == 200
    assert given.json == {"channel": "sms", "is_confirmed": True, "code_expires_at": None, "mistakes": 0}
    assert_problem(await give(http, person, code), 409, "code-not-good-any-more")
    assert len(await messages_to(platform, mobile)) == 1


async def test_a_code_by_mail_confirms_the_address_and_nothing_else(platform: RunningStack, http: Http) -> None:
    mobile = new_mobile()
    address = f"{uuid4().hex}@example.test"
    person = await a_reachable_driver(platform, mobile, address)
    assert (await ask(http, person, "email")).status == 202
    code = await code_mailed_to(platform, address)
    assert_problem(await give(http, person, code, "sms"), 409, "code-not-good-any-more")
    assert (await give(http, person, code, "email")).json["is_confirmed"] is True
    assert await messages_to(platform, mobile) == []


async def code_mailed_to(platform: RunningStack, address: str) -> str:
    async def look() -> str | None:
        async with aiohttp.request("GET", f"{platform.endpoints.urls['simulators']}/mail/ledger") as response:
            letters = [letter for letter in await response.json() if address in letter["to"]]
        found = re.search(r"\b\d{6}\b", letters[0]["text"]) if letters else None
        return found[0] if found else None

    return str(await platform.api.until(look, "letter with a code"))


async def test_a_code_is_in_no_inbox_log_nor_topic(platform: RunningStack, http: Http) -> None:
    mobile = new_mobile()
    person = await a_reachable_driver(platform, mobile)
    await ask(http, person)
    code = await code_sent_to(platform, mobile)
    await give(http, person, another_code(code))
    assert (await http.get("notifications", "/inbox", person.token)).json["items"] == []
    logs = (platform.directory / "logs").rglob("*.log")
    found = [file.name for file in logs if mobile in file.read_text(errors="replace")]
    assert found == []
    log = (platform.directory / "logs" / "notifications.log").read_text(errors="replace")
    assert f"code is {code}" not in log and f"رمزك هو {code}" not in log
    records = [as_text(record) for record in await everything_on(platform, NOTIFICATIONS_EVENTS)]
    assert not any(mobile in text or f"code is {code}" in text for text in records)
    about_them = [text for text in records if person.id in text and "code_asked" in text]
    assert about_them and not any(f'"{code}"' in text for text in about_them)
    kept = "select state::text as text from contacts union all select response::text from idempotency_keys"
    rows = await rows_of(platform, "notifications", kept.split(" union", maxsplit=1)[0])
    assert not any(f'"{code}"' in row["text"] for row in rows), "it is sealed where it is kept"


async def test_a_code_is_sent_once_a_minute_at_most(platform: RunningStack, http: Http) -> None:
    mobile = new_mobile()
    person = await a_reachable_driver(platform, mobile)
    assert (await ask(http, person)).status == 202
    for _ in range(3):
        assert_problem(await ask(http, person), 409, "code-asked-too-often")
    code = await code_sent_to(platform, mobile)
    assert (await give(http, person, another_code(code))).json["mistakes"] == 1
    assert_problem(await ask(http, person), 409, "code-asked-too-often")
    assert (await give(http, person, code)).json["is_confirmed"] is True
    assert_problem(await ask(http, person), 409, "code-asked-too-often")
    assert len(await messages_to(platform, mobile)) == 1
    assert (await ask(http, person, "email")).status == 202, "another contact is another matter"


async def test_codes_asked_for_at_once_are_one(platform: RunningStack, http: Http) -> None:
    mobile = new_mobile()
    person = await a_reachable_driver(platform, mobile)
    answers = await asyncio.gather(*(ask(http, person) for _ in range(6)))
    assert sorted(answered.status for answered in answers) == [202, 409, 409, 409, 409, 409]
    await code_sent_to(platform, mobile)
    await asyncio.sleep(0.5)
    assert len(await messages_to(platform, mobile)) == 1


async def test_after_five_mistakes_the_right_code_is_good_no_more(platform: RunningStack, http: Http) -> None:
    mobile = new_mobile()
    person = await a_reachable_driver(platform, mobile)
    await ask(http, person)
    code = await code_sent_to(platform, mobile)
    for mistakes in range(1, 6):
        given = await give(http, person, another_code(code, mistakes))
        assert (given.status, given.json["mistakes"], given.json["is_confirmed"]) == (200, mistakes, False)
    for tried in (code, another_code(code, 6)):
        assert_problem(await give(http, person, tried), 409, "code-not-good-any-more")


async def test_guesses_at_once_are_counted_one_by_one(platform: RunningStack, http: Http) -> None:
    mobile = new_mobile()
    person = await a_reachable_driver(platform, mobile)
    await ask(http, person)
    code = await code_sent_to(platform, mobile)
    guesses = [another_code(code, step) for step in range(1, 30)]
    answers = await asyncio.gather(*(give(http, person, guess) for guess in guesses))
    assert sum(answered.status == 200 for answered in answers) == 5
    assert_problem(await give(http, person, code), 409, "code-not-good-any-more")


async def test_a_mistake_that_is_repeated_with_its_key_counts_once(platform: RunningStack, http: Http) -> None:
    mobile, key = new_mobile(), new_key()
    person = await a_reachable_driver(platform, mobile)
    await ask(http, person)
    code = await code_sent_to(platform, mobile)
    answers = [await give(http, person, another_code(code), key=key) for _ in range(7)]
    assert {answered.json["mistakes"] for answered in answers} == {1}
    assert (await give(http, person, code)).json["is_confirmed"] is True


async def test_a_code_of_somebody_else_confirms_nothing(platform: RunningStack, http: Http) -> None:
    mobiles = [new_mobile(), new_mobile()]
    one, two = [await a_reachable_driver(platform, mobile) for mobile in mobiles]
    await ask(http, one)
    code = await code_sent_to(platform, mobiles[0])
    assert_problem(await give(http, two, code), 409, "code-not-good-any-more")
    await ask(http, two)
    theirs = await code_sent_to(platform, mobiles[1])
    given = (await give(http, two, code)).json
    assert theirs == code or (given["is_confirmed"], given["mistakes"]) == (False, 1)
    assert (await give(http, one, code)).json["is_confirmed"] is True


async def test_who_cannot_be_reached_is_sent_no_code(platform: RunningStack, http: Http) -> None:
    person = await a_driver(platform, {"mobile": None, "email": None})
    for channel in ("sms", "email"):
        assert_problem(await ask(http, person, channel), 404, "no-contact")
        assert_problem(await give(http, person, "123456", channel), 409, "code-not-good-any-more")


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345x", "١٢٣٤٥٦", " 23456", "-12345", "123456\n"])
async def test_a_code_of_another_shape_is_no_try(code: str, platform: RunningStack, http: Http) -> None:
    person = await a_driver(platform)
    assert_problem(await give(http, person, code), 422, "invalid-request")


async def test_a_new_number_is_not_confirmed_by_the_code_of_the_old_one(platform: RunningStack, http: Http) -> None:
    """Who has read the code on the old telephone knows nothing of the new one."""
    old, new = new_mobile(), new_mobile()
    person = await a_reachable_driver(platform, old)
    await ask(http, person)
    code = await code_sent_to(platform, old)
    content = as_json({"mobile": new})
    changed = await http.send("PATCH", "identity", "/me", person.token, key=new_key(), content=content)
    assert changed.json["mobile"] == new

    async def is_known() -> bool:
        rows = await rows_of(platform, "notifications", "select mobile from recipients where person_id = $1", person.id)
        return bool(rows[0]["mobile"] == new)

    await platform.api.until(is_known, "new number")
    assert_problem(await give(http, person, code), 409, "code-not-good-any-more")


# The caller's own contacts.


async def change_me(http: Http, person: Person, **contacts: Any) -> Answered:
    return await http.send("PATCH", "identity", "/me", person.token, key=new_key(), content=as_json(contacts))


async def test_a_person_changes_how_they_are_reached_and_nothing_else(platform: RunningStack, http: Http) -> None:
    person = await a_driver(platform)
    before = (await http.get("identity", "/me", person.token)).json
    after = await change_me(http, person, mobile="٩٨٧٦٥٤٣٢", language="ar")
    assert after.status == 200
    assert after.json == before | {"mobile": "+96598765432", "language": "ar"}
    assert (await change_me(http, person)).json == after.json
    for forbidden in ("facts", "name", "residence", "birth_date", "has_civil_id", "id"):
        assert_problem(await change_me(http, person, **{forbidden: before[forbidden]}), 422, "invalid-request")
    assert (await http.get("identity", "/me", person.token)).json == after.json


# Receipts.


def receipt(reference: str, status: str = "delivered", **more: Any) -> bytes:
    return as_json({"reference": reference, "status": status, "at": "2026-11-24T09:00:00Z", **more})


def signed(
    platform: RunningStack, body: bytes, *, id: str = "msg_1", at: str | None = None, secret: str | None = None
) -> dict[str, str]:
    """The headers of Standard Webhooks."""
    key = secret or secrets_of(platform)["sms.webhook_secret"]
    raw = base64.b64decode(key.removeprefix("whsec_"))
    when = at or str(int(time.time()))
    digest = hmac.new(raw, b".".join([id.encode(), when.encode(), body]), hashlib.sha256).digest()
    return {
        "webhook-id": id,
        "webhook-timestamp": when,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


async def take(http: Http, body: bytes, headers: dict[str, str], provider: str = "north") -> Answered:
    return await http.send("POST", "notifications", f"/providers/sms/{provider}", content=body, headers=headers)


@pytest.fixture(scope="module")
async def delivered(platform: RunningStack) -> dict[str, Any]:
    """A short message that has arrived, as its company knows it."""
    http = Http(platform.endpoints.urls, platform.api._session)
    mobile = new_mobile()
    person = await a_reachable_driver(platform, mobile)
    await submit(platform.api, person)

    async def look() -> Any:
        messages = await messages_to(platform, mobile)
        return messages[0] if messages and messages[0]["receipts"] else None

    message: dict[str, Any] = await platform.api.until(look, "short message that has arrived")

    async def is_known() -> bool:
        items = (await http.get("notifications", "/inbox", person.token)).json["items"]
        return any(attempt["status"] == "delivered" for item in items for attempt in item["sent_by"])

    await platform.api.until(is_known, "receipt")
    return message


async def status_of(platform: RunningStack, reference: str) -> str:
    rows = await rows_of(platform, "notifications", "select status from attempts where reference = $1", reference)
    return str(rows[0]["status"])


async def test_a_receipt_that_comes_again_changes_nothing(
    platform: RunningStack, http: Http, delivered: dict[str, Any]
) -> None:
    body = receipt(delivered["reference"])
    for number in range(3):
        answered = await take(http, body, signed(platform, body, id=f"msg_{number}"), delivered["company"])
        assert (answered.status, answered.content) == (204, b"")
    assert await status_of(platform, delivered["reference"]) == "delivered"


async def test_a_receipt_that_nobody_of_ours_has_signed_is_refused(
    platform: RunningStack, http: Http, delivered: dict[str, Any]
) -> None:
    body = receipt(delivered["reference"], "permanent-failure")
    good = signed(platform, body)
    now = int(time.time())
    wrong: dict[str, dict[str, str]] = {
        "nothing": {},
        "without an id": {name: value for name, value in good.items() if name != "webhook-id"},
        "without an instant": {name: value for name, value in good.items() if name != "webhook-timestamp"},
        "without a signature": {name: value for name, value in good.items() if name != "webhook-signature"},
        "another id": good | {"webhook-id": "msg_2"},
        "another instant": good | {"webhook-timestamp": str(now + 60)},
        "of another body": signed(platform, receipt(delivered["reference"])),
        "with another key": signed(platform, body, secret="whsec_" + base64.b64encode(b"x" * 32).decode()),
        "too old": signed(platform, body, at=str(now - 301)),
        "from the future": signed(platform, body, at=str(now + 360)),
        "an instant that is none": signed(platform, body, at="yesterday"),
        "an endless instant": signed(platform, body, at="inf"),
        "no number": signed(platform, body, at="nan"),
        "a huge instant": signed(platform, body, at="9" * 400),
        "another version": good | {"webhook-signature": good["webhook-signature"].replace("v1", "v2")},
        "no version": good | {"webhook-signature": good["webhook-signature"].partition(",")[2]},
        "not base64": good | {"webhook-signature": "v1,§".encode().decode("latin-1")},
        "empty": good | {"webhook-signature": "v1,"},
        "commas": good | {"webhook-signature": "v1,a,b,c"},
        "many": good | {"webhook-signature": " ".join(["v1,AAAA"] * 200)},
    }
    let_in = {}
    for name, headers in wrong.items():
        answered = await take(http, body, headers, delivered["company"])
        if answered.code != "receipt-not-genuine":
            let_in[name] = str(answered)
    assert let_in == {}
    assert await status_of(platform, delivered["reference"]) == "delivered"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b"{}",
        b'{"reference": "x", "status": "delivered", "at": "2026-11-24T09:00:00Z"}',
        receipt("00000000-0000-7000-8000-000000000000", "lost"),
        receipt("00000000-0000-7000-8000-000000000000", at="yesterday"),
        as_json({"reference": str(uuid4()), "status": "delivered"}),
        b"[" * 20_000 + b"]" * 20_000,
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    ],
    ids=lambda body: str(body[:40]),
)
async def test_what_is_signed_and_no_receipt_is_refused(body: bytes, platform: RunningStack, http: Http) -> None:
    answered = await take(http, body, signed(platform, body))
    assert 400 <= answered.status < 500, answered.text
    assert answered.code in ("receipt-not-genuine", "invalid-request")


async def test_a_receipt_of_what_was_never_sent_is_of_nothing(
    platform: RunningStack, http: Http, delivered: dict[str, Any]
) -> None:
    body = receipt(str(uuid4()))
    assert_problem(await take(http, body, signed(platform, body)), 404, "not-found")
    theirs = receipt(delivered["reference"], "permanent-failure")
    other = "south" if delivered["company"] == "north" else "north"
    assert_problem(await take(http, theirs, signed(platform, theirs), other), 404, "not-found")
    for nobody in ("mail", "no-such-company"):
        assert_problem(await take(http, theirs, signed(platform, theirs), nobody), 401, "receipt-not-genuine")
    assert await status_of(platform, delivered["reference"]) == "delivered"


async def test_more_than_is_understood_is_passed_over(
    platform: RunningStack, http: Http, delivered: dict[str, Any]
) -> None:
    body = receipt(delivered["reference"], network="zain", parts=1)
    assert (await take(http, body, signed(platform, body), delivered["company"])).status == 204


async def test_a_message_that_bounces_later_is_told_so(
    platform: RunningStack, http: Http, delivered: dict[str, Any]
) -> None:
    """A company may say first that it has arrived, and later that it has not."""
    mobile = new_mobile()
    person = await a_reachable_driver(platform, mobile)
    await submit(platform.api, person)

    async def look() -> Any:
        messages = await messages_to(platform, mobile)
        return messages[0] if messages and messages[0]["receipts"] else None

    message = await platform.api.until(look, "short message")
    body = receipt(message["reference"], "permanent-failure")
    assert (await take(http, body, signed(platform, body), message["company"])).status == 204

    async def has_failed() -> bool:
        return await status_of(platform, message["reference"]) == "permanent-failure"

    await platform.api.until(has_failed, "failure")
    items = (await http.get("notifications", "/inbox", person.token)).json["items"]
    assert items, "what is in the inbox stays there"


async def test_a_mobile_number_is_in_no_address_that_a_service_logs(platform: RunningStack) -> None:
    for file in (platform.directory / "logs").rglob("*.log"):
        text = file.read_text(errors="replace")
        for told in (OTHERS_MOBILE, OTHERS_MOBILE.removeprefix("+"), person_form()["email"]):
            assert told not in text, file.name
        assert json.dumps(secrets_of(platform)["sms.api_key"]) not in text
