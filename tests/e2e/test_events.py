"""What operators and developers ask of events: one trace a transaction, the story of a request, the stream."""

import asyncio
import os
import subprocess
import sys
from typing import Any

import asyncpg

from afaq.access import open_shell
from afaq.traces import Span, read_spans, trees_of, walk
from tests.conftest import RunningStack
from tests.support import Person, a_person, approve, pay, renewed, submit, until_status

EXPORTED_SECONDS = 1.5


def environment_of(platform: RunningStack) -> dict[str, str]:
    """What the services are told: operators' tools read the same variables."""
    told = {k: v for name in ("identity", "requests", "payments", "notifications") for k, v in
            platform.stack.environments[name].items()}  # fmt: skip
    owners = {f"AFAQ_{name.upper()}_OWNER_DSN": dsns.owner for name, dsns in platform.endpoints.dsns.items()}
    return {**os.environ, **told, **owners, "COLUMNS": "200"}


async def afaq(platform: RunningStack, *arguments: str) -> str:
    """What a command prints."""
    shown = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "afaq", *arguments],
        capture_output=True, text=True, timeout=60, check=False, env=environment_of(platform),
    )  # fmt: skip
    assert shown.returncode == 0, shown.stdout + shown.stderr
    return shown.stdout


async def traces_of(platform: RunningStack, request: Any) -> list[Span]:
    """The trees of what a request has brought about."""
    await asyncio.sleep(EXPORTED_SECONDS)
    async with open_shell("requests", platform.stack.environments["requests"]) as shell:
        events = await shell.history(request["id"])
    wanted = {f"0x{event.origin.traceparent.split('-')[1]}" for event in events if event.origin.traceparent}
    return trees_of(read_spans(platform.directory / "traces", wanted))


def names_below(span: Span) -> set[str]:
    return {child.name for child in span.children}


def child(span: Span, name: str, service: str) -> Span:
    (found,) = [child for child in span.children if (child.name, child.service) == (name, service)]
    return found


async def test_a_request_is_one_tree_from_its_post_over_kafka_to_the_effects_of_other_services(
    platform: RunningStack,
) -> None:
    person = await a_person(platform.api, mobile="50000001")
    request = await renewed(platform.api, person)
    roots = await traces_of(platform, request)
    assert [root.name for root in roots] == [
        "POST /requests",
        "POST /payments/{payment_id}/attempts",
        "POST /tasks/{task_id}/decision",
    ]
    decided = child(roots[0], "Submit", "requests")
    published = child(decided, "publish requests.request.fee_due", "requests")
    assert {(span.name, span.service) for span in published.children} == {
        ("consume requests.request.fee_due", "payments"),
        ("consume requests.request.fee_due", "notifications"),
    }
    told = child(published, "consume requests.request.fee_due", "notifications")
    sent = child(child(told, "perform SendSms", "notifications"), "Taken", "notifications")
    assert "publish notifications.delivery.sent" in names_below(sent)
    signed = [span for _, span in walk(roots[2]) if span.name == "perform SignDocument"]
    assert [span.service for span in signed] == ["requests"]


async def test_many_at_once_share_batches_and_keep_their_own_trees(platform: RunningStack) -> None:
    people = await asyncio.gather(*(a_person(platform.api) for _ in range(12)))
    requests = await asyncio.gather(*(submit(platform.api, person) for person in people))
    await asyncio.gather(*(_until_payment(platform, *pair) for pair in zip(people, requests, strict=True)))
    seen = set()
    for request in requests:
        (root,) = await traces_of(platform, request)
        assert root.name == "POST /requests"
        published = child(child(root, "Submit", "requests"), "publish requests.request.fee_due", "requests")
        assert child(published, "consume requests.request.fee_due", "payments").trace == root.trace
        seen.add(root.trace)
    assert len(seen) == len(requests)


async def test_no_span_tells_an_address_or_who_somebody_is(platform: RunningStack) -> None:
    person = await a_person(platform.api, mobile="50000001", email="canary@quetzal.example")
    done = await renewed(platform.api, person)
    document = await platform.api.get("requests", f"/documents/{done['document_id']}", person.token)
    await platform.api.get("requests", f"/verify/{document['code']}")
    await asyncio.sleep(EXPORTED_SECONDS)
    text = "".join(file.read_text(encoding="utf-8") for file in (platform.directory / "traces").iterdir())
    assert '"url.path": ""' in text
    for trace in (person.civil_id, "50000001", "canary@quetzal.example", document["code"], "code="):
        assert trace not in text


async def test_the_story_of_a_request_is_told_in_both_languages_with_rules_and_who_held_it(
    platform: RunningStack,
) -> None:
    person = await a_person(platform.api)
    request = await submit(platform.api, person)
    waiting = await afaq(platform, "events", "story", request["reference"])
    assert "in_progress; waits for the applicant" in waiting
    await pay(platform.api, person, request)
    await approve(platform.api, request)
    await until_status(platform.api, person, request, "fulfilled")
    english = await afaq(platform, "events", "story", request["id"])
    for said in (
        "✓ within-thirty-days-of-expiry",
        "KWD 10.000 were paid",
        "An officer has decided: approve",
        "officer:moi-traffic",
    ):
        assert said in english
    assert "the agency: " in english and "fulfilled; waits for nobody" in english
    assert "driving_licence_expires_on" not in english
    assert "driving_licence_expires_on" in await afaq(platform, "events", "story", request["id"], "--facts")
    arabic = await afaq(platform, "events", "story", request["id"], "--language", "ar")
    assert "اكتمل الطلب" in arabic and "مقدّم الطلب: " in arabic


async def test_the_traces_of_a_request_are_drawn_and_its_events_listed(platform: RunningStack) -> None:
    person = await a_person(platform.api)
    request = await renewed(platform.api, person)
    await asyncio.sleep(EXPORTED_SECONDS)
    directory = str(platform.directory)
    drawn = await afaq(platform, "events", "trace", request["id"], "--directory", directory)
    assert "└── Submit" in drawn and "spans in 3 traces" in drawn
    listed = await afaq(platform, "events", "tail", "--request", request["id"], "--type", "requests.", "--until-now")
    assert listed.index("requests.request.submitted") < listed.index("requests.request.fulfilled")
    assert "payments." not in listed.replace('"payments.', "")


async def test_every_event_that_a_story_may_hold_has_words(platform: RunningStack) -> None:
    from afaq.services import functions_of
    from afaq.story import words

    known = set(words())
    named = {
        event.type
        for service in ("requests", "payments", "notifications")
        for decider in functions_of(service).deciders
        for event in decider.events
    }
    unspoken = {type for type in named - known if not type.startswith(("notifications.contact", "notifications.pref",
                "notifications.sms_route"))}  # fmt: skip
    assert unspoken == set()


async def _until_payment(platform: RunningStack, person: Person, request: Any) -> None:
    path = f"/payments/{request['payment_id']}"
    await platform.api.until(lambda: platform.api.find("payments", path, person.token), "payment")


async def test_a_table_is_computed_again_only_when_that_is_meant(platform: RunningStack) -> None:
    await renewed(platform.api, await a_person(platform.api))
    command, which = ("replay", "rebuild", "transfers", "--service", "payments"), "select 'transfers'::regclass::oid"
    connection = await asyncpg.connect(platform.endpoints.dsns["payments"].app)
    before = await connection.fetchval(which)
    assert "Nothing was changed. Say --yes to do it." in await afaq(platform, *command)
    assert await connection.fetchval(which) == before
    assert "it was locked for" in await afaq(platform, *command, "--yes")
    assert await connection.fetchval(which) != before
    await connection.close()
