"""Those outside: the gateway, a bank, a mail server, a company for short messages. Each keeps its own ledger."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.notifications.domain.letter import Letter
from services.payments.domain.payment import CAPTURED
from services.payments.effects import Answer
from shared.kernel.errors import TryLater
from tests.simulation.faults import Faults

UNKNOWN_IBAN = "KW81CBKU0000000000001234560000"
PAGE_SECONDS = 900.0
"""A page that nobody finishes ends by itself."""


@dataclass
class Visit:
    """An attempt as the gateway keeps it."""

    attempt_id: UUID
    payment_id: UUID
    amount_fils: int
    opened_at: float
    result: str | None = None
    taken_fils: int = 0
    refunds: dict[UUID, int] = field(default_factory=dict)


class Terminal:
    """Implements `Gateway`. It may fail before it has done what it is asked, or after."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.visits: dict[UUID, Visit] = {}

    async def open_page(self, attempt_id: UUID, payment_id: UUID, amount_fils: int) -> str:
        """The same page each time."""
        await self._trouble()
        now = asyncio.get_running_loop().time()
        self.visits.setdefault(attempt_id, Visit(attempt_id, payment_id, amount_fils, now))
        await self._trouble()
        return f"https://bank.test/{attempt_id}"

    async def inquire(self, attempt_id: UUID, amount_fils: int) -> Answer:
        """What the payer has done at the page."""
        await self._trouble()
        visit = self.visits.get(attempt_id)
        if visit is None:
            return Answer("NOT FOUND", amount_fils, "")
        if visit.result is None and asyncio.get_running_loop().time() > visit.opened_at + PAGE_SECONDS:
            visit.result = "TIMED OUT"
        return Answer(visit.result, visit.taken_fils, f"ref-{attempt_id}")

    async def refund(self, attempt_id: UUID, refund_id: UUID, amount_fils: int) -> str:
        """Once for each refund's id."""
        await self._trouble()
        self.visits[attempt_id].refunds.setdefault(refund_id, amount_fils)
        await self._trouble()
        return f"back-{refund_id}"

    def pay(self, attempt_id: UUID) -> bool:
        """The payer pays, once; now and then another amount is taken than was asked for."""
        visit = self.visits.get(attempt_id)
        if visit is None or visit.result is not None:
            return False
        visit.result = CAPTURED
        is_wrong = self._faults.strikes(self._faults.rates.outside_fault / 4, "wrong amount taken")
        visit.taken_fils = visit.amount_fils + (1 if is_wrong else 0)
        return True

    def leave(self, attempt_id: UUID) -> None:
        """The payer leaves the page."""
        visit = self.visits.get(attempt_id)
        if visit is not None and visit.result is None:
            visit.result = "CANCELED"

    def ledger(self) -> list[Mapping[str, Any]]:
        """As an auditor reads it."""
        return [
            {
                "trackid": str(visit.attempt_id),
                "result": visit.result or "INITIATED",
                "amt_fils": visit.taken_fils,
                "refunds": [{"trackid": str(id), "amt_fils": amount} for id, amount in visit.refunds.items()],
            }
            for visit in self.visits.values()
        ]

    async def _trouble(self) -> None:
        await self._faults.step()
        if self._faults.strikes(self._faults.rates.outside_fault, "trouble at the gateway"):
            raise self._faults.choose(TryLater("the gateway is away"), TimeoutError(), ConnectionResetError())


class Bank:
    """Implements `Bank`. Pays each reference once; it may fail before it has done what it is asked, or after."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.paid: dict[UUID, int] = {}

    async def pay(self, payout: UUID, iban: str, amount_fils: int) -> str | None:
        """The bank's reference; None where there is no such account."""
        await self._trouble()
        if iban == UNKNOWN_IBAN:
            return None
        self.paid.setdefault(payout, amount_fils)
        await self._trouble()
        return f"paid-{payout}"

    def ledger(self) -> list[Mapping[str, Any]]:
        """As an auditor reads it."""
        return [{"bank_reference": f"paid-{id}", "amount_fils": amount} for id, amount in self.paid.items()]

    async def _trouble(self) -> None:
        await self._faults.step()
        if self._faults.strikes(self._faults.rates.outside_fault, "trouble at the bank"):
            raise TryLater("the bank is away")


class Post:
    """Implements `MailServer`, `SmsCompanies` and `Waits`."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.letters: list[UUID] = []
        self.messages: dict[UUID, str] = {}

    async def send(self, *told: Any) -> None:
        """A letter (address, letter, reference) or a short message (company, mobile, text, reference)."""
        await self._trouble()
        reference = told[-1]
        if isinstance(told[1], Letter):
            self.letters.append(reference)
        else:
            self.messages.setdefault(reference, told[0])
        await self._trouble()

    def note(self, *_: Any) -> None:
        """Nobody measures here."""

    async def _trouble(self) -> None:
        await self._faults.step()
        if self._faults.strikes(self._faults.rates.outside_fault, "trouble at a provider"):
            raise TryLater("the provider is away")


class Stamp:
    """Implements `Signer`: signs as it comes."""

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A signature."""
        return f"signed.{claims['jti']}.x"

    def code(self, document_id: UUID) -> str:
        """A code."""
        return f"code-{document_id}"
