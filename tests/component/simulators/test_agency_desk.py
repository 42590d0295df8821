"""The desk at work."""

from typing import Any

import httpx2
import pytest

from tests.component.simulators.fake_platform import FakePlatform
from tests.component.simulators.waiting import until

TRAFFIC = "moi-traffic"


async def switch(simulators: httpx2.AsyncClient, **switches: object) -> None:
    (await simulators.put("/agency/switches", json=switches)).raise_for_status()


async def records(simulators: httpx2.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await simulators.get("/agency/ledger")).json()["records"]
    return found


async def test_the_desk_does_nothing_by_itself(simulators: httpx2.AsyncClient, platform: FakePlatform) -> None:
    platform.open_tasks = {"a": TRAFFIC}
    assert (await simulators.get("/agency/switches")).json() == {
        "automatic": False,
        "agency": TRAFFIC,
        "delay_seconds": 0,
        "reject_every": 0,
    }
    await switch(simulators, automatic=False)
    assert await records(simulators) == []
    assert platform.heard == []


async def test_all_pages_of_open_tasks_are_approved_and_others_left_alone(
    simulators: httpx2.AsyncClient, platform: FakePlatform
) -> None:
    platform.open_tasks = dict.fromkeys("abdef", TRAFFIC) | {"c": "moj"}
    await switch(simulators, automatic=True)
    await until(lambda: platform.open_tasks == {"c": "moj"})
    assert {heard.task_id for heard in platform.heard} == set("abdef")
    for heard in platform.heard:
        assert heard.idempotency_key == f'"desk-{heard.task_id}"'
        assert heard.body == {"decision": "approve", "reason": None}
    assert platform.sign_ins == ["officer:moi-traffic"]


async def test_every_second_task_is_rejected_with_a_reason_in_both_languages(
    simulators: httpx2.AsyncClient, platform: FakePlatform
) -> None:
    platform.open_tasks = dict.fromkeys("abcd", TRAFFIC)
    await switch(simulators, automatic=True, reject_every=2)
    await until(lambda: not platform.open_tasks)
    rejected = [heard.body["reason"] for heard in platform.heard if heard.body["decision"] == "reject"]
    assert len(rejected) == 2
    assert all(reason["ar"] and reason["en"] for reason in rejected)


async def test_a_task_lies_on_the_desk_for_the_delay(simulators: httpx2.AsyncClient, platform: FakePlatform) -> None:
    platform.open_tasks = {"a": TRAFFIC}
    await switch(simulators, automatic=True, delay_seconds=3600)
    await until(lambda: len(platform.sign_ins) == 1)
    assert platform.heard == []
    await switch(simulators, automatic=True)
    await until(lambda: len(platform.heard) == 1)


async def test_another_agency_signs_in_as_itself(simulators: httpx2.AsyncClient, platform: FakePlatform) -> None:
    platform.open_tasks = {"a": TRAFFIC, "b": "moj"}
    await switch(simulators, automatic=True, agency="moj")
    await until(lambda: platform.open_tasks == {"a": TRAFFIC})
    assert platform.sign_ins == ["officer:moj"]


async def test_a_lost_answer_is_repeated_with_the_same_decision(
    simulators: httpx2.AsyncClient, platform: FakePlatform
) -> None:
    platform.open_tasks = {"a": TRAFFIC}
    platform.statuses = [503]
    await switch(simulators, automatic=True, reject_every=1)
    await until(lambda: not platform.open_tasks)
    first, again = platform.heard
    assert first == again
    assert first.body["decision"] == "reject"
    kinds = [record["kind"] for record in await records(simulators)]
    assert kinds.count("decision-chosen") == 1


async def test_a_task_that_was_decided_already_is_no_trouble(
    simulators: httpx2.AsyncClient, platform: FakePlatform
) -> None:
    platform.open_tasks = dict.fromkeys("ab", TRAFFIC)
    platform.statuses = [409]
    await switch(simulators, automatic=True)

    async def both_settled() -> bool:
        outcomes = [record["outcome"] for record in await records(simulators) if record["kind"] == "decision-sent"]
        return sorted(outcomes) == ["accepted", "already-decided"]

    await until(both_settled)


async def test_a_list_that_lags_behind_is_not_answered_again_and_again(
    simulators: httpx2.AsyncClient, platform: FakePlatform
) -> None:
    platform.open_tasks = {"a": TRAFFIC}
    platform.lists_decided_tasks = True
    await switch(simulators, automatic=True)
    await until(lambda: len(platform.heard) == 1)
    platform.open_tasks["b"] = TRAFFIC
    await until(lambda: len(platform.heard) == 2)
    assert [heard.task_id for heard in platform.heard] == ["a", "b"]


async def test_the_desk_waits_while_the_platform_is_away(
    simulators: httpx2.AsyncClient, platform: FakePlatform
) -> None:
    platform.open_tasks = {"a": TRAFFIC}
    platform.away = True
    await switch(simulators, automatic=True)
    await until(lambda: len(platform.sign_ins) == 1)
    assert "لا تستجيب" in (await simulators.get("/agency/")).text
    platform.away = False
    await until(lambda: not platform.open_tasks)


async def test_an_expired_token_is_replaced(simulators: httpx2.AsyncClient, platform: FakePlatform) -> None:
    platform.open_tasks = {"a": TRAFFIC}
    await switch(simulators, automatic=True)
    await until(lambda: not platform.open_tasks)
    platform.expire_tokens()
    platform.open_tasks = {"b": TRAFFIC}
    await until(lambda: not platform.open_tasks)
    assert len(platform.sign_ins) == 2


async def test_the_page_lists_open_tasks_and_switches(simulators: httpx2.AsyncClient, platform: FakePlatform) -> None:
    assert "There are no open tasks." in (await simulators.get("/agency/")).text
    platform.open_tasks = {"a": TRAFFIC}
    response = await simulators.get("/agency/")
    assert "SIMULATOR" in response.text
    assert "مراجعة &lt;الطلب&gt;" in response.text
    assert "reject_every" in response.text
    assert "X-Simulator" in response.headers


@pytest.mark.parametrize("switches", [{"agency": "../x"}, {"reject_every": -1}, {"unknown": 1}])
async def test_wrong_switches_are_refused(simulators: httpx2.AsyncClient, switches: dict[str, object]) -> None:
    assert (await simulators.put("/agency/switches", json=switches)).status_code == 422
