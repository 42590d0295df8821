"""What payments does outside: it talks to the bank's gateway."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.payments.domain.basket import Basket, basket
from services.payments.domain.basket import Status as BasketStatus
from services.payments.domain.payment import (
    AttemptStatus,
    GatewayAnswered,
    PageNotOpened,
    PageOpened,
    Payment,
    RefundConfirmed,
    RefundNotConfirmed,
    payment,
    payment_id_for,
    refund_id_for,
)
from services.payments.domain.payout import AccountRefused, BankSilent, Paid, Payout, payout
from services.payments.domain.payout import Status as PayoutStatus
from shared.functions import Effect, Effects, Job, Send
from shared.kernel.errors import TryLater
from shared.kernel.ids import derive_id

GATEWAY, BANK = "gateway", "bank"
ASK_AGAIN_SECONDS = 30.0
"""So soon at first; later after a tenth of the time that has passed since the first question."""
ONE_WEEK_SECONDS = 7 * 86_400.0

effects = Effects()


@dataclass(frozen=True)
class Answer:
    """What a gateway says of an attempt; `result` None while the payer has not finished."""

    result: str | None
    amount_fils: int
    reference: str


class Bank(Protocol):
    """The bank that pays people. The same reference again pays nothing."""

    async def pay(self, payout: UUID, iban: str, amount_fils: int) -> str | None:
        """The bank's reference; None where there is no such account. Raises TryLater where it does not answer."""
        ...


class PayoutAccounts(Protocol):
    """The accounts that people have named."""

    async def find(self, person_id: UUID) -> Sequence[str]:
        """The IBANs, in the order in which they were named; none of whoever has named none, or was erased."""
        ...


class Gateway(Protocol):
    """A bank's gateway. Every call may be repeated with the same attempt without a second effect."""

    async def open_page(self, attempt_id: UUID, payment_id: UUID, amount_fils: int) -> str:
        """The address of the hosted page for this attempt; of a basket both ids are the basket's."""
        ...

    async def inquire(self, attempt_id: UUID, amount_fils: int) -> Answer:
        """What became of the attempt."""
        ...

    async def refund(self, attempt_id: UUID, refund_id: UUID, amount_fils: int) -> str:
        """Gives the amount back; the gateway's reference."""
        ...


@dataclass(frozen=True)
class OpenPage(Effect):
    """Ask for a hosted page."""

    attempt_id: UUID


@dataclass(frozen=True)
class InquireAttempt(Effect):
    """Ask what became of an attempt, until it is known."""

    attempt_id: UUID


@dataclass(frozen=True)
class RefundAttempt(Effect):
    """Give back what an attempt has taken."""

    attempt_id: UUID


@dataclass(frozen=True)
class OpenBasketPage(Effect):
    """Ask for a hosted page for a basket."""


@dataclass(frozen=True)
class InquireBasket(Effect):
    """Ask what became of a basket, until it is known."""


@dataclass(frozen=True)
class RefundBasket(Effect):
    """Give back what a basket has taken and none of its payments was due."""


@dataclass(frozen=True)
class SendPayout(Effect):
    """Have the bank pay a person, to the `number`th account that they have named."""

    number: int


def stands_at(state: Payment, attempt_id: UUID, status: AttemptStatus) -> bool:
    """Whether an attempt stands there still when its effect is about to be done."""
    return state.attempts[attempt_id].status is status


@effects.on(
    OpenPage,
    of=payment,
    target=GATEWAY,
    due=lambda effect, state: stands_at(state, effect.attempt_id, AttemptStatus.STARTED),
    lives_for_seconds=60,
    exhausted=lambda effect, payment_id: payment.send(payment_id, PageNotOpened(effect.attempt_id)),
)
async def open_page(effect: OpenPage, job: Job, state: Payment, gateway: Gateway) -> Send:
    """The same attempt asked again gets the same page: the attempt's id is the gateway's track id."""
    payment_id = payment_id_for(state.fee_id)
    amount_fils = state.attempts[effect.attempt_id].amount_fils
    url = await gateway.open_page(effect.attempt_id, payment_id, amount_fils)
    return payment.send(payment_id, PageOpened(effect.attempt_id, url, job.now))


@effects.on(
    InquireAttempt,
    of=payment,
    target=GATEWAY,
    due=lambda effect, state: state.attempts[effect.attempt_id].is_to_be_asked_about,
    lives_for_seconds=ONE_WEEK_SECONDS,
    max_attempts=10_000,
)
async def inquire_attempt(effect: InquireAttempt, job: Job, state: Payment, gateway: Gateway) -> Send:
    """Only an inquiry is believed."""
    amount_fils = state.attempts[effect.attempt_id].amount_fils
    return payment.send(payment_id_for(state.fee_id), await ask(gateway, job, effect.attempt_id, amount_fils))


async def ask(gateway: Gateway, job: Job, attempt_id: UUID, amount_fils: int) -> GatewayAnswered:
    """What the gateway says; raises TryLater while it cannot say yet."""
    answer = await gateway.inquire(attempt_id, amount_fils)
    if answer.result is None:
        waited = (job.now - job.first_due_at).total_seconds()
        raise TryLater("the payer has not finished", after_seconds=max(ASK_AGAIN_SECONDS, waited / 10), fault=False)
    return GatewayAnswered(attempt_id, answer.result, answer.amount_fils, answer.reference, job.now)


@effects.on(
    RefundAttempt,
    of=payment,
    target=GATEWAY,
    due=lambda effect, state: stands_at(state, effect.attempt_id, AttemptStatus.REFUND_DUE),
    lives_for_seconds=ONE_WEEK_SECONDS,
    max_attempts=10_000,
    exhausted=lambda effect, payment_id: payment.send(payment_id, RefundNotConfirmed(effect.attempt_id)),
)
async def refund_attempt(effect: RefundAttempt, state: Payment, gateway: Gateway) -> Send:
    """The refund's id is its track id at the gateway, so that a repeat gives nothing back twice."""
    attempt = state.attempts[effect.attempt_id]
    reference = await gateway.refund(attempt.at_gateway, refund_id_for(attempt.id), attempt.amount_fils)
    return payment.send(payment_id_for(state.fee_id), RefundConfirmed(effect.attempt_id, reference))


@effects.on(
    OpenBasketPage,
    of=basket,
    target=GATEWAY,
    due=lambda _, state: state.status is BasketStatus.STARTED,
    lives_for_seconds=60,
    exhausted=lambda _, basket_id: basket.send(basket_id, PageNotOpened(basket_id)),
)
async def open_basket_page(_: OpenBasketPage, job: Job, state: Basket, gateway: Gateway) -> Send:
    """One page for all of it."""
    url = await gateway.open_page(job.key, job.key, state.amount_fils)
    return basket.send(job.key, PageOpened(job.key, url, job.now))


@effects.on(
    InquireBasket,
    of=basket,
    target=GATEWAY,
    due=lambda _, state: state.is_to_be_asked_about,
    lives_for_seconds=ONE_WEEK_SECONDS,
    max_attempts=10_000,
)
async def inquire_basket(_: InquireBasket, job: Job, state: Basket, gateway: Gateway) -> Send:
    """Only an inquiry is believed."""
    return basket.send(job.key, await ask(gateway, job, job.key, state.amount_fils))


@effects.on(
    RefundBasket,
    of=basket,
    target=GATEWAY,
    due=lambda _, state: state.status is BasketStatus.REFUND_DUE,
    lives_for_seconds=ONE_WEEK_SECONDS,
    max_attempts=10_000,
    exhausted=lambda _, basket_id: basket.send(basket_id, RefundNotConfirmed(basket_id)),
)
async def refund_basket(_: RefundBasket, job: Job, state: Basket, gateway: Gateway) -> Send:
    """All that it has taken."""
    reference = await gateway.refund(job.key, refund_id_for(job.key), state.taken_fils)
    return basket.send(job.key, RefundConfirmed(job.key, reference))


@effects.on(
    SendPayout,
    of=payout,
    target=BANK,
    due=lambda effect, state: state.status is PayoutStatus.READY and state.number == effect.number,
    lives_for_seconds=ONE_WEEK_SECONDS,
    max_attempts=10_000,
    exhausted=lambda _, payout_id: payout.send(payout_id, BankSilent()),
)
async def send_payout(effect: SendPayout, job: Job, state: Payout, bank: Bank, accounts: PayoutAccounts) -> Send:
    """Its reference names the payout and the account, so that a repeat pays nothing twice, and to nobody else.

    Of whoever was erased meanwhile nobody knows whether they were paid: that is left to an operator.
    """
    ibans = await accounts.find(state.payee_id)
    if len(ibans) < effect.number:
        return payout.send(job.key, BankSilent())
    reference = await bank.pay(derive_id("payout", job.key, effect.number), ibans[effect.number - 1], state.amount_fils)
    return payout.send(job.key, AccountRefused(len(ibans)) if reference is None else Paid(reference))
