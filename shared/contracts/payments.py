"""Events of payments: every edge of a payment's graph, and what is given back."""

from datetime import datetime
from uuid import UUID

from shared.contracts.event import Event
from shared.contracts.personal import Private, SubjectId
from shared.kernel.text import LocalizedText


class PaymentRequested(Event, type="payments.payment.requested"):
    """A fee is to be paid until `due_by`."""

    fee_id: UUID
    for_id: UUID
    payer_id: UUID
    agency: str
    amount_fils: int
    description: LocalizedText
    due_by: datetime


class PaymentAttempted(Event, type="payments.payment.attempted"):
    """The payer wants to pay now; the gateway is asked for a page. `number` counts the attempts from 1."""

    attempt_id: UUID
    number: int
    amount_fils: int


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
    """The money is taken, as the gateway's inquiry has confirmed."""

    attempt_id: UUID
    fee_id: UUID
    for_id: UUID
    payer_id: UUID
    agency: str
    amount_fils: int
    captured_at: datetime
    gateway_reference: str


class PaymentCapturedUnasked(Event, type="payments.payment.captured_unasked"):
    """Money was taken that is not due (any more), or not that amount; a refund follows."""

    attempt_id: UUID
    payer_id: UUID
    agency: str
    amount_fils: int
    captured_at: datetime
    gateway_reference: str
    why: str


class PaymentExpired(Event, type="payments.payment.expired"):
    """The time to pay is over."""

    fee_id: UUID
    for_id: UUID


class PaymentCancelled(Event, type="payments.payment.cancelled"):
    """The fee is not due any more."""

    fee_id: UUID
    for_id: UUID


class RefundDue(Event, type="payments.refund.due"):
    """An amount is to be given back to the payer. `unasked`: it was never the agency's."""

    refund_id: UUID
    attempt_id: UUID
    payer_id: UUID
    agency: str
    amount_fils: int
    unasked: bool
    why: str


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
