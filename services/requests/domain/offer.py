"""An offer: a service that the platform goes ahead with because of a life event, or because something ends, for one
person, once.

Whether it stands is worked out anew from what is known whenever something may have changed, so that the order of
events does not matter: occasions, facts, time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from services.requests.domain.definition import EXPIRY, Binding, ServiceDefinition, service_key
from services.requests.domain.eligibility import decisions_of, rulings_on
from services.requests.domain.facts import KnownPerson, day_of, facts_of
from services.requests.domain.request import ServiceVersion
from services.requests.domain.rules import Verdict
from shared.contracts.identity import LifeEventKind
from shared.contracts.personal import ERASED, Private, SubjectId
from shared.contracts.requests import (
    OfferAccepted,
    OfferAmended,
    OfferDeclined,
    OfferExpired,
    OfferMade,
    OfferMode,
    OfferOccasioned,
    OfferOccasionLost,
    OfferPlanned,
    OfferSeen,
    OfferSnoozed,
    OfferWithdrawn,
    OfferWoken,
    RuleDecision,
)
from shared.functions import Decider, Given, Givens
from shared.kernel.clock import KUWAIT
from shared.kernel.errors import NotYet, Refused
from shared.kernel.ids import derive_id

NOBODY = UUID(int=0)
LONGEST_SNOOZE = timedelta(days=60)


class Status(StrEnum):
    """Where an offer stands."""

    UNKNOWN = "unknown"
    PENDING = "pending"
    OPEN = "open"
    SNOOZED = "snoozed"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


STANDS = frozenset({Status.OPEN, Status.SNOOZED})
_AGAIN = frozenset({Status.OPEN})
TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.UNKNOWN: frozenset({Status.PENDING}),
    Status.PENDING: _AGAIN,
    Status.OPEN: frozenset({Status.SNOOZED, Status.ACCEPTED, Status.DECLINED, Status.EXPIRED, Status.WITHDRAWN}),
    Status.SNOOZED: frozenset({Status.OPEN, Status.ACCEPTED, Status.DECLINED, Status.EXPIRED, Status.WITHDRAWN}),
    Status.ACCEPTED: frozenset({Status.OPEN, Status.WITHDRAWN}),
    Status.DECLINED: frozenset(),
    Status.EXPIRED: _AGAIN,
    Status.WITHDRAWN: _AGAIN,
}


@dataclass(frozen=True)
class Occasion:
    """A life event, as it is told by now: where from, since when, and who takes part, by role.

    `sequence` is of the event that told it last.
    """

    sequence: int
    kind: str
    source: str
    noticed_at: datetime
    parties: Mapping[str, UUID]


@dataclass(frozen=True)
class Offer:
    """An offer, and what it rests on. `made_count`: how often it was made; each making has a request of its own.

    `recipient_id` has it, or had it last; `wanted_id` should have it, as the occasions say by now. The two may differ
    while it does not stand.
    """

    status: Status = Status.UNKNOWN
    id: UUID = NOBODY
    occasions: Mapping[UUID, Occasion] = field(default_factory=dict)
    binding_id: str = ""
    service_id: str = ""
    service_version: int = 0
    recipient_role: str = ""
    beneficiary_role: str = ""
    mode: OfferMode = OfferMode.OFFER
    recipient_id: SubjectId = NOBODY
    wanted_id: UUID | None = None
    beneficiary_id: UUID = NOBODY
    decisions: Private[list[RuleDecision]] = ERASED
    made_count: int = 0
    made_version: int = 0
    is_seen: bool = False
    opens_at: datetime | None = None
    expires_at: datetime | None = None
    snoozed_until: datetime | None = None
    request_id: UUID | None = None

    @property
    def next_request_id(self) -> UUID:
        """The request that is begun when this offer, as it was made last, is accepted."""
        return derive_id("request", self.id, self.made_count)

    @property
    def occasion(self) -> Occasion | None:
        """What it follows from: of several the first by id that names a recipient, in whatever order they came."""
        named = {id for id, told in self.occasions.items() if self.recipient_role in told.parties}
        return self.occasions[min(named or self.occasions)] if self.occasions else None

    @property
    def wanted_recipient(self) -> UUID | None:
        """Who should have it, as the occasion says by now."""
        return self.occasion.parties.get(self.recipient_role) if self.occasion else None


@dataclass(frozen=True)
class ForgottenPerson:
    """A row of `forgotten_persons`: somebody who was erased, so that nobody waits for them to become known."""

    person_id: UUID


@dataclass(frozen=True)
class Known:
    """What an offer is decided with."""

    service: ServiceVersion | None
    recipient: KnownPerson | None = None
    beneficiary: KnownPerson | None = None
    forgotten_recipient: ForgottenPerson | None = None
    forgotten_beneficiary: ForgottenPerson | None = None


@dataclass(frozen=True)
class Occasioned:
    """A life event, or that something ends, gives an occasion for a binding, or is told otherwise than before."""

    offer_id: UUID
    notice_id: UUID
    sequence: int
    kind: str
    source: str
    noticed_at: datetime
    parties: Mapping[str, UUID]
    service_id: str
    service_version: int
    binding_id: str
    recipient: str
    beneficiary: str
    at: datetime


@dataclass(frozen=True)
class OccasionLost:
    """The life event has not happened, or not to this person, as its event of this sequence says."""

    notice_id: UUID
    sequence: int
    at: datetime


@dataclass(frozen=True)
class LookAgain:
    """Time has passed, or more is known of somebody. `for_others`: only where recipient and beneficiary are two."""

    at: datetime
    for_others: bool = False


@dataclass(frozen=True)
class RequestHasLapsed:
    """What was begun with the offer has ended, unpaid or by a death that may yet be taken back."""

    request_id: UUID
    at: datetime


@dataclass(frozen=True)
class AskedFor:
    """The recipient has asked for the service by themselves, with this request."""

    request_id: UUID


@dataclass(frozen=True)
class See:
    """A command of the recipient."""


@dataclass(frozen=True)
class Accept:
    """A command of the recipient: to go on with this request."""

    request_id: UUID
    at: datetime


@dataclass(frozen=True)
class Decline:
    """A command of the recipient."""


@dataclass(frozen=True)
class Snooze:
    """A command of the recipient: to be reminded then."""

    until: datetime
    at: datetime


Message = Occasioned | OccasionLost | LookAgain | RequestHasLapsed | AskedFor | See | Accept | Decline | Snooze
Event = (
    OfferOccasioned
    | OfferOccasionLost
    | OfferPlanned
    | OfferMade
    | OfferAmended
    | OfferSeen
    | OfferAccepted
    | OfferDeclined
    | OfferSnoozed
    | OfferWoken
    | OfferExpired
    | OfferWithdrawn
)


@dataclass(frozen=True)
class Terms:
    """On which an offer stands at an instant."""

    definition: ServiceDefinition
    binding: Binding
    recipient_id: UUID
    beneficiary_id: UUID
    expires_at: datetime
    decisions: list[RuleDecision]


def offer_id(
    service_id: str, binding_id: str, beneficiary_id: UUID, ends_on: date | None = None, *, about_id: UUID | None = None
) -> UUID:
    """One binding makes one offer for one person, however often and by whomever the life event is told; for what ends
    again and again, one each time; of what happens to others, as that they die, one for each of these.
    """
    each = ends_on.isoformat() if ends_on else about_id if about_id != beneficiary_id else None
    return derive_id("offer", service_id, binding_id, beneficiary_id, *([each] if each else []))


def decide(state: Offer, message: Message, known: Known) -> Sequence[Event]:
    """The rules of an offer."""
    match message:
        case Occasioned():
            return occasioned(state, message, known)
        case OccasionLost():
            return occasion_lost(state, message, known)
        case LookAgain(at, for_others):
            is_seen_to = for_others and state.wanted_id == state.beneficiary_id
            return [] if is_seen_to else settle(state, known, at)
        case RequestHasLapsed(request_id, at):
            return request_has_lapsed(state, request_id, known, at)
        case AskedFor(request_id):
            return [accepted(state, request_id)] if state.status in STANDS else []
        case See():
            refuse_unless_stands(state)
            return [] if state.is_seen else [OfferSeen(recipient_id=state.recipient_id)]
        case Accept():
            return accept(state, message, known)
        case Decline():
            refuse_unless_stands(state)
            return [OfferDeclined(recipient_id=state.recipient_id)]
        case Snooze():
            return snooze(state, message)
        case _:
            assert_never(message)


def occasioned(state: Offer, notice: Occasioned, known: Known) -> Sequence[Event]:
    """What is told the same again changes nothing. Who is not known yet is waited for."""
    before = state.occasions.get(notice.notice_id)
    if before is not None and before.sequence >= notice.sequence:
        return []
    happened = OfferOccasioned(
        offer_id=notice.offer_id,
        notice_id=notice.notice_id,
        sequence=notice.sequence,
        kind=notice.kind,
        source=notice.source,
        noticed_at=notice.noticed_at,
        parties=dict(notice.parties),
        binding_id=notice.binding_id,
        service_id=notice.service_id,
        service_version=notice.service_version,
        recipient=notice.recipient,
        beneficiary=notice.beneficiary,
    )
    after = evolve(state, happened)
    if notice.kind == EXPIRY and not still_ends(state, after, known):
        return []
    if after.wanted_recipient is not None and known.recipient is None and known.forgotten_recipient is None:
        raise NotYet("person", after.wanted_recipient)
    if known.beneficiary is None and known.forgotten_beneficiary is None:
        raise NotYet("person", after.beneficiary_id)
    return [happened, *settle(after, known, notice.at)]


def still_ends(state: Offer, after: Offer, known: Known) -> bool:
    """Whether something ends as it did when its time was set: it may have been put off since, or be told once more."""
    is_news = not state.occasions or state.service_version < after.service_version
    binding = known.service and known.service.definition.binding(after.binding_id)
    if not is_news or not binding or known.beneficiary is None:
        return False
    return first_day(after, binding, known.beneficiary) is not None


def occasion_lost(state: Offer, notice: OccasionLost, known: Known) -> Sequence[Event]:
    """One occasion less; one that was told otherwise with the same event, or since then, stays."""
    occasion = state.occasions.get(notice.notice_id)
    if occasion is None or occasion.sequence >= notice.sequence:
        return []
    lost = OfferOccasionLost(notice_id=notice.notice_id)
    return [lost, *settle(evolve(state, lost), known, notice.at)]


def request_has_lapsed(state: Offer, request_id: UUID, known: Known, at: datetime) -> Sequence[Event]:
    """The offer is as if it had not been accepted, and is made again if it should be."""
    if state.status is not Status.ACCEPTED or state.request_id != request_id:
        return []
    lapsed = withdrawn(state, "request-lapsed")
    return [lapsed, *settle(evolve(state, lapsed), known, at)]


def settle(state: Offer, known: Known, at: datetime) -> Sequence[Event]:
    """What has to happen for the offer to be as it should be at this instant."""
    if state.status is Status.ACCEPTED:
        return settle_accepted(state, known, at)
    if state.status in (Status.UNKNOWN, Status.DECLINED):
        return []
    terms = terms_at(state, known, at)
    if state.status not in STANDS:
        return make(state, terms) or plan(state, known, at)
    if terms is None:
        is_over = state.expires_at is not None and at >= state.expires_at
        end = OfferExpired(recipient_id=state.recipient_id) if is_over else withdrawn(state, "not-so-any-more")
        return [end, *plan(state, known, at)]
    if terms.recipient_id != state.recipient_id:
        return [withdrawn(state, "for-somebody-else"), *make(state, terms)]
    events: list[Event] = []
    if terms.expires_at != state.expires_at:
        events.append(OfferAmended(expires_at=terms.expires_at))
    if state.snoozed_until is not None and at >= state.snoozed_until:
        events.append(OfferWoken(recipient_id=state.recipient_id, name=terms.definition.name))
    return events


def settle_accepted(state: Offer, known: Known, at: datetime) -> Sequence[Event]:
    """What was accepted goes on, unless it was never so, or not for this person."""
    if state.wanted_recipient == state.recipient_id:
        return []
    reason = "occasion-lost" if state.wanted_recipient is None else "for-somebody-else"
    return [withdrawn(state, reason), *(make(state, terms_at(state, known, at)) or plan(state, known, at))]


def terms_at(state: Offer, known: Known, at: datetime) -> Terms | None:
    """On which terms the offer should stand, worked out from nothing but what is known at this instant.

    None: it should not. A rule that cannot be decided makes no offer.
    """
    recipient, beneficiary = known.recipient, known.beneficiary
    if known.service is None or recipient is None or beneficiary is None:
        return None
    definition = known.service.definition
    binding = definition.binding(state.binding_id)
    if binding is None or recipient.person_id != state.wanted_recipient:
        return None
    if recipient.died_on is not None or beneficiary.died_on is not None:
        return None
    first = first_day(state, binding, beneficiary)
    if first is None:
        return None
    opens_at, expires_at = window(first, binding)
    rulings = rulings_on(definition, facts_of(beneficiary, at))
    is_eligible = all(ruling.verdict is Verdict.PASSED for ruling in rulings)
    is_time = opens_at <= at < expires_at
    if not (is_eligible and is_time and beneficiary.residence in definition.audience):
        return None
    decisions = decisions_of(rulings, beneficiary)
    return Terms(definition, binding, recipient.person_id, beneficiary.person_id, expires_at, decisions)


def first_day(state: Offer, binding: Binding, beneficiary: KnownPerson) -> date | None:
    """The day from which its time is counted; None where nothing ends on the day for which this offer is."""
    if binding.on == EXPIRY:
        day = day_of(beneficiary.facts.get(binding.fact or ""))
        return day if offer_id(state.service_id, binding.id, beneficiary.person_id, day) == state.id else None
    if binding.on is LifeEventKind.BIRTH or state.occasion is None:
        return beneficiary.birth_date
    return state.occasion.noticed_at.astimezone(KUWAIT).date()


def window(first: date, binding: Binding) -> tuple[datetime, datetime]:
    """From when until when a binding's offer may stand, by the day from which that is counted: days in Kuwait."""
    begin = datetime.combine(first, time(), tzinfo=KUWAIT)
    return begin + timedelta(days=binding.after_days), begin + timedelta(days=binding.open_for_days)


def plan(state: Offer, known: Known, at: datetime) -> Sequence[Event]:
    """An offer whose time has still to come is looked at again then.

    Each time anew: what is heard late may be older than a timer that has gone off already.
    """
    binding = None if known.service is None else known.service.definition.binding(state.binding_id)
    if binding is None or known.beneficiary is None or not state.occasions:
        return []
    first = first_day(state, binding, known.beneficiary)
    opens_at = at if first is None else window(first, binding)[0]
    return [OfferPlanned(opens_at=opens_at)] if at < opens_at else []


def make(state: Offer, terms: Terms | None) -> Sequence[Event]:
    """The offer on these terms; what is automatic goes on at once."""
    if terms is None:
        return []
    made = OfferMade(
        mode=terms.binding.mode,
        service_id=terms.definition.id,
        service_version=terms.definition.version,
        recipient_id=terms.recipient_id,
        beneficiary_id=terms.beneficiary_id,
        name=terms.definition.name,
        reason=terms.binding.reason,
        expires_at=terms.expires_at,
        decisions=terms.decisions,
    )
    after = evolve(state, made)
    return [made, accepted(after, after.next_request_id)] if after.mode is OfferMode.AUTOMATIC else [made]


def accept(state: Offer, command: Accept, known: Known) -> Sequence[Event]:
    """One tap, while the offer stands."""
    refuse_unless_stands(state)
    if state.mode is not OfferMode.OFFER:
        raise Refused("offer-only-tells")
    terms = terms_at(state, known, command.at)
    is_for_them = terms is not None and terms.recipient_id == state.recipient_id
    if not is_for_them or command.request_id != state.next_request_id:
        raise Refused("offer-not-open", {"status": state.status})
    return [accepted(state, state.next_request_id)]


def accepted(state: Offer, request_id: UUID) -> OfferAccepted:
    """The offer as it was made last is taken, with this request."""
    return OfferAccepted(
        recipient_id=state.recipient_id,
        beneficiary_id=state.beneficiary_id,
        request_id=request_id,
        service_id=state.service_id,
        service_version=state.made_version,
        binding_id=state.binding_id,
        mode=state.mode,
        parties=dict(state.occasion.parties) if state.occasion else {},
        decisions=state.decisions,
    )


def snooze(state: Offer, command: Snooze) -> Sequence[Event]:
    """Later, but not after its end."""
    refuse_unless_stands(state)
    assert state.expires_at is not None
    latest = min(state.expires_at, command.at + LONGEST_SNOOZE)
    if not command.at < command.until < latest:
        raise Refused("offer-snoozed-too-long", {"latest": latest.isoformat()})
    return [OfferSnoozed(recipient_id=state.recipient_id, until=command.until)]


def withdrawn(state: Offer, reason: str) -> OfferWithdrawn:
    """The end of an offer that rests on nothing any more."""
    return OfferWithdrawn(recipient_id=state.recipient_id, request_id=state.request_id, reason=reason)


def refuse_unless_stands(state: Offer) -> None:
    """Only what is open, or put off, can be answered."""
    if state.status not in STANDS:
        raise Refused("offer-not-open", {"status": state.status})


def evolve(state: Offer, event: Event) -> Offer:
    """An offer after an event."""
    match event:
        case OfferOccasioned():
            occasion = Occasion(event.sequence, event.kind, event.source, event.noticed_at, event.parties)
            beneficiary_id = event.parties[event.beneficiary]
            recipient_id = event.parties.get(event.recipient, beneficiary_id)
            after = replace(
                state,
                id=event.offer_id,
                recipient_id=state.recipient_id if state.made_count else recipient_id,
                status=Status.PENDING if state.status is Status.UNKNOWN else state.status,
                occasions={**state.occasions, event.notice_id: occasion},
                binding_id=event.binding_id,
                service_id=event.service_id,
                service_version=event.service_version,
                recipient_role=event.recipient,
                beneficiary_role=event.beneficiary,
                beneficiary_id=beneficiary_id,
            )
            return replace(after, wanted_id=after.wanted_recipient)
        case OfferOccasionLost():
            left = {id: occasion for id, occasion in state.occasions.items() if id != event.notice_id}
            after = replace(state, occasions=left)
            return replace(after, wanted_id=after.wanted_recipient)
        case OfferPlanned():
            return replace(state, opens_at=event.opens_at)
        case OfferMade():
            return replace(
                state,
                status=Status.OPEN,
                mode=event.mode,
                recipient_id=event.recipient_id,
                decisions=event.decisions,
                made_count=state.made_count + 1,
                made_version=event.service_version,
                is_seen=False,
                expires_at=event.expires_at,
                snoozed_until=None,
                request_id=None,
            )
        case OfferAmended():
            return replace(state, expires_at=event.expires_at)
        case OfferSeen():
            return replace(state, is_seen=True)
        case OfferAccepted():
            return replace(state, status=Status.ACCEPTED, request_id=event.request_id, snoozed_until=None)
        case OfferDeclined():
            return replace(state, status=Status.DECLINED, snoozed_until=None)
        case OfferSnoozed():
            return replace(state, status=Status.SNOOZED, snoozed_until=event.until, is_seen=True)
        case OfferWoken():
            return replace(state, status=Status.OPEN, snoozed_until=None)
        case OfferExpired():
            return replace(state, status=Status.EXPIRED, snoozed_until=None)
        case OfferWithdrawn():
            return replace(state, status=Status.WITHDRAWN, snoozed_until=None)
        case _:
            assert_never(event)


def _after(message: Message, state: Offer) -> Offer:
    """The occasions as they will be, so that the people whom they name can be looked up."""
    match message:
        case Occasioned():
            told = Occasion(message.sequence, message.kind, message.source, message.noticed_at, message.parties)
            occasions = {**state.occasions, message.notice_id: told}
            beneficiary_id = message.parties.get(message.beneficiary, state.beneficiary_id)
            return replace(state, occasions=occasions, recipient_role=message.recipient, beneficiary_id=beneficiary_id)
        case OccasionLost(notice_id):
            left = {id: occasion for id, occasion in state.occasions.items() if id != notice_id}
            return replace(state, occasions=left)
        case _:
            return state


def _service_key(message: Message, state: Offer) -> str | None:
    if isinstance(message, Occasioned):
        return service_key(message.service_id, message.service_version)
    return service_key(state.service_id, state.service_version) if state.service_id else None


def _recipient_key(message: Message, state: Offer) -> UUID | None:
    return _after(message, state).wanted_recipient


def _beneficiary_key(message: Message, state: Offer) -> UUID | None:
    found = _after(message, state).beneficiary_id
    return None if found == NOBODY else found


offer = Decider(
    "offer",
    initial=Offer(),
    decide=decide,
    evolve=evolve,
    given=Givens(
        Known,
        service=Given(ServiceVersion, "service_versions", by="key", key=_service_key, immutable=True),
        recipient=Given(KnownPerson, "persons", by="person_id", key=_recipient_key),
        beneficiary=Given(KnownPerson, "persons", by="person_id", key=_beneficiary_key),
        forgotten_recipient=Given(ForgottenPerson, "forgotten_persons", by="person_id", key=_recipient_key),
        forgotten_beneficiary=Given(ForgottenPerson, "forgotten_persons", by="person_id", key=_beneficiary_key),
    ),
)
