"""Inquiry and refund, as a merchant's server calls them."""

from tests.component.simulators.merchant import Merchant, fields_of


async def test_an_unknown_track_id_is_refused(merchant: Merchant) -> None:
    answer = await merchant.inquire("nobody")
    assert answer["error_code_tag"] == "SIM109"
    assert answer["error_text"]


async def test_an_inquiry_by_tranid_finds_the_same_attempt(merchant: Merchant) -> None:
    await merchant.pay(await merchant.init())
    by_track_id = await merchant.inquire()
    response = await merchant.pipe(action="8", transid=by_track_id["tranid"], amt="10.000", trackid="t-1")
    assert fields_of(response) == by_track_id


async def test_a_refund_is_answered_once_and_seen_in_the_ledger(merchant: Merchant) -> None:
    await merchant.pay(await merchant.init())
    first = await merchant.refund("r-1", "4.000")
    again = await merchant.refund("r-1", "4.000")
    assert first == again
    assert (first["result"], first["trackid"], first["amt"]) == ("CAPTURED", "r-1", "4.000")

    (attempt,) = await merchant.ledger()
    (refund,) = attempt["refunds"]
    assert (refund["trackid"], refund["amt_fils"], refund["tranid"]) == ("r-1", 4_000, first["tranid"])
    assert (await merchant.inquire())["result"] == "CAPTURED"


async def test_more_than_what_is_left_is_not_refunded(merchant: Merchant) -> None:
    await merchant.pay(await merchant.init())
    await merchant.refund("r-1", "4.000")
    assert (await merchant.refund("r-2", "6.001"))["error_code_tag"] == "SIM112"
    assert (await merchant.refund("r-2", "6.000"))["result"] == "CAPTURED"


async def test_an_unpaid_attempt_is_not_refunded(merchant: Merchant) -> None:
    await merchant.init()
    assert (await merchant.refund("r-1", "1.000"))["error_code_tag"] == "SIM111"


async def test_entities_are_refused(merchant: Merchant) -> None:
    body = b'<!DOCTYPE request [<!ENTITY a "a">]><request><id>&a;</id></request>'
    response = await merchant.gateway.post("/knet/kpg/tranPipe.htm", content=body)
    assert fields_of(response)["error_code_tag"] == "SIM101"
