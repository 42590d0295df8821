"""The catalogue is searched as people write, in either language."""

import pytest

from tests.api.support import Http, assert_problem

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


async def test_all_words_have_to_be_there(http: Http) -> None:
    assert await found(http, "q=licence newborn") == []


async def test_without_words_everything_is_there_and_an_agency_has_its_own(http: Http) -> None:
    everything = await found(http, "")
    assert len(everything) > 2
    assert await found(http, "agency=moi-traffic") == [LICENCE]
    assert await found(http, "agency=nobody") == []
    assert await found(http, "q=") == everything


async def test_what_is_no_agency_is_refused(http: Http) -> None:
    assert_problem(await http.get("requests", "/catalogue?agency=No%20Agency", None), 422, "invalid-request")
