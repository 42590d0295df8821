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
LOG_BEHIND = Gauge("afaq_log_behind", "1 while the topic holds events that the log does not know", ["service"])
CONSUMER_LAG = Gauge("afaq_consumer_lag", "Records of a partition not yet followed", ["service", "topic", "partition"])
CONSUMER_PAUSED = Gauge("afaq_consumer_paused", "1 while too much is being parked to go on", ["service"])
JOBS = Gauge("afaq_jobs", "Jobs by kind and state", ["service", "kind", "state"])
HTTP_SECONDS = Histogram(
    "afaq_http_seconds", "Time to answer a request", ["service", "method", "route", "status"], buckets=_BUCKETS
)


CIRCUIT_OPEN = Gauge(
    "afaq_circuit_open", "1 while a target outside is left alone because it fails", ["service", "target"]
)
TASKS_OPEN = Gauge("afaq_tasks_open", "Officers' open tasks, counted up to 10,000 an agency", ["agency"])
TASKS_OLDEST_SECONDS = Gauge("afaq_tasks_oldest_seconds", "How long an agency's first open task has waited", ["agency"])
REQUESTS_WAITING = Gauge(
    "afaq_requests_waiting", "Requests that have not ended, by whom they wait for; up to 10,000 each", ["owner"]
)
OWED = Gauge("afaq_owed", "Refunds and payouts that are due and not made, up to 10,000 each", ["kind"])
OWED_OLDEST_SECONDS = Gauge("afaq_owed_oldest_seconds", "How long the oldest of them has been due", ["kind"])
LEDGER_FILS = Gauge("afaq_ledger_fils", "Balances of the ledger; they add up to nothing", ["account"])
MESSAGES_UNSENT = Gauge(
    "afaq_messages_unsent", "Messages that a provider has still to take, up to 10,000 a channel", ["channel"]
)
MESSAGES_UNSENT_OLDEST_SECONDS = Gauge(
    "afaq_messages_unsent_oldest_seconds", "How long the oldest of them has been due", ["channel"]
)
MESSAGE_SECONDS = Histogram(
    "afaq_message_seconds",
    "Time from the wish to tell a person to the provider's taking of the message",
    ["channel"],
    buckets=(0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0, 259200.0),
)
OF_THE_LEADER = (
    *(TASKS_OPEN, TASKS_OLDEST_SECONDS, REQUESTS_WAITING, OWED, OWED_OLDEST_SECONDS, LEDGER_FILS),
    *(MESSAGES_UNSENT, MESSAGES_UNSENT_OLDEST_SECONDS),
)
"""What one process of a service counts for all of them, and the others do not tell."""
COUNTED_AT_MOST = 10_000
"""No gauge of what waits counts further: so its cost does not grow with what has piled up."""


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
