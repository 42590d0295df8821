"""The account that a person is paid to. Its aggregate's id is the person's."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.contracts.payments import PayoutAccountNamed
from shared.contracts.personal import ERASED, Erased, Private, SubjectId
from shared.functions import Decider

NOBODY = UUID(int=0)


@dataclass(frozen=True)
class PayoutAccount:
    """The accounts that a person has named one after another, by their IBANs (ISO 13616); the last one counts."""

    person_id: SubjectId = NOBODY
    ibans: Private[tuple[str, ...]] = ()


@dataclass(frozen=True)
class NameAccount:
    """A command of the person: the IBAN is valid."""

    person_id: UUID
    iban: str


Message = NameAccount
Event = PayoutAccountNamed


def decide(state: PayoutAccount, message: Message) -> Sequence[Event]:
    """The account named last counts; also the same again, for what the bank has returned."""
    number = 1 if isinstance(state.ibans, Erased) else len(state.ibans) + 1
    return [PayoutAccountNamed(person_id=message.person_id, iban=message.iban, number=number)]


def evolve(state: PayoutAccount, event: Event) -> PayoutAccount:
    """An account after an event."""
    if isinstance(state.ibans, Erased) or isinstance(event.iban, Erased):
        return PayoutAccount(event.person_id, ERASED)
    return PayoutAccount(event.person_id, (*state.ibans, event.iban))


payout_account = Decider("payout_account", initial=PayoutAccount(), decide=decide, evolve=evolve)
