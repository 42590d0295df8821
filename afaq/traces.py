"""The spans of a trace as a tree: read from the files that the processes of a local stack write them to."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any


@dataclass
class Span:
    """One thing that a process did, and what it brought about."""

    id: str
    parent: str | None
    trace: str
    service: str
    name: str
    began_at: datetime
    took: timedelta
    children: list["Span"] = field(default_factory=list)


def read_spans(folder: Path, traces: Iterable[str]) -> list[Span]:
    """The spans of these traces, from every process that wrote a file there."""
    wanted = set(traces)
    return [
        span
        for file in sorted(folder.glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if (span := _span(json.loads(line))).trace in wanted
    ]


def trees_of(spans: Sequence[Span]) -> list[Span]:
    """The roots, each with all that follows from it, in the order of time. A span whose parent is missing is a root."""
    by_id = {span.id: span for span in spans}
    roots: list[Span] = []
    for span in sorted(spans, key=lambda span: span.began_at):
        parent = by_id.get(span.parent or "")
        (roots if parent is None else parent.children).append(span)
    return roots


def walk(span: Span, depth: int = 0) -> Iterator[tuple[int, Span]]:
    """A tree's spans with their depths, parents first."""
    yield depth, span
    for child in span.children:
        yield from walk(child, depth + 1)


def services_of(spans: Iterable[Span]) -> Mapping[str, int]:
    """How many spans each service has."""
    counts: dict[str, int] = defaultdict(int)
    for span in spans:
        counts[span.service] += 1
    return dict(counts)


def _span(told: Mapping[str, Any]) -> Span:
    began, ended = (datetime.fromisoformat(told[name]) for name in ("start_time", "end_time"))
    route = told["attributes"].get("http.route")
    name = f"{told['name']} {route}" if route and route not in told["name"] else told["name"]
    parent = told.get("parent_id")
    return Span(
        id=told["context"]["span_id"],
        parent=parent,
        trace=told["context"]["trace_id"],
        service=told["resource"]["attributes"]["service.name"],
        name=name,
        began_at=began,
        took=ended - began,
    )
