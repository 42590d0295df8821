"""One seed from its beginning to the auditor's word."""

import gc
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from afaq.audit.gather import gather
from afaq.audit.invariants import check_all
from tests.simulation.clockwork import run as run_clockwork
from tests.simulation.faults import Rates
from tests.simulation.people import Habits, People
from tests.simulation.world import World

PER_SECOND = 40.0
LONG_AFTER_DAYS = 400.0


@dataclass(frozen=True)
class Outcome:
    """What became of a seed. `events` are counted by their types; `trace` is the same for each run of it."""

    seed: int
    transactions: int
    events: Counter[str]
    faults: Mapping[str, int]
    lives: int
    violations: list[str] = field(default_factory=list)
    trace: str = ""


def be_quiet() -> None:
    """What the product logs of all these faults is not asked for; and short runs need no garbage collected."""
    gc.disable()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))


def simulate(
    seed: int,
    transactions: int,
    *,
    rates: Rates | None = None,
    habits: Habits | None = None,
    at_end: Callable[[World], None] = lambda _: None,
) -> Outcome:
    """Runs a seed: people come while things go wrong; then time passes, and the auditor looks."""
    outcome: Outcome = run_clockwork(
        lambda: _simulate(seed, transactions, rates or Rates(), habits or Habits(), at_end)
    )
    return outcome


async def _simulate(
    seed: int, transactions: int, rates: Rates, habits: Habits, at_end: Callable[[World], None]
) -> Outcome:
    world = World(seed, rates)
    with world.patches():
        people = People(world, habits)
        await world.start()
        await people.come(transactions, PER_SECOND)
        await world.calm()
        await world.pass_time(LONG_AFTER_DAYS)
        at_end(world)
        findings = check_all(await gather(world.shells(), world, frozenset(world.acknowledged)))
        violations = [f"{finding.id} {offender}" for finding in findings for offender in finding.offenders]
        return Outcome(
            seed=seed,
            transactions=people.transactions,
            events=Counter(
                str(event["type"])
                for database in world.databases.values()
                for event in database.tables["event_log"].rows.values()
            ),
            faults=world.faults.happened,
            lives=world.lives,
            violations=[*world.unexpected, *violations],
            trace=_trace(world),
        )


def _trace(world: World) -> str:
    told = hashlib.sha256()
    for name, database in sorted(world.databases.items()):
        for event in database.tables["event_log"].rows.values():
            told.update(f"{name} {event['id']} {event['type']} {event['recorded_at']}".encode())
    return told.hexdigest()[:16]
