"""What a pure function must know beyond its message: rows of the service's own tables, looked up by equality."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from shared.contracts.envelope import UnknownSchemaVersion

R = TypeVar("R")


@dataclass(frozen=True)
class Given(Generic[R]):
    """The row of `table` whose column `by` equals the key, None where there is none; of `many` all of them, in a tuple.

    `row` is a dataclass: its fields are the columns that are read. For a decider the key is computed from
    (message, state), for a reaction from the event; without `key` it is the attribute called `by`.
    Guarantees: read once a batch for all its keys; for deciders locked `for share`, so that who changes the row and
    who relies on it see each other. `immutable` rows are not locked and are kept in memory once found.
    """

    row: type[R]
    table: str
    by: str
    key: Callable[..., Any] | None = None
    immutable: bool = False
    many: bool = False

    @property
    def nothing(self) -> Any:
        """What is given where there is no key, or no row of it."""
        return () if self.many else None

    def key_for_message(self, message: object, state: object) -> Any:
        """What to look for when `message` reaches an aggregate in `state`; None: nothing."""
        return self.key(message, state) if self.key else getattr(message, self.by, None)

    def key_for_event(self, event: Any) -> Any:
        """What to look for when `event` is reacted to; None: nothing."""
        return self.key(event) if self.key else getattr(event.data, self.by, None)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the row takes."""
        return tuple(field.name for field in fields(self.row))  # type: ignore[arg-type]

    @cached_property
    def _adapter(self) -> TypeAdapter[R]:
        return TypeAdapter(self.row)

    def read(self, values: Mapping[str, Any]) -> R:
        """The row made of a record's values. Raises UnknownSchemaVersion where it says what this code does not know."""
        try:
            return self._adapter.validate_python(dict(values))
        except ValidationError:  # its text would quote the row
            raise UnknownSchemaVersion(f"a row of {self.table}") from None


class Givens(Generic[R]):
    """Several look-ups that arrive together as the fields of one class: `Givens(Known, service=Given(…), …)`."""

    def __init__(self, known: type[R], **parts: "Given[Any]") -> None:
        self.known = known
        self.parts = parts
