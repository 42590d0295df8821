"""The bank's rules: a reference is paid once, and the ledger knows before anybody is told."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from simulators.clock import Clock
from simulators.ledger import Ledger

UNKNOWN_ACCOUNT = "0000"
"""An account that the bank does not have ends in this."""


class PaymentForm(BaseModel):
    """What a payer asks for. `reference` is its own number of the payment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: UUID
    iban: Annotated[str, Field(pattern=r"^KW[0-9]{2}[A-Z]{4}[0-9A-Z]{22}$")]
    amount_fils: Annotated[int, Field(gt=0)]


class Paid(PaymentForm):
    """A payment that was made."""

    at: AwareDatetime
    bank_reference: str


RECORD: TypeAdapter[Paid] = TypeAdapter(Paid)


class ReferenceTakenError(Exception):
    """The reference belongs to another payment."""


class Payments:
    """All payments, kept in a ledger that a restart reads back."""

    def __init__(self, ledger: Ledger[Paid], clock: Clock) -> None:
        """Take in everything that the ledger remembers."""
        self._ledger = ledger
        self._clock = clock
        self._paid = {record.reference: record for record in ledger.read()}

    def all(self) -> list[Paid]:
        """Every payment, oldest first."""
        return list(self._paid.values())

    def pay(self, form: PaymentForm) -> Paid | None:
        """The payment, made now or before; None where there is no such account. Raises ReferenceTakenError."""
        if form.iban.endswith(UNKNOWN_ACCOUNT):
            return None
        known = self._paid.get(form.reference)
        if known is not None:
            if (known.iban, known.amount_fils) != (form.iban, form.amount_fils):
                raise ReferenceTakenError("the reference belongs to another payment")
            return known
        paid = Paid(**form.model_dump(), at=self._clock(), bank_reference=f"B{form.reference.hex[:12].upper()}")
        self._ledger.append(paid, durable=True)
        self._paid[form.reference] = paid
        return paid
