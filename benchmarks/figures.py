"""What a round has measured, and what many rounds come to: medians and ranges, never averages."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

P50, P95, P99, SLOWEST = "p50 ms", "p95 ms", "p99 ms", "slowest ms"
Points = list[tuple[float, float]]


@dataclass
class Sample:
    """One system in one round. `cpu_ms` is by group and piece of work; a round with `problems` is void.

    `noise`: who else used the machine; a problem too, unless a run is allowed it.
    """

    system: str
    round: int
    figures: dict[str, float]
    cpu_ms: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    curves: dict[str, Points] = field(default_factory=dict)

    @property
    def is_valid(self) -> bool:
        """Whether it may be counted."""
        return not self.problems


@dataclass(frozen=True)
class Spread:
    """The median of some rounds, and the least and the most of them."""

    median: float
    least: float
    most: float

    @staticmethod
    def of(values: Sequence[float]) -> "Spread | None":
        """The spread of these values; None where there are none."""
        return Spread(statistics.median(values), min(values), max(values)) if values else None

    def __str__(self) -> str:
        if self.least == self.most:
            return number(self.median)
        return f"{number(self.median)} [{number(self.least)}–{number(self.most)}]"


def number(value: float) -> str:
    """Three digits that say something."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 1:
        return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return f"{value:.3g}"


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that this share of an ordered sample does not exceed (nearest rank)."""
    rank = math.ceil(round(share * len(ordered), 6))  # 0.29 * 100 is a little more than 29
    return ordered[max(rank, 1) - 1]


def latencies(seconds: Sequence[float], prefix: str = "") -> dict[str, float]:
    """p50, p95, p99 and the slowest, in milliseconds; nothing of no sample."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    found = {P50: percentile(ordered, 0.5), P95: percentile(ordered, 0.95), P99: percentile(ordered, 0.99)}
    return {f"{prefix}{name}": 1000 * value for name, value in {**found, SLOWEST: ordered[-1]}.items()}


def distribution(seconds: Sequence[float]) -> Points:
    """A latency's curve: for each share of the sample, in percent, the milliseconds that it does not exceed."""
    ordered = sorted(seconds)
    shares = [*(step / 100 for step in range(2, 99, 2)), 0.99, 0.995, 1.0]
    return [(100 * share, 1000 * percentile(ordered, share)) for share in shares] if ordered else []


def ratios(samples: Sequence[Sample], numerator: str, denominator: str, figure: str) -> list[float]:
    """One ratio for each round in which both systems are valid."""
    found = {(sample.system, sample.round): sample.figures.get(figure) for sample in samples if sample.is_valid}
    rounds = sorted({sample.round for sample in samples})
    pairs = [(found.get((numerator, number)), found.get((denominator, number))) for number in rounds]
    return [above / below for above, below in pairs if above is not None and below]
