"""A session: somebody has signed in through a frontend, which gets tokens until the session ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from shared.contracts.identity import SessionEnded, SessionRefreshed, SessionStarted
from shared.functions import Decider
from shared.kernel.errors import Refused

NOBODY = UUID(int=0)


class Status(StrEnum):
    """Where a session stands: started until its code is redeemed, then active."""

    UNKNOWN = "unknown"
    STARTED = "started"
    ACTIVE = "active"
    ENDED = "ended"


TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.UNKNOWN: frozenset({Status.STARTED}),
    Status.STARTED: frozenset({Status.ACTIVE, Status.ENDED}),
    Status.ACTIVE: frozenset({Status.ENDED}),
    Status.ENDED: frozenset(),
}


@dataclass(frozen=True)
class Session:
    """Who has signed in, how surely, and which refresh token is the newest."""

    status: Status = Status.UNKNOWN
    acting_as: UUID = NOBODY
    client_id: str = ""
    roles: tuple[str, ...] = ()
    assurance: int = 0
    started_at: datetime | None = None
    token_number: int = 0


@dataclass(frozen=True)
class StartSession:
    """A command of the sign-in: a provider has told who it is."""

    acting_as: UUID
    provider: str
    client_id: str
    roles: tuple[str, ...]
    assurance: int
    at: datetime


@dataclass(frozen=True)
class RedeemCode:
    """A command of the frontend: tokens for its authorization code, which is good once."""


@dataclass(frozen=True)
class RefreshTokens:
    """A command of the frontend: new tokens for the newest refresh token."""

    token_number: int


@dataclass(frozen=True)
class EndSession:
    """A command of the frontend, or of the person: to sign out twice is no harm."""


@dataclass(frozen=True)
class PersonGone:
    """The person has died or was erased."""


Message = StartSession | RedeemCode | RefreshTokens | EndSession | PersonGone
Event = SessionStarted | SessionRefreshed | SessionEnded


def decide(state: Session, message: Message) -> Sequence[Event]:
    """The rules of a session."""
    match message:
        case StartSession():
            return [] if state.status is not Status.UNKNOWN else [started(message)]
        case RedeemCode():
            # RFC 6749, 4.1.2: who brings a code again may be a thief, or the one who was robbed.
            if state.status is Status.STARTED:
                return [SessionRefreshed(token_number=1)]
            return ended(state, "code-reused")
        case RefreshTokens(token_number):
            return refresh(state, token_number)
        case EndSession():
            return ended(state, "signed-out")
        case PersonGone():
            return ended(state, "person-gone")
        case _:
            assert_never(message)


def started(command: StartSession) -> SessionStarted:
    """A new session."""
    return SessionStarted(
        acting_as=command.acting_as,
        provider=command.provider,
        client_id=command.client_id,
        roles=list(command.roles),
        assurance=command.assurance,
        started_at=command.at,
    )


def refresh(state: Session, token_number: int) -> Sequence[Event]:
    """Each refresh token is good once; an older one means that it was stolen, and ends the session (RFC 9700, 4.14)."""
    if state.status is not Status.ACTIVE or token_number > state.token_number:
        raise Refused("session-ended")
    if token_number < state.token_number:
        return ended(state, "token-reused")
    return [SessionRefreshed(token_number=token_number + 1)]


def ended(state: Session, reason: str) -> Sequence[SessionEnded]:
    """A session ends once."""
    if state.status not in (Status.STARTED, Status.ACTIVE):
        return []
    return [SessionEnded(acting_as=state.acting_as, reason=reason)]


def evolve(state: Session, event: Event) -> Session:
    """A session after an event."""
    match event:
        case SessionStarted():
            return Session(
                status=Status.STARTED,
                acting_as=event.acting_as,
                client_id=event.client_id,
                roles=tuple(event.roles),
                assurance=event.assurance,
                started_at=event.started_at,
            )
        case SessionRefreshed():
            return replace(state, status=Status.ACTIVE, token_number=event.token_number)
        case SessionEnded():
            return replace(state, status=Status.ENDED)
        case _:
            assert_never(event)


session = Decider("session", initial=Session(), decide=decide, evolve=evolve)
