"""Behaviour alone, on one core: how many rules are judged, and how many messages a request deals with, in a second."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cel_expr_python import cel

from benchmarks.figures import Sample
from benchmarks.lab import Lab
from benchmarks.scenarios.scenario import Ratio, Scenario
from services.requests.domain.facts import KnownPerson, facts_of
from services.requests.domain.request import Known, ServiceVersion, request
from services.requests.domain.request_messages import DocumentWasIssued, FeeWasPaid, Submit, TaskWasDecided
from services.requests.domain.rulebook import RULEBOOK
from services.requests.domain.rules import Verdict
from services.requests.seed import read_definitions
from shared.contracts.identity import Fact, Residence
from shared.contracts.requests import TaskDecision
from shared.kernel.text import LocalizedText

RULES, BARE, PROCESS = "rule book", "bare CEL", "process of a request"
NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
WHO, REQUEST = UUID(int=1), UUID(int=2)
SERVICE = next(found for found in read_definitions() if found.id == "driving-licence-renewal")


async def run(lab: Lab) -> list[Sample]:
    """Each in turn."""
    samples = []
    for round in range(1, lab.options.rounds + 1):
        for system, work in ((RULES, judge), (BARE, bare()), (PROCESS, carry)):
            rate = await asyncio.to_thread(_rate, work, min(lab.options.seconds, 5))
            samples.append(Sample(system, round, {"per second": rate}))
    return samples


def _rate(work: Callable[[], int], seconds: float) -> float:
    work()
    began, done = time.perf_counter(), 0
    while (took := time.perf_counter() - began) < seconds:
        done += work()
    return done / took


def judge() -> int:
    """The rules of one service for one person."""
    facts = facts_of(_driver(), NOW)
    rulings = [RULEBOOK.judge(rule, facts) for rule in SERVICE.eligibility]
    assert all(ruling.verdict is Verdict.PASSED for ruling in rulings)
    return len(rulings)


def bare() -> Callable[[], int]:
    """The library alone, on a rule that is compiled and values that are ready."""
    environment = cel.NewEnv(variables={"age": cel.Type.INT})
    compiled = environment.compile("age >= 18")

    def evaluate() -> int:
        assert compiled.eval(environment.Activation({"age": 30})).value()
        return 1

    return evaluate


def carry() -> int:
    """A licence renewed from its submission to its end: decided and folded, with nothing stored."""
    known = Known(ServiceVersion(SERVICE.key, SERVICE), _driver())
    state, messages = request.initial, 0
    while state.waits_for is not None or not messages:
        for event in request.decide(state, _next(state), known):
            state = request.evolve(state, event)
        messages += 1
    return messages


def _next(state: Any) -> Any:
    if not state.open:
        return Submit(REQUEST, SERVICE.id, SERVICE.version, WHO, {"delivery": "digital"}, NOW)
    [(id, step)] = state.open.items()
    match SERVICE.step(id).kind:
        case "fee":
            return FeeWasPaid(step.ref, REQUEST, NOW)
        case "agency_task":
            return TaskWasDecided(step.ref, WHO, TaskDecision.APPROVE, None, NOW)
        case _:
            return DocumentWasIssued(step.ref, NOW)


def _driver() -> KnownPerson:
    expires_on = (NOW + timedelta(days=20)).date().isoformat()
    told = {"driving_licence_expires_on": expires_on, "unpaid_traffic_fines_fils": 0}
    facts = {name: Fact(value=value, source="moi-traffic", as_of=NOW) for name, value in told.items()}
    return KnownPerson(WHO, LocalizedText(ar="اسم", en="Name"), NOW.date().replace(year=1990), Residence.CITIZEN, facts)


SCENARIO = Scenario(
    name="rules",
    question="How fast is behaviour alone: rules judged, and messages that a request deals with, on one core?",
    piece="rule or message",
    run=run,
    ratios=[Ratio(RULES, BARE, "per second")],
)
