"""The catalogue is searched as people write, in either language."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from shared.kernel.clock import KUWAIT
from tests.api.support import Http, assert_problem
from tests.conftest import RunningStack
from tests.support import a_person

LICENCE = "driving-licence-renewal"


async def found(http: Http, query: str) -> list[str]:
    answered = await http.get("requests", f"/catalogue?{query}", None)
    assert answered.status == 200
    return [card["id"] for card in answered.json]


@pytest.mark.parametrize(
    "words", ["driving licence", "LICENCE  Renewal", "رخصة القيادة", "رخصه القياده", "تـــجديد رُخصة", "المرور"]
)
async def test_a_service_is_found_by_its_words_however_they_are_spelled(http: Http, words: str) -> None:
    assert LICENCE in await found(http, f"q={words}")


async def test_a_service_with_words_of_newer_code_is_left_out_and_waits_for_it(
    platform: RunningStack, http: Http
) -> None:
    """As after a rollback: others go on, and of this one nobody is told the rules of an older version."""
    id, caller = f"newer-{uuid4().hex[:12]}", await a_person(platform.api)
    said = json.dumps({"id": id, "version": 2, "agency": "moi-traffic", "word_of_newer_code": True})
    connection = await asyncpg.connect(platform.endpoints.dsns["requests"].app)
    try:
        columns = "(key, service_id, version, definition)"
        await connection.execute(f"insert into service_versions {columns} values ($1 || '@2', $1, 2, $2)", id, said)
        catalogue = await found(http, "")
        assert LICENCE in catalogue and id not in catalogue
        assert_problem(await http.get("requests", f"/catalogue/{id}"), 503, "temporarily-unavailable")
        submitted = await http.post("requests", "/requests", {"service_id": id, "form": {}}, caller.token)
        assert_problem(submitted, 503, "temporarily-unavailable")
        assert submitted.headers["Retry-After"] == "2"
    finally:
        await connection.execute("delete from service_versions where service_id = $1", id)
        await connection.close()


async def test_all_words_have_to_be_there(http: Http) -> None:
    assert await found(http, "q=licence newborn") == []


async def test_without_words_everything_is_there_and_an_agency_has_its_own(http: Http) -> None:
    everything = await found(http, "")
    assert len(everything) > 2
    assert {LICENCE, "traffic-fine-payment"} <= {*await found(http, "agency=moi-traffic")} < {*everything}
    assert await found(http, "agency=nobody") == []
    assert await found(http, "q=") == everything


async def test_what_is_no_agency_is_refused(http: Http) -> None:
    assert_problem(await http.get("requests", "/catalogue?agency=No%20Agency", None), 422, "invalid-request")


async def test_a_quote_says_what_it_costs_line_by_line_and_submits_nothing(platform: RunningStack, http: Http) -> None:
    now, today = datetime.now(UTC).isoformat(), datetime.now(KUWAIT).date()
    told = {
        "driving_licence_expires_on": today.isoformat(),
        "unpaid_traffic_fines_fils": 0,
        "residency_expires_on": (today - timedelta(days=40)).isoformat(),
        "work_permit_valid_until": "2099-01-01",
        "unpaid_state_debts_fils": 0,
        "has_biometrics": True,
        "is_insured": True,
    }
    facts = {name: {"value": value, "source": "moi-residency", "as_of": now} for name, value in told.items()}
    resident = await a_person(platform.api, residence="resident", facts=facts)
    asked = {"service_id": "residency-renewal", "form": {"years": 2}}

    async def quoted() -> Any:
        answered = await http.post("requests", "/quotes", asked, resident.token)
        return answered.json if answered.status == 200 and answered.json["eligible"] == "yes" else None

    quote = await platform.api.until(quoted, "quote")
    assert {line["item"]: line["amount_fils"] for line in quote["fees"]} == {"residency": 40_000, "late": 100_000}
    assert quote["total_fils"] == 140_000
    assert quote["steps"] == ["fee", "agency_task", "issue", "emit"]
    assert quote["holds"] == []
    assert (await http.get("requests", "/requests", resident.token)).json["items"] == []
    bad = {"service_id": "residency-renewal", "form": {"years": 9}}
    assert_problem(await http.post("requests", "/quotes", bad, resident.token), 422, "form-invalid")
