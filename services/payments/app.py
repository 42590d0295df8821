"""Composition root of payments: the only file that wires its concrete parts."""

from pathlib import Path

from fastapi import FastAPI

from services.payments.api import router
from services.payments.domain.payment import payment
from services.payments.effects import Gateway, effects
from services.payments.knet import KnetTerminal
from services.payments.projections import projections
from services.payments.reactions import reactions
from services.payments.settings import PaymentsSettings
from shared.contracts.topics import IDENTITY_EVENTS, IDENTITY_KEYS, PAYMENTS_EVENTS, REQUESTS_EVENTS
from shared.functions import Service
from shared.runtime.process import Composition

FOLDER = Path(__file__).parent

service = Service(
    name="payments",
    events=PAYMENTS_EVENTS,
    deciders=(payment,),
    reactions=reactions,
    projections=projections,
    effects=effects,
    reads=(REQUESTS_EVENTS, IDENTITY_EVENTS, IDENTITY_KEYS),
)


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
    effects.provide(Gateway, terminal)  # type: ignore[type-abstract]

    def equip(app: FastAPI) -> None:
        app.state.terminal = terminal

    return Composition(service, settings, router, FOLDER, equip=equip, end=terminal.close)
