"""python -m deploy.observability.dashboards: writes Grafana's dashboards, one JSON file each, into grafana/.

Every worker tells of the whole outbox and of all jobs of its service (hence `max by`), and only of its own partitions
and its own work (hence `sum by`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase

from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, QueryVariable, Row
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.timeseries import Panel
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

FOLDER = Path(__file__).parent / "grafana"
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
QUANTILES = {"half": 0.5, "99 of 100": 0.99}
PANELS_A_ROW = 3


@dataclass(frozen=True)
class Graph:
    """A panel: queries by their legend, their unit as Grafana calls it, and what one should know to read it."""

    title: str
    queries: Mapping[str, str]
    unit: str = "short"
    says: str = ""


def rate(counter: str, by: str = "", **labels: str) -> str:
    """How much a second, by these labels."""
    return f"sum by ({by}) (rate({_selected(counter, labels)}[$__rate_interval]))"


def quantiles(histogram: str, by: str = "", **labels: str) -> dict[str, str]:
    """Within which time one half, and ninety-nine of a hundred, are done; the histograms end at 10 s."""
    buckets = rate(f"{histogram}_bucket", f"{by}, le".removeprefix(", "), **labels)
    legend = f" {{{{{by}}}}}" if by else ""
    return {f"{words}{legend}": f"histogram_quantile({q}, {buckets})" for words, q in QUANTILES.items()}


def share(of: str, all_of: str) -> str:
    """Which part of all."""
    return f"{of} / {all_of}"


def within(histogram: str, seconds: str, **labels: str) -> str:
    """Which part is done within this time, which is an end of a bucket."""
    return share(rate(f"{histogram}_bucket", le=seconds, **labels), rate(f"{histogram}_count", **labels))


def _selected(metric: str, labels: Mapping[str, str]) -> str:
    matchers = ", ".join(_matcher(name, value) for name, value in labels.items())
    return f"{metric}{{{matchers}}}" if matchers else metric


def _matcher(name: str, value: str) -> str:
    kind = value[:2] if value.startswith(("=~", "!~")) else "="
    return f'{name}{kind}"{value.removeprefix(kind)}"'


PEOPLE_S = "!~/health/.*|/metrics|.*/stream"
"""Routes by which people ask; a stream is answered for as long as somebody looks."""
TOLD = "=~payments.payment.captured|requests.request.fee_due|requests.document.issued|requests.task.opened"

PLATFORM = {
    "Does everything go on": [
        Graph(
            "Targets outside that are left alone",
            {"{{service}} {{target}}": "max by (service, target) (afaq_circuit_open)"},
            says="1 while a target fails; every half minute one attempt goes first.",
        ),
        Graph(
            "Age of the oldest unpublished event",
            {"{{service}}": "max by (service) (afaq_outbox_oldest_seconds)"},
            "s",
            "A second or two is usual; 30 s is an alert.",
        ),
        Graph("Records still to follow", {"{{service}} {{topic}}": "sum by (service, topic) (afaq_consumer_lag)"}),
        Graph(
            "Parked jobs",
            {"{{service}} {{kind}}": 'max by (service, kind) (afaq_jobs{state="parked"})'},
            says="Should be 0: `afaq parked list` says why.",
        ),
        Graph(
            "Workers at work, and paused",
            {
                "{{service}} at work": "count by (service) (afaq_outbox_depth)",
                "{{service}} paused": "sum by (service) (afaq_consumer_paused)",
            },
        ),
    ],
    "How much": [
        Graph("Commands, events, timers and results", {"{{service}}": rate("afaq_works_total", "service")}, "ops"),
        Graph("Events published", {"{{service}}": rate("afaq_events_published_total", "service")}, "ops"),
        Graph(
            "Requests over HTTP", {"{{service}}": rate("afaq_http_seconds_count", "service", route=PEOPLE_S)}, "reqps"
        ),
    ],
    "How fast": [
        Graph("A commit", quantiles("afaq_commit_seconds", "service"), "s"),
        Graph("From an event to what it brings about", quantiles("afaq_handled_after_seconds", "service"), "s"),
        Graph("An answer over HTTP", quantiles("afaq_http_seconds", "service", route=PEOPLE_S), "s"),
    ],
    "What it takes": [
        Graph("Cores", {"{{job}}": "sum by (job) (rate(process_cpu_seconds_total[$__rate_interval]))"}),
        Graph("Memory", {"{{job}}": "sum by (job) (process_resident_memory_bytes)"}, "bytes"),
    ],
}

SERVICE = {
    "Asked over HTTP": [
        Graph(
            "Answers by status", {"{{status}}": rate("afaq_http_seconds_count", "status", service="$service")}, "reqps"
        ),
        Graph(
            "Requests by route", {"{{route}}": rate("afaq_http_seconds_count", "route", service="$service")}, "reqps"
        ),
        Graph("Time to answer", quantiles("afaq_http_seconds", "route", service="$service", route=PEOPLE_S), "s"),
    ],
    "Deciding": [
        Graph("What became of it", {"{{outcome}}": rate("afaq_works_total", "outcome", service="$service")}, "ops"),
        Graph("A commit", quantiles("afaq_commit_seconds", service="$service"), "s"),
        Graph(
            "From an event to what it brings about",
            quantiles("afaq_handled_after_seconds", "type", service="$service"),
            "s",
        ),
    ],
    "Outside": [
        Graph(
            "Attempts",
            {"{{effect}} {{outcome}}": rate("afaq_effect_seconds_count", "effect, outcome", service="$service")},
            "ops",
            "`no-answer-yet` is no fault: it is asked again.",
        ),
        Graph("Time of an attempt", quantiles("afaq_effect_seconds", "effect", service="$service"), "s"),
        Graph("Jobs", {"{{kind}} {{state}}": 'max by (kind, state) (afaq_jobs{service="$service"})'}),
    ],
    "Kafka": [
        Graph("Unpublished", {"events": 'max(afaq_outbox_depth{service="$service"})'}),
        Graph("Published", {"events": rate("afaq_events_published_total", service="$service")}, "ops"),
        Graph("Still to follow", {"{{topic}}": 'sum by (topic) (afaq_consumer_lag{service="$service"})'}),
    ],
}

_OWED = {"refunds": "refund", "payouts": "payout_ready", "payouts without an account": "payout_needs_account"}
_CAPTURED = {"service": "requests", "type": "payments.payment.captured"}
MONEY = {
    "From fee to service": [
        Graph(
            "Fees",
            {
                "asked for": rate(
                    "afaq_handled_after_seconds_count", service="payments", type="requests.request.fee_due"
                ),
                "paid": rate("afaq_handled_after_seconds_count", **_CAPTURED),
                "not paid in time": rate(
                    "afaq_handled_after_seconds_count", service="requests", type="payments.payment.expired"
                ),
                "given back": rate(
                    "afaq_handled_after_seconds_count", service="notifications", type="payments.refund.made"
                ),
            },
            "ops",
            "As other services have followed them; sums of money are in `afaq audit`.",
        ),
        Graph("From payment to the request going on", quantiles("afaq_handled_after_seconds", **_CAPTURED), "s"),
        Graph(
            "Paid, and on within 10 s",
            {"share": within("afaq_handled_after_seconds", "10.0", **_CAPTURED)},
            "percentunit",
            "Below 99 % is an alert.",
        ),
    ],
    "Owed": [
        Graph(
            "Due and not made",
            {legend: f'max(afaq_owed{{kind="{kind}"}})' for legend, kind in _OWED.items()},
            says="Counted up to 10,000.",
        ),
        Graph(
            "How long the oldest has been due",
            {legend: f'max(afaq_owed_oldest_seconds{{kind="{kind}"}})' for legend, kind in _OWED.items()},
            "s",
            "A refund or a payout that is due for a day is an alert; whoever has named no account is asked to.",
        ),
        Graph(
            "The ledger, in fils",
            {
                "{{account}}": "max by (account) (afaq_ledger_fils)",
                "sum": "sum(max by (account) (afaq_ledger_fils))",
            },
            says="The sum is 0. Balances are a minute old; after a start they come once all bookings are counted.",
        ),
    ],
    "The bank": [
        Graph(
            "Asked of the gateway",
            {"{{effect}} {{outcome}}": rate("afaq_effect_seconds_count", "effect, outcome", service="payments")},
            "ops",
            "`no-answer-yet` is a payment that is still open.",
        ),
        Graph("Time of the gateway", quantiles("afaq_effect_seconds", "effect", service="payments"), "s"),
        Graph("Jobs of payments", {"{{kind}} {{state}}": 'max by (kind, state) (afaq_jobs{service="payments"})'}),
    ],
}

_SUBMITTED = {"service": "requests", "method": "POST", "route": "/requests"}
WAITING = {
    "To be heard": [
        Graph("A submission", quantiles("afaq_http_seconds", **_SUBMITTED), "s"),
        Graph(
            "Submissions answered within a second",
            {"share": within("afaq_http_seconds", "1.0", **_SUBMITTED)},
            "percentunit",
        ),
        Graph(
            "Sent away, to come again",
            {
                "{{service}}": share(
                    rate("afaq_http_seconds_count", "service", status="503", route=PEOPLE_S),
                    rate("afaq_http_seconds_count", "service", route=PEOPLE_S),
                )
            },
            "percentunit",
        ),
    ],
    "For the next step": [
        Graph("In requests", quantiles("afaq_handled_after_seconds", "type", service="requests"), "s"),
        Graph(
            "For the bank's page",
            quantiles("afaq_effect_seconds", service="payments", effect="OpenPage", outcome="done"),
            "s",
        ),
        Graph(
            "For the document",
            quantiles("afaq_effect_seconds", service="requests", effect="SignDocument", outcome="done"),
            "s",
        ),
    ],
    "For somebody": [
        Graph(
            "Requests by whom they wait for",
            {"{{owner}}": "max by (owner) (afaq_requests_waiting)"},
            says="Counted up to 10,000 each.",
        ),
        Graph(
            "Officers' open tasks", {"{{agency}}": "max by (agency) (afaq_tasks_open)"}, says="Up to 10,000 an agency."
        ),
        Graph(
            "How long the first open task has waited",
            {"{{agency}}": "max by (agency) (afaq_tasks_oldest_seconds)"},
            "s",
            "Two weeks are an alert.",
        ),
    ],
    "For the message": [
        Graph(
            "Until it is in the inbox",
            quantiles("afaq_handled_after_seconds", "type", service="notifications", type=TOLD),
            "s",
        ),
        Graph(
            "Short messages and mail",
            {"{{effect}} {{outcome}}": rate("afaq_effect_seconds_count", "effect, outcome", service="notifications")},
            "ops",
        ),
        Graph(
            "Messages still to be sent",
            {"{{channel}}": "max by (channel) (afaq_messages_unsent)"},
            says="By short message and mail, counted up to 10,000; the inbox is written with the event.",
        ),
        Graph(
            "How long the oldest of them has been due",
            {"{{channel}}": "max by (channel) (afaq_messages_unsent_oldest_seconds)"},
            "s",
        ),
        Graph("From the wish to the provider's taking", quantiles("afaq_message_seconds", "channel"), "s"),
    ],
}


def dashboards() -> dict[str, str]:
    """Every dashboard as JSON, by the name of its file."""
    made = {
        "platform": _dashboard("Afaq: the platform", PLATFORM),
        "service": _dashboard("Afaq: a service", SERVICE).with_variable(_service()),
        "money": _dashboard("Afaq: money", MONEY),
        "waiting": _dashboard("Afaq: what people wait for", WAITING),
    }
    return {
        f"{name}.json": JSONEncoder(sort_keys=True, indent=2).encode(board.uid(f"afaq-{name}").build()) + "\n"
        for name, board in made.items()
    }


def _dashboard(title: str, rows: Mapping[str, Sequence[Graph]]) -> Dashboard:
    board = Dashboard(title).tags(["afaq"]).refresh("30s").time("now-3h", "now").editable()
    board.with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    for name, graphs in rows.items():
        board.with_row(Row(name))
        for panel in _panels(graphs):
            board.with_panel(panel)
    return board


def _panels(graphs: Sequence[Graph]) -> Iterable[Panel]:
    for graph in graphs:
        panel = Panel().title(graph.title).description(graph.says).unit(graph.unit).datasource(SOURCE).min(0)
        for letter, (legend, query) in zip(ascii_uppercase, graph.queries.items(), strict=False):
            panel.with_target(Dataquery().expr(query).legend_format(legend).ref_id(letter))
        yield panel.height(8).span(24 // PANELS_A_ROW)


def _service() -> QueryVariable:
    asked = "label_values(afaq_commit_seconds_count, service)"
    return QueryVariable("service").label("Service").query(asked).datasource(SOURCE)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, text in dashboards().items():
        (FOLDER / file).write_text(text, encoding="utf-8")
