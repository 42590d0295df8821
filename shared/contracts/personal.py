"""Fields about a natural person: sealed with that person's key where stored, absent where published (ADR 4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Generic, Protocol, TypeAlias, TypeVar, get_args, get_origin, get_type_hints
from uuid import UUID

from pydantic import TypeAdapter

T = TypeVar("T")


class Erased(Enum):
    """Stands where a personal field was: the person was erased, or the field was never published to this reader."""

    ERASED = "erased"


ERASED = Erased.ERASED


class _Mark(Enum):
    PERSONAL = "personal"
    SUBJECT = "subject"


Private: TypeAlias = Annotated[T | Erased, _Mark.PERSONAL]
"""`name: Private[str]`: personal data of the subject. Read it knowing that it may be `ERASED`."""

SubjectId: TypeAlias = Annotated[UUID, _Mark.SUBJECT]
"""The person whose data the private fields beside it are; without such a field the aggregate itself is the subject."""


class Box(Protocol):
    """Seals and opens values with the key of one subject."""

    def seal(self, value: Any, bound_to: str) -> str:
        """The value encrypted and authenticated, usable only in the place that it is bound to."""
        ...

    def open(self, sealed: str, bound_to: str) -> Any:
        """The value that was sealed for this place."""
        ...


@dataclass(frozen=True)
class Stored:
    """A value as it is written: what may be published, and the sealed rest."""

    data: dict[str, Any]
    sealed: dict[str, str] | None


class Codec(Generic[T]):
    """Writes and reads one class of event or state, with its private fields sealed."""

    def __init__(self, cls: type[T]) -> None:
        hints = get_type_hints(cls, include_extras=True)
        self._adapter: TypeAdapter[T] = TypeAdapter(cls)
        self.subject_field = next((name for name, hint in hints.items() if _carries(hint, _Mark.SUBJECT)), None)
        self.private = tuple(name for name, hint in hints.items() if _carries(hint, _Mark.PERSONAL))

    def subject_of(self, value: T, aggregate_id: UUID) -> UUID | None:
        """Whose key seals this value; None where nothing in it is personal."""
        if not self.private:
            return None
        return getattr(value, self.subject_field) if self.subject_field else aggregate_id

    def subject_in(self, data: Mapping[str, Any], aggregate_id: UUID) -> UUID | None:
        """Whose key opens what was stored as `data`."""
        if not self.private:
            return None
        return UUID(data[self.subject_field]) if self.subject_field else aggregate_id

    def store(self, value: T, aggregate_id: UUID, box: Box | None) -> Stored:
        """The value in two parts; without a box (the subject is erased) its private fields are left out for good."""
        data: dict[str, Any] = self._adapter.dump_python(value, mode="json")
        if not self.private:
            return Stored(data, None)
        sealed = {}
        for name in self.private:
            plain = data.pop(name)
            if box is not None and getattr(value, name) is not ERASED:
                sealed[name] = box.seal(plain, f"{aggregate_id}.{name}")
        return Stored(data, sealed)

    def load(self, data: Mapping[str, Any], sealed: Mapping[str, str] | None, aggregate_id: UUID, box: Box | None) -> T:
        """The value again; private fields that cannot be opened any more, or never came, are `ERASED`."""
        if not self.private:
            return self._adapter.validate_python(data)
        opened = {
            name: box.open(sealed[name], f"{aggregate_id}.{name}") if box and sealed and name in sealed else ERASED
            for name in self.private
        }
        return self._adapter.validate_python({**data, **opened})


_CODECS: dict[type, Codec[Any]] = {}


def codec_of(cls: type[T]) -> Codec[T]:
    """The codec of a class, made once."""
    codec = _CODECS.get(cls)
    if codec is None:
        codec = _CODECS[cls] = Codec(cls)
    return codec


def _carries(hint: Any, mark: _Mark) -> bool:
    if get_origin(hint) is Annotated:
        return mark in get_args(hint)[1:] or _carries(get_args(hint)[0], mark)
    return any(_carries(part, mark) for part in get_args(hint))
