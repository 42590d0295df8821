"""What an audit looks at: everything that was stored, published and done outside, as it stands at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.store.seal import Seal


@dataclass(frozen=True)
class Logged:
    """A row of a service's log, as far as it is in the open. `digest` is what its seal is made of."""

    seq: int
    id: UUID
    type: str
    aggregate: str
    aggregate_id: UUID
    sequence: int
    data: Mapping[str, Any]
    causation_id: UUID | None
    recorded_at: datetime
    digest: bytes


@dataclass(frozen=True)
class StateRow:
    """A row of an aggregate's table, as far as it is in the open."""

    version: int
    state: Mapping[str, Any]


@dataclass(frozen=True)
class Unpublished:
    """A row of the outbox: an event, or a snapshot where `sequence` is None."""

    aggregate_id: UUID
    sequence: int | None
    waits_seconds: float


@dataclass(frozen=True)
class JobRow:
    """A row of `jobs`."""

    id: UUID
    kind: str
    name: str
    lane: str | None
    key: UUID
    place: int
    seq: int
    payload: Mapping[str, Any]
    state: str
    reason: str | None
    error: str | None
    run_at: datetime
    is_leased: bool
    target: str | None


@dataclass(frozen=True)
class SealRow:
    """A link of the chain, and the rows of the log that it covers."""

    seal: Seal
    seqs: Sequence[int]


@dataclass(frozen=True)
class Differing:
    """A projection's table beside what a replay makes of it: the keys of rows that are not the same."""

    table: str
    rows: int
    keys: Sequence[str]


@dataclass(frozen=True)
class ServiceEvidence:
    """One service's database. `folded` aggregates were folded again; `misfolded` are not what their events make."""

    log: Sequence[Logged]
    states: Mapping[str, Mapping[UUID, StateRow]]
    outbox: Sequence[Unpublished]
    inbox: Mapping[tuple[str, UUID], int]
    jobs: Sequence[JobRow]
    open_circuits: frozenset[str]
    seals: Sequence[SealRow]
    folded: int
    misfolded: Sequence[UUID]
    projections: Sequence[Differing]
    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    """The rows of its projections, by table."""
    reads: Sequence[str]
    events: str
    snapshots: Mapping[str, str]
    """The topics of its snapshots, by the aggregate's name."""
    now: datetime


@dataclass(frozen=True)
class Published:
    """A record of a topic, as it came."""

    topic: str
    key: UUID
    id: UUID
    type: str
    sequence: int
    time: datetime
    data: Mapping[str, Any]
    seal: str | None
    envelope: Mapping[str, Any]


@dataclass(frozen=True)
class Ledgers:
    """What those outside have really done; None where their ledger cannot be read from here."""

    gateway: Sequence[Mapping[str, Any]] | None = None
    bank: Sequence[Mapping[str, Any]] | None = None
    sms: Sequence[Mapping[str, Any]] | None = None
    mail: Sequence[Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class Evidence:
    """All of it. `acknowledged`: the requests that clients were told are accepted, where somebody kept the answers."""

    services: Mapping[str, ServiceEvidence]
    topics: Mapping[str, Sequence[Published]]
    ledgers: Ledgers
    acknowledged: frozenset[UUID] = field(default_factory=frozenset)
