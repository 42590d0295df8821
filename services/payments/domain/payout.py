"""A payout: what an agency owes a person, paid by the bank to the account that the person has named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from shared.contracts.payments import (
    PayoutCancelled,
    PayoutMade,
    PayoutReady,
    PayoutRequested,
    PayoutReturned,
    PayoutStuck,
)
from shared.functions import Decider, Given
from shared.kernel.text import LocalizedText

NOBODY = UUID(int=0)


class Status(StrEnum):
    """Where a payout stands."""

    UNKNOWN = "unknown"
    NEEDS_ACCOUNT = "needs_account"
    READY = "ready"
    MADE = "made"
    CANCELLED = "cancelled"


TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.UNKNOWN: frozenset({Status.NEEDS_ACCOUNT, Status.READY}),
    Status.NEEDS_ACCOUNT: frozenset({Status.READY, Status.CANCELLED}),
    Status.READY: frozenset({Status.NEEDS_ACCOUNT, Status.MADE}),
    Status.MADE: frozenset(),
    Status.CANCELLED: frozenset(),
}


@dataclass(frozen=True)
class Payout:
    """What is owed, to whom, and for which request. `number`: which of the person's accounts the bank is told to pay
    to, or was told last. `since`: the sequence of the request's event by which it is owed.
    """

    status: Status = Status.UNKNOWN
    for_id: UUID = NOBODY
    payee_id: UUID = NOBODY
    agency: str = ""
    amount_fils: int = 0
    description: LocalizedText | None = None
    number: int = 0
    since: int = 0


@dataclass(frozen=True)
class NamedAccount:
    """A row of `payout_accounts`: somebody has named so many accounts."""

    id: UUID
    version: int


@dataclass(frozen=True)
class Owed:
    """A request has come to its payout."""

    for_id: UUID
    payee_id: UUID
    agency: str
    amount_fils: int
    description: LocalizedText
    since: int


@dataclass(frozen=True)
class NoLongerOwed:
    """The request has ended, with its event of this sequence. What the bank was told already stays told, and what is
    owed since then, because an objection was upheld, stays owed; the release before says nothing of it.
    """

    before: int | None = None


@dataclass(frozen=True)
class AccountNamed:
    """The person has named their `number`th account."""

    number: int


@dataclass(frozen=True)
class Paid:
    """The bank has paid."""

    reference: str


@dataclass(frozen=True)
class AccountRefused:
    """There is no such account. `newest`: the number of the account that the person has named last."""

    newest: int


@dataclass(frozen=True)
class BankSilent:
    """The bank has not answered, in all the time that we tried."""


Message = Owed | NoLongerOwed | AccountNamed | Paid | AccountRefused | BankSilent
Event = PayoutRequested | PayoutReady | PayoutReturned | PayoutMade | PayoutCancelled | PayoutStuck


def decide(state: Payout, message: Message, account: NamedAccount | None) -> Sequence[Event]:
    """The rules of a payout."""
    match message:
        case Owed():
            return owed(state, message, account)
        case NoLongerOwed(before):
            is_of_then = before is None or state.since < before
            return [cancelled(state)] if state.status is Status.NEEDS_ACCOUNT and is_of_then else []
        case AccountNamed(number):
            is_wanted = state.status is Status.NEEDS_ACCOUNT and number > state.number
            return [PayoutReady(number=number, for_id=state.for_id)] if is_wanted else []
        case Paid() | AccountRefused() | BankSilent():
            return answered(state, message)
        case _:
            assert_never(message)


def owed(state: Payout, notice: Owed, account: NamedAccount | None) -> Sequence[Event]:
    """It is paid at once where the person has named an account before."""
    if state.status is not Status.UNKNOWN:
        return []
    requested = PayoutRequested(
        for_id=notice.for_id,
        payee_id=notice.payee_id,
        agency=notice.agency,
        amount_fils=notice.amount_fils,
        description=notice.description,
        has_account=account is not None,
        since=notice.since,
    )
    if account is None:
        return [requested]
    return [requested, PayoutReady(number=account.version, for_id=notice.for_id)]


def cancelled(state: Payout) -> PayoutCancelled:
    """Nobody waits for an account any more."""
    return PayoutCancelled(
        for_id=state.for_id, payee_id=state.payee_id, agency=state.agency, amount_fils=state.amount_fils
    )


def answered(state: Payout, notice: Paid | AccountRefused | BankSilent) -> Sequence[Event]:
    """The bank's word, on a payout that waits for it."""
    if state.status is not Status.READY or state.description is None:
        return []
    match notice:
        case Paid(reference):
            return [
                PayoutMade(
                    for_id=state.for_id,
                    payee_id=state.payee_id,
                    agency=state.agency,
                    amount_fils=state.amount_fils,
                    description=state.description,
                    bank_reference=reference,
                )
            ]
        case AccountRefused(newest):
            returned = PayoutReturned(for_id=state.for_id, payee_id=state.payee_id, description=state.description)
            another = [PayoutReady(number=newest, for_id=state.for_id)] if newest > state.number else []
            return [returned, *another]
        case BankSilent():
            return [PayoutStuck(number=state.number, amount_fils=state.amount_fils)]
        case _:
            assert_never(notice)


def evolve(state: Payout, event: Event) -> Payout:
    """A payout after an event."""
    match event:
        case PayoutRequested():
            return Payout(
                status=Status.NEEDS_ACCOUNT,
                for_id=event.for_id,
                payee_id=event.payee_id,
                agency=event.agency,
                amount_fils=event.amount_fils,
                description=event.description,
                since=event.since,
            )
        case PayoutReady(number=number):
            return replace(state, status=Status.READY, number=number)
        case PayoutReturned():
            return replace(state, status=Status.NEEDS_ACCOUNT)
        case PayoutMade():
            return replace(state, status=Status.MADE)
        case PayoutCancelled():
            return replace(state, status=Status.CANCELLED)
        case PayoutStuck():
            return state
        case _:
            assert_never(event)


def _account_key(message: Message, _: Payout) -> UUID | None:
    return message.payee_id if isinstance(message, Owed) else None


payout = Decider(
    "payout",
    initial=Payout(),
    decide=decide,
    evolve=evolve,
    given=Given(NamedAccount, "payout_accounts", by="id", key=_account_key),
    shape=2,
)
