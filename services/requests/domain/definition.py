"""A service as the government has published it: texts, form, rules, fee and steps. All of it is data."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.contracts.identity import LifeEventKind, RelationKind, Residence
from shared.contracts.requests import OfferMode
from shared.kernel.text import LocalizedText

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,60}$")]
FactName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,60}$")]
Role = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,30}$")]
FactType = Literal["int", "string", "bool", "date", "instant"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StatedAt(_Part):
    """Where a person states a fact: the service, and the address with `{person_id}` for whom it is about."""

    service: Slug
    path: str


class FactDefinition(_Part):
    """A fact that rules may read: its type, what people call it, and where a person states it, if one does."""

    type: FactType
    label: LocalizedText
    stated_at: StatedAt | None = None


class Condition(_Part):
    """A condition in CEL over the facts that it `reads`."""

    reads: Sequence[FactName]
    expression: Annotated[str, StringConstraints(max_length=2000)]


class Rule(Condition):
    """A condition that has to be met, and why; each example is the facts of one case."""

    id: Slug
    reason: LocalizedText
    passes: Mapping[FactName, Any]
    fails: Mapping[FactName, Any]


class _Step(_Part):
    """`after`: the steps that are done before it begins; without it, the one before it in the list. `when`: for whom it
    is a step at all; it is one for those of whom too little is known.
    """

    id: Slug
    after: Sequence[Slug] | None = None
    when: Condition | None = None


class FactsStep(_Step):
    """The request waits until facts about its beneficiary are known: only for what is missing is anybody asked.

    `asks`: roles of those who are asked; without any the applicant is.
    """

    kind: Literal["facts"]
    needs: Annotated[Sequence[FactName], Field(min_length=1)]
    asks: Sequence[Role] = ()
    title: LocalizedText


class ConsentStep(_Step):
    """Another party agrees, who comes with a code that the applicant hands on: a worker, a landlord, a spouse."""

    kind: Literal["consent"]
    party: Role
    title: LocalizedText
    within_days: Annotated[int, Field(ge=1, le=90)]


Fils = Annotated[int, Field(ge=0, le=10_000_000)]


class Fine(_Part):
    """What is added for each day after `grace_days` from the date that the fact `since` tells: `rate1_fils` on the
    first `rate1_days` of them, `rate2_fils` on the others, `cap_fils` at most.
    """

    since: FactName
    grace_days: Annotated[int, Field(ge=0, le=3650)]
    rate1_fils: Fils
    rate1_days: Annotated[int, Field(ge=0, le=3650)]
    rate2_fils: Fils
    cap_fils: Fils


class FeeItem(_Part):
    """A part of a fee: an amount, once or as often as the number in the form that `per` names; or a fine. For whom
    `exempt` is so, there is nothing to pay of it.
    """

    id: Slug
    text: LocalizedText
    amount_fils: Fils = 0
    per: str | None = None
    fine: Fine | None = None
    exempt: Condition | None = None

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> Self:
        if (self.fine is None) == (self.amount_fils == 0):
            raise ValueError(f"the part {self.id} of a fee is either an amount or a fine")
        return self


class FeeStep(_Step):
    """The applicant pays `amount_fils` and what the `items` come to; where that is nothing, it is no step."""

    kind: Literal["fee"]
    amount_fils: Fils = 0
    items: Sequence[FeeItem] = ()
    description: LocalizedText
    pay_within_days: Annotated[int, Field(ge=1, le=90)]
    refund_when_rejected: bool

    @property
    def is_free(self) -> bool:
        """Whether nobody pays anything."""
        return not self.amount_fils and not self.items


class AgencyTaskStep(_Step):
    """An officer of the agency decides. The applicant has `answer_within_days` to send what an officer still needs."""

    kind: Literal["agency_task"]
    agency: Slug
    title: LocalizedText
    answer_within_days: Annotated[int, Field(ge=1, le=90)] = 14


class IssueStep(_Step):
    """A document is signed for the beneficiary. `shows`: facts about them that it holds besides their name."""

    kind: Literal["issue"]
    document: Slug
    title: LocalizedText
    valid_days: Annotated[int, Field(ge=1, le=36_500)]
    shows: Sequence[FactName] = ()


Step = Annotated[FactsStep | ConsentStep | FeeStep | AgencyTaskStep | IssueStep, Field(discriminator="kind")]


class Binding(_Part):
    """A life event that makes the platform go ahead: by telling, by an offer, or by doing it.

    `recipient` and `beneficiary` are roles of the event's parties. It is made `after_days` of the beneficiary's birth
    and stands for `open_for_days` of it. `form` is what is sent with one tap.
    """

    id: Slug
    on: LifeEventKind
    mode: OfferMode
    recipient: Role
    beneficiary: Role
    after_days: Annotated[int, Field(ge=0, le=36_500)] = 0
    open_for_days: Annotated[int, Field(ge=1, le=36_500)]
    form: Mapping[str, Any] = {}
    reason: LocalizedText


class ServiceDefinition(_Part):
    """One version of a service. It never changes; requests that run keep the version that they began with.

    `assurance`: how surely the caller has to be who they say. `on_behalf_of`: on what ground one may ask for another.
    """

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
    assurance: Literal["low", "substantial", "high"] = "substantial"
    on_behalf_of: Sequence[RelationKind] = ()
    bindings: Sequence[Binding] = ()

    @model_validator(mode="after")
    def _steps_have_names_of_their_own(self) -> Self:
        ids = [step.id for step in self.steps]
        if len(ids) != len(set(ids)):
            raise ValueError("two steps have the same id")
        return self

    @model_validator(mode="after")
    def _what_is_missing_is_asked_for_first(self) -> Self:
        if any(isinstance(step, FactsStep) for step in self.steps[1:]):
            raise ValueError("a step that asks for facts comes before all others")
        return self

    @model_validator(mode="after")
    def _steps_come_after_earlier_ones(self) -> Self:
        earlier: set[str] = set()
        for step in self.steps:
            if unknown := set(step.after or ()) - earlier:
                raise ValueError(
                    f"the step {step.id} comes after {', '.join(sorted(unknown))}, not above it in the list"
                )
            earlier.add(step.id)
        return self

    @model_validator(mode="after")
    def _bindings_have_names_of_their_own(self) -> Self:
        ids = [binding.id for binding in self.bindings]
        if len(ids) != len(set(ids)):
            raise ValueError("two bindings have the same id")
        return self

    def binding(self, binding_id: str) -> Binding | None:
        """The binding of this name."""
        return next((binding for binding in self.bindings if binding.id == binding_id), None)

    def step(self, step_id: str) -> Step:
        """The step of this name."""
        return next(step for step in self.steps if step.id == step_id)

    def before(self, step: Step) -> frozenset[str]:
        """The steps that are done before this one begins."""
        if step.after is not None:
            return frozenset(step.after)
        place = self.steps.index(step)
        return frozenset({self.steps[place - 1].id} if place else ())

    @property
    def key(self) -> str:
        """What a version is found by."""
        return service_key(self.id, self.version)

    def fee_fils(self) -> int:
        """What the service costs everybody; fines, exemptions and what goes by number are in a quote."""
        fees = [step for step in self.steps if isinstance(step, FeeStep)]
        fixed = (item.amount_fils for step in fees for item in step.items if item.per is None and item.exempt is None)
        return sum(step.amount_fils for step in fees) + sum(fixed)


def service_key(service_id: str, version: int) -> str:
    """What a version is found by: `driving-licence-renewal@1`."""
    return f"{service_id}@{version}"
