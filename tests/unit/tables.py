"""The rows that pure functions are given, in memory: written by a service's own projections."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from shared.contracts.event import Recorded
from shared.functions import Delete, Given, Givens, Projections, Row
from tests.unit.builders import AnyDecider

PRIMARY_KEYS: Mapping[str, str] = {
    "persons": "person_id",
    "forgotten_persons": "person_id",
    "relations": "id",
    "service_versions": "key",
    "bound_versions": "key",
    "verification_codes": "code",
}
AnyGiven = Given[Any] | Givens[Any] | None


class Tables:
    """A service's tables, found by equality."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Any, Mapping[str, Any]]] = defaultdict(dict)

    def follow(self, projections: Projections, event: Recorded[Any]) -> None:
        """What an event changes in what is known."""
        for project in projections.of(type(event.data)):
            for change in project(event):
                self.write(change)

    def write(self, change: Row | Delete) -> None:
        """One row is written, or some are gone."""
        rows = self.rows[change.table]
        if isinstance(change, Row):
            rows[change.values[PRIMARY_KEYS[change.table]]] = change.values
        else:
            for key in [key for key, row in rows.items() if row[change.by] == change.equals]:
                del rows[key]

    def for_message(self, decider: AnyDecider, message: Any, state: Any) -> list[Any]:
        """What a decider is given with a message."""
        return self._given(decider.given, lambda part: part.key_for_message(message, state))

    def for_event(self, given: AnyGiven, event: Recorded[Any]) -> list[Any]:
        """What a reaction is given with an event."""
        return self._given(given, lambda part: part.key_for_event(event))

    def _given(self, given: AnyGiven, key_of: Any) -> list[Any]:
        match given:
            case None:
                return []
            case Givens():
                found = {name: self._find(part, key_of(part)) for name, part in given.parts.items()}
                return [given.known(**found)]
            case _:
                return [self._find(given, key_of(given))]

    def _find(self, given: Given[Any], key: Any) -> Any:
        rows = self.rows[given.table].values() if key is not None else ()
        found = tuple(
            given.read({column: row[column] for column in given.columns}) for row in rows if row[given.by] == key
        )
        return found if given.many else next(iter(found), None)
