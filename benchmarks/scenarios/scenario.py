"""What a scenario is."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.figures import Sample
from benchmarks.lab import Lab


@dataclass(frozen=True)
class Ratio:
    """A figure of one system over the same figure of another, round by round."""

    above: str
    below: str
    figure: str


@dataclass(frozen=True)
class Scenario:
    """`piece`: what CPU time is counted by. `run` measures every system once a round, in turn."""

    name: str
    question: str
    piece: str
    run: Callable[[Lab], Coroutine[Any, Any, list[Sample]]]
    ratios: Sequence[Ratio] = ()
