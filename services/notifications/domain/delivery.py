"""A delivery: one message to one person for one purpose, tried by one channel after the other until it arrives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from services.notifications.domain.recipient import ChosenChannels, Recipient
from services.notifications.domain.sms_route import Route, choose
from shared.contracts.notifications import (
    Channel,
    DeliveryDelivered,
    DeliveryFailed,
    DeliveryRequested,
    DeliverySending,
    DeliverySent,
    Failure,
)
from shared.contracts.personal import ERASED, Private, SubjectId
from shared.functions import Decider, Given, Givens
from shared.kernel.ids import derive_id
from shared.kernel.text import LocalizedText

NOBODY = UUID(int=0)
MAIL_SERVER = "mail"
PATIENCE = timedelta(days=3)
"""So long a message is tried where all providers are away (as GOV.UK Notify does)."""
PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))


class Status(StrEnum):
    """Where the attempt that was begun last stands, in GOV.UK Notify's words."""

    UNKNOWN = "unknown"
    CREATED = "created"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    TEMPORARY_FAILURE = "temporary-failure"
    PERMANENT_FAILURE = "permanent-failure"
    TECHNICAL_FAILURE = "technical-failure"


_FAILURES = frozenset({Status.TEMPORARY_FAILURE, Status.PERMANENT_FAILURE, Status.TECHNICAL_FAILURE})
TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.UNKNOWN: frozenset({Status.CREATED}),
    Status.CREATED: frozenset({Status.DELIVERED, Status.SENDING}),
    Status.SENDING: frozenset({Status.SENT, Status.DELIVERED, *_FAILURES}),
    Status.SENT: frozenset({Status.DELIVERED, *_FAILURES}),
    Status.DELIVERED: frozenset({Status.SENDING, *_FAILURES}),
    **{failure: frozenset({Status.SENDING, Status.DELIVERED}) for failure in _FAILURES},
}


@dataclass(frozen=True)
class Attempt:
    """One try by a channel and a provider. `failure`: how it has failed, if it has."""

    number: int
    channel: Channel
    provider: str
    failure: Failure | None = None

    @property
    def key(self) -> tuple[Channel, str]:
        """What is not tried twice in a round."""
        return self.channel, self.provider


@dataclass(frozen=True)
class Delivery:
    """A message and how far it has come.

    `rounds` counts those in which all was tried in vain; attempts after number `round_after` are of the running one,
    which ends with an arrival too.
    `arrived` is the attempt that has reached the person; 0: none, but perhaps the inbox.
    """

    status: Status = Status.UNKNOWN
    id: UUID = NOBODY
    person_id: SubjectId = NOBODY
    purpose: str = ""
    channels: tuple[Channel, ...] = ()
    expires_at: datetime | None = None
    requested_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()
    rounds: int = 0
    round_after: int = 0
    arrived: int = 0
    title: Private[LocalizedText] = ERASED
    body: Private[LocalizedText] = ERASED
    sms: Private[LocalizedText | None] = None

    @property
    def number(self) -> int:
        """The number of the attempt that was begun last."""
        return self.attempts[-1].number if self.attempts else 0

    @property
    def open_channels(self) -> Sequence[Channel]:
        """Those by which the person may be reached: nothing has failed there but providers."""
        vain = {attempt.channel for attempt in self.attempts if attempt.failure not in (None, Failure.TECHNICAL)}
        return [channel for channel in self.channels if channel not in vain]

    def is_sending(self, number: int) -> bool:
        """Whether this attempt has still to be made."""
        return self.status is Status.SENDING and self.number == number

    def rests_on(self, number: int) -> bool:
        """Whether the person is reached by this attempt, as far as is known; all others do not matter any more."""
        if self.status is Status.DELIVERED:
            return 0 < number == self.arrived
        return self.status in (Status.SENDING, Status.SENT) and self.number == number


@dataclass(frozen=True)
class Known:
    """What a delivery is decided with."""

    recipient: Recipient | None = None
    chosen: ChosenChannels | None = None
    route: Route | None = None


@dataclass(frozen=True)
class Tell:
    """Something has happened that a person is to be told of. `only_by`: a channel that is being tried out."""

    delivery_id: UUID
    person_id: UUID
    purpose: str
    cause_id: UUID
    about_id: UUID
    title: LocalizedText
    body: LocalizedText
    at: datetime
    sms: LocalizedText | None = None
    expires_at: datetime | None = None
    only_by: Channel | None = None


@dataclass(frozen=True)
class Taken:
    """The provider has taken the message."""

    number: int
    parts: int | None


@dataclass(frozen=True)
class NotTaken:
    """The provider has not taken the message, or it was not given to any. `is_final`: nothing else is to be tried."""

    number: int
    status: Failure
    why: str
    at: datetime
    is_final: bool = False


@dataclass(frozen=True)
class Arrived:
    """The provider says that the message has arrived."""

    number: int


@dataclass(frozen=True)
class Bounced:
    """The provider says that it has not, or not after all."""

    number: int
    status: Failure
    why: str
    at: datetime


@dataclass(frozen=True)
class Unheard:
    """The provider should have said by now what has become of it."""

    number: int
    at: datetime


@dataclass(frozen=True)
class TryAgain:
    """Time has passed since the last attempt of a round."""

    number: int
    at: datetime


Message = Tell | Taken | NotTaken | Arrived | Bounced | Unheard | TryAgain
Event = DeliveryRequested | DeliverySending | DeliverySent | DeliveryDelivered | DeliveryFailed


def reference_of(delivery_id: UUID, number: int) -> UUID:
    """The name of an attempt for its provider: the same in every repeat."""
    return derive_id("message", delivery_id, number)


def decide(state: Delivery, message: Message, known: Known) -> Sequence[Event]:
    """The rules of a delivery."""
    match message:
        case Tell():
            return tell(state, message, known)
        case Taken(number, parts):
            return taken(state, number, parts)
        case NotTaken(number):
            return failed(state, message, known) if state.is_sending(number) else []
        case Arrived(number):
            return arrived(state, number)
        case Bounced(number, status, why, at):
            return failed(state, NotTaken(number, status, why, at), known) if state.rests_on(number) else []
        case Unheard(number, at):
            is_waiting = state.status is Status.SENT and state.number == number
            notice = NotTaken(number, Failure.TEMPORARY, "no-receipt", at)
            return failed(state, notice, known) if is_waiting else []
        case TryAgain(number, at):
            is_over = state.status in _FAILURES and state.number == number
            return next_attempt(state, known, at) if is_over else []
        case _:
            assert_never(message)


def tell(state: Delivery, message: Tell, known: Known) -> Sequence[Event]:
    """A person is told once, the dead and the erased not at all; what is in the inbox is delivered with the commit."""
    recipient = known.recipient
    if state.status is not Status.UNKNOWN or recipient is None or not recipient.can_be_told:
        return []
    wanted = (message.only_by,) if message.only_by else channels_for(recipient, known.chosen)
    requested = DeliveryRequested(
        delivery_id=message.delivery_id,
        requested_at=message.at,
        person_id=message.person_id,
        purpose=message.purpose,
        cause_id=message.cause_id,
        about_id=message.about_id,
        in_app=message.only_by is None,
        channels=list(wanted),
        expires_at=message.expires_at,
        title=message.title,
        body=message.body,
        sms=message.sms,
    )
    inbox = DeliveryDelivered(person_id=message.person_id, number=0, channel=Channel.IN_APP, reference=None)
    delivered = [inbox] if requested.in_app else []
    return [requested, *delivered, *next_attempt(evolve(state, requested), known, message.at)]


def channels_for(recipient: Recipient, chosen: ChosenChannels | None) -> tuple[Channel, ...]:
    """What the person wants, in their order, as far as we know how to reach them; else a short message, then mail."""
    wanted = (Channel.SMS, Channel.EMAIL) if chosen is None else tuple(chosen.channels)
    reachable = {Channel.SMS: recipient.mobile, Channel.EMAIL: recipient.email}
    return tuple(channel for channel in wanted if reachable.get(channel))


def next_attempt(state: Delivery, known: Known, at: datetime) -> Sequence[DeliverySending]:
    """The next provider of the channel, or the next channel; nothing is begun after the message's end."""
    if state.expires_at is not None and at >= state.expires_at:
        return []
    tried = [attempt.key for attempt in state.attempts if attempt.number > state.round_after]
    for channel in state.open_channels:
        provider = choose(known.route, state.id, tried) if channel is Channel.SMS else MAIL_SERVER
        if provider is not None and (channel, provider) not in tried:
            number = state.number + 1
            reference = reference_of(state.id, number)
            sending = DeliverySending(
                person_id=state.person_id, number=number, channel=channel, provider=provider, reference=reference
            )
            return [sending]
    return []


def failed(state: Delivery, notice: NotTaken, known: Known) -> Sequence[Event]:
    """The attempt has failed. Another provider is tried only where the first one was at fault, else another channel.

    Where nothing is left but providers that were away, all of these are tried again later.
    """
    attempt = state.attempts[notice.number - 1]
    event = DeliveryFailed(
        person_id=state.person_id,
        number=attempt.number,
        channel=attempt.channel,
        provider=attempt.provider,
        reference=reference_of(state.id, attempt.number),
        status=notice.status,
        why=notice.why,
        retry_at=None,
    )
    after = evolve(state, event)
    following = [] if notice.is_final else next_attempt(after, known, notice.at)
    if following or notice.is_final or not after.open_channels:
        return [event, *following]
    return [event.model_copy(update={"retry_at": next_round_at(state, notice.at)})]


def next_round_at(state: Delivery, at: datetime) -> datetime | None:
    """When all is tried again; None where it is too late by then."""
    assert state.requested_at is not None
    retry_at = at + PAUSES[min(state.rounds, len(PAUSES) - 1)]
    ends_at = min(state.expires_at or retry_at + PATIENCE, state.requested_at + PATIENCE)
    return retry_at if retry_at < ends_at else None


def taken(state: Delivery, number: int, parts: int | None) -> Sequence[Event]:
    """The provider has it."""
    if not state.is_sending(number):
        return []
    attempt = state.attempts[-1]
    reference = reference_of(state.id, number)
    return [
        DeliverySent(
            number=number, channel=attempt.channel, provider=attempt.provider, reference=reference, parts=parts
        )
    ]


def arrived(state: Delivery, number: int) -> Sequence[Event]:
    """It has arrived; of an earlier attempt too, and then no other has to be made."""
    attempt = next((attempt for attempt in state.attempts if attempt.number == number), None)
    if attempt is None or state.status is Status.DELIVERED:
        return []
    reference = reference_of(state.id, number)
    return [DeliveryDelivered(person_id=state.person_id, number=number, channel=attempt.channel, reference=reference)]


def evolve(state: Delivery, event: Event) -> Delivery:
    """A delivery after an event."""
    match event:
        case DeliveryRequested():
            return Delivery(
                status=Status.CREATED,
                id=event.delivery_id,
                requested_at=event.requested_at,
                person_id=event.person_id,
                purpose=event.purpose,
                channels=tuple(event.channels),
                expires_at=event.expires_at,
                title=event.title,
                body=event.body,
                sms=event.sms,
            )
        case DeliverySending():
            attempt = Attempt(event.number, event.channel, event.provider)
            return replace(state, status=Status.SENDING, attempts=(*state.attempts, attempt))
        case DeliverySent():
            return replace(state, status=Status.SENT)
        case DeliveryDelivered():
            return replace(state, status=Status.DELIVERED, arrived=event.number, round_after=state.number)
        case DeliveryFailed():
            attempts = tuple(
                replace(attempt, failure=event.status) if attempt.number == event.number else attempt
                for attempt in state.attempts
            )
            failed_now = replace(state, status=Status(event.status), attempts=attempts)
            if event.retry_at is None:
                return failed_now
            return replace(failed_now, rounds=state.rounds + 1, round_after=event.number)
        case _:
            assert_never(event)


def _person_key(message: Message, state: Delivery) -> UUID | None:
    return message.person_id if isinstance(message, Tell) else None


def _route_key(message: Message, _: Delivery) -> str | None:
    return Channel.SMS if isinstance(message, Tell | NotTaken | Bounced | Unheard | TryAgain) else None


delivery = Decider(
    "delivery",
    initial=Delivery(),
    decide=decide,
    evolve=evolve,
    table="deliveries",
    given=Givens(
        Known,
        recipient=Given(Recipient, "recipients", by="person_id", key=_person_key),
        chosen=Given(ChosenChannels, "chosen_channels", by="person_id", key=_person_key),
        route=Given(Route, "sms_routes", by="channel", key=_route_key),
    ),
    shape=3,
)
