"""One delivery in a world that fails at random: what the ledgers outside hold and what is recorded agree."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.notifications.domain.delivery import PATIENCE, Status
from shared.contracts.notifications import (
    Channel,
    DeliveryDelivered,
    DeliveryFailed,
    DeliveryRequested,
    DeliverySending,
    DeliverySent,
    Failure,
)
from tests.unit.builders import NOW
from tests.unit.notifications.delivery_builders import ALL_KNOWN, EMAIL, MOBILE, a_message, a_recipient, chosen
from tests.unit.notifications.town import FATES, Mood, Town

PEOPLE = st.sampled_from(
    [a_recipient(), a_recipient(), a_recipient(), a_recipient(email=None), a_recipient(mobile=None)]
)
CHOICES = st.sampled_from([None, None, chosen(Channel.EMAIL, Channel.SMS), chosen(Channel.EMAIL), chosen(Channel.SMS)])
ENDS = st.sampled_from(
    [None, None, None, None, NOW + timedelta(minutes=5), NOW + timedelta(hours=1), NOW + timedelta(days=30)]
)
ONLY_BY = st.sampled_from([None, None, None, Channel.SMS, Channel.EMAIL])
MOODS = st.sampled_from([Mood.WELL, Mood.WELL, Mood.WELL, *Mood])
WAYS = ["recorded", "recorded", "recorded", "not recorded yet", "crash", "away for as long as it is tried"]
TIMES = st.sampled_from([timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=31), timedelta(hours=2)])


class History(RuleBasedStateMachine):
    """Whatever happens, and in whichever order."""

    town: Town
    pauses: int

    @initialize(person=PEOPLE, choice=CHOICES, expires_at=ENDS, only_by=ONLY_BY)
    def somebody_is_told(self, person, choice, expires_at, only_by) -> None:  # type: ignore[no-untyped-def]
        known = replace(ALL_KNOWN, recipient=person, chosen=choice)
        self.town = Town(known, a_message(expires_at=expires_at, only_by=only_by))
        self.town.send(self.town.message)
        self.pauses = 0

    @rule(person=PEOPLE, choice=CHOICES, expires_at=ENDS, only_by=ONLY_BY)
    @precondition(lambda self: self.is_quiet)
    def the_next_is_told(self, person, choice, expires_at, only_by) -> None:  # type: ignore[no-untyped-def]
        self.comes_to_its_end()
        self.somebody_is_told(person, choice, expires_at, only_by)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing happens any more but that time passes."""
        is_over = not (any(self.town.jobs.values()) or self.town.timers or self.town.receipts)
        return is_over or self.pauses > 3

    @rule(how=st.sampled_from(WAYS), fate=st.sampled_from(FATES), data=st.data())
    @precondition(lambda self: any(self.town.jobs.values()))
    def a_job_is_done(self, how: str, fate: tuple[str, ...], data: st.DataObject) -> None:
        self.pauses = 0
        town, job = self.town, data.draw(st.sampled_from(self.town.first_jobs()))
        town.fate = fate
        match how:
            case "recorded" if job.result is not None:
                town.record(job)
            case "crash":
                town.crash(job)
            case "away for as long as it is tried":
                town.mood = data.draw(st.sampled_from([Mood.DOWN, Mood.LOSES_THE_ANSWER]))
                while job in town.first_jobs() and job.result is None:
                    town.call(job)
            case "recorded" | "not recorded yet" if job.result is None:
                town.mood = data.draw(MOODS)
                town.call(job)
                if how == "recorded" and job.result is not None:
                    town.record(job)

    @rule(how=st.sampled_from(["once", "once", "twice", "and again later", "never"]), data=st.data())
    @precondition(lambda self: self.town.receipts)
    def a_receipt_comes(self, how: str, data: st.DataObject) -> None:
        self.pauses = 0
        receipt = data.draw(st.sampled_from(self.town.receipts))
        if how != "and again later":
            self.town.receipts.remove(receipt)
        for _ in range({"never": 0, "twice": 2}.get(how, 1)):
            self.town.hear(receipt)

    @rule(by=TIMES, are_late=st.booleans())
    @precondition(lambda self: not self.is_quiet)
    def time_passes(self, by: timedelta, are_late: bool) -> None:
        self.pauses += 1
        self.town.pass_time(by)
        while not are_late and self.town.ring():
            pass

    @rule(is_erased=st.booleans(), one_of=st.integers(0, 9))
    @precondition(lambda self: self.town.gone_at is None and self.town.named)
    def the_person_dies_or_is_erased(self, is_erased: bool, one_of: int) -> None:
        if one_of == 7:
            self.town.lose_person(is_erased=is_erased)

    @invariant()
    def a_person_is_told_once_and_finds_it_once_in_the_inbox(self) -> None:
        assert len(self.town.life.of(DeliveryRequested)) == 1
        in_app = self.town.message.only_by is None
        assert len(self.town.inbox) == in_app
        assert len([event for event in self.town.life.of(DeliveryDelivered) if event.number == 0]) == in_app

    @invariant()
    def an_attempt_is_known_outside_by_its_own_reference_and_never_says_two_things(self) -> None:
        said = {handed.reference: (handed.provider, handed.to, handed.said) for handed in self.town.handed}
        for handed in self.town.handed:
            assert said[handed.reference] == (handed.provider, handed.to, handed.said)
            assert self.town.named[handed.reference][0] == handed.provider
            assert handed.to == (EMAIL if handed.provider == "mail" else MOBILE)

    @invariant()
    def a_reference_is_repeated_only_where_its_answer_was_lost_or_not_recorded(self) -> None:
        counted = Counter(handed.reference for handed in self.town.handed)
        by_mail = set(self.town.references(Channel.EMAIL))
        assert all(count <= (6 if reference in by_mail else 2) for reference, count in counted.items())

    @invariant()
    def there_is_one_attempt_at_a_time_and_it_is_on_its_way(self) -> None:
        jobs = [job for queue in self.town.jobs.values() for job in queue if self.town.is_due(job)]
        assert len(jobs) == (self.town.life.state.status is Status.SENDING)

    @invariant()
    def an_attempt_begins_when_the_one_before_has_failed(self) -> None:
        failed: set[int] = set()
        for event in self.town.life.events:
            if isinstance(event, DeliveryFailed):
                failed.add(event.number)
            if isinstance(event, DeliverySending):
                given_up = [arrived.number for arrived in self.town.life.of(DeliveryDelivered) if arrived.number]
                assert event.number == 1 or event.number - 1 in failed or any(number in failed for number in given_up)

    @invariant()
    def what_is_said_to_be_sent_or_delivered_is_in_a_ledger(self) -> None:
        taken = {handed.reference for handed in self.town.handed}
        life = self.town.life
        assert all(event.reference in taken for event in life.of(DeliverySent))
        assert all(event.reference in taken for event in life.of(DeliveryDelivered) if event.number)

    @invariant()
    def whoever_has_it_is_written_to_again_only_if_that_has_bounced(self) -> None:
        arrived = 0
        for event in self.town.life.events:
            if isinstance(event, DeliveryDelivered):
                arrived = event.number
            if isinstance(event, DeliveryFailed) and arrived:
                assert (event.number, event.why) == (arrived, "by-receipt")
                arrived = 0
            if isinstance(event, DeliverySending):
                assert not arrived

    @invariant()
    def nothing_follows_on_what_is_final(self) -> None:
        for event, following in pairwise(self.town.life.events):
            if isinstance(event, DeliveryFailed) and event.why in ("person-gone", "too-late"):
                assert event.retry_at is None
                assert not isinstance(following, DeliverySending)

    @invariant()
    def nobody_is_written_to_by_a_channel_that_they_did_not_want(self) -> None:
        channels = self.town.life.of(DeliveryRequested)[0].channels
        only_by = self.town.message.only_by
        assert only_by is None or channels == [only_by]
        assert {event.channel for event in self.town.life.of(DeliverySending)} <= set(channels)

    @invariant()
    def a_number_that_failed_the_person_is_given_to_nobody_else(self) -> None:
        in_vain: set[Channel] = set()
        for event in self.town.life.events:
            if isinstance(event, DeliverySending):
                assert event.channel not in in_vain
            if isinstance(event, DeliveryFailed) and event.status is not Failure.TECHNICAL:
                in_vain.add(event.channel)

    @invariant()
    def nothing_is_tried_again_after_three_days(self) -> None:
        retries = [event.retry_at for event in self.town.life.of(DeliveryFailed) if event.retry_at is not None]
        assert all(retry_at < NOW + PATIENCE for retry_at in retries)

    def teardown(self) -> None:
        """The last one comes to its end too."""
        if hasattr(self, "town"):
            self.comes_to_its_end()

    def comes_to_its_end(self) -> None:
        """It has arrived, or was sent, or has failed, and nobody waits for anything."""
        self.town.mood, self.town.fate = Mood.WELL, ()
        self.town.settle()
        self.town.send(self.town.message)
        life = self.town.life
        last = life.of(DeliverySending)[-1:]
        assert life.state.status not in (Status.CREATED, Status.SENDING) or not last
        if life.state.status is Status.SENT:
            assert last[0].channel is Channel.EMAIL
        if life.state.status is Status.TECHNICAL_FAILURE:
            ended_at = self.town.message.expires_at
            assert self.town.now >= min(ended_at or NOW + PATIENCE, NOW + PATIENCE) - timedelta(hours=2)
        self.a_person_is_told_once_and_finds_it_once_in_the_inbox()
        self.an_attempt_is_known_outside_by_its_own_reference_and_never_says_two_things()
        self.what_is_said_to_be_sent_or_delivered_is_in_a_ledger()
        self.whoever_has_it_is_written_to_again_only_if_that_has_bounced()
        self.nothing_follows_on_what_is_final()
        self.a_number_that_failed_the_person_is_given_to_nobody_else()


TestHistory = History.TestCase
TestHistory.settings = settings(
    max_examples=300,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
