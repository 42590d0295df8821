"""Events of a service's own log that somebody has chosen: to be counted, written out, or published again."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.contracts.event import Event
from shared.contracts.personal import ERASED, codec_of
from shared.store.log import read_all
from shared.store.shell import Shell
from shared.store.statements import SQL
from shared.store.types import AnyConnection, Record

PAGE = 1000


@dataclass(frozen=True)
class Choice:
    """Which events: recorded at or after `since` and before `before`, of types that begin with `type`, of these ids."""

    since: datetime | None = None
    before: datetime | None = None
    type: str | None = None
    ids: Sequence[UUID] | None = None

    @property
    def arguments(self) -> tuple[object, ...]:
        """The first parameters of the statements about chosen events."""
        return self.since, self.before, self.type, None if self.ids is None else list(self.ids)


async def count(shell: Shell, choice: Choice) -> dict[str, int]:
    """How many events are chosen, by type."""
    async with shell.parts.pool.acquire() as connection, connection.transaction(readonly=True):
        await patient(connection)
        rows = await connection.fetch(SQL["chosen_counts"], *choice.arguments, timeout=None)
    return {row["type"]: row["events"] for row in rows}


async def export(
    shell: Shell, choice: Choice, *, person: UUID | None = None, with_personal_data: bool = False
) -> AsyncIterator[dict[str, Any]]:
    """The chosen events in the order of their recording, in the JSON form of CloudEvents 1.0, as of one instant.

    `person`: only events that name this id, as who or whom it is about, or who did it or for whom. The data are what is
    published; `with_personal_data` adds the private fields, as far as their subjects' keys are there.
    Guarantees: a page is in memory at a time; what the reader takes its time for is waited for.
    """
    async with (
        shell.parts.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await patient(connection)
        cursor = await connection.cursor(SQL["chosen_events"], *choice.arguments, person)
        while rows := await cursor.fetch(PAGE, timeout=None):
            private = await _private_fields(shell, connection, rows) if with_personal_data else {}
            for row in rows:
                yield {**_envelope(shell.service.name, row), "data": {**row["data"], **private.get(row["id"], {})}}


async def patient(connection: AnyConnection) -> None:
    """In this transaction a statement may take its time, and so may whoever waits for the next one."""
    await connection.execute("set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0")


async def _private_fields(
    shell: Shell, connection: AnyConnection, rows: Sequence[Record]
) -> dict[UUID, dict[str, Any]]:
    events = await read_all(connection, shell.parts.keyring, [row for row in rows if row["sealed"]])
    return {event.id: _private(event.data) for event in events}


def _private(event: Event) -> dict[str, Any]:
    known = {name for name in codec_of(type(event)).private if getattr(event, name) is not ERASED}
    return event.model_dump(mode="json", include=known)


def _envelope(service: str, row: Record) -> dict[str, Any]:
    attributes = {
        "specversion": "1.0",
        "id": str(row["id"]),
        "type": row["type"],
        "source": f"/afaq/{service}",
        "subject": str(row["aggregate_id"]),
        "time": row["recorded_at"].isoformat().replace("+00:00", "Z"),
        "sequence": row["sequence"],
        "correlationid": str(row["correlation_id"]),
        "causationid": None if row["causation_id"] is None else str(row["causation_id"]),
        "actor": row["actor"],
        "onbehalfof": row["on_behalf_of"],
        "schemaversion": row["schema_version"],
        "datacontenttype": "application/json",
    }
    return {name: value for name, value in attributes.items() if value is not None}
