"""A process of a service: the product's shell, job runner, consumer and relay, which may die or stand still."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from shared.messaging.brokers import Brokers
from shared.messaging.consumer import Consumer
from shared.messaging.relay import Relay
from shared.store.job_runner import JobRunner
from shared.store.keyring import KeyRing
from shared.store.shell import Shell
from tests.simulation.clockwork import CURRENT, SimulatedClock
from tests.simulation.database import Connection, Pool
from tests.simulation.kafka import Producer, follow

if TYPE_CHECKING:
    from tests.simulation.world import World

T = TypeVar("T")
NEVER_SECONDS = 1e9
"""A simulated process is woken when there is something to do: it need not poll."""
SESSION_SECONDS = 10.0
IDLE_IN_TRANSACTION_SECONDS = 15.0
MASTER_KEY = bytes(range(32))


class ProcessDied(Exception):
    """The process that was asked is gone; nobody knows how far it came."""


class SimulatedRelay(Relay):
    """The product's relay with a simulated producer."""

    def __init__(self, shell: Shell, world: "World") -> None:
        super().__init__(shell, dsn=shell.service.name, brokers=Brokers(bootstrap=""), poll_seconds=NEVER_SECONDS)
        self._world = world

    async def _log_is_whole(self, connection: Any, stop: asyncio.Event) -> bool:
        """Nothing is restored in a simulation."""
        return True

    async def _started_producer(self) -> Any:
        if self._producer is None:
            self._producer = Producer(self._world.broker)
        return self._producer


class Process:
    """One life of one process."""

    def __init__(self, world: "World", service: str) -> None:
        self.world = world
        self.service = service
        self.tasks: dict[asyncio.Task[Any], None] = {}
        """In the order of their beginning: a set's order would differ from run to run."""
        self.is_dead = False
        self.shell: Shell | None = None
        self._resumes: asyncio.Event | None = None

    @property
    def begun(self) -> Shell:
        """Its shell, once it has one."""
        assert self.shell is not None
        return self.shell

    async def begin(self) -> None:
        """Starts it."""
        await self.call(self._begin)

    async def _begin(self) -> None:
        functions = self.world.functions[self.service]
        pool: Any = Pool(self.world.databases[self.service])
        shell = await Shell.open(functions, pool, KeyRing(MASTER_KEY), SimulatedClock())
        await self.world.prepare(self.service, shell)
        self.shell = shell
        stop = asyncio.Event()
        relay = SimulatedRelay(shell, self.world)
        runner = JobRunner(shell, poll_seconds=NEVER_SECONDS)
        group = self.world.broker.group(self.service, [topic.name for topic in functions.reads])
        group.join(self)
        consumer = Consumer(shell, brokers=Brokers(bootstrap="nowhere"))
        faults = self.world.faults
        for work in (
            lambda: relay.run(stop),
            lambda: runner.run(stop),
            lambda: follow(consumer, group, self, faults),
        ):
            asyncio.create_task(self._guard(work))  # noqa: RUF006 the loop's factory keeps it

    async def _guard(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """What ends a real process ends this one; it should not have happened."""
        try:
            await work()
        except Exception as error:
            self.world.unexpected.append(f"{self.service}: {type(error).__name__}: {error}")
            self.kill()
            raise

    async def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Runs something inside of it for somebody outside. Raises ProcessDied where it dies meanwhile."""
        if self.is_dead:
            raise ProcessDied
        context = copy_context()
        context.run(CURRENT.set, self)
        task = asyncio.get_running_loop().create_task(work(), context=context)
        self.own(task)
        await asyncio.wait({task})
        if task.cancelled():
            raise ProcessDied
        return task.result()

    def own(self, task: "asyncio.Task[Any]") -> None:
        """A task that dies with it."""
        self.tasks[task] = None
        task.add_done_callback(lambda ended: self.tasks.pop(ended, None))

    def kill(self) -> None:
        """SIGKILL: nothing more is done, what was open is rolled back, the group hears of it later."""
        if self.is_dead:
            return
        self.is_dead = True
        for task in list(self.tasks):
            task.cancel()
        self.world.databases[self.service].drop(self)
        asyncio.get_running_loop().call_later(SESSION_SECONDS, self._leave)
        self.world.died(self)

    def pause(self, seconds: float) -> None:
        """SIGSTOP: its group goes on without it, the server ends its idle transactions; then it goes on unknowing."""
        loop = asyncio.get_running_loop()
        self._resumes = asyncio.Event()
        loop.call_later(SESSION_SECONDS, self._leave)
        loop.call_later(IDLE_IN_TRANSACTION_SECONDS, self._end_idle_transactions)
        loop.call_later(seconds, self._resume)

    async def while_paused(self) -> None:
        """Ends when it is not paused."""
        if self._resumes is not None:
            await self._resumes.wait()

    def ring(self, bell: str) -> None:
        """There may be something to do: "jobs", or something to publish: "outbox"."""
        if self.shell is not None and not self.is_dead:
            bells = [self.shell.jobs_bell, self.shell.urgent_bell] if bell == "jobs" else [self.shell.outbox_bell]
            for one in bells:
                one.ring()

    def _resume(self) -> None:
        if self._resumes is not None:
            self._resumes.set()
            self._resumes = None
        group = self.world.broker.groups.get(self.service)
        if group is not None and not self.is_dead and self.shell is not None:
            group.join(self)

    def _end_idle_transactions(self) -> None:
        if self._resumes is not None and not self.is_dead:
            self.world.databases[self.service].drop(self)

    def _leave(self) -> None:
        group = self.world.broker.groups.get(self.service)
        if group is not None and (self.is_dead or self._resumes is not None):
            group.leave(self)


def session(world: "World", dsn: str) -> Connection:
    """What the relay gets where it connects."""
    return Connection(world.databases[dsn])
