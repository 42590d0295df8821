"""The gateway's rules."""

from datetime import timedelta
from pathlib import Path

import pytest

from simulators.knet.attempt import Attempt
from simulators.knet.cards import Result, UnknownCardError
from simulators.knet.gateway import Gateway, UnknownPaymentError
from simulators.knet.pipe import TransactionKey
from simulators.knet.refusals import RefusalCode, RefusalError
from tests.unit.simulators.knet_builders import TestClock, a_gateway, a_purchase

GOOD_CARD = "8888880000000001"
DECLINED_CARD = "8888880000000003"
BY_TRACK_ID = TransactionKey("t-1", is_track_id=True)


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def gateway(tmp_path: Path, clock: TestClock) -> Gateway:
    return a_gateway(tmp_path, clock)


def a_capture(gateway: Gateway) -> Attempt:
    payment_id = gateway.initiate(a_purchase()).payment_id
    assert gateway.pay(payment_id, GOOD_CARD, "1234")
    return gateway.attempt(payment_id)


def refund_code(gateway: Gateway, refund_track_id: str, amount_fils: int) -> RefusalCode:
    with pytest.raises(RefusalError) as refusal:
        gateway.refund(BY_TRACK_ID, refund_track_id, amount_fils)
    return refusal.value.code


def test_init_again_answers_the_same_payment(gateway: Gateway) -> None:
    first, again = gateway.initiate(a_purchase()), gateway.initiate(a_purchase())
    assert again.payment_id == first.payment_id
    assert again.init_count == 2


def test_init_again_with_another_amount_is_refused(gateway: Gateway) -> None:
    gateway.initiate(a_purchase())
    with pytest.raises(RefusalError) as refusal:
        gateway.initiate(a_purchase(amount_fils=9_999))
    assert refusal.value.code is RefusalCode.TRACK_ID_TAKEN


def test_a_capture_bears_the_banks_numbers_and_kuwaits_day(gateway: Gateway, clock: TestClock) -> None:
    capture = a_capture(gateway)
    assert capture.decided is not None
    slip = capture.decided.slip
    assert (len(slip.tran_id), len(slip.ref), len(slip.auth), slip.postdate) == (15, 12, 6, "0302")
    assert capture.captured_at == clock.now


def test_pay_twice_keeps_the_first_result(gateway: Gateway) -> None:
    payment_id = gateway.initiate(a_purchase()).payment_id
    assert gateway.pay(payment_id, DECLINED_CARD, "1234")
    assert not gateway.pay(payment_id, GOOD_CARD, "1234")
    assert not gateway.cancel(payment_id)
    assert gateway.attempt(payment_id).status == "DECLINED"


def test_an_unknown_card_decides_nothing(gateway: Gateway) -> None:
    payment_id = gateway.initiate(a_purchase()).payment_id
    with pytest.raises(UnknownCardError):
        gateway.pay(payment_id, "4111111111111111", "1234")
    assert gateway.attempt(payment_id).status == "INITIATED"


def test_an_unpaid_page_lapses_and_stays_so(gateway: Gateway, clock: TestClock) -> None:
    payment_id = gateway.initiate(a_purchase()).payment_id
    clock.pass_time(timedelta(minutes=14, seconds=59))
    assert gateway.inquire(BY_TRACK_ID, 10_000).status == "INITIATED"
    clock.pass_time(timedelta(seconds=1))
    assert gateway.inquire(BY_TRACK_ID, 10_000).status == "TIMEDOUT"
    clock.pass_time(-timedelta(minutes=10))
    assert not gateway.pay(payment_id, GOOD_CARD, "1234")
    assert gateway.attempt(payment_id).status == "TIMEDOUT"


def test_a_lapsed_page_takes_no_card_even_if_nobody_asked(gateway: Gateway, clock: TestClock) -> None:
    payment_id = gateway.initiate(a_purchase()).payment_id
    clock.pass_time(timedelta(minutes=15))
    assert not gateway.pay(payment_id, GOOD_CARD, "1234")
    assert gateway.attempt(payment_id).captured_at is None


def test_unknown_payments_and_transactions_are_told_apart(gateway: Gateway) -> None:
    with pytest.raises(UnknownPaymentError):
        gateway.attempt("1")
    with pytest.raises(RefusalError) as refusal:
        gateway.inquire(BY_TRACK_ID, 10_000)
    assert refusal.value.code is RefusalCode.TRANSACTION_UNKNOWN


def test_inquiry_needs_the_attempts_amount(gateway: Gateway) -> None:
    a_capture(gateway)
    with pytest.raises(RefusalError) as refusal:
        gateway.inquire(BY_TRACK_ID, 11_000)
    assert refusal.value.code is RefusalCode.AMOUNT_DIFFERS


def test_a_refund_twice_gives_money_back_once(gateway: Gateway) -> None:
    a_capture(gateway)
    _, first = gateway.refund(BY_TRACK_ID, "r-1", 4_000)
    attempt, again = gateway.refund(BY_TRACK_ID, "r-1", 4_000)
    assert again == first
    assert attempt.refundable_fils == 6_000


def test_refunds_add_up_to_the_capture_and_no_further(gateway: Gateway) -> None:
    capture = a_capture(gateway)
    assert capture.decided is not None
    gateway.refund(BY_TRACK_ID, "r-1", 4_000)
    assert refund_code(gateway, "r-2", 6_001) is RefusalCode.REFUND_TOO_LARGE
    by_tran_id = TransactionKey(capture.decided.slip.tran_id, is_track_id=False)
    gateway.refund(by_tran_id, "r-2", 6_000)
    assert refund_code(gateway, "r-3", 1) is RefusalCode.REFUND_TOO_LARGE


def test_a_refunds_track_id_is_its_own(gateway: Gateway) -> None:
    a_capture(gateway)
    gateway.refund(BY_TRACK_ID, "r-1", 4_000)
    assert refund_code(gateway, "r-1", 3_000) is RefusalCode.TRACK_ID_TAKEN
    assert refund_code(gateway, "t-1", 3_000) is RefusalCode.TRACK_ID_TAKEN
    with pytest.raises(RefusalError):
        gateway.initiate(a_purchase("r-1"))


def test_nothing_goes_back_that_was_not_taken(gateway: Gateway) -> None:
    payment_id = gateway.initiate(a_purchase()).payment_id
    assert refund_code(gateway, "r-1", 1) is RefusalCode.NOT_REFUNDABLE
    gateway.cancel(payment_id)
    assert refund_code(gateway, "r-1", 1) is RefusalCode.NOT_REFUNDABLE


def test_a_restart_remembers_everything(tmp_path: Path, clock: TestClock) -> None:
    before = a_gateway(tmp_path, clock)
    capture = a_capture(before)
    before.note_callback(capture.payment_id, delivered=True, redirect_url="http://merchant.test/receipt")
    before.refund(BY_TRACK_ID, "r-1", 4_000)

    after = a_gateway(tmp_path, clock)
    assert after.attempts() == before.attempts()
    assert after.attempt(capture.payment_id).return_url == "http://merchant.test/receipt"
    assert not after.pay(capture.payment_id, GOOD_CARD, "1234")
    assert refund_code(after, "r-2", 6_001) is RefusalCode.REFUND_TOO_LARGE
    assert after.refund(BY_TRACK_ID, "r-1", 4_000)[0].refundable_fils == 6_000


def test_neither_card_nor_pin_reaches_the_ledger(tmp_path: Path, clock: TestClock) -> None:
    a_capture(a_gateway(tmp_path, clock))
    ledger = (tmp_path / "knet.jsonl").read_text()
    assert Result.CAPTURED in ledger
    assert GOOD_CARD not in ledger
    assert "1234" not in {*ledger.replace('"', " ").split()}
