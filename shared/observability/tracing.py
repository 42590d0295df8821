"""Traces: one W3C trace context runs from the HTTP request through every event it brings about.

Of one trace the spans are: the request, the decision (its transaction), each event's publication, what each consumer
makes of it, own events' reactions, and effects; each the child of what caused it, in whatever process and batch.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind

__all__ = ["OpenSpan", "SpanKind", "current_traceparent", "is_sampled", "span", "start_tracing", "stop_tracing"]

_tracer = trace.get_tracer("afaq")
_EXPORTED_AFTER_MS = 500
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-([0-9a-f]{2})")


class WithoutAddresses(SpanProcessor):
    """Addresses of requests hold codes and ids of people: of each only the route's template is exported."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Blanks what the web framework has written down."""
        for name in ("url.path", "url.query"):
            if span.attributes and name in span.attributes:
                span.set_attribute(name, "")


def start_tracing(
    service: str, *, sampled_share: float, otlp_endpoint: str | None = None, file: Path | None = None
) -> None:
    """Makes spans for this share of the traces that begin here; those that come in keep their sender's choice.

    They go to an OpenTelemetry collector (OTLP over HTTP), and to a file of JSON lines, if there is one.
    """
    sampler = ParentBased(TraceIdRatioBased(sampled_share))
    provider = TracerProvider(sampler=sampler, resource=Resource.create({"service.name": service}))
    provider.add_span_processor(WithoutAddresses())
    if otlp_endpoint is not None:
        exporter = OTLPSpanExporter(endpoint=f"{otlp_endpoint.rstrip('/')}/v1/traces")
        provider.add_span_processor(BatchSpanProcessor(exporter))
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = ConsoleSpanExporter(out=file.open("a", buffering=1, encoding="utf-8"), formatter=_line)
        provider.add_span_processor(BatchSpanProcessor(lines, schedule_delay_millis=_EXPORTED_AFTER_MS))
    trace.set_tracer_provider(provider)


def stop_tracing() -> None:
    """Exports what is left."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()


def current_traceparent() -> str | None:
    """The trace context that goes with what is recorded now."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def span(name: str, traceparent: str | None, kind: SpanKind = SpanKind.INTERNAL) -> Iterator[str | None]:
    """A span that continues the trace which an event carries; gives the trace context of what happens in it."""
    parent = propagate.extract({"traceparent": traceparent} if traceparent else {})
    with _tracer.start_as_current_span(
        name,
        context=parent,
        kind=kind,
        record_exception=False,  # its text may quote personal data
        set_status_on_exception=False,
    ):
        yield current_traceparent()


class OpenSpan:
    """A span that is ended by hand, because many of its kind are open at once."""

    def __init__(self, name: str, traceparent: str, kind: SpanKind) -> None:
        self._span = _tracer.start_span(name, context=propagate.extract({"traceparent": traceparent}), kind=kind)
        carrier: dict[str, str] = {}
        propagate.inject(carrier, context=trace.set_span_in_context(self._span))
        self.traceparent: str = str(carrier["traceparent"])

    def end(self) -> None:
        """It is over."""
        self._span.end()


def is_sampled(traceparent: str) -> bool:
    """Whether the trace is one of those that are exported; what is not of the form of W3C is not."""
    found = _TRACEPARENT.fullmatch(traceparent)
    return found is not None and int(found[1], 16) & 1 == 1


def _line(span: ReadableSpan) -> str:
    line: str = span.to_json(indent=None)
    return line + "\n"
