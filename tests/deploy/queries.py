"""What a PromQL query selects, and what a process of a service exports."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import promql_parser
from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from shared.observability import metrics

FROM_SCRAPING = {"job", "instance", "pod"}
"""Labels that Prometheus adds to every series."""


class Selector(NamedTuple):
    """One metric, and the values that are wanted of its labels."""

    metric: str
    wanted: Mapping[str, str]


def selectors(query: str) -> list[Selector]:
    """Every selector of a query. Raises ValueError for what is no PromQL."""
    found: list[Selector] = []

    def note(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(Selector(str(node.name), {m.name: m.value for m in node.matchers.matchers}))

    promql_parser.walk(promql_parser.parse(query), note)
    return found


def queries(board: Path) -> Iterator[str]:
    """Every query of a dashboard, with values for its variables."""
    for panel in json.loads(board.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"].replace("$__rate_interval", "5m").replace("$service", "requests")


def exported() -> Mapping[str, set[str]]:
    """The series that `/metrics` can have, each with its labels."""
    for found in vars(metrics).values():
        if isinstance(found, Counter | Gauge | Histogram):
            found.labels(*(["any"] * len(found._labelnames)))
    series: dict[str, set[str]] = {}
    for family in REGISTRY.collect():
        for sample in family.samples:
            series.setdefault(sample.name, set()).update(sample.labels)
    return series
