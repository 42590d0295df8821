"""A key that access tokens are signed with: its public half is published for every service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.contracts.identity import SigningKeyPublished
from shared.functions import Decider


@dataclass(frozen=True)
class SigningKey:
    """The public key as a JWK; empty before it is published."""

    jwk: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PublishKey:
    """A command of identity itself, at its start."""

    jwk: Mapping[str, Any]


def decide(state: SigningKey, message: PublishKey) -> Sequence[SigningKeyPublished]:
    """A key is published once."""
    return [] if state.jwk else [SigningKeyPublished(jwk=dict(message.jwk))]


def evolve(state: SigningKey, event: SigningKeyPublished) -> SigningKey:
    """A key after an event."""
    return SigningKey(jwk=event.jwk)


signing_key = Decider("signing_key", initial=SigningKey(), decide=decide, evolve=evolve)
