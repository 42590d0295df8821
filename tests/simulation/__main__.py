"""`python -m tests.simulation --seeds 40 --transactions 200`: many seeds, on all cores; exit 1 where one fails."""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.simulation.run import Outcome, be_quiet, simulate

ENOUGH_TO_SEE_ALL = 5_000
HAPPENS = (
    *("identity.life_event.recorded", "identity.person.died", "identity.person.erased", "notifications.delivery.sent"),
    *("payments.basket.captured", "payments.refund.made", "payments.payment.expired"),
    *("payments.payout.made", "payments.payout.returned", "payments.payout.cancelled"),
    *("requests.request.account_due", "requests.request.account_known", "requests.request.answered"),
    *("requests.request.consented", "requests.request.emitted", "requests.request.expired"),
    *("requests.request.held", "requests.request.hold_lifted", "requests.request.returned"),
    *("requests.request.objected", "requests.request.objection_upheld"),
    *("requests.offer.accepted", "requests.offer.declined"),
)
"""What people and their mishaps bring about; a run that has none of it says nothing of it."""


def main() -> int:
    """Runs the seeds; a failing one is printed, and can be given again."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seeds", type=int, default=40, help="how many")
    asked.add_argument("--first", type=int, default=1, help="the first of them")
    asked.add_argument("--transactions", type=int, default=200, help="of each seed")
    asked.add_argument("--processes", type=int, default=os.cpu_count())
    given = asked.parse_args()
    began, failed, done = time.monotonic(), 0, list[Outcome]()
    with ProcessPoolExecutor(given.processes, initializer=be_quiet, max_tasks_per_child=20) as workers:
        seeds = range(given.first, given.first + given.seeds)
        running = [workers.submit(simulate, seed, given.transactions) for seed in seeds]
        for finished in as_completed(running):
            outcome = finished.result()
            done.append(outcome)
            failed += bool(outcome.violations)
            _tell(outcome)
    seconds = time.monotonic() - began
    transactions = sum(outcome.transactions for outcome in done)
    events = sum((outcome.events for outcome in done), Counter[str]())
    never = [] if transactions < ENOUGH_TO_SEE_ALL else sorted(type for type in HAPPENS if not events[type])
    faults = sum(sum(outcome.faults.values()) for outcome in done)
    print(
        f"{len(done)} seeds, {transactions:,} transactions, {events.total():,} events, "
        f"{faults:,} faults, {sum(outcome.lives for outcome in done):,} lives of processes; {failed} seeds failed; "
        f"{transactions / seconds:,.0f} transactions/s"
    )
    for type in never:
        print(f"{type} never happened: nothing is known of it")
    return 1 if failed or never else 0


def _tell(outcome: Outcome) -> None:
    for violation in outcome.violations[:10]:
        print(f"seed {outcome.seed}: {violation}", flush=True)
    if outcome.violations:
        print(f"seed {outcome.seed} fails: run it again with --first {outcome.seed} --seeds 1", flush=True)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets of words have another order else: no seed would be repeatable
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],
            {**os.environ, "PYTHONHASHSEED": "0"},
        )
    sys.exit(main())
