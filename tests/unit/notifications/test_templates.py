"""What people are told: every rule has its event and template, and every template says it right in both languages."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.app import service
from services.notifications.domain.sms import parts_of, plain
from services.notifications.domain.templates import RULES, TEMPLATES, Rule, Template, render
from services.notifications.reactions import arguments_of
from services.requests.domain.definition import FeeStep, PayoutStep, title_of
from services.requests.seed import read_definitions
from shared.contracts.event import Event, event_class
from shared.contracts.notifications import Channel, ContactCodeAsked
from shared.contracts.personal import codec_of
from shared.kernel.clock import KUWAIT
from shared.kernel.money import dinars
from shared.kernel.text import LocalizedText
from tests.unit.builders import NOW, a_text, an_event, an_id, through_json
from tests.unit.generated import QUICK, generated

NAME = a_text("Fatima", "فاطمة")
AMOUNTS = st.integers(1, 10_000_000)
POOLS = {"amount_fils": AMOUNTS}
FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"
PROJECT = Path(__file__).parents[3]
COUNTS = (0, 1, 2, 3, 11, 100)
"""One number for each plural form of Arabic."""
MOST_PARTS = 3
each_count = pytest.mark.parametrize("count", COUNTS)
each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.purpose)


def event_of(rule: Rule) -> type[Event]:
    """The event that a rule is about."""
    event = event_class(rule.event, 1)
    assert event is not None
    return event


def is_own(kind: type[Event]) -> bool:
    """Whether notifications has written the event itself, and so reads all of it."""
    return any(kind in decider.events for decider in service.deciders)


def readable(kind: type[Event]) -> set[str]:
    """The fields of an event that notifications can read."""
    return set(kind.model_fields) - (set() if is_own(kind) else set(codec_of(kind).private))


def as_heard(event: Event) -> Event:
    """The event as notifications hears it: without what is personal, where it is another service's."""
    if is_own(type(event)):
        return event
    codec = codec_of(type(event))
    return codec.load(through_json(codec.store(event, an_id("aggregate"), None).data), None, an_id("aggregate"), None)


def arguments_in(template: Template) -> set[str]:
    """What a template says of its event or reader."""
    return {name for part in parts_in(template) for text in (part.ar, part.en) for name in names_in(text)}


def names_in(pattern: str) -> set[str]:
    """The arguments of a pattern."""
    return set(re.findall(r"\{\s*(\w+)\s*[,}]", pattern))


def parts_in(template: Template) -> list[LocalizedText]:
    """All that a template says."""
    return [part for part in (template.title, template.body, template.sms) if part is not None]


def arguments(rule: Rule, event: Event, name: LocalizedText = NAME) -> dict[str, Any]:
    """What a rule's message may use of this event."""
    expires_at = getattr(event, rule.expires) if rule.expires else None
    return dict(arguments_of(as_heard(event), name, NOW, expires_at))


def said(rule: Rule, event: Event) -> LocalizedText:
    """What the body of a rule's message says."""
    return render(TEMPLATES[rule.purpose].body, arguments(rule, event))


def sms_said(rule: Rule, event: Event) -> list[str]:
    """What a rule's short message says, in both languages."""
    template = TEMPLATES[rule.purpose]
    spoken = render(template.sms or template.body, arguments(rule, event))
    return [plain(spoken.ar), plain(spoken.en)]


def real_events(rule: Rule) -> list[Event]:
    """Events as they come: with the names, reasons and titles of the catalogue, a long amount and a long reference."""
    in_days = [NOW + timedelta(days=days) for days in COUNTS]
    plain_event = an_event(
        event_of(rule),
        amount_fils=1_234_500,
        gateway_reference="123456789012",
        code="042917",
        due_by=datetime(2026, 9, 30, 9, tzinfo=UTC),
    )
    definitions = read_definitions()
    steps = [step for definition in definitions for step in definition.steps]
    filled: dict[str, list[Any]] = {
        "name": [definition.name for definition in definitions],
        "reason": [binding.reason for definition in definitions for binding in definition.bindings],
        "title": [title_of(step) for step in steps if not isinstance(step, FeeStep | PayoutStep)],
        "description": [title_of(step) for step in steps if isinstance(step, FeeStep | PayoutStep)],
        "expires_at": in_days,
    }
    events = [plain_event]
    for field, values in filled.items():
        if isinstance(getattr(plain_event, field, None), LocalizedText | datetime):
            events = [event.model_copy(update={field: value}) for event in events for value in values]
    return events


def rule_for(purpose: str) -> Rule:
    """The rule of a purpose."""
    return next(rule for rule in RULES if rule.purpose == purpose)


@each_rule
def test_a_rule_names_an_event_and_fields_that_it_has(rule: Rule) -> None:
    event = event_of(rule)
    public = set(event.model_fields) - set(codec_of(event).private)
    named = {rule.recipient, rule.about, rule.expires, rule.only_by, *rule.when} - {None}
    assert named <= public
    assert rule.purpose in TEMPLATES


@each_rule
def test_a_rule_names_fields_that_hold_what_it_needs(rule: Rule) -> None:
    hints = {name: field.annotation for name, field in event_of(rule).model_fields.items()}
    sample = an_event(event_of(rule))
    assert isinstance(getattr(sample, rule.recipient), type(an_id()))
    assert rule.about is None or isinstance(getattr(sample, rule.about), type(an_id()))
    assert rule.expires is None or isinstance(getattr(sample, rule.expires), datetime)
    assert rule.only_by is None or hints[rule.only_by] is Channel
    for field, value in rule.when.items():
        for other in (value, "something else"):
            told = sample.model_copy(update={field: other})
            assert rule.is_about(told) is (other == value and len(rule.when) == 1)


def test_every_template_is_used_and_every_purpose_has_one_rule() -> None:
    purposes = [rule.purpose for rule in RULES]
    assert sorted(purposes) == sorted(TEMPLATES)


def test_what_is_told_in_two_ways_of_one_event_is_told_in_one_of_them() -> None:
    of_offers = [rule for rule in RULES if rule.event == "requests.offer.made"]
    modes = [rule.when["mode"] for rule in of_offers]
    assert len(set(modes)) == len(modes)


@each_rule
def test_a_template_says_nothing_that_its_event_does_not_carry_to_us(rule: Rule) -> None:
    fields = readable(event_of(rule))
    known = fields | {"name"} | ({"amount"} if "amount_fils" in fields else set())
    known |= {"service"} if "name" in fields else set()
    known |= {"days_left"} if rule.expires else set()
    assert arguments_in(TEMPLATES[rule.purpose]) <= known


@each_rule
def test_both_languages_say_the_same_things(rule: Rule) -> None:
    for part in parts_in(TEMPLATES[rule.purpose]):
        assert names_in(part.ar) == names_in(part.en)
        assert not re.search(r"[\u0621-\u064A]", part.en)
        assert re.search(r"[\u0621-\u064A]", part.ar) or part.ar == part.en, "nothing but what is inserted"
    assert re.search(r"[\u0621-\u064A]", TEMPLATES[rule.purpose].title.ar)


@each_rule
@QUICK
@given(data=st.data())
def test_a_message_can_be_said_whatever_its_event_holds(rule: Rule, data: st.DataObject) -> None:
    event = data.draw(generated(event_of(rule), POOLS))
    name = data.draw(generated(LocalizedText))
    for text in parts_in(TEMPLATES[rule.purpose]):
        assert render(text, arguments(rule, event, name)).ar
        assert render(text, arguments(rule, event, name)).en


@each_rule
def test_no_placeholder_is_left_in_what_is_said(rule: Rule) -> None:
    for event in [an_event(event_of(rule)), *real_events(rule)]:
        for text in parts_in(TEMPLATES[rule.purpose]):
            spoken = render(text, arguments(rule, event))
            assert not re.search(r"[{}#]|::|''", spoken.ar + spoken.en)


def counting() -> list[Any]:
    """What templates say with a number."""
    parts = [(purpose, part) for purpose, template in TEMPLATES.items() for part in parts_in(template)]
    return [pytest.param(part, id=purpose) for purpose, part in parts if "plural" in part.ar + part.en]


def counted(text: LocalizedText, count: int) -> LocalizedText:
    """What is said of so many days."""
    return render(text, {"service": a_text(), "reason": a_text(), "days_left": count})


def test_something_is_counted() -> None:
    assert counting() != []


@pytest.mark.parametrize("text", counting())
def test_arabic_counts_in_six_ways_and_english_in_three(text: LocalizedText) -> None:
    arabic = {re.sub(r"\d+", "#", counted(text, count).ar) for count in COUNTS}
    english = {re.sub(r"\d+", "#", counted(text, count).en) for count in COUNTS}
    assert (len(arabic), len(english)) == (6, 3)


@pytest.mark.parametrize("text", counting())
@each_count
def test_a_number_is_said_in_latin_digits(text: LocalizedText, count: int) -> None:
    spoken = counted(text, count)
    for said_so in (spoken.ar, spoken.en):
        assert re.findall(r"\d+", said_so) in ([], [str(count)])
    assert count < 3 or str(count) in spoken.ar


@each_count
def test_days_of_the_calendar_are_counted_from_the_event_to_its_end(count: int) -> None:
    event = an_event(event_of(rule_for("offer-made")))
    midnight = NOW.astimezone(KUWAIT).replace(hour=0, minute=0)
    morning, evening = midnight + timedelta(hours=1), midnight + timedelta(hours=23)
    for told_at, ends_at in ((morning, evening), (evening, morning), (evening, evening)):
        if count > 0 or ends_at >= told_at:
            assert arguments_of(event, NAME, told_at, ends_at + timedelta(days=count))["days_left"] == count
    assert arguments_of(event, NAME, NOW, NOW - timedelta(days=count))["days_left"] == 0
    assert "days_left" not in arguments_of(event, NAME, NOW)


@each_rule
def test_digits_are_latin_in_both_languages(rule: Rule) -> None:
    spoken = said(rule, an_event(event_of(rule)))
    assert not re.search(r"[٠-٩۰-۹]", spoken.ar + spoken.en)


@each_rule
def test_a_short_message_takes_three_parts_at_most_and_english_is_cheap(rule: Rule) -> None:
    for event in real_events(rule):
        arabic, english = sms_said(rule, event)
        assert 1 <= parts_of(arabic) <= MOST_PARTS
        assert 1 <= parts_of(english) <= MOST_PARTS
        assert parts_of(english) <= -(-len(english) // 153), "a character is not of GSM's own"


@each_rule
def test_a_short_message_has_no_marks_that_no_phone_needs(rule: Rule) -> None:
    for text in sms_said(rule, an_event(event_of(rule))):
        assert not re.search(r"[\u061c\u200b-\u200f\u202a-\u202f\u2066-\u2069\u00a0]", text)


@each_rule
def test_what_is_inserted_is_isolated_in_the_inbox(rule: Rule) -> None:
    texts = {"reference", "description", "gateway_reference", "bank_reference", "title", "clear", "service", "reason"}
    texts |= {"name", "code"}
    event = an_event(event_of(rule))
    given, body = arguments(rule, event), TEMPLATES[rule.purpose].body
    for language, pattern in (("ar", body.ar), ("en", body.en)):
        spoken = getattr(render(body, given), language)
        for name in names_in(pattern) & texts:
            value = given[name]
            inserted = getattr(value, language) if isinstance(value, LocalizedText) else value
            assert f"{FIRST_STRONG_ISOLATE}{inserted}{POP_ISOLATE}" in spoken
        assert spoken.count(FIRST_STRONG_ISOLATE) == sum(pattern.count(f"{{{name}}}") for name in texts)


def test_a_code_is_said_to_the_one_who_asked_for_it() -> None:
    event = an_event(ContactCodeAsked, code="042917")
    assert all("042917" in text for text in sms_said(rule_for("one-time-code"), event))


@QUICK
@given(AMOUNTS)
def test_an_amount_has_three_decimals_and_its_currency(amount_fils: int) -> None:
    spoken = render(TEMPLATES["refund-made"].body, {"amount": _in_dinars(amount_fils)})
    for text, currency in ((spoken.en, "KWD"), (spoken.ar, "د.ك.")):
        assert currency in text
        assert dinars(amount_fils) in text.replace(",", "")


def _in_dinars(amount_fils: int) -> Any:
    event = an_event(event_of(rule_for("refund-made")), amount_fils=amount_fils)
    return arguments_of(event, NAME, NOW)["amount"]


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
    assert "the bank's reference" in said(rule, an_event(event_of(rule))).en


SAY_THE_DATES = """
from datetime import UTC, date, datetime
from services.notifications.domain.templates import TEMPLATES, render
from services.notifications.reactions import arguments_of
from shared.contracts.requests import DocumentIssued, RequestFeeDue
from tests.unit.builders import NOW, a_text, an_event

fee = an_event(RequestFeeDue, due_by=datetime(2026, 12, 8, 22, 30, tzinfo=UTC))
document = an_event(DocumentIssued, valid_until=date(2026, 12, 9))
print(render(TEMPLATES["fee-due"].body, arguments_of(fee, a_text(), NOW)).en)
print(render(TEMPLATES["document-issued"].body, arguments_of(document, a_text(), NOW)).en)
"""


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles"])
def test_a_date_is_kuwaits_wherever_the_service_runs(zone: str) -> None:
    environment = {**os.environ, "TZ": zone, "PYTHONPATH": str(PROJECT)}
    ran = subprocess.run([sys.executable, "-c", SAY_THE_DATES], env=environment, capture_output=True, check=True)
    due_by, valid_until = ran.stdout.decode().splitlines()
    assert "December 9, 2026" in valid_until
    assert "December 9, 2026" in due_by
