"""Composition root of notifications: the only file that wires its concrete parts."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from fastapi import FastAPI

from services.notifications.api import router
from services.notifications.domain.contact import contact
from services.notifications.domain.delivery import delivery
from services.notifications.domain.recipient import Recipient, preferences
from services.notifications.domain.sms_route import ROUTE_ID, Figures, Provide, sms_route
from services.notifications.effects import MailServer, Meter, Recipients, SmsCompanies, Waits, effects
from services.notifications.mail import SmtpServer
from services.notifications.projections import projections
from services.notifications.queries import find_recipient, measure, sms_figures
from services.notifications.reactions import reactions
from services.notifications.receipts import Receipts
from services.notifications.settings import NotificationsSettings
from services.notifications.sms import HttpSmsCompanies
from shared.contracts.notifications import Channel
from shared.contracts.topics import (
    IDENTITY_EVENTS,
    IDENTITY_KEYS,
    IDENTITY_PERSONS,
    NOTIFICATIONS_EVENTS,
    PAYMENTS_EVENTS,
    REQUESTS_EVENTS,
)
from shared.functions import Service
from shared.observability import metrics
from shared.runtime.process import Composition
from shared.store.shell import Shell
from shared.store.types import Pool

FOLDER = Path(__file__).parent

service = Service(
    name="notifications",
    events=NOTIFICATIONS_EVENTS,
    deciders=(delivery, preferences, contact, sms_route),
    reactions=reactions,
    projections=projections,
    effects=effects,
    reads=(REQUESTS_EVENTS, PAYMENTS_EVENTS, IDENTITY_EVENTS, IDENTITY_PERSONS, IDENTITY_KEYS),
)


class KnownRecipients:
    """People from this service's own projection; implements `Recipients`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, person_id: UUID) -> Recipient | None:
        """The person as identity publishes them."""
        return await find_recipient(self._pool, person_id)


class OwnMeter:
    """Measures by what was recorded; implements `Meter`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def figures(self, since: datetime, now: datetime) -> Mapping[str, Figures]:
        """What each company has made of its attempts."""
        return await sms_figures(self._pool, since, now)


class MeasuredWaits:
    """Counts for Prometheus; implements `Waits`."""

    def note(self, channel: Channel, waited: timedelta) -> None:
        """One message."""
        metrics.MESSAGE_SECONDS.labels(channel).observe(max(0.0, waited.total_seconds()))


def compose() -> Composition:
    """The service with the parts that its settings name."""
    settings = NotificationsSettings()
    companies = HttpSmsCompanies(settings.sms_companies)
    mail = SmtpServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_username,
        password=settings.smtp_password,
        security=settings.smtp_security,
        sender=settings.smtp_sender,
    )
    effects.provide(SmsCompanies, companies)  # type: ignore[type-abstract]
    effects.provide(MailServer, mail)  # type: ignore[type-abstract]
    effects.provide(Waits, MeasuredWaits())  # type: ignore[type-abstract]

    async def begin(shell: Shell) -> None:
        effects.provide(Recipients, KnownRecipients(shell.parts.pool))  # type: ignore[type-abstract]
        effects.provide(Meter, OwnMeter(shell.parts.pool))  # type: ignore[type-abstract]
        await shell.handle(sms_route.send(ROUTE_ID, Provide(tuple(sorted(settings.sms_companies)))))

    def equip(app: FastAPI) -> None:
        app.state.receipts = {
            name: Receipts(company.webhook_secrets) for name, company in settings.sms_companies.items()
        }

    return Composition(service, settings, router, FOLDER, begin, equip, companies.close, measure)
