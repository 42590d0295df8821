"""A contact: a channel of a person, confirmed by a one-time code that has come back."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from shared.contracts.notifications import Channel, ContactCodeAsked, ContactCodeMistaken, ContactConfirmed
from shared.contracts.personal import Erased, Private, SubjectId
from shared.functions import Decider
from shared.kernel.errors import Refused
from shared.kernel.ids import derive_id

NOBODY = UUID(int=0)
CODE_LIVES = timedelta(minutes=5)
PAUSE = timedelta(seconds=60)
TRIES = 5


@dataclass(frozen=True)
class Contact:
    """A channel of a person. The code is there until it was used, mistaken too often, or is too old.

    `address` is where it went: it confirms no other.
    """

    person_id: SubjectId = NOBODY
    channel: Channel = Channel.SMS
    address: Private[str | None] = None
    code: Private[str | None] = None
    asked_at: datetime | None = None
    expires_at: datetime | None = None
    mistakes: int = 0
    is_confirmed: bool = False


@dataclass(frozen=True)
class AskCode:
    """A command of the person: to be sent a code, to the address that they have by now."""

    person_id: UUID
    channel: Channel
    code: str
    at: datetime
    address: str | None = None


@dataclass(frozen=True)
class GiveCode:
    """A command of the person: the code has come. A mistake is counted, so it is no refusal."""

    code: str
    at: datetime
    address: str | None = None


Message = AskCode | GiveCode
Event = ContactCodeAsked | ContactCodeMistaken | ContactConfirmed


def contact_id(person_id: UUID, channel: Channel) -> UUID:
    """The one contact of a person and channel."""
    return derive_id("contact", person_id, channel)


def decide(state: Contact, message: Message) -> Sequence[Event]:
    """The rules of a contact."""
    match message:
        case AskCode():
            return ask(state, message)
        case GiveCode():
            return give(state, message)
        case _:
            assert_never(message)


def ask(state: Contact, command: AskCode) -> Sequence[Event]:
    """A code a minute at most; an older one is good no more."""
    if state.asked_at is not None and command.at < state.asked_at + PAUSE:
        raise Refused("code-asked-too-often")
    return [
        ContactCodeAsked(
            person_id=command.person_id,
            channel=command.channel,
            address=command.address,
            code=command.code,
            asked_at=command.at,
            expires_at=command.at + CODE_LIVES,
        )
    ]


def give(state: Contact, command: GiveCode) -> Sequence[Event]:
    """Five tries, five minutes, one use, and for the address that it was sent to."""
    is_good = state.code is not None and not isinstance(state.code, Erased) and state.mistakes < TRIES
    is_of_this_address = state.address == command.address
    if not (is_good and is_of_this_address) or state.expires_at is None or command.at >= state.expires_at:
        raise Refused("code-not-good-any-more")
    assert isinstance(state.code, str)
    if not hmac.compare_digest(state.code.encode(), command.code.encode()):
        return [ContactCodeMistaken(person_id=state.person_id, channel=state.channel)]
    return [ContactConfirmed(person_id=state.person_id, channel=state.channel)]


def evolve(state: Contact, event: Event) -> Contact:
    """A contact after an event."""
    match event:
        case ContactCodeAsked():
            return replace(
                state,
                person_id=event.person_id,
                channel=event.channel,
                address=event.address,
                is_confirmed=state.is_confirmed and state.address == event.address,
                code=event.code,
                asked_at=event.asked_at,
                expires_at=event.expires_at,
                mistakes=0,
            )
        case ContactCodeMistaken():
            return replace(state, mistakes=state.mistakes + 1)
        case ContactConfirmed():
            return replace(state, code=None, is_confirmed=True)
        case _:
            assert_never(event)


contact = Decider("contact", initial=Contact(), decide=decide, evolve=evolve)
