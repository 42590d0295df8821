"""Whom one can tell something, and by which channels they want to be told."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.contracts.notifications import Channel, PreferencesChanged
from shared.contracts.personal import ERASED, Private
from shared.functions import Decider
from shared.kernel.text import Language, LocalizedText


@dataclass(frozen=True)
class Recipient:
    """A row of `recipients`: a person as identity publishes them; of an erased one only the id is left."""

    person_id: UUID
    name: LocalizedText | None
    is_deceased: bool = False
    mobile: str | None = None
    email: str | None = None
    language: Language = Language.ARABIC

    @property
    def can_be_told(self) -> bool:
        """The dead and the erased are told nothing."""
        return self.name is not None and not self.is_deceased

    def address(self, channel: Channel) -> str | None:
        """Where the channel reaches them."""
        return {Channel.SMS: self.mobile, Channel.EMAIL: self.email}.get(channel)


@dataclass(frozen=True)
class ChosenChannels:
    """A row of `chosen_channels`."""

    person_id: UUID
    channels: Sequence[Channel]


@dataclass(frozen=True)
class Preferences:
    """By which channels a person wants to be told, in this order."""

    channels: Private[tuple[Channel, ...]] = (Channel.SMS, Channel.EMAIL)
    is_chosen: bool = False


@dataclass(frozen=True)
class ChooseChannels:
    """A command of the person. None leaves the inbox alone, which is always there."""

    channels: tuple[Channel, ...]


def decide(state: Preferences, message: ChooseChannels) -> Sequence[PreferencesChanged]:
    """The same choice again changes nothing."""
    if state.is_chosen and state.channels == message.channels:
        return []
    return [PreferencesChanged(channels=list(message.channels))]


def evolve(state: Preferences, event: PreferencesChanged) -> Preferences:
    """Preferences after an event."""
    chosen = event.channels
    return Preferences(tuple(chosen) if isinstance(chosen, list) else ERASED, is_chosen=True)


preferences = Decider("preferences", initial=Preferences(), decide=decide, evolve=evolve, table="preferences")
