"""Effects: what is done outside, after the commit, by a worker, and never in a replay."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, get_type_hints
from uuid import UUID

from pydantic import TypeAdapter

if TYPE_CHECKING:
    from shared.functions.decider import Decider, Send


class Effect:
    """Base of the frozen dataclasses that say what is to be done; they hold ids and never personal data."""


@dataclass(frozen=True)
class Job:
    """What an effect knows of its own doing.

    `id` is the same in every repeat: give it to the target as the idempotency key or as the Message-ID.
    `key` is the aggregate that the effect is for; `first_due_at` is when it was to be done first; `attempts` counts
    from 1; `now` is the domain's time.
    """

    id: UUID
    key: UUID
    attempts: int
    first_due_at: datetime
    now: datetime


Perform: TypeAlias = "Callable[..., Awaitable[Send | None]]"
D = TypeVar("D")


@dataclass(frozen=True)
class EffectHandler:
    """How one kind of effect is done.

    `of`: the decider of the aggregate that it is for (the job's key). `due(effect, state)` is asked before each
    attempt; where it says no the job is dropped. `lives_for_seconds`: after that, or `max_attempts` faults, no more is
    tried and `exhausted(effect, key)` gives the notice that follows; without one the job is parked. `target`: whose
    circuit it is.
    """

    effect: type[Effect]
    perform: Perform
    of: "Decider[Any, Any, Any, Any] | None"
    due: Callable[[Any, Any], bool] | None
    target: str | None
    lives_for_seconds: float
    max_attempts: int
    exhausted: "Callable[[Any, UUID], Send] | None"
    adapter: TypeAdapter[Any]
    parameters: Mapping[str, type]


class Effects:
    """The effects of a service, and the concrete parts that they are done with."""

    def __init__(self) -> None:
        self._handlers: dict[str, EffectHandler] = {}
        self._parts: dict[type, Any] = {}

    def on(
        self,
        effect: type[Effect],
        *,
        of: "Decider[Any, Any, Any, Any] | None" = None,
        due: Callable[[Any, Any], bool] | None = None,
        target: str | None = None,
        lives_for_seconds: float = 86_400,
        max_attempts: int = 50,
        exhausted: "Callable[[Any, UUID], Send] | None" = None,
    ) -> Callable[[Perform], Perform]:
        """Registers `async perform(effect, job, …parts)`; a part is found by the type that its parameter names.

        A parameter of the type of the aggregate's state gets that state. `perform` returns the message that tells how
        it went, or None; it raises `TryLater` where there is no answer yet.
        """

        def register(perform: Perform) -> Perform:
            hints = {name: hint for name, hint in get_type_hints(perform).items() if name != "return"}
            self._handlers[effect.__name__] = EffectHandler(
                effect=effect,
                perform=perform,
                of=of,
                due=due,
                target=target,
                lives_for_seconds=lives_for_seconds,
                max_attempts=max_attempts,
                exhausted=exhausted,
                adapter=TypeAdapter(effect),
                parameters=hints,
            )
            return perform

        return register

    def provide(self, kind: type[D], part: D) -> None:
        """Binds the concrete part that effects asking for `kind` get; done in `app.py`."""
        self._parts[kind] = part

    def handler(self, name: str) -> EffectHandler | None:
        """The handler of the effect class called `name`."""
        return self._handlers.get(name)

    async def run(self, handler: EffectHandler, effect: Effect, job: Job, state: Any) -> "Send | None":
        """Does one effect once."""
        available = {**self._parts, handler.effect: effect, Job: job}
        if handler.of is not None:
            available[handler.of.state_class] = state
        arguments = {name: available[kind] for name, kind in handler.parameters.items()}
        return await handler.perform(**arguments)
