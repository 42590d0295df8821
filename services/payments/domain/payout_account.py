"""The account that a person is paid to. Its aggregate's id is the person's."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.contracts.payments import PayoutAccountNamed
from shared.contracts.personal import Private, SubjectId
from shared.functions import Decider

NOBODY = UUID(int=0)


@dataclass(frozen=True)
class PayoutAccount:
    """A person's account, by its IBAN (ISO 13616)."""

    person_id: SubjectId = NOBODY
    iban: Private[str | None] = None


@dataclass(frozen=True)
class NameAccount:
    """A command of the person: the IBAN is valid."""

    person_id: UUID
    iban: str


Message = NameAccount
Event = PayoutAccountNamed


def decide(state: PayoutAccount, message: Message) -> Sequence[Event]:
    """The account named last counts."""
    if state.iban == message.iban:
        return []
    return [PayoutAccountNamed(person_id=message.person_id, iban=message.iban)]


def evolve(_: PayoutAccount, event: Event) -> PayoutAccount:
    """An account after an event."""
    return PayoutAccount(event.person_id, event.iban)


payout_account = Decider("payout_account", initial=PayoutAccount(), decide=decide, evolve=evolve)
