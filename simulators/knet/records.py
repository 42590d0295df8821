"""What the gateway's ledger holds, one record a line. Neither a card's number nor a PIN is ever among it."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from simulators.knet.cards import Result
from simulators.knet.purchase import Language


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    payment_id: str
    at: AwareDatetime


class PaymentInitiated(_Record):
    """A merchant asked for a payment page."""

    kind: Literal["payment-initiated"] = "payment-initiated"
    track_id: str
    amount_fils: int
    language: Language
    response_url: str
    error_url: str
    user_fields: tuple[str, ...]


class InitRepeated(_Record):
    """A merchant asked again for the same attempt, and got the same page."""

    kind: Literal["init-repeated"] = "init-repeated"


class Slip(BaseModel):
    """The numbers that a bank puts on a transaction."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tran_id: str = ""
    ref: str = ""
    auth: str = ""
    postdate: str = ""
    """MMDD, the day in Kuwait."""


class PaymentDecided(_Record):
    """The attempt came to its end; there is one such record an attempt, ever."""

    kind: Literal["payment-decided"] = "payment-decided"
    result: Result
    slip: Slip
    extra_fils: int = 0
    """Charged beyond what the page said."""


class CallbackSent(_Record):
    """The merchant was told, or could not be."""

    kind: Literal["callback-sent"] = "callback-sent"
    delivered: bool
    redirect_url: str | None


class RefundMade(_Record):
    """Money went back."""

    kind: Literal["refund-made"] = "refund-made"
    refund_track_id: str
    amount_fils: int
    slip: Slip


Record = Annotated[
    PaymentInitiated | InitRepeated | PaymentDecided | CallbackSent | RefundMade, Field(discriminator="kind")
]
RECORD: TypeAdapter[Record] = TypeAdapter(Record)
