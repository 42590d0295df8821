"""What the desk's ledger holds, one record a line."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter


class Decision(StrEnum):
    """What an officer can say."""

    APPROVE = "approve"
    REJECT = "reject"


class Outcome(StrEnum):
    """What requests made of a decision."""

    ACCEPTED = "accepted"
    ALREADY_DECIDED = "already-decided"
    REFUSED = "refused"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    task_id: str
    at: AwareDatetime


class DecisionChosen(_Record):
    """The officer made up her mind; written before the decision is sent, once a task."""

    kind: Literal["decision-chosen"] = "decision-chosen"
    agency: str
    service_id: str
    decision: Decision


class DecisionSent(_Record):
    """Requests has answered."""

    kind: Literal["decision-sent"] = "decision-sent"
    outcome: Outcome
    status: int


Record = Annotated[DecisionChosen | DecisionSent, Field(discriminator="kind")]
RECORD: TypeAdapter[Record] = TypeAdapter(Record)
