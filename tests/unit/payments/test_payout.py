"""A payout: owed once, paid once, and never forgotten for want of an account."""

from typing import Any

import pytest

from services.payments.domain.payout import (
    TRANSITIONS,
    AccountNamed,
    AccountRefused,
    BankSilent,
    NamedAccount,
    NoLongerOwed,
    Owed,
    Paid,
    Status,
    payout,
)
from services.payments.projections import projections
from shared.contracts.payments import PayoutCancelled, PayoutMade, PayoutReady, PayoutRequested, PayoutStuck
from shared.functions import Row
from tests.unit.builders import Life, a_text, an_id, recorded

OWED = Owed(an_id("request"), an_id("person"), "housing", 150_000, a_text("Rent", "إيجار"), since=7)


def a_payout(*messages: Any, has_account: bool = False) -> Life:
    life = Life(payout, [NamedAccount(an_id("person"), 1) if has_account else None], TRANSITIONS)
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
    life.send(AccountNamed(2), Paid("B1"))
    assert life.state.status is Status.MADE


def test_an_account_that_the_bank_does_not_have_waits_for_another() -> None:
    life = a_payout(AccountRefused(1), has_account=True)
    assert life.state.status is Status.NEEDS_ACCOUNT
    life.send(AccountNamed(2))
    assert [ready.number for ready in life.of(PayoutReady)] == [1, 2]


@pytest.mark.parametrize("again", [OWED, Paid("B2"), AccountRefused(1), BankSilent(), AccountNamed(2)])
def test_what_is_paid_stays_paid(again: Any) -> None:
    assert a_payout(Paid("B1"), has_account=True).send(again) == []


def test_a_bank_that_is_silent_is_asked_again() -> None:
    life = a_payout(BankSilent(), has_account=True)
    assert life.state.status is Status.READY
    assert [stuck.number for stuck in life.of(PayoutStuck)] == [1]


def test_an_account_that_was_named_while_the_bank_had_the_last_one_is_tried_next() -> None:
    life = a_payout(AccountNamed(2), has_account=True)
    assert life.send(AccountNamed(2)) == []
    life.send(AccountRefused(2))
    assert [ready.number for ready in life.of(PayoutReady)] == [1, 2]
    assert life.state.status is Status.READY


def test_a_payout_that_waits_for_an_account_ends_with_its_request_and_what_the_bank_was_told_does_not() -> None:
    life = a_payout(NoLongerOwed())
    [cancelled] = life.of(PayoutCancelled)
    assert (life.state.status, cancelled.agency, cancelled.amount_fils) == (Status.CANCELLED, "housing", 150_000)
    assert life.send(AccountNamed(2), OWED, NoLongerOwed()) == []
    for messages in ((), (Paid("B1"),)):
        assert a_payout(*messages, has_account=True).send(NoLongerOwed()) == []


def test_what_is_owed_no_more_goes_back_to_the_agency() -> None:
    requested, cancelled = a_payout(NoLongerOwed()).events
    booked = [
        (row.values["debit"], row.values["credit"], row.values["amount_fils"])
        for event in (requested, cancelled)
        for projection in projections.of(type(event))
        for row in projection(recorded(event, an_id("payout")))
        if isinstance(row, Row)
    ]
    assert booked == [("agency:housing", "payouts_due", 150_000), ("payouts_due", "agency:housing", 150_000)]


def test_an_end_that_is_heard_late_takes_nothing_that_is_owed_since_then() -> None:
    """A refusal, an objection that is upheld, and a queue that was long."""
    assert a_payout(NoLongerOwed(before=3)).state.status is Status.NEEDS_ACCOUNT
    assert a_payout(NoLongerOwed(before=9)).state.status is Status.CANCELLED
