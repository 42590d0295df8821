"""The desk's choices."""

from datetime import UTC, datetime
from pathlib import Path

from simulators.agency.journal import Journal
from simulators.agency.records import RECORD, Decision, Outcome
from simulators.agency.switches import Switches
from simulators.agency.tasks import Task, Title
from simulators.ledger import Ledger

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def a_journal(directory: Path) -> Journal:
    return Journal(Ledger(directory / "agency.jsonl", RECORD), lambda: NOW)


def a_task(task_id: str) -> Task:
    return Task(
        id=task_id,
        request_id="r",
        service_id="licence-renewal",
        agency="moi-traffic",
        title=Title(ar="مراجعة", en="Review"),
        opened_at=NOW,
    )


def test_every_third_task_is_rejected(tmp_path: Path) -> None:
    journal = a_journal(tmp_path)
    chosen = [journal.choose(a_task(str(number)), Switches(reject_every=3)) for number in range(6)]
    assert chosen == [Decision.APPROVE, Decision.APPROVE, Decision.REJECT] * 2


def test_all_are_approved_by_default(tmp_path: Path) -> None:
    journal = a_journal(tmp_path)
    assert {journal.choose(a_task(str(number)), Switches()) for number in range(5)} == {Decision.APPROVE}


def test_a_choice_stays_over_a_restart_and_other_switches(tmp_path: Path) -> None:
    assert a_journal(tmp_path).choose(a_task("1"), Switches(reject_every=1)) is Decision.REJECT
    assert a_journal(tmp_path).choose(a_task("1"), Switches()) is Decision.REJECT


def test_records_are_kept_in_order(tmp_path: Path) -> None:
    journal = a_journal(tmp_path)
    journal.choose(a_task("1"), Switches())
    journal.note_outcome(a_task("1"), Outcome.ALREADY_DECIDED, 409)
    kinds = [record.kind for record in a_journal(tmp_path).records()]
    assert kinds == ["decision-chosen", "decision-sent"]
