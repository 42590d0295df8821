"""What is wrong with a definition before it is published, as a policy officer understands it, in both languages."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from services.requests.domain.definition import (
    EXPIRY,
    AgencyTaskStep,
    Condition,
    ConsentStep,
    DocumentsStep,
    EmitStep,
    EmittedFact,
    FactsStep,
    FactType,
    FeeItem,
    FeeStep,
    HoldStep,
    IssueStep,
    PayoutStep,
    ServiceDefinition,
)
from services.requests.domain.rulebook import AGENCIES, FACTS, RULEBOOK
from services.requests.domain.rules import Verdict
from services.requests.forms import form_errors
from services.requests.prefill import register_fields
from services.requests.satisfiable import is_never_met
from shared.contracts.identity import MAY_BE_UNKNOWN, ROLES, LifeEventKind
from shared.contracts.requests import OfferMode
from shared.kernel.text import LocalizedText, printable

DEEPEST = 24
MOST_FIELDS = 200
MOST_NODES = 20_000
LONGEST_DAYS = 36_500
"""Bounds of a definition, and of its form."""

Pointer: TypeAlias = tuple[str | int, ...]
_TOLD_BY_REQUESTS = (LifeEventKind.MARRIAGE, LifeEventKind.MOVE, LifeEventKind.JOB_CHANGE)
"""Births and deaths are told by hospitals and registries alone."""
_SCHEMAS = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "items", "prefixItems", "contains"})
_FORM_WORDS = _SCHEMAS | {
    *("$schema", "$defs", "$ref", "type", "properties", "required", "additionalProperties", "enum", "const", "format"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern"),
    *("minItems", "maxItems", "uniqueItems", "dependentRequired", "title", "description", "default", "examples"),
    *("x-title", "x-why", "x-fact", "x-options"),
}
"""The words of JSON Schema that a form may use, and the platform's own."""
_FORMATS = ("date", "date-time", "time", "email", "uuid")
_WRITTEN: Mapping[FactType, tuple[str | None, str | None]] = {
    "int": ("integer", None),
    "string": ("string", None),
    "bool": ("boolean", None),
    "date": ("string", "date"),
    "instant": ("string", "date-time"),
}
"""How a form writes a fact: its `type` and `format`."""
_ARABIC, _LATIN = re.compile("[ء-ي]"), re.compile("[A-Za-z]")


class Finding(BaseModel):
    """What is wrong, and at which place of the definition: a JSON pointer (RFC 6901)."""

    model_config = ConfigDict(frozen=True)

    code: str
    pointer: str
    text: LocalizedText


@dataclass(frozen=True)
class _Fault:
    code: str
    at: Pointer
    said: Mapping[str, Any]


@cache
def _texts() -> Mapping[str, LocalizedText]:
    said = yaml.safe_load((Path(__file__).parent / "findings.yaml").read_text(encoding="utf-8"))
    return TypeAdapter(dict[str, LocalizedText]).validate_python(said)


def lint(raw: Any, services: Collection[str] | None = None) -> list[Finding]:
    """All that is wrong with a definition as it was read from YAML or JSON; nothing for one that may be published.

    `services`: the names of those that there are, where they are known, so that a hold sends nobody to another.
    """
    return [_finding(fault) for fault in _faults(raw, services)]


def _finding(fault: _Fault) -> Finding:
    text = _texts()[fault.code]
    named = {name: printable(str(value)) for name, value in fault.said.items()}
    said = LocalizedText(ar=text.ar.format(**named), en=text.en.format(**named))
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in fault.at)
    return Finding(code=fault.code, pointer=pointer, text=said)


def _faults(raw: Any, services: Collection[str] | None) -> list[_Fault]:
    """The shape first: what has another cannot be understood any further."""
    if fault := _size(raw):
        return [fault]
    try:
        definition = ServiceDefinition.model_validate(raw)
    except ValidationError as error:
        return [_shape(raw, found) for found in error.errors(include_url=False)]
    found = [fault for check in _CHECKS for fault in check(definition)]
    return found if services is None else [*found, *_holds_are_cleared_somewhere(definition, services)]


def _fault(code: str, *at: str | int, **said: Any) -> _Fault:
    return _Fault(code, at, said)


# --- the shape


def _size(raw: Any) -> _Fault | None:
    if not isinstance(raw, Mapping):
        return _fault("not-a-definition")
    nodes, level = 0, [raw]
    for _ in range(DEEPEST):
        level = [part for node in level for part in _parts(node)]
        nodes += len(level)
        if nodes > MOST_NODES:
            return _fault("too-big", limit=MOST_NODES)
    return _fault("too-deep", limit=DEEPEST) if level else None


def _parts(node: Any) -> Sequence[Any]:
    if isinstance(node, Mapping):
        return list(node.values())
    return node if isinstance(node, list) else ()


_SHAPES: Mapping[str, str] = {
    "extra_forbidden": "unknown-word",
    "literal_error": "not-one-of",
    "enum": "not-one-of",
    "string_pattern_mismatch": "not-a-name",
    "greater_than_equal": "too-small",
    "less_than_equal": "too-big-a-number",
    "too_short": "too-few",
    "too_long": "too-many",
    "union_tag_invalid": "unknown-kind",
    "union_tag_not_found": "unknown-kind",
    "string_too_long": "too-long",
}


def _shape(raw: Any, error: ErrorDetails) -> _Fault:
    at, kind, context = _pointer(raw, error["loc"]), error["type"], error.get("ctx", {})
    name = str(at[-1]) if at else ""
    if kind in ("missing", "string_too_short") and name in ("ar", "en"):
        return _Fault({"ar": "arabic-missing", "en": "english-missing"}[name], at, {})
    if kind == "missing":
        code = "fine-without-cap" if name == "cap_fils" else "missing"
        return _Fault(code, at, {"name": name})
    limit = next((context[key] for key in ("ge", "le", "min_length", "max_length") if key in context), "")
    expected = context.get("expected", context.get("expected_tags", error["msg"]))
    return _Fault(_SHAPES.get(kind, "wrong-type"), at, {"name": name, "limit": limit, "expected": expected})


def _pointer(raw: Any, place: Sequence[str | int]) -> Pointer:
    """The place as it is in the document: without the kinds that tell members of a union apart."""
    found: list[str | int] = []
    node = raw
    for number, part in enumerate(place):
        if part in (node if isinstance(node, Mapping) else range(len(node)) if isinstance(node, list) else ()):
            node = node[part]
        elif number < len(place) - 1 or not isinstance(node, Mapping) or part == node.get("kind"):
            continue
        found.append(part)
    return tuple(found)


# --- what it says


def _texts_are_in_their_languages(definition: ServiceDefinition) -> Iterator[_Fault]:
    for at, text in _localized(definition.model_dump(mode="json"), ()):
        if not text["ar"]:
            yield _fault("arabic-missing", *at, "ar")
        elif not _ARABIC.search(text["ar"]):
            yield _fault("not-arabic", *at, "ar")
        if not text["en"]:
            yield _fault("english-missing", *at, "en")
        elif not _LATIN.search(text["en"]):
            yield _fault("not-english", *at, "en")


def _localized(node: Any, at: Pointer) -> Iterator[tuple[Pointer, Mapping[str, str]]]:
    if isinstance(node, Mapping):
        if node.keys() == {"ar", "en"} and all(isinstance(text, str) for text in node.values()):
            yield at, node
            return
        for name, part in node.items():
            yield from _localized(part, (*at, name))
    if isinstance(node, list):
        for number, part in enumerate(node):
            yield from _localized(part, (*at, number))


def _names_are_unique(definition: ServiceDefinition) -> Iterator[_Fault]:
    lists: list[tuple[Pointer, Sequence[Any]]] = [
        (("steps",), definition.steps),
        (("eligibility",), definition.eligibility),
        (("bindings",), definition.bindings),
    ]
    for number, step in enumerate(definition.steps):
        if isinstance(step, FeeStep):
            lists.append((("steps", number, "items"), step.items))
    required = [found for step in definition.steps if isinstance(step, DocumentsStep) for found in step.documents]
    lists.append((("steps",), required))
    for at, parts in lists:
        for id in (id for id, count in Counter(part.id for part in parts).items() if count > 1):
            yield _fault("same-name", *at, name=id)


def _agencies_are_known(definition: ServiceDefinition) -> Iterator[_Fault]:
    named: list[tuple[Pointer, str | None]] = [(("agency",), definition.agency)]
    if definition.objection:
        named.append((("objection", "agency"), definition.objection.agency))
    for number, step in enumerate(definition.steps):
        if isinstance(step, AgencyTaskStep | HoldStep):
            named.append((("steps", number, "agency"), step.agency))
        for place, item in enumerate(step.items if isinstance(step, FeeStep) else ()):
            named.append((("steps", number, "items", place, "agency"), item.agency))
    for at, agency in named:
        if agency is not None and agency not in AGENCIES:
            yield _fault("unknown-agency", *at, name=agency)


def _facts_are_known(definition: ServiceDefinition) -> Iterator[_Fault]:
    for number, step in enumerate(definition.steps):
        match step:
            case FactsStep():
                named, field = list(step.needs), "needs"
            case IssueStep():
                named, field = list(step.shows), "shows"
            case EmitStep():
                named, field = [fact.name for fact in step.facts], "facts"
            case _:
                continue
        for fact in (fact for fact in named if fact not in FACTS):
            yield _fault("unknown-fact", "steps", number, field, name=fact)


def _facts_can_be_stated(definition: ServiceDefinition) -> Iterator[_Fault]:
    roles = {role for binding in definition.bindings for role in binding.roles}
    for number, step in enumerate(definition.steps):
        if not isinstance(step, FactsStep):
            continue
        for fact in step.needs:
            if fact in FACTS and FACTS[fact].stated_at is None:
                yield _fault("fact-that-nobody-states", "steps", number, "needs", name=fact)
        for role in (role for role in step.asks if role not in roles):
            yield _fault("unknown-role", "steps", number, "asks", name=role)


def _rules_decide_their_examples(definition: ServiceDefinition) -> Iterator[_Fault]:
    for number, rule in enumerate(definition.eligibility):
        broken = list(_condition(rule, "eligibility", number))
        yield from broken
        for field, facts, expected in (
            ("passes", rule.passes, Verdict.PASSED),
            ("fails", rule.fails, Verdict.FAILED),
        ):
            found = None if broken else RULEBOOK.verdict(rule, facts)
            if found not in (None, expected):
                yield _fault(
                    "example-comes-out-otherwise", "eligibility", number, field, expected=expected, found=found
                )


def _conditions_can_be_decided(definition: ServiceDefinition) -> Iterator[_Fault]:
    for number, step in enumerate(definition.steps):
        if step.when is not None:
            broken = list(_condition(step.when, "steps", number, "when"))
            yield from broken
            if not broken and is_never_met(step.when):
                yield _fault("step-for-nobody", "steps", number, "when", name=step.id)
        if isinstance(step, HoldStep):
            broken = list(_condition(step.lifted, "steps", number, "lifted"))
            yield from broken
            if not broken and is_never_met(step.lifted):
                yield _fault("hold-for-ever", "steps", number, "lifted", name=step.id)
        if isinstance(step, PayoutStep) and step.monthly is not None and step.monthly.while_so is not None:
            yield from _condition(step.monthly.while_so, "steps", number, "monthly", "while_so")


def _holds_are_cleared_somewhere(definition: ServiceDefinition, services: Collection[str]) -> Iterator[_Fault]:
    for number, step in enumerate(definition.steps):
        if isinstance(step, HoldStep) and step.clears_with not in (None, *services, definition.id):
            yield _fault("unknown-service", "steps", number, "clears_with", name=step.clears_with)


def _deadlines_come_after_what_they_wait_for(definition: ServiceDefinition) -> Iterator[_Fault]:
    """What is promised in working days is later than what a step of an agency's system may take alone."""
    for number, step in enumerate(definition.steps):
        if not isinstance(step, AgencyTaskStep) or step.system_hours is None:
            continue
        if step.system_hours > 24 * max(1, definition.service_level_working_days):
            days = definition.service_level_working_days
            yield _fault("promised-before-it-can-be", "steps", number, "system_hours", name=step.id, limit=days)


def _condition(condition: Condition, *at: str | int) -> Iterator[_Fault]:
    unknown = [fact for fact in condition.reads if fact not in FACTS]
    for fact in unknown:
        yield _fault("unknown-fact", *at, "reads", name=fact)
    fault = None if unknown else RULEBOOK.fault(condition)
    if fault is not None:
        yield _fault("rule-cannot-be-read", *at, "expression", fault=fault.splitlines()[0])
    for fact in (fact for fact in condition.reads if not re.search(rf"\b{fact}\b", condition.expression)):
        yield _fault("reads-more-than-it-needs", *at, "reads", name=fact)


def _steps_look_at_the_form(definition: ServiceDefinition) -> Iterator[_Fault]:
    for number, step in enumerate(definition.steps):
        yield from _where(definition, step.where, "steps", number)


def _where(definition: ServiceDefinition, where: Mapping[str, Any], *at: str | int) -> Iterator[_Fault]:
    fields = definition.fields
    for field, value in where.items():
        choices = _choices(fields.get(field))
        if field not in fields:
            yield _fault("no-field-of-the-form", *at, "where", name=field)
        elif choices and value not in choices:
            yield _fault(
                "no-choice-of-the-form", *at, "where", field, name=field, expected=", ".join(map(str, choices))
            )


def _choices(field: Any) -> Sequence[Any]:
    choices = field.get("enum") if isinstance(field, Mapping) else None
    return choices if isinstance(choices, list) else ()


def _steps_come_after_earlier_ones(definition: ServiceDefinition) -> Iterator[_Fault]:
    earlier: set[str] = set()
    for number, step in enumerate(definition.steps):
        for id in (id for id in step.after or () if id not in earlier):
            yield _fault("step-never-reached", "steps", number, "after", name=step.id, after=id)
        earlier.add(step.id)


def _nothing_is_given_before_all_have_agreed(definition: ServiceDefinition) -> Iterator[_Fault]:
    """What is issued, paid out or told to the register cannot be called back by what is refused, or lapses, later."""
    behind: dict[str, frozenset[str]] = {}
    for step in definition.steps:
        behind[step.id] = frozenset().union(*({id} | behind.get(id, frozenset()) for id in definition.before(step)))
    given = IssueStep | PayoutStep | EmitStep
    deciding = {step.id for step in definition.steps if not isinstance(step, given)}
    for number, step in enumerate(definition.steps):
        if isinstance(step, given) and (open_still := deciding - behind[step.id]):
            yield _fault("given-too-early", "steps", number, name=step.id, other=", ".join(sorted(open_still)))


def _fees_can_be_counted(definition: ServiceDefinition) -> Iterator[_Fault]:
    for number, step in enumerate(definition.steps):
        for place, item in enumerate(step.items if isinstance(step, FeeStep) else ()):
            yield from _fee_item(definition, item, "steps", number, "items", place)


def _fee_item(definition: ServiceDefinition, item: FeeItem, *at: str | int) -> Iterator[_Fault]:
    if [item.fine is not None, item.owed is not None, item.amount_fils > 0].count(True) != 1:
        yield _fault("amount-or-fine", *at, name=item.id)
    if item.owed is not None and (item.owed not in FACTS or FACTS[item.owed].type != "int"):
        yield _fault("no-amount-that-is-known", *at, "owed", name=item.owed)
    yield from _where(definition, item.where, *at)
    if item.exempt is not None:
        yield from _condition(item.exempt, *at, "exempt")
    if item.per is not None:
        field = definition.fields.get(item.per, {})
        if field.get("type") != "integer":
            yield _fault("no-number-of-the-form", *at, "per", name=item.per)
        elif not isinstance(field.get("maximum"), int):
            yield _fault("fee-without-limit", *at, "per", name=item.per)
    if item.fine is not None:
        if item.fine.cap_fils == 0:
            yield _fault("fine-without-cap", *at, "fine", "cap_fils")
        if item.fine.since not in FACTS or FACTS[item.fine.since].type != "date":
            yield _fault("no-date-that-is-known", *at, "fine", "since", name=item.fine.since)


def _terms_can_be_counted(definition: ServiceDefinition) -> Iterator[_Fault]:
    for number, step in enumerate(definition.steps):
        if isinstance(step, IssueStep):
            yield from _term(definition, step.per, step.valid_days, "steps", number, "per")
        for place, fact in enumerate(step.facts if isinstance(step, EmitStep) else ()):
            yield from _term(definition, fact.per, fact.days or 0, "steps", number, "facts", place, "per")


def _term(definition: ServiceDefinition, per: str | None, days: int, *at: str | int) -> Iterator[_Fault]:
    """How long something holds is said by every form, and within bounds."""
    if per is None:
        return
    field = definition.fields.get(per, {})
    least, most = field.get("minimum"), field.get("maximum")
    if field.get("type") != "integer":
        yield _fault("no-number-of-the-form", *at, name=per)
    elif per not in definition.form.get("required", ()) or not isinstance(least, int) or least < 1:
        yield _fault("number-that-may-be-missing", *at, name=per)
    elif not isinstance(most, int) or days * most > LONGEST_DAYS:
        yield _fault("longer-than-a-life", *at, name=per, limit=LONGEST_DAYS)


def _the_form_is_one(definition: ServiceDefinition) -> Iterator[_Fault]:
    if bad := list(_references(definition.form, ("form",))):
        yield from bad
        return
    try:
        form_errors(definition.form, {})
    except ValueError as error:
        yield _fault("form-is-no-schema", "form", fault=str(error).splitlines()[0])
        return
    if definition.form.get("additionalProperties") is not False:
        yield _fault("form-takes-anything", "form")
    yield from _words_of_the_form(definition.form, ("form",))
    for name in (name for name in definition.form.get("required", ()) if name not in definition.fields):
        yield _fault("no-field-that-is-required", "form", "required", name=name)
    yield from _fields(definition)


def _words_of_the_form(node: Any, at: Pointer) -> Iterator[_Fault]:
    """A schema takes any word; one that means nothing would be without effect, and nobody would see it."""
    if not isinstance(node, Mapping):
        return
    for word, said in node.items():
        if word not in _FORM_WORDS:
            yield _fault("unknown-word", *at, word, name=word)
        elif word in ("properties", "$defs"):
            for name, part in said.items() if isinstance(said, Mapping) else ():
                yield from _words_of_the_form(part, (*at, word, name))
        elif word in _SCHEMAS:
            parts = enumerate(said) if isinstance(said, list) else [(None, said)]
            for number, part in parts:
                yield from _words_of_the_form(part, (*at, word) if number is None else (*at, word, number))
    if node.get("format") not in (None, *_FORMATS):
        yield _fault("not-one-of", *at, "format", expected=", ".join(_FORMATS))


def _references(node: Any, at: Pointer) -> Iterator[_Fault]:
    """A form refers to its own definitions, and these to nothing: so it says what it says in its own length."""
    target = node.get("$ref", node.get("$dynamicRef")) if isinstance(node, Mapping) else None
    if target is not None and (not str(target).startswith("#/$defs/") or "$defs" in at):
        yield _fault("form-refers-elsewhere", *at, target=target)
    children = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for name, part in children:
        yield from _references(part, (*at, name))


def _fields(definition: ServiceDefinition) -> Iterator[_Fault]:
    fields = definition.fields
    if len(fields) > MOST_FIELDS:
        yield _fault("form-too-long", "form", "properties", limit=MOST_FIELDS)
    for name, field in fields.items():
        at: Pointer = ("form", "properties", name)
        title = field.get("x-title")
        if not isinstance(title, Mapping):
            yield _fault("field-without-title", *at, name=name)
            continue
        yield from _choices_have_labels(name, field)
        if not isinstance(field.get("x-why"), Mapping):
            yield _fault("field-without-why", *at, name=name)
        for word in ("x-title", "x-why"):
            text = field.get(word)
            missing = [language for language in ("ar", "en") if isinstance(text, Mapping) and not text.get(language)]
            for language in missing:
                yield _fault({"ar": "arabic-missing", "en": "english-missing"}[language], *at, word, language)
        fact = field.get("x-fact")
        if fact is not None and (not isinstance(fact, str) or fact not in FACTS):
            yield _fault("unknown-fact", *at, "x-fact", name=fact)
        elif fact is not None and (field.get("type"), field.get("format")) != _WRITTEN[FACTS[fact].type]:
            yield _fault("fact-of-another-type", *at, "x-fact", name=fact)


def _choices_have_labels(name: str, field: Mapping[str, Any]) -> Iterator[_Fault]:
    labels = field.get("x-options", {})
    for choice in (choice for choice in _choices(field) if isinstance(choice, str)):
        label = labels.get(choice) if isinstance(labels, Mapping) else None
        if not (isinstance(label, Mapping) and label.get("ar") and label.get("en")):
            yield _fault("choice-without-label", "form", "properties", name, "x-options", name=choice)


def _bindings_can_be_kept(definition: ServiceDefinition) -> Iterator[_Fault]:
    for number, binding in enumerate(definition.bindings):
        for field, role in (("recipient", binding.recipient), ("beneficiary", binding.beneficiary)):
            if role not in binding.roles:
                yield _fault("unknown-role", "bindings", number, field, name=role)
        if (binding.on == EXPIRY) is not (binding.fact in FACTS and FACTS[str(binding.fact)].type == "date"):
            yield _fault("no-day-on-which-it-ends", "bindings", number, "fact", name=binding.id)
        if binding.on != EXPIRY and binding.after_days < 0:
            yield _fault("too-small", "bindings", number, "after_days", limit=0)
        if binding.after_days >= binding.open_for_days:
            yield _fault("over-before-it-begins", "bindings", number, "open_for_days", name=binding.id)
        if binding.recipient != binding.beneficiary and not definition.on_behalf_of:
            yield _fault("may-not-ask", "bindings", number, "recipient", name=binding.recipient)
    modes = {binding.mode for binding in definition.bindings}
    if definition.offered_only and (not modes or OfferMode.NUDGE in modes):
        yield _fault("offered-by-nobody", "offered_only")


def _one_tap_is_enough(definition: ServiceDefinition) -> Iterator[_Fault]:
    for number, binding in enumerate(definition.bindings):
        known = register_fields(definition) if binding.mode is OfferMode.OFFER else ()  # what is automatic asks nobody
        if binding.mode is not OfferMode.NUDGE and _form_is_wrong(definition, binding.form, known):
            yield _fault("not-complete-for-one-tap", "bindings", number, "form", name=binding.id)


def _form_is_wrong(definition: ServiceDefinition, form: Mapping[str, Any], known: Iterable[str]) -> bool:
    places = {f"/form/{name}" for name in known}
    try:
        return any(fault["pointer"] not in places for fault in form_errors(definition.form, form))
    except ValueError:
        return False  # that the form is no schema has been said


def _who_is_always_there(definition: ServiceDefinition) -> frozenset[str]:
    """The roles that somebody has in every request of a service."""
    consents = (step for step in definition.steps if isinstance(step, ConsentStep))
    agreed = {step.party for step in consents if step.when is None and not step.where}
    occasions = [
        (binding.roles - MAY_BE_UNKNOWN) | {binding.recipient, binding.beneficiary} for binding in definition.bindings
    ]
    offered: frozenset[str] = frozenset()
    if definition.offered_only and occasions:
        offered = frozenset.intersection(*occasions)
    return frozenset({"applicant", "beneficiary", *agreed}) | offered


def _what_is_given_can_be_given(definition: ServiceDefinition) -> Iterator[_Fault]:
    people = _who_is_always_there(definition)
    fees = {step.id for step in definition.steps if isinstance(step, FeeStep)}
    for number, step in enumerate(definition.steps):
        if not isinstance(step, EmitStep | IssueStep):
            continue
        if step.person not in people:
            yield _fault("unknown-role", "steps", number, "person", name=step.person)
        if not isinstance(step, EmitStep):
            continue
        if not step.facts and step.life_event is None:
            yield _fault("tells-nothing", "steps", number, name=step.id)
        for place, fact in enumerate(step.facts):
            if fact.name in FACTS and not _fits(FACTS[fact.name].type, fact):
                yield _fault("fact-of-another-type", "steps", number, "facts", place, name=fact.name)
            if fact.less is not None and fact.less not in fees:
                yield _fault("no-fee-of-the-service", "steps", number, "facts", place, "less", name=fact.less)
        if step.life_event is None:
            continue
        if step.life_event.kind not in _TOLD_BY_REQUESTS:
            yield _fault("not-one-of", "steps", number, "life_event", "kind", expected=", ".join(_TOLD_BY_REQUESTS))
        for role, party in step.life_event.parties.items():
            if role not in ROLES[step.life_event.kind]:
                yield _fault("unknown-role", "steps", number, "life_event", "parties", name=role)
            if party not in people:
                yield _fault("unknown-role", "steps", number, "life_event", "parties", role, name=party)


def _fits(kind: FactType, fact: EmittedFact) -> bool:
    if fact.less is not None:
        return kind == "int" and fact.value is None and fact.days is None
    if kind == "date":
        return fact.days is not None and fact.value is None
    return fact.days is None and kind == {bool: "bool", int: "int", str: "string"}.get(type(fact.value))


def _an_objection_has_a_decision(definition: ServiceDefinition) -> Iterator[_Fault]:
    decides = any(isinstance(step, AgencyTaskStep) for step in definition.steps)
    if definition.objection is not None and not decides:
        yield _fault("objection-to-nothing", "objection")


_CHECKS: Sequence[Callable[[ServiceDefinition], Iterator[_Fault]]] = (
    _texts_are_in_their_languages,
    _names_are_unique,
    _agencies_are_known,
    _facts_are_known,
    _facts_can_be_stated,
    _rules_decide_their_examples,
    _conditions_can_be_decided,
    _deadlines_come_after_what_they_wait_for,
    _steps_look_at_the_form,
    _steps_come_after_earlier_ones,
    _nothing_is_given_before_all_have_agreed,
    _fees_can_be_counted,
    _terms_can_be_counted,
    _the_form_is_one,
    _bindings_can_be_kept,
    _one_tap_is_enough,
    _what_is_given_can_be_given,
    _an_objection_has_a_decision,
)
