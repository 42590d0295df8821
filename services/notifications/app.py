"""Composition root of notifications: the only file that wires its concrete parts."""

from pathlib import Path

from services.notifications.api import router
from services.notifications.domain.delivery import delivery
from services.notifications.projections import projections
from services.notifications.reactions import reactions
from services.notifications.settings import NotificationsSettings
from shared.contracts.topics import (
    IDENTITY_EVENTS,
    IDENTITY_KEYS,
    IDENTITY_PERSONS,
    NOTIFICATIONS_EVENTS,
    PAYMENTS_EVENTS,
    REQUESTS_EVENTS,
)
from shared.functions import Service
from shared.runtime.process import Composition

FOLDER = Path(__file__).parent

service = Service(
    name="notifications",
    events=NOTIFICATIONS_EVENTS,
    deciders=(delivery,),
    reactions=reactions,
    projections=projections,
    reads=(REQUESTS_EVENTS, PAYMENTS_EVENTS, IDENTITY_EVENTS, IDENTITY_PERSONS, IDENTITY_KEYS),
)


def compose() -> Composition:
    """The service with the parts that its settings name."""
    return Composition(service, NotificationsSettings(), router, FOLDER)
