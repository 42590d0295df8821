from typing import Any
from uuid import UUID

import pytest

from services.notifications.domain.delivery import Tell, delivery
from services.notifications.domain.templates import RULES, TEMPLATES, Rule
from services.notifications.projections import projections
from services.notifications.reactions import Recipient, reactions
from shared.contracts.event import Event, Recorded, event_class
from shared.contracts.identity import PersonErased, PersonForgotten, PersonSnapshot
from shared.contracts.notifications import DeliveryRequested
from shared.contracts.personal import ERASED
from shared.contracts.requests import RequestWithdrawn
from shared.functions import Delete, Given, Row, Send, erase
from shared.kernel.errors import NotYet
from tests.unit.builders import NOW, a_life, a_text, an_event, an_id, recorded
from tests.unit.notifications.delivery_builders import a_message

PERSON = an_id("applicant")
KNOWN = Recipient(PERSON, a_text("Fatima", "فاطمة"))
FORGOTTEN = Recipient(PERSON, None)
DECEASED = Recipient(PERSON, a_text("Fatima", "فاطمة"), is_deceased=True)
each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.purpose)


def a_withdrawal(*, sequence: int = 5) -> Recorded[RequestWithdrawn]:
    """An event that the applicant is told of."""
    event = an_event(RequestWithdrawn, applicant_id=PERSON)
    return recorded(event, an_id("request"), sequence=sequence)


def told(event: Recorded[Any], recipient: Recipient | None = KNOWN) -> list[Send]:
    """Whom an event has told what."""
    found = [step for reaction in reactions.to(type(event.data)) for step in reaction.react(event, recipient)]
    assert all(isinstance(step, Send) for step in found)
    return [step for step in found if isinstance(step, Send)]


def event_of(rule: Rule) -> type[Event]:
    """The event that a rule is about."""
    event = event_class(rule.event, 1)
    assert event is not None
    return event


def test_a_person_is_told_what_has_happened() -> None:
    [send] = told(a_withdrawal())
    assert send.decider is delivery
    assert isinstance(send.message, Tell)
    assert (send.message.person_id, send.message.purpose) == (PERSON, "request-withdrawn")
    assert (send.message.cause_id, send.message.about_id) == (a_withdrawal().id, an_id("request"))
    assert "Fatima" in send.message.body.en
    assert "فاطمة" in send.message.body.ar
    assert send.message.title == TEMPLATES["request-withdrawn"].title


def test_the_same_event_twice_is_the_same_delivery() -> None:
    assert told(a_withdrawal()) == told(a_withdrawal())


def test_another_event_is_another_delivery() -> None:
    assert told(a_withdrawal())[0].aggregate_id != told(a_withdrawal(sequence=6))[0].aggregate_id


def test_somebody_who_is_not_known_here_yet_is_waited_for() -> None:
    with pytest.raises(NotYet) as not_yet:
        told(a_withdrawal(), None)
    assert (not_yet.value.kind, not_yet.value.id) == ("person", PERSON)


def test_somebody_who_was_erased_is_told_nothing_and_not_waited_for() -> None:
    assert told(a_withdrawal(), FORGOTTEN) == []


def test_the_dead_are_told_nothing_and_not_waited_for() -> None:
    assert told(a_withdrawal(), DECEASED) == []


@each_rule
def test_whoever_is_told_is_looked_up_by_the_field_that_the_rule_names(rule: Rule) -> None:
    event = recorded(an_event(event_of(rule), **{rule.recipient: PERSON}))
    [reaction] = reactions.to(event_of(rule))
    assert isinstance(reaction.given, Given)
    assert reaction.given.table == "recipients"
    assert reaction.given.key_for_event(event) == PERSON


@each_rule
def test_a_message_is_about_what_the_rule_names(rule: Rule) -> None:
    if rule.about is None:
        return
    event = an_event(event_of(rule), **{rule.recipient: PERSON, rule.about: an_id("about")})
    [send] = told(recorded(event))
    assert send.message.about_id == an_id("about")


def test_of_an_erased_person_nothing_stays_readable() -> None:
    event = recorded(PersonErased(), PERSON)
    [reaction] = reactions.to(PersonErased)
    assert list(reaction.react(event)) == [erase(PERSON)]


def rows(event: Recorded[Any]) -> list[Row | Delete]:
    """What an event changes in what is shown."""
    return [row for project in projections.of(type(event.data)) for row in project(event)]


def test_a_person_can_be_told_something_once_they_are_known() -> None:
    for died_on in (None, NOW.date()):
        snapshot = an_event(PersonSnapshot, name=a_text(), died_on=died_on)
        values = {"person_id": PERSON, "name": a_text(), "is_deceased": died_on is not None}
        assert rows(recorded(snapshot, PERSON)) == [Row("recipients", values)]


def test_a_forgotten_person_stays_as_an_id_and_their_messages_go() -> None:
    assert rows(recorded(PersonForgotten(), PERSON)) == [
        Row("recipients", {"person_id": PERSON, "name": None, "is_deceased": False}),
        Delete("messages", "person_id", PERSON),
    ]


def test_a_message_is_found_in_the_inbox() -> None:
    requested = a_life(delivery, a_message()).events[0]
    [row] = rows(recorded(requested, an_id("delivery")))
    assert isinstance(row, Row)
    assert (row.table, row.values["delivery_id"]) == ("messages", an_id("delivery"))
    assert isinstance(row.values["person_id"], UUID)


@pytest.mark.parametrize("field", ["title", "body"])
def test_a_message_that_cannot_be_read_any_more_is_not_shown(field: str) -> None:
    requested = a_life(delivery, a_message()).events[0].model_copy(update={field: ERASED})
    assert isinstance(requested, DeliveryRequested)
    assert rows(recorded(requested, an_id("delivery"))) == []
