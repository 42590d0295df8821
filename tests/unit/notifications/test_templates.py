"""What people are told: every rule has its event and template, and every template says it right in both languages."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.domain.templates import RULES, TEMPLATES, Rule, Template, render
from services.notifications.reactions import arguments_of
from shared.contracts.event import Event, event_class
from shared.contracts.personal import codec_of
from shared.kernel.money import dinars
from shared.kernel.text import LocalizedText
from tests.unit.builders import a_text, an_event, an_id, through_json
from tests.unit.generated import QUICK, generated

NAME = a_text("Fatima", "فاطمة")
AMOUNTS = st.integers(1, 10_000_000)
POOLS = {"amount_fils": AMOUNTS}
FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"
PROJECT = Path(__file__).parents[3]
each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.purpose)


def event_of(rule: Rule) -> type[Event]:
    """The event that a rule is about."""
    event = event_class(rule.event, 1)
    assert event is not None
    return event


def as_heard(event: Event) -> Event:
    """The event as another service hears it: without what is personal."""
    codec = codec_of(type(event))
    return codec.load(through_json(codec.store(event, an_id("aggregate"), None).data), None, an_id("aggregate"), None)


def arguments_in(template: Template) -> set[str]:
    """What a template says of its event or reader."""
    patterns = [text for part in (template.title, template.body) for text in (part.ar, part.en)]
    return {name for pattern in patterns for name in re.findall(r"\{\s*(\w+)", pattern)}


def said(rule: Rule, event: Event) -> LocalizedText:
    """What the body of a rule's message says."""
    return render(TEMPLATES[rule.purpose].body, arguments_of(as_heard(event), NAME))


def rule_for(purpose: str) -> Rule:
    """The rule of a purpose."""
    return next(rule for rule in RULES if rule.purpose == purpose)


@each_rule
def test_a_rule_names_an_event_and_fields_that_it_has(rule: Rule) -> None:
    event = event_of(rule)
    public = set(event.model_fields) - set(codec_of(event).private)
    assert {rule.recipient, rule.about or rule.recipient} <= public
    assert rule.purpose in TEMPLATES


def test_every_template_is_used_and_every_purpose_has_one_rule() -> None:
    purposes = [rule.purpose for rule in RULES]
    assert sorted(purposes) == sorted(TEMPLATES)


@each_rule
def test_a_template_says_nothing_that_its_event_does_not_carry_to_others(rule: Rule) -> None:
    event = event_of(rule)
    public = set(event.model_fields) - set(codec_of(event).private)
    known = public | {"name"} | ({"amount"} if "amount_fils" in public else set())
    assert arguments_in(TEMPLATES[rule.purpose]) <= known


@each_rule
def test_both_languages_say_the_same_things(rule: Rule) -> None:
    template = TEMPLATES[rule.purpose]
    for part in (template.title, template.body):
        named = [sorted(re.findall(r"\{\s*(\w+)", text)) for text in (part.ar, part.en)]
        assert named[0] == named[1]
        assert re.search(r"[\u0621-\u064A]", part.ar)
        assert not re.search(r"[\u0621-\u064A]", part.en)


@each_rule
@QUICK
@given(data=st.data())
def test_a_message_can_be_said_whatever_its_event_holds(rule: Rule, data: st.DataObject) -> None:
    event = data.draw(generated(event_of(rule), POOLS))
    name = data.draw(generated(LocalizedText))
    arguments = arguments_of(as_heard(event), name)
    for text in (TEMPLATES[rule.purpose].title, TEMPLATES[rule.purpose].body):
        assert render(text, arguments).ar
        assert render(text, arguments).en


@each_rule
def test_no_placeholder_is_left_in_what_is_said(rule: Rule) -> None:
    event = an_event(event_of(rule))
    for text in (TEMPLATES[rule.purpose].title, TEMPLATES[rule.purpose].body):
        spoken = render(text, arguments_of(as_heard(event), NAME))
        assert not re.search(r"[{}]|::|''", spoken.ar + spoken.en)


@QUICK
@given(AMOUNTS)
def test_an_amount_has_three_decimals_and_its_currency(amount_fils: int) -> None:
    spoken = render(TEMPLATES["refund-made"].body, {"amount": _in_dinars(amount_fils)})
    for text, currency in ((spoken.en, "KWD"), (spoken.ar, "د.ك.")):
        assert currency in text
        assert dinars(amount_fils) in text.replace(",", "")


def _in_dinars(amount_fils: int) -> Any:
    event = an_event(event_of(rule_for("refund-made")), amount_fils=amount_fils)
    return arguments_of(event, NAME)["amount"]


def test_amounts_are_said_in_the_digits_that_banks_use() -> None:
    spoken = render(TEMPLATES["refund-made"].body, {"amount": _in_dinars(1_234_500)})
    assert "1,234.500" in spoken.ar
    assert "1,234.500" in spoken.en


def test_a_latin_reference_is_isolated_so_that_it_turns_no_arabic_sentence_round() -> None:
    rule = rule_for("request-submitted")
    spoken = said(rule, an_event(event_of(rule)))
    assert f"{FIRST_STRONG_ISOLATE}AFQ-2345-6789{POP_ISOLATE}" in spoken.ar
    assert f"{FIRST_STRONG_ISOLATE}{NAME.ar}{POP_ISOLATE}" in spoken.ar


@each_rule
def test_every_isolate_is_closed(rule: Rule) -> None:
    spoken = said(rule, an_event(event_of(rule)))
    for text in (spoken.ar, spoken.en):
        assert text.count(FIRST_STRONG_ISOLATE) == text.count(POP_ISOLATE)


@pytest.mark.parametrize("name", ["{name}", "{amount, number}", "it's", "'{'", "#", "|", "%s", "<b>", "\\"])
def test_a_name_is_said_as_it_is_written(name: str) -> None:
    spoken = render(a_text("Dear {name}!", "عزيزنا {name}!"), {"name": a_text(name, name)})
    assert spoken.en == f"Dear {FIRST_STRONG_ISOLATE}{name}{POP_ISOLATE}!"
    assert spoken.ar == f"عزيزنا {FIRST_STRONG_ISOLATE}{name}{POP_ISOLATE}!"


def test_an_apostrophe_in_a_template_is_said_once() -> None:
    rule = rule_for("payment-captured")
    assert "The bank's reference" in said(rule, an_event(event_of(rule))).en


SAY_THE_DATES = """
from datetime import UTC, date, datetime
from services.notifications.domain.templates import TEMPLATES, render
from services.notifications.reactions import arguments_of
from shared.contracts.requests import DocumentIssued, RequestFeeDue
from tests.unit.builders import a_text, an_event

fee = an_event(RequestFeeDue, due_by=datetime(2026, 12, 8, 22, 30, tzinfo=UTC))
document = an_event(DocumentIssued, valid_until=date(2026, 12, 9))
print(render(TEMPLATES["fee-due"].body, arguments_of(fee, a_text())).en)
print(render(TEMPLATES["document-issued"].body, arguments_of(document, a_text())).en)
"""


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles"])
def test_a_date_is_kuwaits_wherever_the_service_runs(zone: str) -> None:
    environment = {**os.environ, "TZ": zone, "PYTHONPATH": str(PROJECT)}
    ran = subprocess.run([sys.executable, "-c", SAY_THE_DATES], env=environment, capture_output=True, check=True)
    due_by, valid_until = ran.stdout.decode().splitlines()
    assert "December 9, 2026" in valid_until
    assert "December 9, 2026" in due_by
