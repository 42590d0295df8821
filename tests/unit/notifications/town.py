"""One delivery in a world of two companies and a mail server in memory, with time, receipts and crashes.

An effect is done in two steps, the call and the record of its result, so that anything may happen between them.
"""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.notifications.domain.delivery import (
    TRANSITIONS,
    Arrived,
    Bounced,
    Known,
    Tell,
    delivery,
)
from services.notifications.domain.recipient import Recipient
from services.notifications.effects import AddressRefused, SendEmail, SendSms
from services.notifications.projections import projections
from services.notifications.reactions import reactions
from shared.contracts.event import Recorded
from shared.contracts.notifications import Channel, DeliverySending, Failure
from shared.functions import Effect, Job, Perform, Row, Send
from shared.kernel.errors import TryLater
from tests.unit.builders import NOW, Life, an_id, recorded, without_personal_data
from tests.unit.notifications.delivery_builders import DELIVERY, FORGOTTEN, PERSON, looked_up
from tests.unit.notifications.fakes import Companies, Handed, Mail, Recipients, handler_of, perform


class Mood(StrEnum):
    """How whoever is called behaves."""

    WELL = "well"
    DOWN = "down"
    REFUSES = "refuses"
    LOSES_THE_ANSWER = "loses the answer"


FATES: Sequence[tuple[str, ...]] = (
    ("delivered",),
    ("permanent-failure",),
    ("temporary-failure",),
    ("delivered", "permanent-failure"),
    (),
)


@dataclass(eq=False)
class Due:
    """A job. `result`: what came of it and is not recorded yet."""

    effect: SendSms | SendEmail
    attempts: int = 0
    result: Any = None


@dataclass(frozen=True)
class Receipt:
    """What a company says of a message, once or often."""

    provider: str
    reference: UUID
    status: str


@dataclass
class Town:
    """All there is. `handed_at`: what somebody has taken, and when they were called."""

    known: Known
    message: Tell
    now: datetime = NOW
    fate: tuple[str, ...] = ("delivered",)
    mood: Mood = Mood.WELL
    jobs: dict[type[Effect], deque[Due]] = field(default_factory=lambda: {SendSms: deque(), SendEmail: deque()})
    timers: list[tuple[datetime, Any]] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    inbox: list[Row] = field(default_factory=list)
    named: dict[UUID, tuple[str, int]] = field(default_factory=dict)
    gone_at: datetime | None = None
    is_erased: bool = False

    def __post_init__(self) -> None:
        assert self.known.recipient is not None
        self.life = Life(delivery, looked_up(self.known), TRANSITIONS)
        self.people = Recipients({PERSON: self.known.recipient})
        self.companies = Companies(before=self.refuse, after=self.forget)
        self.mail = Mail(before=self.refuse, after=self.forget)
        self.send(self.message)

    @property
    def handed(self) -> list[Handed]:
        """All that somebody outside has taken, as often as they were given it."""
        return self.companies.handed + self.mail.handed

    def send(self, message: Any) -> None:
        """A message to the delivery, and what follows from it in the same commit."""
        for event in self.life.send(message):
            self._heard(replace(recorded(event, DELIVERY, sequence=len(self.life.events)), time=self.now))

    def _heard(self, event: Recorded[Any]) -> None:
        for project in projections.of(type(event.data)):
            self.inbox += [row for row in project(event) if isinstance(row, Row) and row.table == "messages"]
        if isinstance(event.data, DeliverySending):
            self.named[event.data.reference] = event.data.provider, event.data.number
        for reaction in reactions.to(type(event.data)):
            for step in reaction.react(event):
                match step:
                    case Perform(effect=SendSms() | SendEmail() as effect):
                        self.jobs[type(effect)].append(Due(effect))
                    case Send(message=message, at=at) if at is not None:
                        self.timers.append((at, message))
                    case _:
                        raise AssertionError(f"nothing of the kind is expected: {step}")

    def refuse(self) -> Exception | None:
        """What keeps a message from being taken; nobody is called for the dead, the erased, or too late."""
        assert self.gone_at is None, "somebody is written to who is gone"
        assert self.message.expires_at is None or self.now < self.message.expires_at, "it is too late"
        return {Mood.DOWN: TryLater("down"), Mood.REFUSES: AddressRefused("no such address")}.get(self.mood)

    def forget(self) -> Exception | None:
        """What happens to the answer; of a message that is new a receipt follows."""
        return TryLater("the answer was lost") if self.mood is Mood.LOSES_THE_ANSWER else None

    def first_jobs(self) -> list[Due]:
        """The first job of each kind: all others wait for it."""
        return [jobs[0] for jobs in self.jobs.values() if jobs]

    def is_due(self, job: Due) -> bool:
        """Whether it is still to be done."""
        due = handler_of(job.effect).due
        assert due is not None
        return due(job.effect, self.state)

    @property
    def state(self) -> Any:
        """The delivery as it is read."""
        return without_personal_data(self.life.state) if self.is_erased else self.life.state

    def call(self, job: Due) -> None:
        """Claims a job and does it. What comes of it is recorded later, or never."""
        handler = handler_of(job.effect)
        if not self.is_due(job):
            self._end(job)
            return
        job.attempts += 1
        if job.attempts > handler.max_attempts:
            assert handler.exhausted is not None
            self._end(job, handler.exhausted(job.effect, DELIVERY))
            return
        told = Job(an_id("job", job.effect.reference), DELIVERY, job.attempts, NOW, self.now)
        before = len(self.companies.handed)
        with suppress(TryLater):
            job.result = perform(
                job.effect, told, self.state, recipients=self.people, companies=self.companies, mail=self.mail
            )
        taken = self.companies.handed[before:]
        for handed in taken:
            earlier = [other for other in self.companies.handed[:before] if other.reference == handed.reference]
            if not earlier:
                self.receipts += [Receipt(handed.provider, handed.reference, status) for status in self.fate]

    def record(self, job: Due) -> None:
        """The result is recorded and the job gone, in one commit."""
        self._end(job, job.result)

    def crash(self, job: Due) -> None:
        """The process dies between the two."""
        job.result = None

    def _end(self, job: Due, send: Send | None = None) -> None:
        assert self.jobs[type(job.effect)].popleft() is job
        if send is not None:
            self.send(send.message)

    def hear(self, receipt: Receipt) -> None:
        """A receipt comes, as the API takes it."""
        provider, number = self.named[receipt.reference]
        assert provider == receipt.provider
        if receipt.status == "delivered":
            self.send(Arrived(number))
        else:
            self.send(Bounced(number, Failure(receipt.status), "by-receipt", self.now))

    def pass_time(self, by: timedelta) -> None:
        """Time passes. Timers come due one after the other, perhaps late, but in the end."""
        self.now += by

    def ring(self) -> bool:
        """The first timer that is due, if one is."""
        due = sorted(range(len(self.timers)), key=lambda place: self.timers[place][0])
        if not due or self.timers[due[0]][0] > self.now:
            return False
        _, message = self.timers.pop(due[0])
        self.send(message)
        return True

    def lose_person(self, *, is_erased: bool) -> None:
        """The person dies or is erased."""
        self.gone_at, self.is_erased = self.now, is_erased
        gone: Recipient = FORGOTTEN if is_erased else replace(self.people.people[PERSON], is_deceased=True)
        self.people.people[PERSON] = gone

    def settle(self, *, days: int = 10) -> None:
        """All that is left is done, and time passes until nothing is left; who was away stays as they are."""
        until = self.now + timedelta(days=days)
        while True:
            jobs = self.first_jobs()
            for job in jobs:
                if job.result is None:
                    self.call(job)
                else:
                    self.record(job)
            if jobs or self.ring():
                continue
            if not self.timers:
                return
            assert self.now < until, "it goes on for ever"
            self.now = max(self.now, min(at for at, _ in self.timers))

    def references(self, channel: Channel) -> list[UUID]:
        """What attempts by a channel are called."""
        return [event.reference for event in self.life.of(DeliverySending) if event.channel is channel]
