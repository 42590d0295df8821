"""The route of short messages: shared out over the providers by how they fail, as it is measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from shared.contracts.notifications import Channel, SmsRouteChanged
from shared.functions import Decider
from shared.kernel.ids import derive_id

ENOUGH = 5
"""So many attempts of a provider say something about it."""
BAD_SHARE = 0.15
"""From this share of failed or slow attempts on a provider is bad (GOV.UK Notify)."""
STEP, STEP_BACK, LEAST = 20, 5, 5
"""Percent that go to the others at each measure, that come back, and that stay so that it can still be measured."""


@dataclass(frozen=True)
class Figures:
    """What a provider has made of its attempts of the last minute."""

    attempts: int
    bad: int

    @property
    def is_bad(self) -> bool:
        """Whether it fails too often; of few attempts nothing can be said."""
        return self.attempts >= ENOUGH and self.bad / self.attempts >= BAD_SHARE


@dataclass(frozen=True)
class Route:
    """A row of `sms_routes`."""

    channel: Channel
    weights: Mapping[str, int]


@dataclass(frozen=True)
class SmsRoute:
    """The share of each provider in new messages, in percent."""

    weights: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Provide:
    """The providers that there are now; what is measured of those that stay is kept."""

    providers: tuple[str, ...]


@dataclass(frozen=True)
class Measured:
    """How the providers do."""

    figures: Mapping[str, Figures]


def decide(state: SmsRoute, message: Provide | Measured) -> Sequence[SmsRouteChanged]:
    """Weights as the measure says. A measure is always answered, so that the next one is made."""
    if isinstance(message, Measured):
        return [SmsRouteChanged(weights=dict(rerouted(state.weights, message.figures)))]
    if set(message.providers) == set(state.weights):
        return []
    return [SmsRouteChanged(weights=dict(evenly(message.providers)))]


def evolve(_: SmsRoute, event: SmsRouteChanged) -> SmsRoute:
    """A route after an event."""
    return SmsRoute(event.weights)


def rerouted(weights: Mapping[str, int], figures: Mapping[str, Figures]) -> Mapping[str, int]:
    """A bad provider gives to the good ones; where all are good, or all bad, they tend to equal shares again."""
    bad = {name for name in weights if name in figures and figures[name].is_bad}
    good = weights.keys() - bad
    if not good:
        bad, good = set(), set(weights)
    if not bad:
        return _towards(weights, evenly(tuple(weights)), STEP_BACK)
    target = dict.fromkeys(bad, LEAST) | _shares(sorted(good), 100 - LEAST * len(bad))
    return _towards(weights, target, STEP)


def evenly(providers: Sequence[str]) -> Mapping[str, int]:
    """Equal shares of a hundred."""
    return _shares(sorted(providers), 100)


def choose(route: Route | None, delivery_id: UUID, tried: Sequence[tuple[Channel, str]]) -> str | None:
    """The provider of a message, by the weights of those that were not tried; for the same message the same."""
    weights = {} if route is None else route.weights
    left = {name: weight for name, weight in sorted(weights.items()) if (Channel.SMS, name) not in tried}
    if not left:
        return None
    point = derive_id("sms-route", delivery_id).int % max(1, sum(left.values()))
    for name, weight in left.items():
        if point < weight:
            return name
        point -= weight
    return next(iter(left))


def _shares(names: Sequence[str], whole: int) -> dict[str, int]:
    each, rest = divmod(whole, len(names)) if names else (0, 0)
    return {name: each + (position < rest) for position, name in enumerate(names)}


def _towards(weights: Mapping[str, int], target: Mapping[str, int], step: int) -> Mapping[str, int]:
    """Weights that have come at most a step nearer; their sum stays a hundred."""
    far = max((abs(target[name] - weight) for name, weight in weights.items()), default=0)
    if far <= step:
        return target
    moved = {name: weight + round((target[name] - weight) * step / far) for name, weight in weights.items()}
    largest = max(sorted(moved), key=lambda name: moved[name])  # which can spare what rounding has added
    return {**moved, largest: moved[largest] + 100 - sum(moved.values())}


ROUTE_ID = derive_id("sms-route", "the one")
sms_route = Decider("sms_route", initial=SmsRoute(), decide=decide, evolve=evolve, table="sms_route")
