"""The bank over HTTP: one call for a payer, and its ledger for an auditor."""

from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel

from simulators.bank.payments import Paid, PaymentForm, Payments, ReferenceTakenError

log = structlog.stdlib.get_logger()

router = APIRouter(prefix="/bank", tags=["bank"])


@dataclass
class Switches:
    """What is made to go wrong."""

    down: bool = False
    timeout_after_payment: bool = False


@dataclass
class Bank:
    """The parts of the bank that its routes use."""

    api_key: str = field(repr=False)
    payments: Payments
    switches: Switches = field(default_factory=Switches)


class LedgerView(BaseModel):
    """Every payment, oldest first."""

    simulator: bool = True
    payments: list[Paid]


class PaymentRef(BaseModel):
    """What a payer is answered."""

    bank_reference: str


def bank_of(request: Request) -> Bank:
    """The bank that the app was composed with."""
    bank = request.app.state.bank
    assert isinstance(bank, Bank)
    return bank


BankParts = Annotated[Bank, Depends(bank_of)]


@router.post("/payments", status_code=201)
async def pay(form: PaymentForm, request: Request, bank: BankParts) -> PaymentRef:
    """Pay somebody, once a reference."""
    given = request.headers.get("Authorization", "")
    if not compare_digest(given.encode(), f"Bearer {bank.api_key}".encode()):
        raise HTTPException(401, "SIMULATOR: the API key is wrong", {"WWW-Authenticate": "Bearer"})
    if bank.switches.down:
        raise HTTPException(503, "SIMULATOR: the bank is down")
    try:
        paid = bank.payments.pay(form)
    except ReferenceTakenError as error:
        raise HTTPException(409, f"SIMULATOR: {error}") from error
    if paid is None:
        raise HTTPException(422, "SIMULATOR: there is no such account")
    log.info("bank_paid", bank_reference=paid.bank_reference)
    if bank.switches.timeout_after_payment:
        raise HTTPException(504, "SIMULATOR: the answer was lost")
    return PaymentRef(bank_reference=paid.bank_reference)


@router.get("/ledger")
async def show_ledger(bank: BankParts) -> LedgerView:
    """Every payment, for an auditor."""
    return LedgerView(payments=bank.payments.all())


@router.put("/switches")
async def set_switches(switches: Switches, bank: BankParts) -> Switches:
    """Set all switches; one that is left out goes back to its default."""
    bank.switches = switches
    return switches
