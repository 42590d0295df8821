"""Whoever a request waits for has it before them: the auditor knows each kind of waiting."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from afaq.audit.evidence import Evidence, JobRow, Ledgers, ServiceEvidence, StateRow
from afaq.audit.invariants import TIME_TO_ANSWER, nobody_is_forgotten

NOW = datetime(2026, 11, 29, tzinfo=UTC)
REQUEST, AWAITED = uuid4(), uuid4()
NOTHING = ServiceEvidence(
    log=(),
    states={"request": {}, "task": {}, "payout": {}},
    outbox=(),
    inbox={},
    jobs=(),
    open_circuits=frozenset(),
    seals=(),
    folded=0,
    misfolded=(),
    projections=(),
    rows={},
    reads=(),
    events="",
    snapshots={},
    now=NOW,
)


def a_time_limit(field: str, awaited: UUID) -> JobRow:
    return JobRow(
        id=uuid4(),
        kind="timer",
        name=TIME_TO_ANSWER,
        lane=None,
        key=REQUEST,
        place=0,
        seq=1,
        payload={"message": {field: str(awaited)}},
        state="live",
        reason=None,
        error=None,
        run_at=NOW,
        is_leased=False,
        target=None,
    )


@pytest.mark.parametrize("field", ["wait_id", "task_id"])  # task_id: as the release before wrote it
def test_an_applicant_who_has_time_to_answer_is_waited_for_and_another_is_not(field: str) -> None:
    step = {"ref": str(AWAITED), "owner": "applicant"}
    state = {"id": str(REQUEST), "status": "needs_information", "waits_for": "applicant", "open": {"answer": step}}
    states = {**NOTHING.states, "request": {REQUEST: StateRow(1, state)}}

    def offenders(awaited: UUID) -> list[str]:
        requests = replace(NOTHING, states=states, jobs=[a_time_limit(field, awaited)])
        evidence = Evidence({"requests": requests, "payments": NOTHING}, {}, Ledgers())
        return list(nobody_is_forgotten(evidence).offenders)

    assert offenders(AWAITED) == []
    assert offenders(uuid4()) == [
        f"request {REQUEST} waits for applicant at answer ({AWAITED}), who does not know of it"
    ]
