"""Composition root of payments: the only file that wires its concrete parts."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from fastapi import FastAPI

from services.payments.api import router
from services.payments.bank import HttpBank
from services.payments.domain.basket import basket
from services.payments.domain.payment import payment
from services.payments.domain.payout import payout
from services.payments.domain.payout_account import payout_account
from services.payments.effects import Bank, Gateway, PayoutAccounts, effects
from services.payments.knet import KnetTerminal
from services.payments.projections import projections
from services.payments.queries import Measure
from services.payments.reactions import reactions
from services.payments.settings import PaymentsSettings
from shared.contracts.personal import Erased
from shared.contracts.topics import IDENTITY_EVENTS, IDENTITY_KEYS, PAYMENTS_EVENTS, REQUESTS_EVENTS
from shared.functions import Service
from shared.runtime.process import Composition
from shared.store.shell import Shell

FOLDER = Path(__file__).parent

service = Service(
    name="payments",
    events=PAYMENTS_EVENTS,
    deciders=(payment, basket, payout, payout_account),
    reactions=reactions,
    projections=projections,
    effects=effects,
    reads=(REQUESTS_EVENTS, IDENTITY_EVENTS, IDENTITY_KEYS),
)


class NamedAccounts:
    """The accounts of this service's own people; implements `PayoutAccounts`."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    async def find(self, person_id: UUID) -> Sequence[str]:
        """The IBANs, in the order in which they were named; none of whoever has named none, or was erased."""
        loaded = await self._shell.state(payout_account, person_id)
        ibans: Sequence[str] | Erased = () if loaded is None else loaded.state.ibans
        return () if isinstance(ibans, Erased) else ibans


def compose() -> Composition:
    """The service with the parts that its settings name."""
    settings = PaymentsSettings()
    terminal = KnetTerminal(
        url=str(settings.knet_url),
        tranportal_id=settings.knet_tranportal_id.get_secret_value(),
        password=settings.knet_password.get_secret_value(),
        resource_key=settings.knet_resource_key.get_secret_value(),
        unknown_transaction_code=settings.knet_unknown_transaction_code,
        public_url=str(settings.public_url),
    )
    bank = HttpBank(url=str(settings.bank_url), api_key=settings.bank_api_key.get_secret_value())
    effects.provide(Gateway, terminal)  # type: ignore[type-abstract]
    effects.provide(Bank, bank)  # type: ignore[type-abstract]

    async def begin(shell: Shell) -> None:
        effects.provide(PayoutAccounts, NamedAccounts(shell))  # type: ignore[type-abstract]

    def equip(app: FastAPI) -> None:
        app.state.terminal = terminal

    async def end() -> None:
        await terminal.close()
        await bank.close()

    return Composition(service, settings, router, FOLDER, begin, equip, end, Measure())
