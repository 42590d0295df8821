"""Messages for real: what companies and mail server have agrees with what the deliveries say, under kills too."""

import asyncio
import json
from collections import Counter
from functools import partial
from typing import Any

import asyncpg

from shared.store.job_runner import CONCURRENT_EFFECTS
from tests.conftest import RunningStack
from tests.resilience.births import (
    a_number,
    a_parent,
    is_ready,
    ledger_of,
    switch,
    tell_of_a_birth,
    until_task,
)
from tests.support import Person

PAUSE_SECONDS = 0.05


def a_mobile(serial: int, kind: str = "0001") -> str:
    """A number that only the simulator knows; its last digits say what becomes of a message."""
    return f"+9655{serial:03d}{kind}"


async def attempts_of(platform: RunningStack, person_id: str) -> list[dict[str, Any]]:
    """Every attempt to reach a person, as notifications keeps them."""
    connection = await asyncpg.connect(platform.endpoints.dsns["notifications"].app)
    rows = await connection.fetch(
        """select a.reference::text, a.channel, a.provider, a.status, a.number, a.delivery_id::text
           from attempts a join deliveries d on d.id = a.delivery_id
           where d.state ->> 'person_id' = $1 order by a.delivery_id, a.number""",
        person_id,
    )
    await connection.close()
    return [dict(row) for row in rows]


async def until_attempts(platform: RunningStack, person_id: str, *statuses: str) -> list[dict[str, Any]]:
    """The attempts, once they stand like this."""

    async def look() -> Any:
        found = await attempts_of(platform, person_id)
        return found if [attempt["status"] for attempt in found] == list(statuses) else None

    found: list[dict[str, Any]] = await platform.api.until(look, f"attempts that are {statuses}")
    return found


async def sent_to(platform: RunningStack, mobile: str) -> list[Any]:
    """What the companies have for a number."""
    return [message for message in await ledger_of(platform, "/sms/ledger") if message["to"] == mobile]


async def mailed_to(platform: RunningStack, address: str) -> list[Any]:
    """What the mail server has for an address."""
    return [message for message in await ledger_of(platform, "/mail/ledger") if address in message["to"]]


async def tell_something(platform: RunningStack, parent: Person) -> None:
    """A birth asks the mother for the child's name: one message."""
    await tell_of_a_birth(platform.api, parent.civil_id, a_number())
    await until_task(platform.api, parent)


async def test_a_short_message_is_sent_once_and_its_receipt_is_kept(platform: RunningStack) -> None:
    mobile = a_mobile(1)
    mother = await a_parent(platform.api, mobile=mobile, language="en")
    await tell_something(platform, mother)
    (attempt,) = await until_attempts(platform, mother.id, "delivered")
    (message,) = await sent_to(platform, mobile)
    assert (message["reference"], message["company"]) == (attempt["reference"], attempt["provider"])
    assert message["text"].startswith("Dear A Test Name: Name your child.")


async def test_a_number_that_is_dead_falls_back_to_mail_in_both_languages(platform: RunningStack) -> None:
    mother = await a_parent(platform.api, mobile=a_mobile(2, "0002"), email="dead-number@example.test")
    await tell_something(platform, mother)
    short, mail = await until_attempts(platform, mother.id, "permanent-failure", "sent")
    (letter,) = await mailed_to(platform, "dead-number@example.test")
    assert (short["channel"], mail["channel"]) == ("sms", "email")
    assert letter["message_id"].strip("<>").partition("@")[0] == mail["reference"]
    assert "سمِّ مولودك" in letter["text"] and "Name your child" in letter["text"]


async def test_a_bounce_after_delivered_goes_on_to_the_next_channel(platform: RunningStack) -> None:
    mother = await a_parent(platform.api, mobile=a_mobile(3, "0004"), email="late-bounce@example.test")
    await tell_something(platform, mother)
    await until_attempts(platform, mother.id, "permanent-failure", "sent")
    assert len(await mailed_to(platform, "late-bounce@example.test")) == 1


async def test_mail_first_if_the_person_wants_it_so_and_short_messages_where_the_address_bounces(
    platform: RunningStack,
) -> None:
    mother = await a_parent(platform.api, mobile=a_mobile(4), email="nobody@bounce.test")
    await platform.api.put("notifications", "/preferences", {"channels": ["email", "sms"]}, mother.token)
    await tell_something(platform, mother)
    first, second = await until_attempts(platform, mother.id, "permanent-failure", "delivered")
    assert (first["channel"], second["channel"]) == ("email", "sms")


async def test_who_wants_the_inbox_alone_is_sent_nothing(platform: RunningStack) -> None:
    mother = await a_parent(platform.api, mobile=a_mobile(5), email="quiet@example.test")
    await platform.api.put("notifications", "/preferences", {"channels": []}, mother.token)
    await tell_something(platform, mother)
    await platform.api.until(lambda: _inbox(platform, mother), "message in the inbox")
    assert await attempts_of(platform, mother.id) == []


async def test_while_one_company_is_away_the_other_sends_and_soon_gets_more_of_the_new_ones(
    platform: RunningStack,
) -> None:
    await switch(platform, "/sms/north", down=True)
    try:
        people = await asyncio.gather(*(a_parent(platform.api, mobile=a_mobile(100 + n)) for n in range(30)))
        await asyncio.gather(*(tell_something(platform, person) for person in people))
        for person in people:
            await platform.api.until(partial(_has_arrived, platform, person.id), "message by the other company")
        arrived = [attempt for person in people for attempt in await attempts_of(platform, person.id)]
        assert {a["provider"] for a in arrived if a["status"] == "delivered"} == {"south"}
        assert any(a["provider"] == "north" and a["status"] == "technical-failure" for a in arrived)
        await platform.api.until(lambda: _share_of(platform, "north", below=40), "smaller share of the failing company")
    finally:
        await switch(platform, "/sms/north")


async def test_a_one_time_code_overtakes_a_crowd_of_messages_that_wait_for_slow_companies(
    platform: RunningStack,
) -> None:
    person = await a_parent(platform.api, mobile=a_mobile(300))
    crowd = await asyncio.gather(*(a_parent(platform.api, mobile=a_mobile(301 + n)) for n in range(150)))
    for company in ("north", "south"):
        await switch(platform, f"/sms/{company}", slow_seconds=4.5)
    try:
        await asyncio.gather(*(tell_of_a_birth(platform.api, one.civil_id, a_number()) for one in crowd))
        await platform.api.until(lambda: _how_many_wait(platform, at_least=CONCURRENT_EFFECTS), "crowd of messages")
        await platform.api.post("notifications", "/codes", {"channel": "sms"}, person.token)
        began = asyncio.get_running_loop().time()
        code = await platform.api.until(lambda: sent_to(platform, a_mobile(300)), "code at the company")
        waited = asyncio.get_running_loop().time() - began
        still_waiting = await _how_many_wait(platform, at_least=1) or 0
        print(f"the code was at its company after {waited * 1000:.0f} ms, {still_waiting} others were waiting")
        assert len(code) == 1 and still_waiting >= 50
    finally:
        for company in ("north", "south"):
            await switch(platform, f"/sms/{company}")
    for one in crowd:
        await platform.api.until(partial(_has_arrived, platform, one.id), "message of the crowd")


async def test_nothing_that_waits_is_sent_to_somebody_who_has_died_meanwhile(platform: RunningStack) -> None:
    for company in ("north", "south"):
        await switch(platform, f"/sms/{company}", down=True)
    try:
        mother = await a_parent(platform.api, mobile=a_mobile(500), email="late@busy.test")
        await tell_something(platform, mother)
        await platform.api.until(lambda: attempts_of(platform, mother.id), "attempt")
        await _die(platform, mother)
        await platform.api.until(lambda: _is_known_to_be_dead(platform, mother.id), "news of the death")
    finally:
        for company in ("north", "south"):
            await switch(platform, f"/sms/{company}")
    await platform.api.until(lambda: _nothing_waits_for(platform, mother.id), "end of all attempts")
    assert await sent_to(platform, a_mobile(500)) == [] == await mailed_to(platform, "late@busy.test")


async def test_a_process_that_dies_between_handing_over_and_recording_repeats_with_the_same_name(
    platform: RunningStack,
) -> None:
    by_sms = await a_parent(platform.api, mobile=a_mobile(600))
    by_mail = await a_parent(platform.api, email="once@example.test")
    for person in (by_sms, by_mail):
        platform.arm("notifications", "after_effect_before_record")
        await tell_something(platform, person)
        async with asyncio.timeout(60):
            while platform.crash_file("notifications").exists() or not await is_ready(platform, "notifications"):
                await asyncio.sleep(PAUSE_SECONDS)
        await _end_the_leases(platform)
        await platform.api.until(partial(_has_arrived, platform, person.id), "message after the crash")
    assert len(await sent_to(platform, a_mobile(600))) == 1
    copies = await mailed_to(platform, "once@example.test")
    assert len(copies) == 2 and len({copy["message_id"] for copy in copies}) == 1


async def test_the_ledgers_of_the_companies_and_of_the_mail_server_agree_with_the_deliveries(
    platform: RunningStack,
) -> None:
    """After all that was done to them: nothing twice at a company, nothing sent that no delivery knows, nothing said to
    be sent that nobody has.
    """
    connection = await asyncpg.connect(platform.endpoints.dsns["notifications"].app)
    rows = await connection.fetch("select reference::text, channel, status from attempts")
    await connection.close()
    attempts = {row["reference"]: dict(row) for row in rows}
    short = Counter(message["reference"] for message in await ledger_of(platform, "/sms/ledger"))
    mail = Counter(m["message_id"].strip("<>").partition("@")[0] for m in await ledger_of(platform, "/mail/ledger"))
    assert max(short.values()) == 1
    assert set(short) | set(mail) <= set(attempts)
    said = {ref: attempt for ref, attempt in attempts.items() if attempt["status"] in ("sent", "delivered")}
    assert {ref for ref, attempt in said.items() if attempt["channel"] == "sms"} <= set(short)
    assert {ref for ref, attempt in said.items() if attempt["channel"] == "email"} <= set(mail)


async def test_one_message_an_event_person_and_purpose(platform: RunningStack) -> None:
    connection = await asyncpg.connect(platform.endpoints.dsns["notifications"].app)
    twice = await connection.fetch(
        """select data ->> 'cause_id', data ->> 'person_id', data ->> 'purpose', count(*) from event_log
           where type = 'notifications.delivery.requested' group by 1, 2, 3 having count(*) > 1"""
    )
    how_many = await connection.fetchval(
        "select count(*) from event_log where type = 'notifications.delivery.requested'"
    )
    await connection.close()
    assert twice == [] and how_many > 0


async def _inbox(platform: RunningStack, person: Person) -> Any:
    return (await platform.api.get("notifications", "/inbox", person.token))["items"]


async def _has_arrived(platform: RunningStack, person_id: str) -> bool:
    found = await attempts_of(platform, person_id)
    return any(attempt["status"] in ("sent", "delivered") for attempt in found)


async def _nothing_waits_for(platform: RunningStack, person_id: str) -> bool:
    found = await attempts_of(platform, person_id)
    return bool(found) and found[-1]["status"] not in ("sending", "sent", "delivered")


async def _share_of(platform: RunningStack, company: str, *, below: int) -> bool:
    connection = await asyncpg.connect(platform.endpoints.dsns["notifications"].app)
    weights = await connection.fetchval("select weights from sms_routes where channel = 'sms'")
    await connection.close()
    return bool(json.loads(weights)[company] < below)


async def _how_many_wait(platform: RunningStack, *, at_least: int) -> int | None:
    connection = await asyncpg.connect(platform.endpoints.dsns["notifications"].app)
    found = await connection.fetchval("select count(*) from attempts where status = 'sending'")
    await connection.close()
    return int(found) if found >= at_least else None


async def _die(platform: RunningStack, person: Person) -> None:
    registry = await platform.api.sign_in(role="officer:moh-registry")
    notice = {"kind": "death", "source": "moh-registry", "number": a_number(), "civil_id": person.civil_id}
    when = {"occurred_at": "2026-11-01T00:00:00Z", "noticed_at": "2026-11-02T00:00:00Z"}
    await platform.api.post("identity", "/life-events", {**notice, **when}, registry)


async def _is_known_to_be_dead(platform: RunningStack, person_id: str) -> bool:
    connection = await asyncpg.connect(platform.endpoints.dsns["notifications"].app)
    found = await connection.fetchval("select is_deceased from recipients where person_id = $1", person_id)
    await connection.close()
    return bool(found)


async def _end_the_leases(platform: RunningStack) -> None:
    """The lease of the dead process has to end first: a minute of real time that the test shortens."""
    owner = await asyncpg.connect(platform.endpoints.dsns["notifications"].owner)
    await owner.execute("update jobs set leased_until = now() where leased_until is not null")
    await owner.close()
