"""The hospitals, as they report births to the platform."""

import stat
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from simulators.settings import Settings
from tests.component.simulators.fake_platform import FakePlatform
from tests.component.simulators.running import running
from tests.component.simulators.waiting import until

MOTHER, FATHER = "200010100028", "200010100036"
BIRTH = {"mother_civil_id": MOTHER, "father_civil_id": None, "sex": "female", "how": "once"}
BORN_AT = "2026-03-01T08:00:00+03:00"


async def report(simulators: httpx2.AsyncClient, **changes: object) -> str:
    response = await simulators.post("/hospital/births", json=BIRTH | changes)
    assert response.status_code == 202, response.text
    number: str = response.json()["number"]
    return number


async def switch(simulators: httpx2.AsyncClient, **switches: object) -> None:
    (await simulators.put("/hospital/switches", json=switches)).raise_for_status()


async def reports(simulators: httpx2.AsyncClient, number: str = "B-0001") -> list[dict[str, Any]]:
    births = (await simulators.get("/hospital/ledger")).json()["births"]
    return [report for birth in births if birth["number"] == number for report in birth["reports"]]


async def until_answered(simulators: httpx2.AsyncClient, *statuses: int, number: str = "B-0001") -> None:
    async def answered() -> bool:
        return [report["status"] for report in await reports(simulators, number)] == list(statuses)

    await until(answered)


def time_of(body: dict[str, Any] | None, name: str) -> datetime:
    assert body is not None
    return datetime.fromisoformat(body[name])


async def test_a_birth_is_reported_by_an_officer_of_the_ministry(
    simulators: httpx2.AsyncClient, platform: FakePlatform
) -> None:
    assert await report(simulators, father_civil_id=FATHER, birth_order=2, born_at=BORN_AT) == "B-0001"
    await until_answered(simulators, 202)
    assert platform.sign_ins == ["officer:moh-hospitals"]
    (told,) = platform.told
    assert told.path == "/life-events"
    assert told.body == {
        "kind": "birth",
        "source": "moh-hospitals",
        "number": "B-0001",
        "occurred_at": BORN_AT,
        "noticed_at": (told.body or {})["noticed_at"],
        "mother_civil_id": MOTHER,
        "father_civil_id": FATHER,
        "child": {"sex": "female", "birth_order": 2},
    }
    (kept,) = await reports(simulators)
    assert (kept["what"], kept["body"], kept["code"]) == ("notice", told.body, None)
    assert told.idempotency_key == f'"{kept["id"]}"'
    assert kept["answered_at"]
    assert await report(simulators) == "B-0002"


async def test_a_birth_is_of_now_unless_it_says_when(simulators: httpx2.AsyncClient, platform: FakePlatform) -> None:
    await report(simulators)
    await until(lambda: len(platform.told) == 1)
    body = platform.told[0].body
    assert time_of(body, "occurred_at") == time_of(body, "noticed_at")
    assert time_of(body, "occurred_at").utcoffset() == timedelta(hours=3)


async def test_twice_is_one_notice_with_two_keys(simulators: httpx2.AsyncClient, platform: FakePlatform) -> None:
    await report(simulators, how="twice")
    await until_answered(simulators, 202, 202)
    first, second = platform.told
    assert first.body == second.body
    assert first.idempotency_key != second.idempotency_key
    assert len(platform.sign_ins) == 1


async def test_late_is_days_after_the_birth(simulators: httpx2.AsyncClient, platform: FakePlatform) -> None:
    await report(simulators, how="late")
    await switch(simulators, late_days=10)
    await report(simulators, how="late")
    await until(lambda: len(platform.told) == 2)
    bodies = sorted((told.body or {} for told in platform.told), key=lambda body: str(body["number"]))
    lateness = [time_of(body, "noticed_at") - time_of(body, "occurred_at") for body in bodies]
    assert lateness == [timedelta(days=3), timedelta(days=10)]


async def test_an_error_is_put_right_by_itself(simulators: httpx2.AsyncClient, platform: FakePlatform) -> None:
    await switch(simulators, correct_after_seconds=0.1)
    await report(simulators, how="with-error", born_at=BORN_AT)
    await until_answered(simulators, 202, 200)
    notice, correction = platform.told
    assert notice.body is not None
    assert notice.body["child"] == {"sex": "male", "birth_order": 1}
    assert time_of(notice.body, "occurred_at") == datetime.fromisoformat(BORN_AT) - timedelta(hours=3)
    assert correction.path == "/life-events/moh-hospitals/B-0001/correction"
    assert correction.body == {"occurred_at": BORN_AT, "sex": "female"}


async def test_an_error_is_put_right_the_next_day(simulators: httpx2.AsyncClient, platform: FakePlatform) -> None:
    await report(simulators, how="with-error")
    await until(lambda: len(platform.told) == 1)
    notice, correction = await reports(simulators)
    days_between = datetime.fromisoformat(correction["due_at"]) - datetime.fromisoformat(notice["due_at"])
    assert days_between == timedelta(days=1)
    # An annulment does not wait for what is due after it.
    await simulators.post("/hospital/births/B-0001/annulment")
    await until(lambda: len(platform.told) == 2)


async def test_a_clerk_corrects_and_annuls(simulators: httpx2.AsyncClient, platform: FakePlatform) -> None:
    number = await report(simulators)
    correction = {"mother_civil_id": FATHER, "father_civil_id": None}
    response = await simulators.post(f"/hospital/births/{number}/correction", json=correction)
    assert (response.status_code, response.json()) == (202, {"number": number})
    assert (await simulators.post(f"/hospital/births/{number}/annulment")).status_code == 202
    await until_answered(simulators, 202, 200, 200)
    assert [(told.path, told.body) for told in platform.told[1:]] == [
        ("/life-events/moh-hospitals/B-0001/correction", correction),
        ("/life-events/moh-hospitals/B-0001/annulment", None),
    ]


async def test_what_nobody_knows_is_not_corrected(simulators: httpx2.AsyncClient) -> None:
    number = await report(simulators)
    assert (await simulators.post("/hospital/births/B-9/correction", json={"sex": "male"})).status_code == 404
    assert (await simulators.post("/hospital/births/B-9/annulment")).status_code == 404
    assert (await simulators.post(f"/hospital/births/{number}/correction", json={})).status_code == 422


@pytest.mark.parametrize("changes", [{"mother_civil_id": "1"}, {"how": "never"}, {"born_at": "2026-03-01T08:00:00"}])
async def test_a_form_that_is_not_right_is_refused(simulators: httpx2.AsyncClient, changes: dict[str, str]) -> None:
    assert (await simulators.post("/hospital/births", json=BIRTH | changes)).status_code == 422


async def test_what_may_help_later_is_sent_again_with_the_same_key(
    simulators: httpx2.AsyncClient, platform: FakePlatform
) -> None:
    platform.refusals = [(503, "temporarily-unavailable", True), (409, "request-in-progress", True)]
    await report(simulators)
    await simulators.post("/hospital/births/B-0001/annulment")
    await until_answered(simulators, 202, 200)
    *notices, annulment = platform.told
    assert len(notices) == 3
    assert len({told.idempotency_key for told in notices}) == 1
    assert annulment.path.endswith("/annulment")


async def test_a_refusal_is_kept_and_not_sent_again(simulators: httpx2.AsyncClient, platform: FakePlatform) -> None:
    platform.refusals = [(422, "invalid-request", False), (409, "wrong-state", False)]
    await report(simulators, how="twice")
    answers = {(422, "invalid-request"), (409, "wrong-state")}

    async def refused() -> bool:
        return {(report["status"], report["code"]) for report in await reports(simulators)} == answers

    await until(refused)
    assert len(platform.told) == 2


async def test_an_expired_token_is_replaced(simulators: httpx2.AsyncClient, platform: FakePlatform) -> None:
    await report(simulators)
    await until_answered(simulators, 202)
    platform.expire_tokens()
    await report(simulators)
    await until_answered(simulators, 202, number="B-0002")
    assert len(platform.sign_ins) == 2


async def test_down_makes_reports_wait(simulators: httpx2.AsyncClient, platform: FakePlatform) -> None:
    defaults = {"late_days": 3, "correct_after_seconds": 86400, "down": False}
    assert (await simulators.get("/hospital/switches")).json() == defaults
    await switch(simulators, down=True)
    await report(simulators)
    assert [report["status"] for report in await reports(simulators)] == [None]
    assert platform.told == []
    await switch(simulators)
    await until_answered(simulators, 202)


@pytest.mark.parametrize("switches", [{"late_days": -1}, {"unknown": True}])
async def test_wrong_switches_are_refused(simulators: httpx2.AsyncClient, switches: dict[str, object]) -> None:
    assert (await simulators.put("/hospital/switches", json=switches)).status_code == 422


async def test_a_report_survives_a_restart(settings: Settings, platform: FakePlatform) -> None:
    async with running(settings) as simulators:
        await report(simulators)
        await until_answered(simulators, 202)
        await switch(simulators, down=True, correct_after_seconds=0)
        await report(simulators, how="with-error")
        before = await reports(simulators, "B-0002")
    file = settings.directory / "hospital.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with file.open("ab") as torn:
        torn.write(b'{"kind": "reports-wr')
    async with running(settings) as simulators:
        await until_answered(simulators, 202, 200, number="B-0002")
        assert [told.idempotency_key for told in platform.told[1:]] == [f'"{report["id"]}"' for report in before]
        assert [told.body for told in platform.told[1:]] == [report["body"] for report in before]
        assert await report(simulators) == "B-0003"


async def test_the_page_reports_a_birth_and_hides_civil_ids(
    simulators: httpx2.AsyncClient, platform: FakePlatform
) -> None:
    assert "There are no births." in (await simulators.get("/hospital/")).text
    form = BIRTH | {"father_civil_id": "", "birth_order": "1", "born_at": "2026-03-01T08:00", "sex": "male"}
    response = await simulators.post("/hospital/", data=form)
    assert (response.status_code, response.headers["Location"]) == (303, "/hospital/")
    await until_answered(simulators, 202)
    assert (platform.told[0].body or {})["occurred_at"] == BORN_AT
    response = await simulators.get("/hospital/")
    assert "SIMULATOR" in response.text
    assert "X-Simulator" in response.headers
    assert "B-0001" in response.text
    assert "•••••••••028" in response.text
    assert MOTHER not in response.text

    platform.refusals = [(404, "not-found", False)]
    await report(simulators)
    await until_answered(simulators, 404, number="B-0002")
    assert "404 not-found" in (await simulators.get("/hospital/")).text


@pytest.mark.parametrize("changes", [{"mother_civil_id": "12345"}, {"born_at": "yesterday"}, {"sex": ""}])
async def test_a_page_that_is_filled_in_wrongly_reports_nothing(
    simulators: httpx2.AsyncClient, changes: dict[str, str]
) -> None:
    response = await simulators.post("/hospital/", data=BIRTH | {"father_civil_id": ""} | changes)
    assert response.status_code == 422
    assert "Nothing was reported" in response.text
    assert "12345" not in response.text
    assert (await simulators.get("/hospital/ledger")).json()["births"] == []


async def test_no_log_and_no_address_has_a_civil_id(
    simulators: httpx2.AsyncClient, platform: FakePlatform, capsys: pytest.CaptureFixture[str]
) -> None:
    platform.refusals = [(503, "temporarily-unavailable", True), (422, "invalid-request", False)]
    await report(simulators)
    await until_answered(simulators, 422)
    written = capsys.readouterr()
    assert "hospital_report_answered" in written.out
    assert MOTHER not in written.out + written.err
    assert not any(MOTHER in told.path for told in platform.told)
