"""What notifications does outside: it hands messages to the mail server and to the companies that send short ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from services.notifications.domain.delivery import Delivery, NotTaken, Taken, delivery
from services.notifications.domain.letter import Letter, letter_of
from services.notifications.domain.recipient import Recipient
from services.notifications.domain.sms import parts_of, plain
from services.notifications.domain.sms_route import ROUTE_ID, Figures, Measured, SmsRoute, rerouted, sms_route
from shared.contracts.notifications import Channel, Failure
from shared.contracts.personal import Erased
from shared.functions import Effect, Effects, Job, Send
from shared.kernel.errors import TryLater

MEASURE_AGAIN_SECONDS = 5.0
MEASURED = timedelta(minutes=1)
FOR_EVER_SECONDS = 100 * 366 * 86_400.0

effects = Effects()


class AddressRefused(Exception):
    """The provider will never deliver to this address; `why` is its code, never the address."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Recipients(Protocol):
    """Where people are reached at this moment."""

    async def find(self, person_id: UUID) -> Recipient | None:
        """The person as identity publishes them."""
        ...


class SmsCompanies(Protocol):
    """Companies that send short messages. Each takes a message with the same reference once."""

    async def send(self, provider: str, mobile: str, text: str, reference: UUID) -> None:
        """Hands the message over. Raises AddressRefused, or TryLater where the company is away."""
        ...


class MailServer(Protocol):
    """A server that takes mail. The same message twice has the same Message-ID."""

    async def send(self, address: str, letter: Letter, reference: UUID) -> None:
        """Hands the letter over. Raises AddressRefused, or TryLater where the server is away."""
        ...


class Waits(Protocol):
    """Is told for how long people have waited for what is sent to them."""

    def note(self, channel: Channel, waited: timedelta) -> None:
        """A provider has taken a message so long after the wish to tell the person."""
        ...


class Meter(Protocol):
    """Measures the providers of short messages."""

    async def figures(self, since: datetime, now: datetime) -> Mapping[str, Figures]:
        """What each has made of its attempts since an instant."""
        ...


@dataclass(frozen=True)
class SendSms(Effect):
    """Hand an attempt to its company."""

    number: int
    provider: str
    reference: UUID
    began_at: datetime


@dataclass(frozen=True)
class SendEmail(Effect):
    """Hand an attempt to the mail server."""

    number: int
    reference: UUID
    began_at: datetime


@dataclass(frozen=True)
class MeasureProviders(Effect):
    """See how the companies do, again and again."""


def not_taken(effect: SendSms | SendEmail, delivery_id: UUID) -> Send:
    """What follows when no attempt has succeeded."""
    notice = NotTaken(effect.number, Failure.TECHNICAL, "provider-away", effect.began_at)
    return delivery.send(delivery_id, notice)


@effects.on(
    SendSms,
    of=delivery,
    due=lambda effect, state: state.is_sending(effect.number),
    max_attempts=2,  # then another company has it: seconds, not minutes
    exhausted=not_taken,
)
async def send_sms(
    effect: SendSms, job: Job, state: Delivery, recipients: Recipients, companies: SmsCompanies, waits: Waits
) -> Send:
    """The company knows the attempt by its reference, so that a repeat sends nothing twice."""
    recipient, refusal = await _who(effect, job, state, recipients, Channel.SMS)
    if refusal is not None or recipient is None or recipient.mobile is None:
        return refusal or _gone(effect, job)
    assert not isinstance(state.body, Erased) and not isinstance(state.sms, Erased)
    text = plain((state.sms or state.body).in_language(recipient.language))
    try:
        await companies.send(effect.provider, recipient.mobile, text, effect.reference)
    except AddressRefused as refused:
        return delivery.send(job.key, NotTaken(effect.number, Failure.PERMANENT, refused.why, job.now))
    _note(waits, job, state, Channel.SMS)
    return delivery.send(job.key, Taken(effect.number, parts_of(text)))


@effects.on(
    SendEmail,
    of=delivery,
    target="mail",
    due=lambda effect, state: state.is_sending(effect.number),
    max_attempts=6,
    exhausted=not_taken,
)
async def send_email(
    effect: SendEmail, job: Job, state: Delivery, recipients: Recipients, mail: MailServer, waits: Waits
) -> Send:
    """Mail cannot be taken back or told apart by its server: a crash may repeat it, with the same Message-ID."""
    recipient, refusal = await _who(effect, job, state, recipients, Channel.EMAIL)
    if refusal is not None or recipient is None or recipient.email is None:
        return refusal or _gone(effect, job)
    assert not isinstance(state.title, Erased) and not isinstance(state.body, Erased)
    try:
        await mail.send(recipient.email, letter_of(state.title, state.body, recipient.language), effect.reference)
    except AddressRefused as refused:
        return delivery.send(job.key, NotTaken(effect.number, Failure.PERMANENT, refused.why, job.now))
    _note(waits, job, state, Channel.EMAIL)
    return delivery.send(job.key, Taken(effect.number, None))


@effects.on(MeasureProviders, of=sms_route, lives_for_seconds=FOR_EVER_SECONDS)
async def measure_providers(job: Job, state: SmsRoute, meter: Meter) -> Send:
    """Waits for as long as the weights are right; a change is recorded, and the next measure follows on it."""
    figures = await meter.figures(job.now - MEASURED, job.now)
    if rerouted(state.weights, figures) == state.weights:
        raise TryLater("the weights are right", after_seconds=MEASURE_AGAIN_SECONDS, fault=False)
    return sms_route.send(ROUTE_ID, Measured(figures))


def _note(waits: Waits, job: Job, state: Delivery, channel: Channel) -> None:
    """How long the person has waited; also for what is sent again by another channel."""
    if state.requested_at is not None:
        waits.note(channel, job.now - state.requested_at)


async def _who(
    effect: SendSms | SendEmail, job: Job, state: Delivery, recipients: Recipients, channel: Channel
) -> tuple[Recipient | None, Send | None]:
    """Whom to send it to at this moment: nobody who has died or was erased meanwhile, and nobody too late."""
    recipient = await recipients.find(state.person_id)
    if recipient is None or not recipient.can_be_told or isinstance(state.body, Erased):
        return None, _gone(effect, job)
    if state.expires_at is not None and job.now >= state.expires_at:
        late = NotTaken(effect.number, Failure.TEMPORARY, "too-late", job.now, is_final=True)
        return None, delivery.send(job.key, late)
    if recipient.address(channel) is None:
        unreachable = NotTaken(effect.number, Failure.PERMANENT, "no-address", job.now)
        return None, delivery.send(job.key, unreachable)
    return recipient, None


def _gone(effect: SendSms | SendEmail, job: Job) -> Send:
    gone = NotTaken(effect.number, Failure.PERMANENT, "person-gone", job.now, is_final=True)
    return delivery.send(job.key, gone)
