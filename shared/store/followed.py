"""How far a rebuild has come on the topics, beside how far the service has: an inbox of its own, kept for a session."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic_core import to_json

from shared.contracts.topics import Topic
from shared.store.statements import SQL
from shared.store.types import Connection
from shared.store.work import Foreign

MOST_WAITING = 100_000
Lane = tuple[str, UUID]
_CREATE = "create temporary table followed (topic text, key uuid, sequence bigint not null, primary key (topic, key))"
_READ = """
select f.topic, f.key, f.sequence from followed f
join unnest($1::text[], $2::uuid[]) as k (topic, key) on f.topic = k.topic and f.key = k.key
"""
_WRITE = """
insert into followed select topic, key, sequence
from jsonb_to_recordset($1::jsonb) as f (topic text, key uuid, sequence bigint)
on conflict (topic, key) do update set sequence = excluded.sequence
"""
_BEHIND = """
select i.topic, i.key, i.sequence, coalesce(f.sequence, 0) from inbox i
left join followed f on f.topic = i.topic and f.key = i.key
where i.topic = any($1::text[]) and coalesce(f.sequence, 0) < i.sequence
"""


class TooFarBehind(Exception):
    """The service has far more to read of its topics than a rebuild can keep in mind."""


@dataclass(frozen=True)
class Lacking:
    """A key that the inbox knows further than the topic has been read: to `sequence`, of which `found` was there."""

    topic: str
    key: UUID
    sequence: int
    found: int


class Followed:
    """Lets each event of a topic through once, in its order, and no further than the service has followed its key."""

    def __init__(self, connection: Connection, *, over_gaps: bool) -> None:
        self._connection = connection
        self._over_gaps = over_gaps
        self._waiting: list[Foreign] = []
        self.kinds: dict[str, set[str]] = {}
        """The kinds of aggregate whose events are on a topic: `identity.person`."""

    async def create(self) -> None:
        """Begins with nothing."""
        await self._connection.execute(_CREATE)

    async def admit(self, found: Sequence[Foreign]) -> list[Foreign]:
        """Those whose turn it is; what the service has not followed yet waits, and what came before is dropped."""
        if not found:
            return []
        lanes = sorted({(one.topic.name, one.key) for one in found})
        names, keys = [name for name, _ in lanes], [key for _, key in lanes]
        reached = await self._places(SQL["inbox_reached"], names, keys)
        followed = await self._places(_READ, names, keys)
        admitted: list[Foreign] = []
        moved: dict[Lane, int] = {}
        for one in found:
            lane = (one.topic.name, one.key)
            at = moved.get(lane, followed.get(lane, 0))
            if one.sequence <= at:
                continue
            may_skip = one.topic.compacted or self._over_gaps
            if one.sequence > reached.get(lane, 0) or not (may_skip or one.sequence == at + 1):
                self._waiting.append(one)
                continue
            moved[lane] = one.sequence
            admitted.append(one)
            self.kinds.setdefault(one.topic.name, set()).add(kind_of(one.envelope["type"]))
        if len(self._waiting) > MOST_WAITING:
            raise TooFarBehind
        await self._write(moved)
        return admitted

    async def admit_waiting(self) -> list[Foreign]:
        """Those that have waited and whose turn has come since."""
        waiting, self._waiting = self._waiting, []
        return await self.admit(waiting)

    async def behind(self, topics: Sequence[Topic]) -> list[Lacking]:
        """The keys that the service has followed further than this."""
        rows = await self._connection.fetch(_BEHIND, [topic.name for topic in topics])
        return [Lacking(*row) for row in rows]

    async def _places(self, text: str, names: list[str], keys: list[UUID]) -> dict[Lane, int]:
        rows = await self._connection.fetch(text, names, keys)
        return {(row["topic"], row["key"]): row["sequence"] for row in rows}

    async def _write(self, moved: dict[Lane, int]) -> None:
        if moved:
            rows = [{"topic": topic, "key": key, "sequence": sequence} for (topic, key), sequence in moved.items()]
            await self._connection.execute(_WRITE, to_json(rows))


def kind_of(event_type: str) -> str:
    """The kind of aggregate that a type of event is about."""
    return event_type.rpartition(".")[0]
