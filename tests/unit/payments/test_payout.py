"""A payout: owed once, paid once, and never forgotten for want of an account."""

from typing import Any

import pytest

from services.payments.domain.payout import (
    TRANSITIONS,
    AccountNamed,
    AccountRefused,
    BankSilent,
    NamedAccount,
    Owed,
    Paid,
    Status,
    payout,
)
from shared.contracts.payments import PayoutMade, PayoutReady, PayoutRequested, PayoutStuck
from tests.unit.builders import Life, a_text, an_id

OWED = Owed(an_id("request"), an_id("person"), "housing", 150_000, a_text("Rent", "إيجار"))


def a_payout(*messages: Any, has_account: bool = False) -> Life:
    life = Life(payout, [NamedAccount(an_id("person")) if has_account else None], TRANSITIONS)
    life.send(OWED, *messages)
    return life


def test_whoever_has_an_account_is_paid_at_once() -> None:
    assert a_payout(has_account=True).state.status is Status.READY
    life = a_payout(Paid("B1"), has_account=True)
    assert life.state.status is Status.MADE
    assert [made.amount_fils for made in life.of(PayoutMade)] == [150_000]


def test_whoever_has_none_is_paid_once_they_have_named_one() -> None:
    life = a_payout()
    assert [requested.has_account for requested in life.of(PayoutRequested)] == [False]
    assert life.send(Paid("B1")) == []
    life.send(AccountNamed(), Paid("B1"))
    assert life.state.status is Status.MADE


def test_an_account_that_the_bank_does_not_have_waits_for_another() -> None:
    life = a_payout(AccountRefused(), has_account=True)
    assert life.state.status is Status.NEEDS_ACCOUNT
    life.send(AccountNamed())
    assert [ready.number for ready in life.of(PayoutReady)] == [1, 2]


@pytest.mark.parametrize("again", [OWED, Paid("B2"), AccountRefused(), BankSilent(), AccountNamed()])
def test_what_is_paid_stays_paid(again: Any) -> None:
    assert a_payout(Paid("B1"), has_account=True).send(again) == []


def test_a_bank_that_is_silent_is_asked_again() -> None:
    life = a_payout(BankSilent(), has_account=True)
    assert life.state.status is Status.READY
    assert [stuck.number for stuck in life.of(PayoutStuck)] == [1]
