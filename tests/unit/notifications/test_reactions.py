from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.notifications.domain.delivery import Arrived, Status, Tell, TryAgain, Unheard, delivery, reference_of
from services.notifications.domain.recipient import Recipient
from services.notifications.domain.sms_route import Provide
from services.notifications.domain.templates import RULES, TEMPLATES, Rule
from services.notifications.effects import MeasureProviders, SendEmail, SendSms
from services.notifications.projections import projections
from services.notifications.reactions import RECEIPT_PATIENCE, reactions
from shared.contracts.event import Event, Recorded, event_class
from shared.contracts.identity import PersonErased, PersonForgotten, PersonSnapshot
from shared.contracts.notifications import (
    Channel,
    ContactCodeAsked,
    DeliveryDelivered,
    DeliveryFailed,
    DeliveryRequested,
    DeliverySending,
    DeliverySent,
    PreferencesChanged,
    SmsRouteChanged,
)
from shared.contracts.personal import ERASED
from shared.contracts.requests import (
    OfferMade,
    OfferMode,
    RequestFeeDue,
    RequestSubmitted,
    RequestWithdrawn,
    TaskOpened,
)
from shared.functions import Delete, Given, Row, Send, Step, erase, perform
from shared.kernel.errors import NotYet
from shared.kernel.text import Language
from tests.unit.builders import NOW, a_text, an_event, an_id, recorded
from tests.unit.notifications.channel_builders import a_route
from tests.unit.notifications.delivery_builders import (
    DELIVERY,
    FIRST,
    LATER,
    MAIL,
    a_delivery,
    a_message,
    away,
    bounced,
    refused,
    taken,
)

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


def steps(event: Recorded[Any]) -> list[Step]:
    """What an own event brings about."""
    return [step for reaction in reactions.to(type(event.data)) for step in reaction.react(event)]


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
    tables = [
        reaction.given.table
        for reaction in reactions.to(event_of(rule))
        if isinstance(reaction.given, Given) and reaction.given.key_for_event(event) == PERSON
    ]
    assert tables == ["recipients"] * len(reactions.to(event_of(rule)))


@each_rule
def test_a_message_is_about_what_the_rule_names(rule: Rule) -> None:
    if rule.about is None:
        return
    event = an_event(event_of(rule), **{rule.recipient: PERSON, rule.about: an_id("about"), **rule.when})
    [send] = told(recorded(event))
    assert send.message.about_id == an_id("about")


def test_a_message_ends_when_what_it_is_about_ends() -> None:
    event = recorded(an_event(RequestFeeDue, payer_id=PERSON, due_by=LATER))
    assert told(event)[0].message.expires_at == LATER
    assert told(a_withdrawal())[0].message.expires_at is None


def test_a_message_is_as_old_as_its_event() -> None:
    assert told(a_withdrawal())[0].message.at == NOW


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.EMAIL])
def test_a_code_goes_by_the_channel_that_is_tried_out(channel: Channel) -> None:
    event = an_event(ContactCodeAsked, person_id=PERSON, channel=channel, code="042917", expires_at=LATER)
    [send] = told(recorded(event))
    assert (send.message.only_by, send.message.expires_at) == (channel, LATER)
    assert "042917" in send.message.body.en


@pytest.mark.parametrize(
    ("mode", "purposes"), [(OfferMode.OFFER, ["offer-made"]), (OfferMode.NUDGE, ["nudge"]), (OfferMode.AUTOMATIC, [])]
)
def test_an_offer_is_told_as_it_is_meant(mode: OfferMode, purposes: list[str]) -> None:
    event = recorded(an_event(OfferMade, recipient_id=PERSON, mode=mode))
    assert [send.message.purpose for send in told(event)] == purposes


def test_of_what_the_platform_has_asked_for_nobody_is_told() -> None:
    for by_platform in (True, False):
        event = recorded(an_event(RequestSubmitted, applicant_id=PERSON, by_platform=by_platform))
        assert len(told(event)) == (not by_platform)


def test_of_an_officers_task_no_person_is_told_and_nobody_is_waited_for() -> None:
    assert told(recorded(an_event(TaskOpened, person_id=None)), None) == []
    assert len(told(recorded(an_event(TaskOpened, person_id=PERSON)))) == 1


def test_an_attempt_is_handed_to_its_provider() -> None:
    by_sms, by_mail = a_delivery(a_message(), refused()).of(DeliverySending)
    assert steps(recorded(by_sms, DELIVERY)) == [perform(SendSms(1, FIRST, reference_of(DELIVERY, 1), NOW))]
    assert steps(recorded(by_mail, DELIVERY)) == [perform(SendEmail(2, reference_of(DELIVERY, 2), NOW))]


def test_a_receipt_is_waited_for_of_short_messages_alone() -> None:
    by_sms, by_mail = a_delivery(a_message(), taken(), bounced(), taken(2, parts=None)).of(DeliverySent)
    silent_at = NOW + RECEIPT_PATIENCE
    assert steps(recorded(by_sms, DELIVERY)) == [delivery.send(DELIVERY, Unheard(1, silent_at), at=silent_at)]
    assert steps(recorded(by_mail, DELIVERY)) == []


def test_thirty_minutes_after_a_message_has_arrived_nothing_follows() -> None:
    life = a_delivery(a_message(), taken())
    [send] = steps(recorded(life.of(DeliverySent)[0], DELIVERY))
    assert isinstance(send, Send)
    life.send(Arrived(1))
    assert life.send(send.message) == []
    assert life.state.status is Status.DELIVERED


def test_another_round_begins_when_it_is_due() -> None:
    *earlier, last = a_delivery(a_message(), away(1), away(2), away(3)).of(DeliveryFailed)
    assert [steps(recorded(event, DELIVERY)) for event in earlier] == [[], []]
    assert last.retry_at is not None
    assert steps(recorded(last, DELIVERY)) == [delivery.send(DELIVERY, TryAgain(3, last.retry_at), at=last.retry_at)]


def test_a_measure_follows_on_every_change_of_weights() -> None:
    [event] = a_route().of(SmsRouteChanged)
    assert steps(recorded(event)) == [perform(MeasureProviders(), at=NOW + timedelta(seconds=5))]


def test_of_an_erased_person_nothing_stays_readable() -> None:
    event = recorded(PersonErased(), PERSON)
    [reaction] = reactions.to(PersonErased)
    assert list(reaction.react(event)) == [erase(PERSON)]


def rows(event: Recorded[Any]) -> list[Row | Delete]:
    """What an event changes in what is shown."""
    return [row for project in projections.of(type(event.data)) for row in project(event)]


def test_a_person_can_be_told_something_once_they_are_known() -> None:
    for died_on in (None, NOW.date()):
        contacts = {"mobile": "+96550000001", "email": None, "language": Language.ENGLISH}
        snapshot = an_event(PersonSnapshot, name=a_text(), died_on=died_on, **contacts)
        values = {"person_id": PERSON, "name": a_text(), "is_deceased": died_on is not None, **contacts}
        assert rows(recorded(snapshot, PERSON)) == [Row("recipients", values)]


def test_a_forgotten_person_stays_as_an_id_and_their_messages_go() -> None:
    assert rows(recorded(PersonForgotten(), PERSON)) == [
        Row(
            "recipients",
            {
                "person_id": PERSON,
                "name": None,
                "is_deceased": False,
                "mobile": None,
                "email": None,
                "language": "ar",
            },
        ),
        Delete("messages", "person_id", PERSON),
        Delete("chosen_channels", "person_id", PERSON),
    ]


def test_a_message_is_found_in_the_inbox() -> None:
    requested = a_delivery(a_message()).events[0]
    [row] = rows(recorded(requested, an_id("delivery")))
    assert isinstance(row, Row)
    assert (row.table, row.values["delivery_id"]) == ("messages", an_id("delivery"))
    assert isinstance(row.values["person_id"], UUID)


@pytest.mark.parametrize("field", ["title", "body"])
def test_a_message_that_cannot_be_read_any_more_is_not_shown(field: str) -> None:
    requested = a_delivery(a_message()).events[0].model_copy(update={field: ERASED})
    assert isinstance(requested, DeliveryRequested)
    assert rows(recorded(requested, an_id("delivery"))) == []


def test_a_code_is_not_in_the_inbox() -> None:
    requested = a_delivery(a_message(only_by=Channel.SMS)).events[0]
    assert rows(recorded(requested, DELIVERY)) == []


def the_attempts(*messages: Any) -> dict[int, dict[str, Any]]:
    """The rows of a delivery's attempts, by number."""
    found: dict[UUID, dict[str, Any]] = {}
    for sequence, event in enumerate(a_delivery(a_message(), *messages).events, start=1):
        for row in rows(recorded(event, DELIVERY, sequence=sequence)):
            if isinstance(row, Row) and row.table == "attempts":
                found.setdefault(row.values["reference"], {}).update(row.values)
    return {row["number"]: row for row in found.values()}


@pytest.mark.parametrize(
    ("messages", "statuses"),
    [
        ([], ["sending"]),
        ([taken()], ["sent"]),
        ([taken(), Arrived(1)], ["delivered"]),
        ([taken(), Arrived(1), bounced()], ["permanent-failure", "sending"]),
        ([away(), refused(2), taken(3)], ["technical-failure", "permanent-failure", "sent"]),
    ],
)
def test_what_has_become_of_each_attempt_is_shown(messages: list[Any], statuses: list[str]) -> None:
    shown = the_attempts(*messages)
    assert [row["status"] for row in shown.values()] == statuses
    assert {row["delivery_id"] for row in shown.values()} == {DELIVERY}
    assert all(row["reference"] == reference_of(DELIVERY, number) for number, row in shown.items())


def test_an_attempt_is_found_by_its_company_and_measured_by_its_times() -> None:
    attempt = the_attempts(taken(), Arrived(1))[1]
    assert (attempt["channel"], attempt["provider"]) == (Channel.SMS, FIRST)
    assert (attempt["began_at"], attempt["sent_at"], attempt["ended_at"]) == (NOW, NOW, NOW)
    assert the_attempts(refused())[2]["provider"] == MAIL[1]


def test_the_inbox_is_no_attempt() -> None:
    inbox = a_delivery(a_message()).of(DeliveryDelivered)[0]
    assert rows(recorded(inbox, DELIVERY)) == []


def test_a_choice_is_known_where_messages_are_sent_until_it_is_erased() -> None:
    event = PreferencesChanged(channels=[Channel.EMAIL])
    assert rows(recorded(event, PERSON)) == [Row("chosen_channels", {"person_id": PERSON, "channels": [Channel.EMAIL]})]
    assert rows(recorded(PreferencesChanged(channels=ERASED), PERSON)) == []


def test_there_is_one_route_of_short_messages() -> None:
    *_, event = a_route(Provide(("west",))).of(SmsRouteChanged)
    assert rows(recorded(event)) == [Row("sms_routes", {"channel": Channel.SMS, "weights": {"west": 100}})]
