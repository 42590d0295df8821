"""Prometheus metrics of a service process."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

COMMIT_SECONDS = Histogram(
    "afaq_commit_seconds",
    "Time of one transaction of the shell, from its start to its commit",
    ["service"],
    buckets=_BUCKETS,
)
WORKS = Counter("afaq_works_total", "Commands, events, timers and results dealt with", ["service", "outcome"])
HANDLED_AFTER_SECONDS = Histogram(
    "afaq_handled_after_seconds",
    "Time from the recording of an event to the commit of what it brought about here",
    ["service", "type"],
    buckets=_BUCKETS,
)
EFFECT_SECONDS = Histogram(
    "afaq_effect_seconds", "Time of one attempt at an effect", ["service", "effect", "outcome"], buckets=_BUCKETS
)
PUBLISHED = Counter("afaq_events_published_total", "Events and snapshots acknowledged by Kafka", ["service"])
OUTBOX_DEPTH = Gauge("afaq_outbox_depth", "Events that are committed and not yet published", ["service"])
OUTBOX_OLDEST_SECONDS = Gauge("afaq_outbox_oldest_seconds", "Age of the oldest unpublished event", ["service"])
CONSUMER_LAG = Gauge("afaq_consumer_lag", "Records of a partition not yet followed", ["service", "topic", "partition"])
CONSUMER_PAUSED = Gauge("afaq_consumer_paused", "1 while too much is being parked to go on", ["service"])
JOBS = Gauge("afaq_jobs", "Jobs by kind and state", ["service", "kind", "state"])
HTTP_SECONDS = Histogram(
    "afaq_http_seconds", "Time to answer a request", ["service", "method", "route", "status"], buckets=_BUCKETS
)


def committed(service: str, outcomes: Mapping[Any, Any], seconds: float, now: datetime) -> None:
    """Counts one transaction, what became of its works, and how long their events had waited."""
    COMMIT_SECONDS.labels(service).observe(seconds)
    for work, outcome in outcomes.items():
        WORKS.labels(service, _word(outcome)).inc()
        if work.event is not None and _word(outcome) == "done":
            waited = (now - work.event.time).total_seconds()
            HANDLED_AFTER_SECONDS.labels(service, work.event.data.type).observe(max(0.0, waited))


def effect_ended(service: str, effect: str, outcome: str, seconds: float) -> None:
    """Counts one attempt at an effect."""
    EFFECT_SECONDS.labels(service, effect, outcome).observe(seconds)


def _word(outcome: Any) -> str:
    if isinstance(outcome, Exception):
        return "refused"
    if getattr(outcome, "parked", False):
        return "parked"
    if hasattr(outcome, "reason"):
        return "waiting"
    return "duplicate" if outcome.duplicate else "done"
