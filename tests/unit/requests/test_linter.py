"""What is wrong with a definition is found before it is published, and said where and why, in both languages."""

import re
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.requests.domain.rulebook import CATALOGUE
from services.requests.linter import lint
from services.requests.seed import VOCABULARY, read
from tests.unit.generated import JSON_VALUES, QUICK

Raw = dict[str, Any]
SEED = {file.stem: read(file) for file in sorted(CATALOGUE.glob("*.yaml")) if file.stem not in VOCABULARY}
SECONDS = 2.0
"""So long a definition may take to be looked at, whatever is in it."""


def found(of: str, change: Callable[[Raw], object]) -> list[tuple[str, str]]:
    """The codes and places of what is found in a definition of the catalogue with one thing changed."""
    raw = deepcopy(SEED[of])
    change(raw)
    findings = lint(raw, SEED)
    for finding in findings:
        assert finding.text.ar
        assert finding.text.en
        assert not re.search(r"\{(name|limit|expected|found|fault|other|after|target)\}", finding.text.en)
    return [(finding.code, finding.pointer) for finding in findings]


@pytest.mark.parametrize("of", SEED)
def test_nothing_is_found_in_the_catalogue(of: str) -> None:
    assert found(of, lambda raw: raw) == []


def rule(raw: Raw, number: int = 0, **changes: Any) -> None:
    raw["eligibility"][number].update(changes)


def step(raw: Raw, number: int, **changes: Any) -> None:
    raw["steps"][number].update(changes)


def fee_item(raw: Raw, number: int, **changes: Any) -> None:
    raw["steps"][0]["items"][number].update(changes)


RESIDENCY = "plain-residency"
SEED[RESIDENCY] = {
    **SEED["residency-renewal"],
    "steps": [
        {name: said for name, said in step.items() if name != "after"}
        for step in SEED["residency-renewal"]["steps"]
        if step["kind"] in ("fee", "agency_task", "issue")
    ],
}
EMIT = {"kind": "emit", "id": "tell", "title": {"en": "Tell", "ar": "إبلاغ"}}
A_TEXT = {"en": "A text", "ar": "نص"}

BROKEN: list[tuple[str, str, Callable[[Raw], object], str, str]] = [
    ("no agency", "newborn-civil-id", lambda r: r.pop("agency"), "missing", "/agency"),
    ("no arabic name", "newborn-civil-id", lambda r: r["name"].pop("ar"), "arabic-missing", "/name/ar"),
    ("no english reason", "newborn-civil-id", lambda r: r["eligibility"][0]["reason"].pop("en"), "english-missing",
     "/eligibility/0/reason/en"),
    ("an empty arabic name", "newborn-civil-id", lambda r: r["name"].update(ar=""), "arabic-missing", "/name/ar"),
    ("english where arabic should be", "newborn-civil-id", lambda r: r["name"].update(ar="Civil ID"), "not-arabic",
     "/name/ar"),
    ("arabic where english should be", "newborn-civil-id", lambda r: r["name"].update(en="بطاقة"), "not-english",
     "/name/en"),
    ("a word that means nothing", "newborn-civil-id", lambda r: r.update(colour="red"), "unknown-word", "/colour"),
    ("a word that means nothing in a step", "newborn-civil-id", lambda r: step(r, 0, colour="red"), "unknown-word",
     "/steps/0/colour"),
    ("a step of an unknown kind", "newborn-civil-id", lambda r: step(r, 0, kind="dance"), "unknown-kind", "/steps/0"),
    ("a life event that does not exist", "newborn-civil-id", lambda r: r["bindings"][0].update(on="graduation"),
     "not-one-of", "/bindings/0/on"),
    ("a name with spaces", "newborn-civil-id", lambda r: step(r, 0, id="The fee"), "not-a-name", "/steps/0/id"),
    ("a key that YAML takes for a yes", "newborn-civil-id",
     lambda r: r["bindings"][0].update({True: r["bindings"][0].pop("on")}), "missing", "/bindings/0/on"),
    ("a negative fee", "newborn-civil-id", lambda r: step(r, 0, amount_fils=-1), "too-small", "/steps/0/amount_fils"),
    ("days that never end", "newborn-civil-id", lambda r: step(r, 0, pay_within_days=1000), "too-big-a-number",
     "/steps/0/pay_within_days"),
    ("nobody to ask for it", "newborn-civil-id", lambda r: r.update(audience=[]), "too-few", "/audience"),
    ("a fee in words", "newborn-civil-id", lambda r: step(r, 0, amount_fils="five dinars"), "wrong-type",
     "/steps/0/amount_fils"),
    ("an agency that nobody knows", "newborn-civil-id", lambda r: r.update(agency="ministry-of-magic"),
     "unknown-agency", "/agency"),
    ("a task of an agency that nobody knows", "newborn-civil-id", lambda r: step(r, 1, agency="ministry-of-magic"),
     "unknown-agency", "/steps/1/agency"),
    ("two steps of one name", "newborn-civil-id", lambda r: step(r, 1, id="fee"), "same-name", "/steps"),
    ("two bindings of one name", "newborn-civil-id", lambda r: r["bindings"].append(dict(r["bindings"][0])),
     "same-name", "/bindings"),
    ("a rule that reads an unknown fact", "newborn-civil-id",
     lambda r: rule(r, reads=["is_tall"], expression="is_tall"), "unknown-fact", "/eligibility/0/reads"),
    ("a rule that cannot be read", "newborn-civil-id", lambda r: rule(r, expression="is_named &&"),
     "rule-cannot-be-read", "/eligibility/0/expression"),
    ("a rule that reads what it does not say", "newborn-civil-id", lambda r: rule(r, expression="age > 3"),
     "rule-cannot-be-read", "/eligibility/0/expression"),
    ("a rule that gives a number", "newborn-civil-id", lambda r: rule(r, reads=["age"], expression="age"),
     "rule-cannot-be-read", "/eligibility/0/expression"),
    ("an example that comes out otherwise", "newborn-civil-id", lambda r: rule(r, 2, passes={"age": 5}),
     "example-comes-out-otherwise", "/eligibility/2/passes"),
    ("an example that lacks a fact", "newborn-civil-id", lambda r: rule(r, 2, fails={}),
     "example-comes-out-otherwise", "/eligibility/2/fails"),
    ("a step after one below it", "newborn-civil-id", lambda r: step(r, 0, after=["card"]), "step-never-reached",
     "/steps/0/after"),
    ("a step after itself", "newborn-civil-id", lambda r: step(r, 1, after=["register"]), "step-never-reached",
     "/steps/1/after"),
    ("a step for nobody", "newborn-civil-id", lambda r: step(r, 1, when={"reads": [], "expression": "1 > 2"}),
     "step-for-nobody", "/steps/1/when"),
    ("a step for whom nobody can be", "newborn-civil-id",
     lambda r: step(r, 1, when={"reads": ["age"], "expression": "age < 5 && age > 9"}),
     "step-for-nobody", "/steps/1/when"),
    ("a hold that nobody can lift", "driving-licence-renewal",
     lambda r: step(r, 0, lifted={"reads": ["residence"], "expression": "residence == 'x' && residence != 'x'"}),
     "hold-for-ever", "/steps/0/lifted"),
    ("a hold that no service clears", "driving-licence-renewal", lambda r: step(r, 0, clears_with="fine-burning"),
     "unknown-service", "/steps/0/clears_with"),
    ("a system that has longer than is promised", "newborn-civil-id", lambda r: step(r, 1, system_hours=100),
     "promised-before-it-can-be", "/steps/1/system_hours"),
    ("a fact of the form that is of another type", "rent-allowance",
     lambda r: r["form"]["properties"]["monthly_salary_fils"].update(type="string"), "fact-of-another-type",
     "/form/properties/monthly_salary_fils/x-fact"),
    ("an amount less a fee that there is not", "traffic-fine-payment",
     lambda r: step(r, 1, facts=[{"name": "unpaid_traffic_fines_fils", "less": "tolls"}]), "no-fee-of-the-service",
     "/steps/1/facts/0/less"),
    ("a month's condition that cannot be read", "rent-allowance",
     lambda r: r["steps"][2]["monthly"]["while_so"].update(expression="is_married &&"), "rule-cannot-be-read",
     "/steps/2/monthly/while_so/expression"),
    ("a document before the decision", "newborn-civil-id", lambda r: step(r, 2, after=["fee"]), "given-too-early",
     "/steps/2"),
    ("a document beside another's decision", "business-licence", lambda r: r["steps"].insert(3, {
        **r["steps"][-1], "id": "early", "after": ["municipality"]}), "given-too-early", "/steps/3"),
    ("a document that shows an unknown fact", "newborn-civil-id", lambda r: step(r, 2, shows=["is_tall"]),
     "unknown-fact", "/steps/2/shows"),
    ("facts that nobody states", "birth-certificate", lambda r: step(r, 0, needs=["age"]), "fact-that-nobody-states",
     "/steps/0/needs"),
    ("somebody who is asked and takes no part", "birth-certificate", lambda r: step(r, 0, asks=["uncle"]),
     "unknown-role", "/steps/0/asks"),
    ("a fine without a cap", RESIDENCY, lambda r: r["steps"][0]["items"][2]["fine"].pop("cap_fils"),
     "fine-without-cap", "/steps/0/items/2/fine/cap_fils"),
    ("a fine with a cap of nothing", RESIDENCY, lambda r: r["steps"][0]["items"][2]["fine"].update(cap_fils=0),
     "fine-without-cap", "/steps/0/items/2/fine/cap_fils"),
    ("a fine since no date", RESIDENCY, lambda r: r["steps"][0]["items"][2]["fine"].update(since="age"),
     "no-date-that-is-known", "/steps/0/items/2/fine/since"),
    ("a fee by a number without a limit", RESIDENCY, lambda r: r["form"]["properties"]["years"].pop("maximum"),
     "fee-without-limit", "/steps/0/items/0/per"),
    ("a fee by what is no number", RESIDENCY, lambda r: fee_item(r, 0, per="months"), "no-number-of-the-form",
     "/steps/0/items/0/per"),
    ("what nobody knows to be owed", RESIDENCY, lambda r: fee_item(r, 0, amount_fils=0, owed="is_insured", per=None),
     "no-amount-that-is-known", "/steps/0/items/0/owed"),
    ("a fee by a field that is not there", RESIDENCY, lambda r: fee_item(r, 0, where={"speed": "fast"}),
     "no-field-of-the-form", "/steps/0/items/0/where"),
    ("an amount and a fine", RESIDENCY, lambda r: fee_item(r, 2, amount_fils=5), "amount-or-fine", "/steps/0/items/2"),
    ("an exemption that cannot be read", RESIDENCY,
     lambda r: fee_item(r, 1, exempt={"reads": ["is_insured"], "expression": "is_insured >"}), "rule-cannot-be-read",
     "/steps/0/items/1/exempt/expression"),
    ("a form that is no schema", "newborn-civil-id", lambda r: r["form"].update(type="nonsense"), "form-is-no-schema",
     "/form"),
    ("a form that takes anything", "newborn-civil-id", lambda r: r["form"].pop("additionalProperties"),
     "form-takes-anything", "/form"),
    ("a form that is fetched", "newborn-civil-id",
     lambda r: r["form"]["properties"].update(more={"$ref": "https://example.com/schema.json"}),
     "form-refers-elsewhere", "/form/properties/more"),
    ("a form that means itself", "newborn-civil-id", lambda r: r["form"]["properties"].update(more={"$ref": "#"}),
     "form-refers-elsewhere", "/form/properties/more"),
    ("a pattern that looks ahead", "newborn-civil-id",
     lambda r: r["form"]["properties"].update(more={"x-title": A_TEXT, "type": "string", "pattern": "(?=(a+)+$)a"}),
     "form-is-no-schema", "/form"),
    ("a field without a title", "newborn-civil-id",
     lambda r: r["form"]["properties"]["delivery"].pop("x-title"), "field-without-title",
     "/form/properties/delivery"),
    ("a form that asks for a field that is not there", "newborn-civil-id",
     lambda r: r["form"]["required"].append("gaz"),
     "no-field-that-is-required", "/form/required"),
    ("a word of the form that means nothing", "newborn-civil-id",
     lambda r: r["form"]["properties"]["delivery"].update(maxmum=5), "unknown-word",
     "/form/properties/delivery/maxmum"),
    ("a format that nobody checks", "newborn-civil-id",
     lambda r: r["form"]["properties"].update(day={"x-title": A_TEXT, "type": "string", "format": "dat"}), "not-one-of",
     "/form/properties/day/format"),
    ("a choice without its label", "newborn-civil-id",
     lambda r: r["form"]["properties"]["delivery"]["enum"].append("camel"), "choice-without-label",
     "/form/properties/delivery/x-options"),
    ("a rule that reads more than it needs", "newborn-civil-id", lambda r: rule(r, 2, reads=["age", "residence"]),
     "reads-more-than-it-needs", "/eligibility/2/reads"),
    ("a step for a choice that is none", "newborn-civil-id", lambda r: step(r, 1, where={"delivery": "camel"}),
     "no-choice-of-the-form", "/steps/1/where/delivery"),
    ("a field without an arabic title", "newborn-civil-id",
     lambda r: r["form"]["properties"]["delivery"]["x-title"].pop("ar"), "arabic-missing",
     "/form/properties/delivery/x-title/ar"),
    ("a field that no register knows", "newborn-civil-id",
     lambda r: r["form"]["properties"]["delivery"].update({"x-fact": "shoe_size"}), "unknown-fact",
     "/form/properties/delivery/x-fact"),
    ("one tap that is not enough", "newborn-civil-id", lambda r: r["bindings"][0].update(form={}),
     "not-complete-for-one-tap", "/bindings/0/form"),
    ("an offer that is over before it begins", "newborn-civil-id", lambda r: r["bindings"][0].update(after_days=120),
     "over-before-it-begins", "/bindings/0/open_for_days"),
    ("an offer for no time", "newborn-civil-id", lambda r: r["bindings"][0].update(open_for_days=0), "too-small",
     "/bindings/0/open_for_days"),
    ("a role that no birth has", "newborn-civil-id", lambda r: r["bindings"][0].update(recipient="uncle"),
     "unknown-role", "/bindings/0/recipient"),
    ("somebody who may not ask", "newborn-civil-id", lambda r: r.update(on_behalf_of=[]), "may-not-ask",
     "/bindings/0/recipient"),
    ("telling nothing", "newborn-civil-id", lambda r: r["steps"].append(dict(EMIT)), "tells-nothing", "/steps/4"),
    ("telling a date without days", "newborn-civil-id",
     lambda r: r["steps"].append({**EMIT, "facts": [{"name": "residency_expires_on", "value": "soon"}]}),
     "fact-of-another-type", "/steps/4/facts/0"),
    ("telling of somebody who takes no part", "newborn-civil-id",
     lambda r: r["steps"].append({**EMIT, "life_event": {"kind": "move", "parties": {"resident": "uncle"}}}),
     "unknown-role", "/steps/4/life_event/parties/resident"),
    ("telling of a birth", "newborn-civil-id",
     lambda r: r["steps"].append({**EMIT, "life_event": {"kind": "birth", "parties": {"child": "beneficiary"}}}),
     "not-one-of", "/steps/4/life_event/kind"),
    ("a document before its fee", "newborn-civil-id", lambda r: r["steps"].append({**r["steps"][0], "id": "late"}),
     "given-too-early", "/steps/2"),
    ("a document for somebody who takes no part", "newborn-civil-id", lambda r: step(r, 2, person="uncle"),
     "unknown-role", "/steps/2/person"),
    ("telling of somebody who takes no part", "newborn-civil-id",
     lambda r: r["steps"].append({**EMIT, "person": "uncle", "facts": [{"name": "is_married", "value": True}]}),
     "unknown-role", "/steps/4/person"),
    ("a term by what is no number", RESIDENCY, lambda r: step(r, 2, per="months"), "no-number-of-the-form",
     "/steps/2/per"),
    ("a term by what may be nothing", RESIDENCY, lambda r: r["form"]["properties"]["years"].update(minimum=0),
     "number-that-may-be-missing", "/steps/2/per"),
    ("a term by what may be left out", RESIDENCY, lambda r: r["form"].update(required=[]),
     "number-that-may-be-missing", "/steps/2/per"),
    ("a term of centuries", RESIDENCY, lambda r: r["form"]["properties"]["years"].update(maximum=101),
     "longer-than-a-life", "/steps/2/per"),
    ("a fact for ever and a day", RESIDENCY,
     lambda r: r["steps"].append({**EMIT, "facts": [{"name": "residency_expires_on", "days": 36500, "per": "years"}]}),
     "longer-than-a-life", "/steps/3/facts/0/per"),
    ("people asked for what a register tells", "birth-certificate",
     lambda r: r["steps"][0].update(needs=["has_biometrics"]), "fact-that-nobody-states", "/steps/0/needs"),
    ("an end without a day", "driving-licence-renewal", lambda r: r["bindings"][0].pop("fact"),
     "no-day-on-which-it-ends", "/bindings/0/fact"),
    ("an end on what is no day", "driving-licence-renewal", lambda r: r["bindings"][0].update(fact="is_married"),
     "no-day-on-which-it-ends", "/bindings/0/fact"),
    ("a birth with a day on which it ends", "birth-certificate",
     lambda r: r["bindings"][0].update(fact="driving_licence_expires_on"), "no-day-on-which-it-ends",
     "/bindings/0/fact"),
    ("an end of somebody else", "driving-licence-renewal", lambda r: r["bindings"][0].update(recipient="mother"),
     "unknown-role", "/bindings/0/recipient"),
    ("before a birth", "birth-certificate", lambda r: r["bindings"][0].update(after_days=-1), "too-small",
     "/bindings/0/after_days"),
    ("what is asked for no reason", "newborn-civil-id", lambda r: r["form"]["properties"]["delivery"].pop("x-why"),
     "field-without-why", "/form/properties/delivery"),
    ("a reason in one language", "newborn-civil-id",
     lambda r: r["form"]["properties"]["delivery"]["x-why"].pop("ar"), "arabic-missing",
     "/form/properties/delivery/x-why/ar"),
    ("what nobody may ask for and nobody is offered", "rent-allowance",
     lambda r: r.update(offered_only=True, bindings=[]), "offered-by-nobody", "/offered_only"),
    ("a document of somebody who may not be there", "death-certificate",
     lambda r: r.update(offered_only=False), "unknown-role", "/steps/0/person"),
    ("an objection to nothing", "birth-certificate",
     lambda r: r.update(objection={"agency": "moh-registry", "within_days": 30, "title": A_TEXT}),
     "objection-to-nothing", "/objection"),
]  # fmt: skip


@pytest.mark.parametrize(("of", "change", "code", "place"), [case[1:] for case in BROKEN], ids=[c[0] for c in BROKEN])
def test_what_is_wrong_is_found_where_it_is(of: str, change: Callable[[Raw], object], code: str, place: str) -> None:
    assert (code, place) in found(of, change)


def test_every_finding_is_tried_and_every_text_is_of_one() -> None:
    texts = yaml.safe_load((CATALOGUE.parent / "findings.yaml").read_text(encoding="utf-8"))
    bounds = {"not-a-definition", "too-big", "too-deep", "too-long", "too-many", "form-too-long"}
    assert texts.keys() - {case[3] for case in BROKEN} == bounds


def a_nest(depth: int) -> Raw:
    nest: Raw = {}
    for _ in range(depth):
        nest = {"properties": {"a": nest}}
    return nest


def doubling(levels: int) -> Raw:
    """Each definition means the next one twice: the billion laughs."""
    defs = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$defs": defs, "$ref": "#/$defs/d0"}


@pytest.mark.parametrize(
    "properties", [None, [], "x", 5, {"delivery": None}, {"delivery": {"x-title": A_TEXT, "x-fact": []}}]
)
def test_a_form_whose_fields_are_none_is_told(properties: Any) -> None:
    assert found("newborn-civil-id", lambda raw: raw["form"].update(properties=properties))


HOSTILE: list[tuple[str, Any, str]] = [
    ("a text", "drop table services", "not-a-definition"),
    ("nothing", None, "not-a-definition"),
    ("a nest", {"form": a_nest(40)}, "too-deep"),
    ("a thousand nests", {"form": a_nest(500)}, "too-deep"),
    ("a field a person of the country", {"form": {f"f{n}": {} for n in range(30_000)}}, "too-big"),
    ("a list without end", {"steps": [{}] * 30_000}, "too-big"),
]


@pytest.mark.parametrize(("raw", "code"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_what_is_hostile_is_refused_at_once(raw: Any, code: str) -> None:
    started = time.monotonic()
    assert [finding.code for finding in lint(raw)] == [code]
    assert time.monotonic() - started < SECONDS


HEAVY: list[tuple[str, Callable[[Raw], object], str]] = [
    ("doubling definitions", lambda r: r["form"].update(doubling(40)), "form-refers-elsewhere"),
    ("a bomb of iterations", lambda r: rule(
        r, expression="[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, "
        "[1,2,3,4,5,6,7,8,9].all(d, [1,2,3,4,5,6,7,8,9].all(e, [1,2,3,4,5,6,7,8,9].all(f, "
        "a+b+c+d+e+f > 0)))))) && is_named"), "example-comes-out-otherwise"),
    ("an expression nested without end", lambda r: rule(r, expression="(" * 900 + "is_named" + ")" * 900),
     "rule-cannot-be-read"),
    ("an expression too long", lambda r: rule(r, expression="is_named" + " && is_named" * 500), "too-long"),
    ("a pattern that explodes", lambda r: r["form"]["properties"].update(
        a={"x-title": A_TEXT, "type": "string", "pattern": "((a{100}){100}){100}"}), "form-is-no-schema"),
    ("three hundred fields", lambda r: r["form"]["properties"].update(
        {f"f{n}": {"x-title": A_TEXT, "type": "string"} for n in range(300)}), "form-too-long"),
    ("a hundred documents", lambda r: r["steps"].insert(0, {
        "kind": "documents", "id": "papers", "title": A_TEXT, "within_days": 5,
        "documents": [{"id": f"d{n}", "title": A_TEXT, "why": A_TEXT} for n in range(100)]}), "too-many"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code"), [case[1:] for case in HEAVY], ids=[case[0] for case in HEAVY])
def test_what_is_heavy_is_refused_in_time(change: Callable[[Raw], object], code: str) -> None:
    started = time.monotonic()
    assert code in [code for code, _ in found("newborn-civil-id", change)]
    assert time.monotonic() - started < SECONDS


def places(node: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place of a definition."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, part in children:
        yield (*at, name)
        yield from places(part, (*at, name))


PLACES = [(of, at) for of, raw in SEED.items() for at in places(raw)]
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
VALUES = JSON_VALUES | ANY_TEXT | st.floats() | st.dictionaries(ANY_TEXT, JSON_VALUES, max_size=2)


@QUICK
@given(st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=3), ANY_TEXT)
def test_whatever_stands_in_a_definition_it_is_read_or_told(
    changes: list[tuple[tuple[str, tuple[str | int, ...]], Any]], word: str
) -> None:
    """A value or a word anywhere: findings that people can be shown, and never an error of ours."""
    of = changes[0][0][0]
    raw = deepcopy(SEED[of])
    for (whose, at), value in changes:
        node: Any = raw
        try:
            for part in at[:-1]:
                node = node[part]
            node[at[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # a place of another definition
        if isinstance(node, dict) and whose != of:
            node[word] = value
    for finding in lint(raw, SEED):
        assert finding.text.ar
        assert finding.text.en
