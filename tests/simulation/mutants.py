"""Broken builds of the product, each of which exactly one invariant of the auditor has to see.

A mutant changes a line of the product while a seed runs; `sees` names the invariant. The last ones are the classic
mistakes; what they break breaks more, so `sees` is then what must be among it.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from services.notifications import reactions as telling
from services.notifications.projections import projections as notifications_projections
from services.payments import effects as payments_effects
from services.payments.projections import projections as payments_projections
from services.payments.reactions import reactions as payments_reactions
from services.requests.domain.request import request
from services.requests.reactions import reactions as requests_reactions
from shared.contracts.notifications import DeliveryRequested
from shared.contracts.payments import PayoutRequested, PayoutReturned, RefundMade
from shared.contracts.requests import RequestExpired, RequestRejected, RequestSubmitted, RequestWithdrawn, TaskDecided
from shared.functions import Row
from shared.messaging import consumer
from shared.messaging.consumer import Consumer
from shared.messaging.relay import Relay
from shared.store.batch import Batch
from shared.store.shell import Shell
from shared.store.work import Done
from tests.simulation import statements
from tests.simulation.faults import Rates
from tests.simulation.world import World

Begin = Callable[[ExitStack], Any]
CRASHING = Rates(crash=0.004)
DISCONNECTED = Rates(disconnect=0.004)


@dataclass(frozen=True)
class Mutant:
    """A mistake. `at_end` is done to the world before the auditor comes; `is_alone`: nothing else may be seen."""

    name: str
    sees: str
    begin: Begin = lambda _: None
    at_end: Callable[[World], None] = lambda _: None
    is_alone: bool = True
    rates: Rates = field(default_factory=Rates)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """The product with the mistake."""
        with ExitStack() as stack:
            self.begin(stack)
            yield


def _answers_before_it_knows(stack: ExitStack) -> None:
    inner = Shell._transact

    async def careless(self: Shell, works: Any, **options: Any) -> Any:
        try:
            return await inner(self, works, **options)
        except Exception:
            if all(work.command for work in works):
                return {work: Done() for work in works}
            raise

    stack.enter_context(patch.object(Shell, "_transact", careless))


def _refunds_have_new_ids(stack: ExitStack) -> None:
    stack.enter_context(patch.object(payments_effects, "refund_id_for", lambda _: uuid4()))


def _refunds_are_not_booked(stack: ExitStack) -> None:
    stack.enter_context(patch.dict(payments_projections._by_event, {RefundMade: []}))


def _evolve_is_impure(stack: ExitStack) -> None:
    pure, numbers = request.evolve, count()

    def impure(state: Any, event: Any) -> Any:
        after = pure(state, event)
        return replace(after, reference=f"R{next(numbers)}") if isinstance(event, RequestSubmitted) else after

    stack.enter_context(patch.object(request, "evolve", impure))


def _publishes_backwards(stack: ExitStack) -> None:
    inner = Relay._send

    async def backwards(self: Relay, messages: list[Any]) -> None:
        is_read_by_others = self._service.name != "notifications"  # they would wait for what is missing, and go on
        await inner(self, messages if is_read_by_others else messages[::-1])

    stack.enter_context(patch.object(Relay, "_send", backwards))


def _has_no_inbox(stack: ExitStack) -> None:
    inner = Batch._turn_of_foreign

    def forgetful(self: Batch, work: Any) -> Any:
        assert work.foreign is not None
        if work.foreign.sequence <= self._positions.get(work.lane, 0):
            return None
        return inner(self, work)

    stack.enter_context(patch.object(Batch, "_turn_of_foreign", forgetful))


def _tells_on_replay(stack: ExitStack) -> None:
    twice = {
        event: [*found, *found] for event, found in telling.reactions._by_event.items() if "requests." in event.type
    }
    stack.enter_context(patch.dict(telling.reactions._by_event, twice))
    stack.enter_context(patch.object(telling, "derive_id", lambda *_: uuid4()))


def _forgets_decisions(stack: ExitStack) -> None:
    (go_on,) = requests_reactions._by_event[TaskDecided]
    numbers = count()

    def forgetful(event: Any) -> Any:
        return go_on.react(event) if next(numbers) % 3 else ()

    stack.enter_context(patch.dict(requests_reactions._by_event, {TaskDecided: [replace(go_on, react=forgetful)]}))


def _keeps_the_fees(stack: ExitStack) -> None:
    ended: dict[Any, list[Any]] = {event: [] for event in (RequestRejected, RequestWithdrawn, RequestExpired)}
    stack.enter_context(patch.dict(payments_reactions._by_event, ended))


def _rewrites_history(world: World) -> None:
    table = world.databases["payments"].tables["event_log"]
    key, row = next(iter(table.rows.items()))
    table.put(key, {**row, "actor": "somebody else"})


def _projects_by_chance(stack: ExitStack) -> None:
    numbers = count()

    def by_chance(event: Any) -> Iterator[Row]:
        values = {"delivery_id": event.aggregate_id, "person_id": event.data.person_id, "about_id": event.data.about_id}
        yield Row("messages", {**values, "purpose": f"{next(numbers)}", "title": {}, "body": {}, "sent_at": event.time})

    stack.enter_context(patch.dict(notifications_projections._by_event, {DeliveryRequested: [by_chance]}))


def _hears_of_no_account(stack: ExitStack) -> None:
    deaf: dict[type, list[Any]] = {PayoutRequested: [], PayoutReturned: []}
    stack.enter_context(patch.dict(requests_reactions._by_event, deaf))


def _leases_never_end(stack: ExitStack) -> None:
    stack.enter_context(patch.object(statements, "_is_free", lambda job, _: job["leased_until"] is None))


def _leaves_some_unpublished(stack: ExitStack) -> None:
    """Of notifications, which nobody reads, so that nobody waits for them."""
    inner = statements.MEANINGS["relay_batch"]

    async def some(tx: Any, limit: int) -> list[Any]:
        rows = await inner(tx, limit)
        return [row for row in rows if tx.database.service != "notifications" or row["aggregate_id"].int % 7]

    stack.enter_context(patch.dict(statements.MEANINGS, {"relay_batch": some}))


def _commits_offsets_first(stack: ExitStack) -> None:
    inner = Consumer._follow

    async def in_the_background(self: Consumer, records: Any) -> None:
        asyncio.create_task(inner(self, records))  # noqa: RUF006 that nobody waits for it is the mistake

    stack.enter_context(patch.object(Consumer, "_follow", in_the_background))


def _publishes_what_is_newer_than_the_last(stack: ExitStack) -> None:
    """`where seq > last` instead of the outbox's rows: what is committed later with a lower number is lost."""
    inner, last = statements.MEANINGS["relay_batch"], dict[Any, int]()

    async def newer(tx: Any, limit: int) -> list[Any]:
        rows = [row for row in await inner(tx, limit) if row["seq"] > last.get(tx.database, 0)]
        last[tx.database] = max([row["seq"] for row in rows], default=last.get(tx.database, 0))
        return rows

    stack.enter_context(patch.dict(statements.MEANINGS, {"relay_batch": newer}))
    # What is lost leaves gaps; many of them are taken for a bad release, and a consumer that pauses waits for people.
    stack.enter_context(patch.object(consumer, "SUSPICIOUS_PARKED", 10**9))


MUTANTS = (
    Mutant(
        "a command is answered whether its commit is known or not",
        "I1",
        _answers_before_it_knows,
        rates=DISCONNECTED,
    ),
    Mutant("each try of a refund has another id", "I2", _refunds_have_new_ids, rates=Rates(outside_fault=0.2)),
    Mutant("refunds are not booked", "I3", _refunds_are_not_booked),
    Mutant("evolve is not pure", "I4", _evolve_is_impure),
    Mutant("a batch is published backwards", "I5", _publishes_backwards),
    # What comes again moves the reader's place back too, and then what was read looks unread: I14 may see it as well.
    Mutant("there is no inbox", "I6", _has_no_inbox, is_alone=False),
    Mutant("people are told again on a replay", "I7", _tells_on_replay),
    Mutant("some decisions of officers are not heard", "I8", _forgets_decisions),
    Mutant("nobody hears that an account is missing", "I8", _hears_of_no_account),
    Mutant("fees of ended requests are kept", "I9", _keeps_the_fees),
    Mutant("a row of the log is rewritten", "I10", at_end=_rewrites_history),
    Mutant("a projection is not pure", "I11", _projects_by_chance),
    Mutant("leases of the dead never end", "I12", _leases_never_end, rates=CRASHING),
    Mutant("some aggregates are not published", "I14", _leaves_some_unpublished),
    Mutant("offsets are committed first", "I6", _commits_offsets_first, is_alone=False),
    Mutant(
        "the relay reads what is newer than the last", "I14", _publishes_what_is_newer_than_the_last, is_alone=False
    ),
)
