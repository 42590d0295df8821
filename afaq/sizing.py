"""What a load needs: brokers, partitions, databases and processes, by what one transaction was measured to take.

Formula, assumptions and sources are in docs/operations/sizing.md; the figures are in sizing.yaml.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

import yaml
from rich.table import Table

from afaq.services import NAMES

SECONDS_A_DAY, DAYS_A_YEAR, GB, MB = 86_400, 365, 1e9, 1e6
FIGURES = Path(__file__).with_name("sizing.yaml")


@dataclass(frozen=True)
class Load:
    """So many transactions a day, of which the busiest second has `peak_factor` times the mean second's.

    `persons` are registered from the first day; disks are to last for `years`.
    """

    transactions_per_day: float
    peak_factor: float
    persons: float
    years: float

    @property
    def peak_per_second(self) -> float:
        """Transactions in the busiest second."""
        return self.transactions_per_day / SECONDS_A_DAY * self.peak_factor

    @property
    def transactions(self) -> float:
        """All of the years."""
        return self.transactions_per_day * DAYS_A_YEAR * self.years


@dataclass(frozen=True)
class ServiceSize:
    """One service: its processes, and its database. `relay_share` is what its one relay does of what it can."""

    api_processes: int
    worker_processes: int
    database_cores: int
    database_gb: int
    connections: int
    relay_share: float


@dataclass(frozen=True)
class Size:
    """What a load needs; cores and disk of Kafka are of all brokers, the write-ahead log is of all databases."""

    services: Mapping[str, ServiceSize]
    brokers: int
    kafka_cores: int
    kafka_gb: int
    partitions: int
    wal_mb_per_second: float


def size(load: Load) -> Size:
    """Every number grows with the load, and none is less than what keeps working while one of each kind is away."""
    services = {name: _service(name, load) for name in NAMES}
    kafka_cores = _cores(load, _all("events_per_transaction") * _value("kafka_cpu_ms_per_event") * _value("replicas"))
    on_topics = _disk_gb(load, _value("topic_bytes_per_transaction"), _value("topic_bytes_per_person"))
    return Size(
        services=services,
        brokers=max(int(_value("replicas")), ceil(kafka_cores / _value("cores_per_broker"))),
        kafka_cores=ceil(kafka_cores),
        kafka_gb=ceil(on_topics * _value("replicas")),
        partitions=_partitions(max(service.worker_processes for service in services.values())),
        wal_mb_per_second=load.peak_per_second * _value("wal_bytes_per_transaction") / MB,
    )


def _service(name: str, load: Load) -> ServiceSize:
    cores, api_share = _cores(load, _value("cpu_ms_per_transaction", name)), _value("api_share_of_cpu")
    api, worker = (max(int(_value("least_processes")), ceil(cores * part)) for part in (api_share, 1 - api_share))
    stored = (_value(f"stored_bytes_per_{what}", name) for what in ("transaction", "person"))
    published = load.peak_per_second * _value("events_per_transaction", name)
    return ServiceSize(
        api_processes=api,
        worker_processes=worker,
        database_cores=ceil(_cores(load, _value("database_cpu_ms_per_transaction", name))),
        database_gb=ceil(_disk_gb(load, *stored)),
        connections=(api + worker) * int(_value("connections_per_process")),
        relay_share=published / _value("relay_events_per_second"),
    )


def _cores(load: Load, cpu_ms: float) -> float:
    return load.peak_per_second * cpu_ms / 1000 / _value("full_at")


def _disk_gb(load: Load, bytes_per_transaction: float, bytes_per_person: float) -> float:
    stored = load.transactions * bytes_per_transaction + load.persons * bytes_per_person
    return stored / GB / (1 - _value("free_disk_share"))


def _partitions(workers: int) -> int:
    """A whole multiple of today's, so that each worker has as many."""
    there = int(_value("partitions_per_topic"))
    return there * ceil(workers / there)


@cache
def figures() -> Mapping[str, Any]:
    """What was measured or assumed, by name; see sizing.yaml."""
    found: Mapping[str, Any] = yaml.safe_load(FIGURES.read_text(encoding="utf-8"))
    return found


def _value(name: str, service: str | None = None) -> float:
    figure = figures()[name] if service is None else figures()[name][service]
    return float(figure["value"])


def _all(name: str) -> float:
    return sum(_value(name, service) for service in NAMES)


def tables(load: Load, needed: Size) -> tuple[Table, Table]:
    """What a person reads: the services, and what they share."""
    services = Table("service", "api", "workers", "database cores", "GB", "connections", "relay")
    for name, service in needed.services.items():
        numbers = (service.api_processes, service.worker_processes, service.database_cores, service.database_gb)
        services.add_row(name, *(f"{n:,}" for n in (*numbers, service.connections)), f"{service.relay_share:.0%}")
    shared = Table("shared", "")
    shared.add_row("transactions in the busiest second", f"{load.peak_per_second:,.1f}")
    shared.add_row("brokers", f"{needed.brokers}")
    shared.add_row(
        "cores of each, GB of each", f"{_each(needed.kafka_cores, needed)}, {_each(needed.kafka_gb, needed)}"
    )
    shared.add_row("partitions of a topic", f"{needed.partitions}")
    shared.add_row("write-ahead log", f"{needed.wal_mb_per_second:,.1f} MB in the busiest second")
    return services, shared


def _each(total: int, needed: Size) -> str:
    return f"{ceil(total / needed.brokers):,}"
