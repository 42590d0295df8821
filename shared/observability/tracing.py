"""Traces: one W3C trace context runs from the HTTP request through every event it brings about."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

_tracer = trace.get_tracer("afaq")


def start_tracing(service: str, *, sampled_share: float) -> None:
    """Makes spans for this share of the traces that begin here; those that come in keep their sender's choice."""
    sampler = ParentBased(TraceIdRatioBased(sampled_share))
    trace.set_tracer_provider(TracerProvider(sampler=sampler, resource=Resource.create({"service.name": service})))


def current_traceparent() -> str | None:
    """The trace context that goes with what is recorded now."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def span(name: str, traceparent: str | None) -> Iterator[None]:
    """A span that continues the trace which an event carries."""
    parent = propagate.extract({"traceparent": traceparent} if traceparent else {})
    with _tracer.start_as_current_span(
        name,
        context=parent,
        record_exception=False,  # its text may quote personal data
        set_status_on_exception=False,
    ):
        yield
