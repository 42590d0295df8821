"""What notifications meets outside, in memory."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from services.notifications.domain.letter import Letter
from services.notifications.domain.recipient import Recipient
from services.notifications.domain.sms_route import Figures
from services.notifications.effects import effects
from shared.contracts.notifications import Channel
from shared.functions import Effect, EffectHandler, Job

T = TypeVar("T")
Fault = Callable[[], Exception | None]


def done(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    raise AssertionError("it waits for something")


def handler_of(effect: Effect) -> EffectHandler:
    """How an effect is done."""
    handler = effects.handler(type(effect).__name__)
    assert handler is not None
    return handler


@dataclass(frozen=True)
class Handed:
    """A message as somebody outside has it."""

    provider: str
    to: str
    said: Any
    reference: UUID


@dataclass
class Recipients:
    """People as they are at this moment."""

    people: dict[UUID, Recipient] = field(default_factory=dict)

    async def find(self, person_id: UUID) -> Recipient | None:
        """The person."""
        return self.people.get(person_id)


@dataclass
class Outside:
    """Companies and a mail server. `before` may refuse a message, `after` may lose the answer to it."""

    handed: list[Handed] = field(default_factory=list)
    before: Fault = lambda: None
    after: Fault = lambda: None

    def take(self, handed: Handed) -> None:
        """Once, twice or not at all."""
        if (error := self.before()) is not None:
            raise error
        self.handed.append(handed)
        if (error := self.after()) is not None:
            raise error


@dataclass
class Companies(Outside):
    """Each takes a reference once."""

    async def send(self, provider: str, mobile: str, text: str, reference: UUID) -> None:
        """Takes a message."""
        self.take(Handed(provider, mobile, text, reference))


@dataclass
class Mail(Outside):
    """A server that takes all it is given."""

    async def send(self, address: str, letter: Letter, reference: UUID) -> None:
        """Takes a letter."""
        self.take(Handed("mail", address, letter, reference))


@dataclass
class Meter:
    """Has measured."""

    measured: Mapping[str, Figures]
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)

    async def figures(self, since: datetime, now: datetime) -> Mapping[str, Figures]:
        """What was measured."""
        self.asked.append((since, now))
        return self.measured


@dataclass
class Waits:
    """Remembers for how long people have waited, by channel."""

    noted: list[tuple[Channel, timedelta]] = field(default_factory=list)

    def note(self, channel: Channel, waited: timedelta) -> None:
        """Somebody has waited so long."""
        self.noted.append((channel, waited))


def perform(effect: Effect, job: Job, state: Any, **parts: Any) -> Any:
    """What an effect sends after it was done once."""
    handler = handler_of(effect)
    available = {"effect": effect, "job": job, "state": state, "waits": Waits(), **parts}
    return done(handler.perform(**{name: available[name] for name in handler.parameters}))  # type: ignore[arg-type]
