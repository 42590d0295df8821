"""The rows that pure functions are given, read once a batch for all the keys that it needs."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from shared.contracts.event import Event, Recorded
from shared.functions import Given, Givens
from shared.store.parts import Parts
from shared.store.statements import for_table
from shared.store.types import AnyConnection

AnyGiven = Given[Any] | Givens[Any] | None


class GivenRows:
    """What has been looked up in this transaction."""

    def __init__(self, parts: Parts, connection: AnyConnection, *, wait_for_locks: bool) -> None:
        self._for_share = "given_rows_for_share" if wait_for_locks else "given_rows_for_share_nowait"
        self._immutable = parts.immutable_rows
        self._connection = connection
        self._found: dict[tuple[Given[Any], Any], Any] = {}

    def wait_for_no_lock(self) -> None:
        """From here on, what is held by another transaction is an error of the database and not waited for."""
        self._for_share = "given_rows_for_share_nowait"

    def forget(self) -> None:
        """What was read may have been changed by what was written since."""
        self._found.clear()

    async def fetch_for_events(self, reacting: Iterable[tuple[AnyGiven, Recorded[Event] | None]]) -> None:
        """Looks up what reactions to these events will be given."""
        wanted = ((part, part.key_for_event(event)) for given, event in reacting for part in _parts(given))
        await self._fetch(wanted, "given_rows")

    async def fetch_for_messages(self, deciding: Iterable[tuple[AnyGiven, Any, Any]]) -> None:
        """Looks up and locks what decisions on these messages rely on."""
        wanted = (
            (part, part.key_for_message(message, state)) for given, message, state in deciding for part in _parts(given)
        )
        await self._fetch(wanted, self._for_share)

    def for_event(self, given: Given[Any] | Givens[Any], event: Recorded[Event]) -> Any:
        """What a reaction is given; it was fetched."""
        if isinstance(given, Givens):
            return given.known(**{name: self.for_event(part, event) for name, part in given.parts.items()})
        return self._get(given, given.key_for_event(event))

    async def for_message(self, given: AnyGiven, message: Any, state: Any) -> Any:
        """What a decider is given; fetched now where the state within the batch asks for another row."""
        if given is None:
            return None
        await self.fetch_for_messages([(given, message, state)])
        found = {name: self._get(part, part.key_for_message(message, state)) for name, part in _named(given)}
        return given.known(**found) if isinstance(given, Givens) else found[""]

    def _get(self, given: Given[Any], key: Any) -> Any:
        if key is None:
            return given.nothing
        return self._immutable.get((given, key)) or self._found[given, key]

    async def _fetch(self, wanted: Iterable[tuple[Given[Any], Any]], statement: str) -> None:
        missing: dict[Given[Any], set[Any]] = defaultdict(set)
        for given, key in wanted:
            if key is not None and (given, key) not in self._found and (given, key) not in self._immutable:
                missing[given].add(key)
        for given in sorted(missing, key=lambda given: given.table):
            await self._read(given, missing[given], "given_rows" if given.immutable else statement)

    async def _read(self, given: Given[Any], keys: set[Any], statement: str) -> None:
        text = for_table(statement, given.table, columns=", ".join(given.columns), by=given.by)
        rows: dict[Any, Any] = {}
        for row in await self._connection.fetch(text, sorted(keys)):
            found, key = given.read(dict(row)), row["given_key"]
            rows[key] = (*rows.get(key, ()), found) if given.many else found
        if given.immutable:
            self._immutable.update({(given, key): row for key, row in rows.items()})
        self._found.update({(given, key): rows.get(key, given.nothing) for key in keys})


def _parts(given: AnyGiven) -> Iterable[Given[Any]]:
    return [part for _, part in _named(given)]


def _named(given: AnyGiven) -> Iterable[tuple[str, Given[Any]]]:
    if given is None:
        return ()
    return given.parts.items() if isinstance(given, Givens) else (("", given),)
