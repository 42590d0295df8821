"""Events of payments: every edge of a payment's graph, and what is given back."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from shared.contracts.event import Event
from shared.contracts.personal import Private, SubjectId
from shared.kernel.text import LocalizedText


class PaymentRequested(Event, type="payments.payment.requested"):
    """A fee is to be paid until `due_by`. `shares`: what each agency earns of it; none named, `agency` earns it all."""

    fee_id: UUID
    for_id: UUID
    payer_id: UUID
    agency: str
    amount_fils: int
    description: LocalizedText
    due_by: datetime
    shares: dict[str, int] = Field(default_factory=dict)


class PaymentRevised(Event, type="payments.payment.revised"):
    """The fee comes to another amount by now; an attempt that has begun is for the amount that it has shown."""

    payer_id: UUID
    amount_fils: int
    was_fils: int
    shares: dict[str, int] = Field(default_factory=dict)


class PaymentAttempted(Event, type="payments.payment.attempted"):
    """The payer wants to pay now; the gateway is asked for a page, unless it is paid in a basket with others. `number`
    counts the attempts from 1.
    """

    attempt_id: UUID
    number: int
    amount_fils: int
    shares: dict[str, int] = Field(default_factory=dict)
    basket_id: UUID | None = None


class PaymentPageOpened(Event, type="payments.payment.page_opened"):
    """The gateway's hosted page is there for the payer."""

    attempt_id: UUID
    payer_id: SubjectId
    opened_at: datetime
    page_url: Private[str]


class PaymentFailed(Event, type="payments.payment.failed"):
    """An attempt has ended without money; `result` is the gateway's word. Another attempt may follow."""

    attempt_id: UUID
    result: str


class PaymentCaptured(Event, type="payments.payment.captured"):
    """The money is taken, as the gateway's inquiry has confirmed; with a basket it is a part of what that took."""

    attempt_id: UUID
    fee_id: UUID
    for_id: UUID
    payer_id: UUID
    agency: str
    amount_fils: int
    captured_at: datetime
    gateway_reference: str
    shares: dict[str, int] = Field(default_factory=dict)
    basket_id: UUID | None = None


class PaymentCapturedUnasked(Event, type="payments.payment.captured_unasked"):
    """Money was taken that is not due (any more), or not that amount; a refund follows."""

    attempt_id: UUID
    payer_id: UUID
    agency: str
    amount_fils: int
    captured_at: datetime
    gateway_reference: str
    why: str
    basket_id: UUID | None = None


class PaymentExpired(Event, type="payments.payment.expired"):
    """The time to pay is over."""

    fee_id: UUID
    for_id: UUID


class PaymentCancelled(Event, type="payments.payment.cancelled"):
    """The fee is not due any more."""

    fee_id: UUID
    for_id: UUID


class BasketGathered(Event, type="payments.basket.gathered"):
    """A payer wants to pay several fees at once; the gateway is asked for one page. `payments`: the amount of each."""

    payer_id: UUID
    payments: dict[UUID, int]


class BasketPageOpened(Event, type="payments.basket.page_opened"):
    """The gateway's hosted page is there for the payer."""

    payer_id: SubjectId
    opened_at: datetime
    page_url: Private[str]


class BasketFailed(Event, type="payments.basket.failed"):
    """The visit has paid for nothing; `result` is the gateway's word. The payments can be paid in another way."""

    result: str
    payments: list[UUID]


class BasketCaptured(Event, type="payments.basket.captured"):
    """The money for all is taken. Each payment's own event of it follows; this is the same money, not more."""

    payer_id: UUID
    amount_fils: int
    captured_at: datetime
    gateway_reference: str
    payments: dict[UUID, int]


class RefundDue(Event, type="payments.refund.due"):
    """An amount is to be given back to the payer. `unasked`: it was never an agency's; else `shares` are theirs."""

    refund_id: UUID
    attempt_id: UUID
    payer_id: UUID
    agency: str
    amount_fils: int
    unasked: bool
    why: str
    shares: dict[str, int] = Field(default_factory=dict)


class RefundMade(Event, type="payments.refund.made"):
    """The amount was given back."""

    refund_id: UUID
    attempt_id: UUID
    payer_id: UUID
    amount_fils: int
    gateway_reference: str


class RefundStuck(Event, type="payments.refund.stuck"):
    """The gateway has not given the amount back in its time: an operator has to see to it."""

    refund_id: UUID
    attempt_id: UUID
    amount_fils: int


class PayoutAccountNamed(Event, type="payments.payout_account.named"):
    """A person has named the account that they are paid to. `number` counts those that they have named."""

    person_id: SubjectId
    iban: Private[str]
    number: int


class PayoutRequested(Event, type="payments.payout.requested"):
    """An agency owes a person an amount. `has_account`: it is paid at once; else the person names an account first.
    `since`: the sequence of the request's event by which it is owed.
    """

    for_id: UUID
    payee_id: UUID
    agency: str
    amount_fils: int
    description: LocalizedText
    has_account: bool
    since: int = 0


class PayoutReady(Event, type="payments.payout.ready"):
    """The bank is told to pay to the `number`th account that the person has named.

    `for_id` is the request; the first events of this kind have it not.
    """

    number: int
    for_id: UUID | None = None


class PayoutReturned(Event, type="payments.payout.returned"):
    """The bank cannot pay to the account: the person has to name another."""

    for_id: UUID
    payee_id: UUID
    description: LocalizedText


class PayoutCancelled(Event, type="payments.payout.cancelled"):
    """The request has ended before the person had named an account: nothing is owed any more."""

    for_id: UUID
    payee_id: UUID
    agency: str
    amount_fils: int


class PayoutMade(Event, type="payments.payout.made"):
    """The bank has paid the person."""

    for_id: UUID
    payee_id: UUID
    agency: str
    amount_fils: int
    description: LocalizedText
    bank_reference: str


class PayoutStuck(Event, type="payments.payout.stuck"):
    """The bank has not answered in its time: an operator has to see to it; the bank is asked again every day."""

    number: int
    amount_fils: int
