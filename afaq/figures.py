"""What the processes' metrics say between two looks: rates, lags, backlogs, and who is slow."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

Labels = tuple[tuple[str, str], ...]
SLOW = (
    ("afaq_handled_after_seconds", "type", "after its recording"),
    ("afaq_effect_seconds", "effect", "an attempt"),
    ("afaq_http_seconds", "route", "an answer"),
)


@dataclass(frozen=True)
class Sample:
    """The metrics of all processes at one time (seconds)."""

    at: float
    values: Mapping[tuple[str, Labels], float]

    def sum(self, name: str, **labels: str) -> float:
        """All of this name whose labels say so."""
        wanted = set(labels.items())
        return sum(value for (found, said), value in self.values.items() if found == name and wanted <= set(said))

    def most(self, name: str, **labels: str) -> float:
        """The largest of this name whose labels say so; 0 where there is none."""
        wanted = set(labels.items())
        return max(
            (v for (found, said), v in self.values.items() if found == name and wanted <= set(said)), default=0.0
        )


@dataclass(frozen=True)
class ServiceFigures:
    """One service: what it does a second, and what waits."""

    name: str
    handled: float
    published: float
    commit_ms: float
    outbox: int
    oldest_seconds: float
    lag: int
    jobs: int
    parked: int


@dataclass(frozen=True)
class Slow:
    """One kind of work, and how long it takes on the average."""

    service: str
    what: str
    of: str
    mean_ms: float
    times: int


def sample_of(texts: Iterable[str], at: float) -> Sample:
    """The metrics of some processes, each as its `/metrics` has them; what several of them have is added up."""
    values: dict[tuple[str, Labels], float] = defaultdict(float)
    for text in texts:
        for family in text_string_to_metric_families(text):
            for found in family.samples:
                values[found.name, tuple(sorted(found.labels.items()))] += found.value
    return Sample(at, dict(values))


def figures_of(name: str, before: Sample, after: Sample) -> ServiceFigures:
    """One service between two looks."""
    seconds = max(1e-6, after.at - before.at)

    def grown(metric: str, **labels: str) -> float:
        return max(0.0, after.sum(metric, service=name, **labels) - before.sum(metric, service=name, **labels))

    commits = grown("afaq_commit_seconds_count")
    return ServiceFigures(
        name=name,
        handled=grown("afaq_works_total", outcome="done") / seconds,
        published=grown("afaq_events_published_total") / seconds,
        commit_ms=1000 * grown("afaq_commit_seconds_sum") / commits if commits else 0.0,
        outbox=int(after.most("afaq_outbox_depth", service=name)),
        oldest_seconds=after.most("afaq_outbox_oldest_seconds", service=name),
        lag=int(after.sum("afaq_consumer_lag", service=name)),
        jobs=int(after.sum("afaq_jobs", service=name, state="live")),
        parked=int(after.sum("afaq_jobs", service=name, state="parked")),
    )


def slowest(sample: Sample, how_many: int) -> list[Slow]:
    """The kinds of work that take longest on the average since the processes began."""
    found = []
    for metric, label, of in SLOW:
        for (name, labels), times in sample.values.items():
            if name == f"{metric}_count" and times:
                said = dict(labels)
                mean = sample.values[f"{metric}_sum", labels] / times
                found.append(Slow(said["service"], said[label], of, 1000 * mean, int(times)))
    return sorted(found, key=lambda slow: slow.mean_ms, reverse=True)[:how_many]
