"""A service small enough to see through: accounts, a foreign service that moves money, greetings as effects."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never
from uuid import UUID

from shared.contracts.event import Event, Recorded
from shared.contracts.personal import ERASED, Private, SubjectId
from shared.contracts.topics import Topic
from shared.functions import (
    Decider,
    Delete,
    Effect,
    Effects,
    Given,
    Job,
    Projections,
    Reactions,
    Row,
    Send,
    Service,
    Snapshot,
    Step,
    erase,
    for_each,
    perform,
)
from shared.kernel.errors import NotYet, Refused

NOBODY = UUID(int=0)

SCHEMA = """
create table accounts (
    id uuid primary key, version bigint not null, shape int not null, state jsonb not null, sealed jsonb,
    correlation_id uuid not null, updated_at timestamptz not null,
    owner_id uuid generated always as ((state ->> 'owner_id')::uuid) stored);
create table limits (owner_id uuid primary key, most bigint not null);
create table movements (
    event_id uuid primary key, account_id uuid not null, amount bigint not null check (amount < 1000000));
create table whereabouts (person_id uuid primary key, place text not null);
"""


class Opened(Event, type="toys.account.opened"):
    """An account."""

    owner_id: SubjectId
    note: Private[str]


class Deposited(Event, type="toys.account.deposited"):
    """More."""

    amount: int


class Withdrawn(Event, type="toys.account.withdrawn"):
    """Less."""

    amount: int


class Passed(Event, type="toys.account.passed"):
    """Less, and as much more on another account."""

    to: UUID
    amount: int


class Ticked(Event, type="toys.account.ticked"):
    """Time has passed."""


class Greeted(Event, type="toys.account.greeted"):
    """Somebody was greeted."""

    by: str


class Closed(Event, type="toys.account.closed"):
    """No account any more."""


class AccountView(Event, type="toys.account.snapshot"):
    """The newest balance."""

    balance: int


class AccountGone(Event, type="toys.account.gone"):
    """A tombstone."""


class Moved(Event, type="others.mover.moved"):
    """A foreign event: money for an account."""

    account_id: UUID
    amount: int
    mood: str = "well"


class MovedOtherwise(Event, type="others.mover.moved", version=2):
    """The same, as a newer writer says it."""

    account: UUID
    fils: int


class Ignored(Event, type="others.mover.ignored"):
    """A foreign event that nobody here cares for."""


class OwnerGone(Event, type="others.owner.gone"):
    """A foreign event: a person is erased."""


class Seen(Event, type="others.person.seen"):
    """A foreign snapshot."""

    place: str


@dataclass(frozen=True)
class Account:
    owner_id: SubjectId = NOBODY
    balance: int = 0
    ticks: int = 0
    greeted_by: str | None = None
    is_closed: bool = False
    note: Private[str] = ERASED


@dataclass(frozen=True)
class Limit:
    owner_id: UUID
    most: int


@dataclass(frozen=True)
class Open:
    owner_id: UUID
    note: str = "a secret"


@dataclass(frozen=True)
class Deposit:
    amount: int


@dataclass(frozen=True)
class Withdraw:
    amount: int


@dataclass(frozen=True)
class Pass:
    to: UUID
    amount: int


@dataclass(frozen=True)
class Tick: ...


@dataclass(frozen=True)
class Greeting:
    by: str


@dataclass(frozen=True)
class NoGreeting: ...


@dataclass(frozen=True)
class Close: ...


@dataclass(frozen=True)
class Break: ...


Message = Open | Deposit | Withdraw | Pass | Tick | Greeting | NoGreeting | Close | Break
Happening = Opened | Deposited | Withdrawn | Passed | Ticked | Greeted | Closed


def decide(state: Account, message: Message, limit: Limit | None) -> Sequence[Happening]:
    match message:
        case Open():
            if state.owner_id != NOBODY:
                raise Refused("already-open")
            return [Opened(owner_id=message.owner_id, note=message.note)]
        case Deposit(amount):
            return [Deposited(amount=amount)]
        case Withdraw(amount):
            if limit is not None and amount > limit.most:
                raise Refused("over-limit")
            if state.balance < amount:
                raise Refused("overdrawn")
            return [Withdrawn(amount=amount)]
        case Pass(to, amount):
            return [Passed(to=to, amount=amount)]
        case Tick():
            return [Ticked()]
        case Greeting(by):
            return [Greeted(by=by)]
        case NoGreeting():
            return [Greeted(by="nobody")]
        case Close():
            return [] if state.is_closed else [Closed()]
        case Break():
            raise ValueError("a fault in a decider")
        case _:
            assert_never(message)


def evolve(state: Account, event: Happening) -> Account:
    match event:
        case Opened():
            return replace(state, owner_id=event.owner_id, note=event.note)
        case Deposited():
            return replace(state, balance=state.balance + event.amount)
        case Withdrawn() | Passed():
            return replace(state, balance=state.balance - event.amount)
        case Ticked():
            return replace(state, ticks=state.ticks + 1)
        case Greeted():
            return replace(state, greeted_by=event.by)
        case Closed():
            return replace(state, is_closed=True)
        case _:
            assert_never(event)


@dataclass(frozen=True)
class Greet(Effect):
    name: str


@dataclass
class Greeter:
    """What is outside: it remembers, and can be told to fail."""

    mood: str = "well"
    calls: list[UUID] = field(default_factory=list)
    running: int = 0
    most_running: int = 0

    async def greet(self, key: UUID) -> str:
        self.calls.append(key)
        self.running += 1
        if self.mood == "slow":
            await asyncio.sleep(60)
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(0.01)
        finally:
            self.running -= 1
        if self.mood == "ill":
            raise RuntimeError("no greetings today")
        return "the greeter"


@dataclass(frozen=True)
class Toys:
    """The service and the topics and parts that belong to one test."""

    service: Service
    account: Decider[Account, Message, Happening, Limit | None]
    greeter: Greeter
    movers: Topic
    persons: Topic


def toys(name: str, *, shape: int = 1, lives_for_seconds: float = 3600, persons_are_personal: bool = False) -> Toys:
    """A service whose topics nobody else has."""
    account = Decider(
        "account",
        initial=Account(),
        decide=decide,
        evolve=evolve,
        given=Given(Limit, "limits", by="owner_id", key=lambda message, state: state.owner_id),
        shape=shape,
    )
    events, movers = (
        Topic(f"{name}.events", owner="toys", partitions=3),
        Topic(f"{name}.movers", "others", partitions=3),
    )
    persons = Topic(f"{name}.persons", owner="others", partitions=1, compacted=True, personal=persons_are_personal)
    views = Topic(f"{name}.views", owner="toys", partitions=1, compacted=True)
    reactions, projections, effects, greeter = Reactions(), Projections(), Effects(), Greeter()
    _register_reactions(reactions, account)
    _register_projections(projections)
    _register_effects(effects, account, lives_for_seconds)
    effects.provide(Greeter, greeter)
    view = Snapshot(
        views,
        account,
        lambda _, state: None if state.is_closed else AccountView(balance=state.balance),
        gone=AccountGone,
    )
    service = Service(
        name="toys",
        events=events,
        deciders=(account,),
        reactions=reactions,
        projections=projections,
        effects=effects,
        snapshots=(view,),
        reads=(movers, persons),
    )
    return Toys(service, account, greeter, movers, persons)


def _register_reactions(reactions: Reactions, account: Decider[Account, Message, Happening, Limit | None]) -> None:
    known = Given(Limit, "limits", by="owner_id", key=lambda event: event.data.account_id)

    @reactions.on(Moved, given=known)
    def move(event: Recorded[Moved], limit: Limit | None) -> Iterator[Step]:
        if event.data.mood == "poison":
            raise ValueError("a fault in a reaction")
        if event.data.mood == "needs a limit" and limit is None:
            raise NotYet("limit", event.data.account_id)
        yield account.send(event.data.account_id, Deposit(event.data.amount))

    @reactions.on(Seen, given=Given(Limit, "limits", by="owner_id", key=lambda event: event.aggregate_id))
    def wait_for_a_limit(event: Recorded[Seen], limit: Limit | None) -> Iterator[Step]:
        if event.data.place.startswith("poison") and limit is None:
            raise NotYet("limit", event.aggregate_id)
        return iter(())

    @reactions.on(Greeted)
    def answer_a_greeting(event: Recorded[Greeted]) -> Iterator[Step]:
        yield account.send(event.aggregate_id, Deposit(1))

    @reactions.on(Passed)
    def pass_on(event: Recorded[Passed]) -> Iterator[Step]:
        if event.data.amount == 13:
            raise ValueError("a fault in a reaction")
        yield account.send(event.data.to, Deposit(event.data.amount))

    @reactions.on(Opened)
    def greet_and_tick(event: Recorded[Opened]) -> Iterator[Step]:
        yield perform(Greet("owner"))
        yield account.send(event.aggregate_id, Tick(), at=event.time.replace(year=event.time.year + 1))

    @reactions.on(OwnerGone)
    def forget(event: Recorded[OwnerGone]) -> Iterator[Step]:
        yield erase(event.aggregate_id)
        yield for_each("accounts", by="owner_id", equals=event.aggregate_id, decider=account, message=Close())


def _register_projections(projections: Projections) -> None:
    @projections.on(Deposited, Withdrawn)
    def movements(event: Recorded[Deposited | Withdrawn]) -> Iterator[Row]:
        values = {"event_id": event.id, "account_id": event.aggregate_id, "amount": event.data.amount}
        yield Row("movements", values)

    @projections.on(Seen)
    def whereabouts(event: Recorded[Seen]) -> Iterator[Row]:
        yield Row("whereabouts", {"person_id": event.aggregate_id, "place": event.data.place})

    @projections.on(OwnerGone)
    def gone(event: Recorded[OwnerGone]) -> Iterator[Delete]:
        yield Delete("whereabouts", "person_id", event.aggregate_id)


def _register_effects(
    effects: Effects, account: Decider[Account, Message, Happening, Limit | None], lives_for_seconds: float
) -> None:
    @effects.on(
        Greet,
        of=account,
        due=lambda _, state: not state.is_closed,
        target="greeter",
        lives_for_seconds=lives_for_seconds,
        exhausted=lambda effect, account_id: account.send(account_id, NoGreeting()),
    )
    async def greet(effect: Greet, job: Job, greeter: Greeter, state: Account) -> Send:
        return account.send(job.key, Greeting(await greeter.greet(job.id)))
