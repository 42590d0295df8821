"""The desk's memory: which decision was chosen for which task."""

from simulators.agency.records import Decision, DecisionChosen, DecisionSent, Outcome, Record
from simulators.agency.switches import Switches
from simulators.agency.tasks import Task
from simulators.clock import Clock
from simulators.ledger import Ledger


class Journal:
    """Choices and their outcomes, kept in a ledger that a restart reads back."""

    def __init__(self, ledger: Ledger[Record], clock: Clock) -> None:
        """Take in everything that the ledger remembers."""
        self._ledger = ledger
        self._clock = clock
        self._records = ledger.read()
        chosen = (record for record in self._records if record.kind == "decision-chosen")
        self._choices = {record.task_id: record.decision for record in chosen}

    def records(self) -> list[Record]:
        """Every record, oldest first."""
        return list(self._records)

    def choose(self, task: Task, switches: Switches) -> Decision:
        """The decision for a task: the first one chosen stays, or its idempotency key would cover two bodies."""
        if (chosen := self._choices.get(task.id)) is not None:
            return chosen
        decision = self._next_decision(switches.reject_every)
        self._write(
            DecisionChosen(
                task_id=task.id,
                at=self._clock(),
                agency=task.agency,
                service_id=task.service_id,
                decision=decision,
            )
        )
        self._choices[task.id] = decision
        return decision

    def note_outcome(self, task: Task, outcome: Outcome, status: int) -> None:
        """Remember what requests answered."""
        self._write(DecisionSent(task_id=task.id, at=self._clock(), outcome=outcome, status=status))

    def _next_decision(self, reject_every: int) -> Decision:
        number = len(self._choices) + 1
        return Decision.REJECT if reject_every and number % reject_every == 0 else Decision.APPROVE

    def _write(self, record: Record) -> None:
        self._ledger.append(record)
        self._records.append(record)
