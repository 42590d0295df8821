"""Every aggregate is folded anew from the log and compared with its row, over real transactions."""

import time
from base64 import b64decode

from afaq.services import NAMES, functions_of
from benchmarks import gate
from benchmarks.cpu import LOAD
from benchmarks.crowd import gathered
from benchmarks.figures import Sample
from benchmarks.lab import Lab
from benchmarks.load import closed_loop
from benchmarks.measure import cpu_ms
from benchmarks.platform import Platform, running
from benchmarks.scenarios.scenario import Scenario
from shared.kernel.clock import the_clock
from shared.store.keyring import KeyRing
from shared.store.pool import open_pool
from shared.store.replay import verify_states
from shared.store.shell import Shell

AFAQ = "afaq"
AT_ONCE = 16


async def run(lab: Lab) -> list[Sample]:
    """Transactions are made for the measured time; then each service's log is replayed, in this process."""
    samples = []
    async with (
        lab.servers(AFAQ) as servers,
        running(servers) as platform,
        gathered(lab, platform, AFAQ) as crowd,
    ):
        made = 0

        async def make(_: int) -> None:
            nonlocal made
            made += 1
            await crowd.make(made)

        lab.say(f"  transactions, {AT_ONCE} at once, for {lab.options.seconds:g} s")
        await closed_loop(make, workers=AT_ONCE, seconds=lab.options.seconds)
        for round in range(1, lab.options.rounds + 1):
            samples += [await _replay(platform, name, round) for name in NAMES]
    return samples


async def _replay(platform: Platform, name: str, round: int) -> Sample:
    environment, prefix = platform.stack.environments[name], f"AFAQ_{name.upper()}"
    pool = await open_pool(environment[f"{prefix}_POSTGRES_DSN"], application=f"afaq-{name}", size=4)
    try:
        keyring = KeyRing(b64decode(environment[f"{prefix}_MASTER_KEY"]))
        shell = await Shell.open(functions_of(name), pool, keyring, the_clock())
        accounts = platform.accounts()
        before, began = accounts.read(), time.perf_counter()
        found = await verify_states(shell)
        took, used = time.perf_counter() - began, accounts.read().since(before)
    finally:
        await pool.close()
    sample = Sample(name, round, {"events per second": found.events / took, "events": float(found.events)})
    sample.figures["aggregates per second"] = found.aggregates / took
    per_event = cpu_ms(used, max(1, found.events))
    sample.cpu_ms = {"replay": per_event.get(LOAD, 0), "postgres": per_event.get(f"postgres: {name}", 0)}
    sample.noise += gate.check_noise(used)
    sample.problems += [f"{len(found.differing)} aggregates differ"] if found.differing else []
    return sample


SCENARIO = Scenario(
    name="replay",
    question="How fast are all aggregates folded anew from the log and compared?",
    piece="event",
    run=run,
)
