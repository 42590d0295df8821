"""Far more submissions than can be carried through, for a while: what is accepted is safe, and all of it drains."""

import asyncio
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field

from benchmarks import gate
from benchmarks.cpu import LOAD
from benchmarks.crowd import Crowd, gathered
from benchmarks.figures import Points, Sample, latencies
from benchmarks.lab import Lab
from benchmarks.load import all_ended, open_loop
from benchmarks.measure import cpu_ms
from benchmarks.platform import running
from benchmarks.scenarios.accept import BODY
from benchmarks.scenarios.scenario import Scenario
from benchmarks.wire import Wire

AFAQ = "afaq"
RATE = 500.0
MOST_SECONDS = 30.0
PATIENCE_SECONDS = 600.0
FOLLOWED = {"payments.payment.requested": 1, "notifications.delivery.delivered": 2}
"""What each submission brings about before anybody acts: the payment for its fee, and two messages."""
Headers = dict[bytes, bytes]


@dataclass
class Answers:
    """What the submissions of a burst were answered."""

    asked: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)
    without_retry_after: int = 0
    broken: int = 0

    def note(self, status: int, headers: Headers, seconds: float) -> None:
        """One answer, with its latency from the instant at which it was to be sent."""
        self.statuses[status] += 1
        if status == 202:
            self.took.append(seconds)
        elif status == 503 and b"retry-after" not in headers:
            self.without_retry_after += 1


async def run(lab: Lab) -> list[Sample]:
    """Each round on fresh servers."""
    samples = []
    for round in range(1, lab.options.rounds + 1):
        async with (
            lab.servers(AFAQ) as servers,
            running(servers) as platform,
            gathered(lab, platform, AFAQ) as crowd,
        ):
            samples.append(await _measure(lab, crowd, round))
            samples[-1].problems += await platform.violations()
    return samples


async def _measure(lab: Lab, crowd: Crowd, round: int) -> Sample:
    seconds, answers = min(MOST_SECONDS, lab.options.seconds), Answers()
    accounts, told = crowd.platform.accounts(), Counter(crowd.watch.counts)
    lab.say(f"  {RATE:g} submissions a second for {seconds:g} s")
    before, began = accounts.read(), time.perf_counter()
    in_hand: Points = []
    sampling = asyncio.create_task(_sample(crowd, answers, told, began, in_hand))
    tasks = await _submit(crowd, answers, seconds, began)
    burst = accounts.read().since(before)
    answers.broken += await all_ended(tasks, within_seconds=120)
    accepted = answers.statuses[202]
    drained = await _drained(crowd, accepted, told)
    ended, used = time.perf_counter(), accounts.read().since(before)
    sampling.cancel()
    sample = Sample(AFAQ, round, {"asked per second": RATE, "accepted": float(accepted)})
    sample.figures |= {
        "accepted per second": accepted / seconds,
        "turned away (503)": float(answers.statuses[503]),
        "drained after s": ended - began - seconds,
        "followed per second": accepted / (ended - began),
        "load generator, share of a core": burst.share(LOAD),
        **latencies(answers.took, "submit "),
    }
    sample.cpu_ms = cpu_ms(used, max(1, accepted))
    sample.curves["in hand"] = in_hand
    sample.noise += gate.check_noise(used)
    sample.problems += drained + _refusals(answers) + gate.check_load(burst) + await crowd.platform.left_over()
    stored = await crowd.platform.fetchval("requests", "select count(*) from requests")
    sample.problems += gate.check_counts({"stored requests": stored}, {"stored requests": accepted})
    return sample


async def _submit(crowd: Crowd, answers: Answers, seconds: float, began: float) -> list[asyncio.Task[None]]:
    """Every submission has a connection of its own choosing: one that is free, else a new one."""
    url, free = crowd.platform.urls["requests"], list[Wire]()

    async def act(number: int, due: float) -> None:
        answers.asked += 1
        wire = free.pop() if free else Wire(url)
        token = crowd.tokens[number % len(crowd.tokens)]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            status, _, given = await wire.post("/requests", BODY, {**headers, "Idempotency-Key": uuid.uuid4().hex})
        except (OSError, EOFError):
            answers.broken += 1
            return
        free.append(wire)
        answers.note(status, given, time.perf_counter() - due)

    return await open_loop(act, rate=RATE, seconds=seconds, begins_at=began)


def _refusals(answers: Answers) -> list[str]:
    """Whoever is turned away is told so, and when to come again."""
    problems = [f"{count} answers {status}" for status, count in answers.statuses.items() if status not in (202, 503)]
    problems += [f"{answers.without_retry_after} refusals without Retry-After"] if answers.without_retry_after else []
    return problems + ([f"{answers.broken} submissions without an answer"] if answers.broken else [])


async def _drained(crowd: Crowd, accepted: int, told: Counter[str]) -> list[str]:
    """Waits until every accepted submission has been followed; what is still wrong when patience ends."""
    expected = {kind: count * accepted for kind, count in FOLLOWED.items()}
    give_up_at = time.perf_counter() + PATIENCE_SECONDS
    while wrong := gate.check_counts({kind: crowd.watch.counts[kind] - told[kind] for kind in expected}, expected):
        if time.perf_counter() > give_up_at:
            return [f"not drained within {PATIENCE_SECONDS:g} s: {'; '.join(wrong)}"]
        await asyncio.sleep(0.1)
    return []


async def _sample(crowd: Crowd, answers: Answers, told: Counter[str], began: float, points: Points) -> None:
    """Once a second, how many have come, were not turned away, and are not yet followed to the last message."""
    last, count = max(FOLLOWED.items(), key=lambda item: item[1])
    while True:
        followed = (crowd.watch.counts[last] - told[last]) / count
        points.append((time.perf_counter() - began, max(0.0, answers.asked - answers.statuses[503] - followed)))
        await asyncio.sleep(1)


SCENARIO = Scenario(
    name="burst",
    question=f"What happens when {RATE:g} submissions a second come for half a minute?",
    piece="accepted submission",
    run=run,
)
