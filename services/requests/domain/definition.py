"""A service as the government has published it: texts, form, rules, fee and steps. All of it is data."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from shared.contracts.envelope import UnknownSchemaVersion
from shared.contracts.identity import ROLES, LifeEventKind, RelationKind, Residence
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
    """A fact that rules may read: its type, what people call it, where a person states it, if one does, and the agency
    whose register tells it, if one does; what nobody tells, the platform knows of everyone.
    """

    type: FactType
    label: LocalizedText
    stated_at: StatedAt | None = None
    told_by: Slug | None = None


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
    """`after`: the steps that are done before it begins; without it, the one before it in the list.

    It is a step at all for those for whom `when` is so, or of whom too little is known, and `where` the form says so.
    """

    id: Slug
    after: Sequence[Slug] | None = None
    when: Condition | None = None
    where: Mapping[str, str | int | bool] = {}


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
    """A part of a fee: an amount, once or as often as the number in the form that `per` names; what the fact `owed`
    tells, in fils; or a fine.

    It is one only `where` the form says so, and not for whom `exempt` is so. The service's agency earns it, unless
    `agency` does.
    """

    id: Slug
    agency: Slug | None = None
    text: LocalizedText
    amount_fils: Fils = 0
    per: str | None = None
    owed: FactName | None = None
    fine: Fine | None = None
    where: Mapping[str, str | int | bool] = {}
    exempt: Condition | None = None


class FeeStep(_Step):
    """The applicant pays `amount_fils` and what the `items` come to; where that is nothing, it is no step.

    A fine goes on growing until it is paid: such a fee is worked out anew at each midnight in Kuwait.
    """

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

    @property
    def grows(self) -> bool:
        """Whether it comes to more the later it is paid."""
        return any(item.fine is not None for item in self.items)

    @property
    def follows_facts(self) -> bool:
        """Whether it comes to what a register says is owed."""
        return any(item.owed is not None for item in self.items)


class HoldStep(_Step):
    """Another agency has something open about the beneficiary: the request waits until `lifted` is so. What is not
    open is no step. `clear`: how it is cleared, if with a service, then with that of `clears_with`.
    """

    kind: Literal["hold"]
    agency: Slug
    lifted: Condition
    title: LocalizedText
    clear: LocalizedText
    clears_with: Slug | None = None
    within_days: Annotated[int, Field(ge=1, le=365)]


class RequiredDocument(_Part):
    """A document that the applicant hands in, and `why`: what a register knows is not asked for."""

    id: Slug
    title: LocalizedText
    why: LocalizedText
    accepts: Annotated[Sequence[Literal["pdf", "jpeg", "png"]], Field(min_length=1)] = ("pdf", "jpeg", "png")


class DocumentsStep(_Step):
    """The request waits until the applicant has handed in each of the `documents`."""

    kind: Literal["documents"]
    title: LocalizedText
    documents: Annotated[Sequence[RequiredDocument], Field(min_length=1, max_length=20)]
    within_days: Annotated[int, Field(ge=1, le=90)]


class AgencyTaskStep(_Step):
    """An officer of the agency decides. The applicant has `answer_within_days` to send what an officer still needs.

    `system_hours`: the agency's own system decides, if within so many hours; else an officer does.
    """

    kind: Literal["agency_task"]
    agency: Slug
    title: LocalizedText
    answer_within_days: Annotated[int, Field(ge=1, le=90)] = 14
    system_hours: Annotated[int, Field(ge=1, le=720)] | None = None


class IssueStep(_Step):
    """A document is signed for `person`: the beneficiary, or another role. `shows`: facts about them that it holds
    besides their name. It is valid for `valid_days`, as often as the number in the form that `per` names.
    """

    kind: Literal["issue"]
    document: Slug
    title: LocalizedText
    person: Role = "beneficiary"
    valid_days: Annotated[int, Field(ge=1, le=36_500)]
    per: str | None = None
    shows: Sequence[FactName] = ()


class Monthly(_Part):
    """The same amount again in each month after the first, `months` in all: as long as `while_so` is so of the
    beneficiary. What cannot be decided is paid; a month in which it is not so is not made up for.
    """

    months: Annotated[int, Field(ge=2, le=1200)]
    while_so: Condition | None = None


class PayoutStep(_Step):
    """`person` is paid `amount_fils` by the service's agency, to the account that they have named: once, or `monthly`.
    The request is done with the first payment.
    """

    kind: Literal["payout"]
    person: Literal["beneficiary", "applicant"] = "beneficiary"
    monthly: Monthly | None = None
    amount_fils: Annotated[int, Field(ge=1, le=100_000_000)]
    description: LocalizedText


class EmittedFact(_Part):
    """A fact that holds from now on: a `value`; for a date the day in so many `days`, as often as the number in the
    form that `per` names; or for an amount what it is by then, `less` what was paid in the fee step of this name.
    """

    name: FactName
    value: bool | int | str | None = None
    days: Annotated[int, Field(ge=0, le=36_500)] | None = None
    per: str | None = None
    less: Slug | None = None


class EmittedLifeEvent(_Part):
    """Something that has happened with this request. `parties`: who takes part in it, by role; who that is here is
    `applicant`, `beneficiary`, a party who has agreed, or whoever its occasion always has.
    """

    kind: LifeEventKind
    parties: Annotated[Mapping[Role, Role], Field(min_length=1)]


class EmitStep(_Step):
    """The register is told what is so of `person` from now on: of the beneficiary, or another role; what other services
    are bound to it follow.
    """

    kind: Literal["emit"]
    title: LocalizedText
    person: Role = "beneficiary"
    facts: Sequence[EmittedFact] = ()
    life_event: EmittedLifeEvent | None = None


Step = Annotated[
    FactsStep | ConsentStep | HoldStep | DocumentsStep | FeeStep | AgencyTaskStep | IssueStep | PayoutStep | EmitStep,
    Field(discriminator="kind"),
]


class Objection(_Part):
    """Who was rejected may object within so many days; another officer of `agency` decides on it, once."""

    agency: Slug
    within_days: Annotated[int, Field(ge=1, le=365)]
    title: LocalizedText


EXPIRY: Literal["expiry"] = "expiry"
"""That something of a person ends on a day is an occasion too; its one party is the `holder`."""
HOLDER = "holder"


class Binding(_Part):
    """What makes the platform go ahead, by telling, by an offer, or by doing it: a life event, or that something ends
    on the date that `fact` tells.

    `recipient` and `beneficiary` are roles of the event's parties. It is made `after_days` and stands until
    `open_for_days`, counted from the beneficiary's birth; from the day on which something ends, most often before it;
    for any other event from the day on which it was noticed. `form` is what is sent with one tap.
    """

    id: Slug
    on: LifeEventKind | Literal["expiry"]
    fact: FactName | None = None
    mode: OfferMode
    recipient: Role
    beneficiary: Role
    after_days: Annotated[int, Field(ge=-366, le=36_500)] = 0
    open_for_days: Annotated[int, Field(ge=1, le=36_500)]
    form: Mapping[str, Any] = {}
    reason: LocalizedText

    @property
    def roles(self) -> frozenset[str]:
        """The roles that its occasion can have."""
        return frozenset({HOLDER}) if self.on == EXPIRY else ROLES[self.on]


class ServiceDefinition(_Part):
    """One version of a service. It never changes; requests that run keep the version that they began with.

    `effective_from`: its first day in Kuwait, else from its publication. `assurance`: how surely the caller has to be
    who they say. `on_behalf_of`: on what ground one may ask for another. `hours`: when the agency's people are there.
    `offered_only`: it begins with what one of its `bindings` offers or does, and nobody asks for it by themselves.
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
    offered_only: bool = False
    effective_from: date | None = None
    hours: LocalizedText | None = None
    objection: Objection | None = None

    @property
    def fields(self) -> Mapping[str, Mapping[str, Any]]:
        """The fields of the form by name; none of a form that is no schema."""
        found = self.form.get("properties")
        fields = found.items() if isinstance(found, Mapping) else ()
        return {name: field for name, field in fields if isinstance(field, Mapping)}

    @property
    def decisive_fields(self) -> frozenset[str]:
        """The fields of the form by which is planned what there is to do, to pay and to issue."""
        found: set[str] = set()
        for step in self.steps:
            counted: Sequence[FeeItem | IssueStep | EmittedFact] = ()
            match step:
                case FeeStep(items=items):
                    counted = items
                    found.update(field for item in items for field in item.where)
                case IssueStep():
                    counted = (step,)
                case EmitStep(facts=facts):
                    counted = facts
            found.update(step.where, (part.per for part in counted if part.per is not None))
        return frozenset(found)

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

    def all_before(self, step: Step) -> frozenset[str]:
        """The steps that are done before this one begins, those before them, and so on."""
        direct = self.before(step)
        return direct.union(*(self.all_before(self.step(id)) for id in direct))

    @property
    def key(self) -> str:
        """What a version is found by."""
        return service_key(self.id, self.version)

    def fee_fils(self) -> int:
        """What the service costs everybody; fines, exemptions and what goes by number are in a quote."""
        fees = [step for step in self.steps if isinstance(step, FeeStep)]
        items = (item for step in fees for item in step.items)
        fixed = (item.amount_fils for item in items if not (item.per or item.exempt or item.where))
        return sum(step.amount_fils for step in fees) + sum(fixed)


def read_definition(said: str | Mapping[str, Any]) -> ServiceDefinition:
    """A published definition. Raises UnknownSchemaVersion where it has words that this code does not know."""
    try:
        if isinstance(said, str):
            return ServiceDefinition.model_validate_json(said)
        return ServiceDefinition.model_validate(said)
    except ValidationError:
        raise UnknownSchemaVersion("a service definition") from None


def title_of(step: Step) -> LocalizedText:
    """What people read of a step."""
    return step.description if isinstance(step, FeeStep | PayoutStep) else step.title


def service_key(service_id: str, version: int) -> str:
    """What a version is found by: `falcon-permit@1`."""
    return f"{service_id}@{version}"
