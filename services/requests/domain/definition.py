"""A service as the government has published it: texts, form, rules, fee and steps. All of it is data."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.contracts.identity import Residence
from shared.kernel.text import LocalizedText

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,60}$")]
FactName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,60}$")]
FactType = Literal["int", "string", "bool", "date", "instant"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FactDefinition(_Part):
    """A fact that rules may read: its type, and what people call it."""

    type: FactType
    label: LocalizedText


class Rule(_Part):
    """A condition in CEL over the facts that it `reads`; each example is the facts of one case."""

    id: Slug
    reads: Sequence[FactName]
    expression: Annotated[str, StringConstraints(max_length=2000)]
    reason: LocalizedText
    passes: Mapping[FactName, Any]
    fails: Mapping[FactName, Any]


class FeeStep(_Part):
    """The applicant pays; an amount of 0 is no step."""

    kind: Literal["fee"]
    id: Slug
    amount_fils: Annotated[int, Field(ge=0, le=10_000_000)]
    description: LocalizedText
    pay_within_days: Annotated[int, Field(ge=1, le=90)]
    refund_when_rejected: bool


class AgencyTaskStep(_Part):
    """An officer of the agency decides."""

    kind: Literal["agency_task"]
    id: Slug
    agency: Slug
    title: LocalizedText


class IssueStep(_Part):
    """A document is signed and given to the applicant."""

    kind: Literal["issue"]
    id: Slug
    document: Slug
    title: LocalizedText
    valid_days: Annotated[int, Field(ge=1, le=36_500)]


Step = Annotated[FeeStep | AgencyTaskStep | IssueStep, Field(discriminator="kind")]


class ServiceDefinition(_Part):
    """One version of a service. It never changes; requests that run keep the version that they began with."""

    id: Slug
    version: Annotated[int, Field(ge=1)]
    agency: Slug
    name: LocalizedText
    description: LocalizedText
    audience: Annotated[Sequence[Residence], Field(min_length=1)]
    service_level_working_days: Annotated[int, Field(ge=0, le=365)]
    form: Mapping[str, Any]
    eligibility: Sequence[Rule]
    steps: Annotated[Sequence[Step], Field(min_length=1)]

    @model_validator(mode="after")
    def _steps_have_names_of_their_own(self) -> Self:
        ids = [step.id for step in self.steps]
        if len(ids) != len(set(ids)):
            raise ValueError("two steps have the same id")
        return self

    @property
    def key(self) -> str:
        """What a version is found by."""
        return service_key(self.id, self.version)

    def fee_fils(self) -> int:
        """What the whole service costs."""
        return sum(step.amount_fils for step in self.steps if isinstance(step, FeeStep))


def service_key(service_id: str, version: int) -> str:
    """What a version is found by: `driving-licence-renewal@1`."""
    return f"{service_id}@{version}"
