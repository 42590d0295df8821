"""Projections: rows that reads and searches need, computed from events and from nothing else."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from shared.contracts.event import Event


@dataclass(frozen=True)
class Row:
    """Columns of one row, found by the table's primary key and made where it is not there yet.

    A row belongs to one aggregate, so that events of different keys never write the same row.
    """

    table: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Delete:
    """The rows of `table` whose column `by` equals the value are gone."""

    table: str
    by: str
    equals: Any


Project: TypeAlias = Callable[[Any], Iterable[Row | Delete]]


class Projections:
    """The projections of a service, by event class."""

    def __init__(self) -> None:
        self._by_event: dict[type[Event], list[Project]] = defaultdict(list)

    def on(self, *events: type[Event]) -> Callable[[Project], Project]:
        """Registers `project(event)` for these events, another service's or one's own."""

        def register(project: Project) -> Project:
            for event in events:
                self._by_event[event].append(project)
            return project

        return register

    def of(self, event: type[Event]) -> list[Project]:
        """The projections of one class of event."""
        return self._by_event.get(event, [])

    def events(self) -> list[type[Event]]:
        """The event classes that are registered here."""
        return list(self._by_event)
