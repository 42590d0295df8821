"""A whole platform in one process: four services with their processes, a broker, those outside, and a supervisor."""

import asyncio
import heapq
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import cache, partial
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid5

from afaq.audit.evidence import Ledgers, Published
from afaq.audit.outside import published_in
from afaq.services import NAMES, functions_of
from services.notifications.app import KnownRecipients
from services.notifications.effects import MailServer, Recipients, SmsCompanies, Waits
from services.payments.app import NamedAccounts
from services.payments.effects import Bank as PayingBank
from services.payments.effects import Gateway, PayoutAccounts
from services.requests.app import KnownHolders
from services.requests.domain.definition import ServiceDefinition
from services.requests.effects import Holders, Signer
from services.requests.seed import publish_seed, read_definitions
from shared.contracts.topics import Topic
from shared.functions import Send
from shared.kernel.errors import NotYet, Refused
from shared.kernel.ids import AFAQ_NAMESPACE
from shared.messaging import relay
from shared.store import batch, shell
from shared.store.faults import is_database_error
from shared.store.shell import Shell
from shared.store.work import Idempotency, Overloaded, StillRunning
from tests.simulation.database import Database, Writes
from tests.simulation.faults import NONE, Faults, Rates
from tests.simulation.kafka import Broker, Record
from tests.simulation.outside import Bank, Post, Stamp, Terminal
from tests.simulation.process import Process, ProcessDied, session
from tests.simulation.statements import run as run_statement

PROCESSES = 2
POLL_SECONDS = 0.1
HOPELESS = 10
"""So many errors that should not be end a run: it would go on for ever."""
UNIX_MILLISECONDS = 1_764_000_000_000


class World:
    """The platform of one seed. `acknowledged`: the requests whose submission was answered with success."""

    def __init__(self, seed: int, rates: Rates) -> None:
        self.chance = random.Random(seed)
        self.faults = Faults(self.chance, rates)
        self.functions = {name: functions_of(name) for name in NAMES}
        self.broker = Broker(self.faults, self._heard)
        self.terminal, self.bank, self.post = Terminal(self.faults), Bank(self.faults), Post(self.faults)
        self.processes: dict[str, list[Process]] = {name: [] for name in NAMES}
        self.listeners: list[Callable[[Published], None]] = []
        self.acknowledged: set[UUID] = set()
        self.unexpected: list[str] = []
        self.lives = 0
        self._ids = 0
        self._seen: set[UUID] = set()
        self._alarms: dict[str, float] = {}
        self._due: dict[str, list[float]] = {name: [] for name in NAMES}
        self._ringing: set[tuple[str, str]] = set()
        self._wanted = PROCESSES
        self.databases = {
            name: Database(name, self.faults, run_statement, partial(self._changed, name)) for name in NAMES
        }

    def patches(self) -> ExitStack:
        """What of the product is replaced: its ids, so that a seed is repeatable, and the relay's session."""
        stack = ExitStack()
        for module in (batch, shell, relay):
            stack.enter_context(patch.object(module, "new_id", self.new_id))
        stack.enter_context(patch.object(relay, "connect", self._connect))
        return stack

    async def _connect(self, dsn: str, **_: Any) -> Any:
        await self.faults.step()
        return session(self, dsn)

    def new_id(self) -> UUID:
        """A version 7 id on the simulation's time, the same in each run of a seed."""
        self._ids += 1
        milliseconds = UNIX_MILLISECONDS + int(asyncio.get_running_loop().time() * 1000)
        tail = uuid5(AFAQ_NAMESPACE, str(self._ids)).int & ((1 << 62) - 1)
        return UUID(int=(milliseconds << 80) | (7 << 76) | ((self._ids & 0xFFF) << 64) | (2 << 62) | tail)

    async def start(self) -> None:
        """Every process."""
        for name in NAMES:
            for _ in range(PROCESSES):
                await self._begin(name)

    async def prepare(self, service: str, shell: Shell) -> None:
        """What a service's composition does."""
        pool: Any = shell.parts.pool
        effects = self.functions[service].effects
        if service == "payments":
            effects.provide(Gateway, self.terminal)  # type: ignore[type-abstract]
            effects.provide(PayingBank, self.bank)  # type: ignore[type-abstract]
            effects.provide(PayoutAccounts, NamedAccounts(shell))  # type: ignore[type-abstract]
        if service == "notifications":
            effects.provide(MailServer, self.post)  # type: ignore[type-abstract]
            effects.provide(Waits, self.post)  # type: ignore[type-abstract]
            effects.provide(SmsCompanies, self.post)  # type: ignore[type-abstract]
            effects.provide(Recipients, KnownRecipients(pool))  # type: ignore[type-abstract]
        if service == "requests":
            effects.provide(Signer, Stamp())  # type: ignore[type-abstract]
            effects.provide(Holders, KnownHolders(pool))  # type: ignore[type-abstract]
            await publish_seed(shell, definitions())

    async def command(
        self, service: str, *sends: Send, caller: UUID, patience_seconds: float = 600.0
    ) -> Refused | NotYet | None:
        """What a frontend does: asks until it has an answer, with the same key; None is success."""
        loop = asyncio.get_running_loop()
        key = Idempotency(self.new_id(), "00", caller, 200)
        give_up_at = loop.time() + patience_seconds
        while loop.time() < give_up_at and len(self.unexpected) < HOPELESS:
            process = self._any_process(service)
            if process is not None:
                try:
                    await process.call(partial(process.begun.handle, *sends, actor="person", key=key))
                except (ProcessDied, StillRunning, Overloaded):
                    pass
                except (Refused, NotYet) as answer:
                    return answer
                except Exception as error:
                    if not is_database_error(error):
                        self.unexpected.append(f"{service}: {type(error).__name__}: {error}")
                        raise
                else:
                    return None
            await asyncio.sleep(self.chance.uniform(0.05, 2.0))
        raise TimeoutError(f"{service} has not answered for {patience_seconds} s")

    async def look(self, service: str, decider: Any, id: UUID) -> Any:
        """What a frontend is shown: the state of an aggregate, None where there is none."""
        for _ in range(100):
            process = self._any_process(service)
            try:
                if process is not None:
                    loaded = await process.call(partial(process.begun.state, decider, id))
                    return None if loaded is None else loaded.state
            except ProcessDied:
                pass
            except Exception as error:
                if not is_database_error(error):
                    raise
            await asyncio.sleep(1)
        raise TimeoutError(f"{service} shows nothing")

    async def hasten(self, service: str, effect: type, key: UUID) -> None:
        """A hint from outside; it may be lost."""
        process = self._any_process(service)
        if process is not None:
            try:
                await process.call(partial(process.begun.hasten, effect, key))
            except ProcessDied:
                return
            except Exception as error:
                if not is_database_error(error):
                    raise

    def _any_process(self, service: str) -> Process | None:
        alive = [process for process in self.processes[service] if process.shell is not None]
        return self.chance.choice(alive) if alive else None

    async def calm(self) -> None:
        """No fault from here on, and one process a service."""
        self.faults.rates = NONE
        self._wanted = 1
        await asyncio.sleep(120)  # the paused go on, the dead are replaced
        for name in NAMES:
            for process in self.processes[name][1:]:
                process.kill()

    async def pass_time(self, days: float) -> None:
        """Timers come due."""
        await asyncio.sleep(days * 86_400)

    def shells(self) -> Mapping[str, Shell]:
        """One shell a service."""
        return {name: found for name in NAMES if (found := self.processes[name][0].shell) is not None}

    async def records(self, topics: Iterable[Topic]) -> Mapping[str, Sequence[Published]]:
        """For the auditor."""
        return {
            topic.name: [
                published
                for number in range(topic.partitions)
                for record in self.broker.logs[topic.name, number]
                if (published := published_in(record)) is not None
            ]
            for topic in topics
        }

    async def ledgers(self) -> Ledgers:
        """For the auditor."""
        sms = [{"reference": str(reference)} for reference in self.post.messages]
        mail = [{"message_id": f"<{reference}@afaq.test>"} for reference in self.post.letters]
        return Ledgers(gateway=self.terminal.ledger(), bank=self.bank.ledger(), sms=sms, mail=mail)

    def died(self, process: Process) -> None:
        """The supervisor starts another."""
        self.processes[process.service].remove(process)
        if len(self.processes[process.service]) < self._wanted:
            asyncio.get_running_loop().call_later(self.chance.uniform(0.5, 5.0), self._replace, process.service)

    def _replace(self, service: str) -> None:
        if len(self.processes[service]) < self._wanted and len(self.unexpected) < HOPELESS:
            asyncio.get_running_loop().create_task(self._begin(service))

    async def _begin(self, service: str) -> None:
        process = Process(self, service)
        self.lives += 1
        self.processes[service].append(process)
        try:
            await process.begin()
        except Exception as error:
            if not isinstance(error, ProcessDied) and not is_database_error(error):
                self.unexpected.append(f"{service} does not start: {type(error).__name__}: {error}")
            process.kill()

    def _heard(self, record: Record) -> None:
        published = published_in(record)
        assert published is not None
        if published.id not in self._seen:
            self._seen.add(published.id)
            for listen in self.listeners:
                listen(published)

    def _changed(self, service: str, writes: Writes) -> None:
        """Other processes learn by their polling that there is something to do; and at the time when it is due."""
        if "outbox" in writes and any(row is not None for row in writes["outbox"].values()):
            self._ring_soon("outbox", service)
        now = self.databases[service].now()
        instants = [row["open_until"] for row in writes.get("circuits", {}).values() if row and row["open_until"]]
        instants += [
            max(job["run_at"], job["leased_until"] or job["run_at"])
            for job in writes.get("jobs", {}).values()
            if job is not None and job["state"] == "live"
        ]
        if any(instant <= now for instant in instants) or None in writes.get("jobs", {}).values():
            self._ring_soon("jobs", service)  # something is due, or the next of a lane may have its turn
        loop = asyncio.get_running_loop()
        for instant in instants:
            if instant > now:
                heapq.heappush(self._due[service], loop.time() + (instant - now).total_seconds() + 0.001)
        self._set_alarm(service)

    def _ring_soon(self, bell: str, service: str) -> None:
        if (bell, service) not in self._ringing:
            self._ringing.add((bell, service))
            asyncio.get_running_loop().call_later(self.chance.random() * POLL_SECONDS, self._ring, bell, service)

    def _ring(self, bell: str, service: str) -> None:
        self._ringing.discard((bell, service))
        for process in self.processes[service]:
            process.ring(bell)

    def _set_alarm(self, service: str) -> None:
        """At the next instant at which a job comes due, a lease ends or a circuit is tried again."""
        due = self._due[service]
        if due and due[0] < self._alarms.get(service, float("inf")):
            self._alarms[service] = due[0]
            asyncio.get_running_loop().call_at(due[0], self._alarm, service)

    def _alarm(self, service: str) -> None:
        self._alarms.pop(service, None)
        due, now = self._due[service], asyncio.get_running_loop().time() + 0.01
        while due and due[0] <= now:
            heapq.heappop(due)
        self._ring_soon("jobs", service)
        self._set_alarm(service)


@cache
def definitions() -> list[ServiceDefinition]:
    """The catalogue's seed, read once."""
    return read_definitions()
