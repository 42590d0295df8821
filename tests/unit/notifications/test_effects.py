"""What notifications does outside, done with companies, a mail server and a meter in memory."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.notifications.domain.delivery import Delivery, NotTaken, Taken, delivery, reference_of
from services.notifications.domain.letter import letter_of
from services.notifications.domain.recipient import Recipient
from services.notifications.domain.sms_route import ROUTE_ID, Figures, Measured, SmsRoute, sms_route
from services.notifications.effects import (
    MEASURE_AGAIN_SECONDS,
    MEASURED,
    AddressRefused,
    MeasureProviders,
    SendEmail,
    SendSms,
)
from shared.contracts.notifications import Channel, Failure
from shared.functions import Job, Send
from shared.kernel.errors import TryLater
from shared.kernel.text import Language
from tests.unit.builders import NOW, a_text, an_id, stored_and_read, without_personal_data
from tests.unit.notifications.delivery_builders import (
    ANYBODY,
    DECEASED,
    DELIVERY,
    EMAIL,
    FIRST,
    FORGOTTEN,
    LATER,
    MOBILE,
    PERSON,
    a_delivery,
    a_message,
    a_recipient,
    away,
    refused,
    taken,
)
from tests.unit.notifications.fakes import Companies, Handed, Mail, Meter, Recipients, handler_of, perform

SMS = SendSms(1, FIRST, reference_of(DELIVERY, 1), NOW)
LETTER = SendEmail(1, reference_of(DELIVERY, 1), NOW)
JOB = Job(id=an_id("job"), key=DELIVERY, attempts=1, first_due_at=NOW, now=NOW)
LATE_JOB = replace(JOB, now=LATER)
BODY = a_text("Please pay", "يرجى السداد")
each_effect = pytest.mark.parametrize("effect", [SMS, LETTER], ids=["sms", "mail"])


def begun(**changes: Any) -> Delivery:
    """A delivery whose first attempt is to be made."""
    state: Delivery = a_delivery(a_message(**changes)).state
    return state


class World:
    """Somebody to write to, and those who carry the messages."""

    def __init__(self, recipient: Recipient | None = ANYBODY) -> None:
        self.people = Recipients({} if recipient is None else {PERSON: recipient})
        self.companies, self.mail = Companies(), Mail()

    @property
    def handed(self) -> list[Handed]:
        """All that somebody has taken."""
        return self.companies.handed + self.mail.handed

    def perform(self, effect: SendSms | SendEmail, state: Delivery, job: Job = JOB) -> Send:
        """Does an effect once."""
        parts = {"recipients": self.people, "companies": self.companies, "mail": self.mail}
        sent = perform(effect, job, state, **parts)
        assert isinstance(sent, Send)
        assert (sent.decider, sent.aggregate_id, sent.at) == (delivery, DELIVERY, None)
        return sent


def refusing(why: str) -> World:
    """Those who carry the messages refuse the address."""
    world = World()
    world.companies.before = world.mail.before = lambda: AddressRefused(why)
    return world


def test_a_company_is_given_the_number_the_text_and_the_reference() -> None:
    world = World()
    assert world.perform(SMS, begun()).message == Taken(1, 1)
    assert world.handed == [Handed(FIRST, MOBILE, BODY.ar, SMS.reference)]


def test_the_mail_server_is_given_a_letter() -> None:
    world = World()
    assert world.perform(LETTER, begun()).message == Taken(1, None)
    title = a_text("A fee is due", "رسم مستحق")
    assert world.handed == [Handed("mail", EMAIL, letter_of(title, BODY, Language.ARABIC), LETTER.reference)]


@pytest.mark.parametrize("language", Language)
def test_people_are_written_to_in_their_language(language: Language) -> None:
    world = World(a_recipient(language=language))
    world.perform(SMS, begun())
    world.perform(LETTER, begun())
    in_sms, letter = (handed.said for handed in world.handed)
    assert in_sms == BODY.in_language(language)
    assert letter.subject == a_text("A fee is due", "رسم مستحق").in_language(language)
    assert letter.text.index(BODY.in_language(language)) < letter.text.index(
        BODY.in_language(Language.ENGLISH if language is Language.ARABIC else Language.ARABIC)
    )


def test_the_shorter_words_are_sent_where_there_are_some() -> None:
    world = World(a_recipient(language=Language.ENGLISH))
    world.perform(SMS, begun(sms=a_text("Pay!", "ادفع!")))
    assert [handed.said for handed in world.handed] == ["Pay!"]


def test_a_short_message_has_no_isolates_and_its_parts_are_counted_without() -> None:
    world = World(a_recipient(language=Language.ENGLISH))
    sent = world.perform(SMS, begun(body=a_text("\u2068" + "a" * 160 + "\u2069")))
    assert sent.message == Taken(1, 1)
    assert world.handed[0].said == "a" * 160


@each_effect
@pytest.mark.parametrize("recipient", [DECEASED, FORGOTTEN, None], ids=["dead", "erased", "unknown"])
def test_who_is_gone_meanwhile_gets_nothing_and_it_is_final(effect: Any, recipient: Recipient | None) -> None:
    world = World(recipient)
    assert world.perform(effect, begun(), LATE_JOB).message == NotTaken(
        1, Failure.PERMANENT, "person-gone", LATER, is_final=True
    )
    assert world.handed == []


@each_effect
def test_what_cannot_be_read_any_more_is_not_sent(effect: Any) -> None:
    world = World()
    erased = stored_and_read(without_personal_data(begun(sms=BODY)), DELIVERY)
    assert world.perform(effect, erased).message == NotTaken(1, Failure.PERMANENT, "person-gone", NOW, is_final=True)
    assert world.handed == []


@each_effect
def test_nothing_is_sent_after_its_end(effect: Any) -> None:
    world, state = World(), begun(expires_at=LATER)
    assert world.perform(effect, state, LATE_JOB).message == NotTaken(
        1, Failure.TEMPORARY, "too-late", LATER, is_final=True
    )
    assert world.handed == []
    world.perform(effect, state, replace(JOB, now=LATER - timedelta(microseconds=1)))
    assert len(world.handed) == 1


@pytest.mark.parametrize(("effect", "lost"), [(SMS, "mobile"), (LETTER, "email")])
def test_where_the_address_is_gone_meanwhile_another_channel_is_tried(effect: Any, lost: str) -> None:
    world = World(a_recipient(**{lost: None}))
    assert world.perform(effect, begun(), LATE_JOB).message == NotTaken(1, Failure.PERMANENT, "no-address", LATER)
    assert world.handed == []


@each_effect
def test_a_refused_address_is_a_permanent_failure(effect: Any) -> None:
    sent = refusing("smtp-550").perform(effect, begun(), LATE_JOB)
    assert sent.message == NotTaken(1, Failure.PERMANENT, "smtp-550", LATER)


@each_effect
def test_a_fault_is_tried_again_with_the_same_reference(effect: Any) -> None:
    world, state = World(), begun()
    world.companies.after = world.mail.after = lambda: TryLater("the answer was lost")
    with pytest.raises(TryLater) as later:
        world.perform(effect, state)
    assert later.value.fault
    world.companies.after = world.mail.after = lambda: None
    world.perform(effect, state, replace(JOB, attempts=2))
    first, again = world.handed
    assert first == again


@each_effect
def test_an_attempt_is_made_only_while_it_is_the_running_one(effect: Any) -> None:
    due = handler_of(effect).due
    assert due is not None
    assert due(effect, begun())
    for later in ([], [taken()], [away()], [refused(is_final=True)]):
        assert due(effect, a_delivery(a_message(), *later).state) is (later == [])


@each_effect
def test_when_no_try_succeeds_it_is_the_providers_fault(effect: Any) -> None:
    exhausted = handler_of(effect).exhausted
    assert exhausted is not None
    notice = NotTaken(1, Failure.TECHNICAL, "provider-away", NOW)
    assert exhausted(effect, DELIVERY) == delivery.send(DELIVERY, notice)


def test_another_company_has_it_within_seconds_and_the_mail_servers_circuit_is_its_own() -> None:
    assert handler_of(SMS).max_attempts == 2
    assert handler_of(SMS).target is None
    assert handler_of(LETTER).target == "mail"


def measure(weights: dict[str, int], figures: dict[str, Figures], meter: Meter | None = None) -> Any:
    """What a measure sends."""
    job = replace(JOB, key=ROUTE_ID)
    return perform(MeasureProviders(), job, SmsRoute(weights), meter=meter or Meter(figures))


def test_a_measure_waits_while_the_weights_are_right_and_nobody_is_at_fault() -> None:
    for weights, figures in (
        ({"north": 50, "south": 50}, {}),
        ({"north": 5, "south": 95}, {"north": Figures(10, 10)}),
        ({}, {"north": Figures(10, 10)}),
    ):
        with pytest.raises(TryLater) as later:
            measure(weights, figures)
        assert not later.value.fault
        assert later.value.after_seconds == MEASURE_AGAIN_SECONDS


def test_a_measure_that_changes_weights_is_told_with_its_figures() -> None:
    figures = {"north": Figures(10, 10)}
    assert measure({"north": 50, "south": 50}, figures) == sms_route.send(ROUTE_ID, Measured(figures))
    assert measure({"north": 5, "south": 95}, {}) == sms_route.send(ROUTE_ID, Measured({}))


def test_the_last_minute_is_measured() -> None:
    meter = Meter({})
    with pytest.raises(TryLater):
        measure({"north": 50, "south": 50}, {}, meter)
    assert meter.asked == [(NOW - MEASURED, NOW)]


def test_a_measure_lives_for_ever() -> None:
    assert handler_of(MeasureProviders()).lives_for_seconds > 50 * 365 * 86_400


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.EMAIL])
def test_who_has_a_name_but_no_address_is_not_written_to(channel: Channel) -> None:
    assert a_recipient(mobile="", email="").address(channel) == ""
    assert a_recipient().address(Channel.IN_APP) is None
