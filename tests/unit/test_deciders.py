"""What every Decider promises, whichever aggregate it is of."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import reduce
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from services.identity.domain import life_event as life_events
from services.identity.domain import person as persons
from services.identity.domain import relation as relations
from services.identity.domain import session as sessions
from services.identity.domain import signing_key as signing_keys
from services.notifications.domain import contact as contacts
from services.notifications.domain import delivery as deliveries
from services.notifications.domain import recipient as recipients
from services.notifications.domain import sms_route as sms_routes
from services.payments.domain import basket as baskets
from services.payments.domain import payment as payments
from services.payments.domain import payout as payouts
from services.requests.domain import document as documents
from services.requests.domain import draft as drafts
from services.requests.domain import offer as offers
from services.requests.domain import publication as publications
from services.requests.domain import request as requests
from services.requests.domain import request_state
from services.requests.domain import task as tasks
from shared.contracts.event import event_class
from shared.contracts.notifications import Channel
from shared.kernel.errors import NotYet, Refused
from shared.kernel.ids import derive_id
from tests.unit.builders import (
    NOW,
    AnyDecider,
    Life,
    a_life,
    a_text,
    an_id,
    is_command,
    messages_of,
    stored_and_read,
    without_personal_data,
)
from tests.unit.generated import QUICK, Strategy, generated
from tests.unit.identity.life_event_builders import (
    CHILD_ID,
    FATHERS_HASH,
    MOTHERS_HASH,
    OTHER_HASH,
    THE_DAY_BEFORE,
    life_events_in_every_state,
)
from tests.unit.identity.person_builders import BIRTH, SAME_BIRTH, keys_in_every_state, persons_in_every_state
from tests.unit.identity.person_builders import NOTICE as DEATH
from tests.unit.identity.relation_builders import CHILD as CHILD_OF_PARENT
from tests.unit.identity.relation_builders import HOSPITALS, PARENT, REGISTRYS, UNTIL, relations_in_every_state
from tests.unit.identity.session_builders import sessions_in_every_state
from tests.unit.notifications.channel_builders import (
    BOTH,
    CODE,
    OTHER_MOBILE,
    WRONG,
    contacts_in_every_state,
    preferences_in_every_state,
    routes_in_every_state,
)
from tests.unit.notifications.delivery_builders import (
    DECEASED,
    DELIVERY,
    FORGOTTEN,
    MOBILE,
    ROUTE,
    a_recipient,
    chosen,
    deliveries_in_every_state,
)
from tests.unit.payments.basket_builders import BASKET_ID, TOTAL_FILS, baskets_in_every_state
from tests.unit.payments.payment_builders import AMOUNT_FILS, FIRST, SECOND, payments_in_every_state
from tests.unit.requests.offer_builders import (
    NOTICE,
    OFFER_ID,
    OTHER_MOTHER,
    OTHER_NOTICE,
    a_bound_service,
    offers_in_every_state,
)
from tests.unit.requests.request_builders import (
    APPLICANT,
    CHILD,
    DEFINITIONS,
    MOTHER,
    REQUEST_ID,
    a_child,
    a_person,
    a_relation,
    documents_in_every_state,
    fee_of,
    issued,
    known_with,
    paid,
    requests_in_every_state,
    reviewed,
    tasks_in_every_state,
)
from tests.unit.requests.request_builders import decided as task_decided


@dataclass(frozen=True)
class Subject:
    """A Decider, aggregates of it in every state, and what its messages are made of."""

    decider: AnyDecider
    module: Any
    states: Callable[[], Mapping[str, Any]]
    pools: Mapping[Any, Strategy]
    given: Callable[[Any], Strategy] = lambda _: st.just([])

    @property
    def name(self) -> str:
        """The name of the aggregate."""
        return self.decider.name

    @property
    def transitions(self) -> Mapping[Any, frozenset[Any]] | None:
        """The table of its statuses, if it has one."""
        return getattr(self.module, "TRANSITIONS", None)

    def messages(self, *kinds: type) -> Strategy:
        """Messages of these kinds, of which many are about things that the aggregate knows."""
        return st.one_of(*(generated(kind, self.pools) for kind in kinds))


def what_is_known(state: request_state.Request) -> Strategy:
    """The definition that a request runs by, or any that one may be submitted for."""
    possible = [DEFINITIONS[state.service_id]] if state.service_id else list(DEFINITIONS.values())
    children = st.sampled_from([None, a_child(), a_child(is_named=True)])
    relations = st.sampled_from([None, a_relation()])
    return st.builds(
        lambda definition, child, relation: [known_with(definition, beneficiary=child, relation=relation)],
        st.sampled_from(possible),
        children,
        relations,
    )


def what_an_offer_knows(_: offers.Offer) -> Strategy:
    """Those whom it concerns: known, dead, erased, or not known yet."""
    definition = a_bound_service()
    people = [a_person(MOTHER), a_person(OTHER_MOTHER), replace(a_person(MOTHER), died_on=NOW.date()), None]
    children = [a_child(), replace(a_child(), died_on=NOW.date()), None]
    known = st.builds(
        offers.Known,
        service=st.just(requests.ServiceVersion(definition.key, definition)),
        recipient=st.sampled_from(people),
        beneficiary=st.sampled_from(children),
        forgotten_recipient=st.sampled_from([None, offers.ForgottenPerson(MOTHER)]),
        forgotten_beneficiary=st.sampled_from([None, offers.ForgottenPerson(CHILD)]),
    )
    return known.map(lambda found: [found])


def namesakes(_: persons.Person) -> Strategy:
    """Somebody else with the same civil ID, or nobody."""
    return st.lists(st.none() | generated(persons.KnownPerson), min_size=1, max_size=1)


def what_a_delivery_knows(_: deliveries.Delivery) -> Strategy:
    """Whoever is told, what they want, and who sends short messages, as far as each is known."""
    people = [a_recipient(), a_recipient(email=None), a_recipient(mobile=None), DECEASED, FORGOTTEN, None]
    known = st.builds(
        deliveries.Known,
        recipient=st.sampled_from(people),
        chosen=st.sampled_from([None, chosen(), chosen(Channel.EMAIL), chosen(Channel.EMAIL, Channel.SMS)]),
        route=st.sampled_from([ROUTE, replace(ROUTE, weights={"north": 100}), replace(ROUTE, weights={}), None]),
    )
    return known.map(lambda found: [found])


_REQUEST_POOLS = {
    "request_id": st.just(REQUEST_ID),
    "applicant_id": st.just(APPLICANT),
    "beneficiary_id": st.sampled_from([APPLICANT, CHILD]),
    "fee_id": st.sampled_from([fee_of(), fee_of("other")]),
    "task_id": st.sampled_from([task_decided().task_id, task_decided(step_id="other").task_id, reviewed().task_id]),
    "document_id": st.sampled_from([issued().document_id, issued("other").document_id]),
    "payment_id": st.just(paid().payment_id),
}
_OFFER_POOLS = {
    "offer_id": st.just(OFFER_ID),
    "notice_id": st.sampled_from([NOTICE, OTHER_NOTICE]),
    "sequence": st.integers(1, 4),
    "service_id": st.just(a_bound_service().id),
    "service_version": st.just(a_bound_service().version),
    "binding_id": st.just("at-birth"),
    "recipient": st.just("mother"),
    "beneficiary": st.just("child"),
    "parties": st.sampled_from(
        [{"child": CHILD}, {"child": CHILD, "mother": MOTHER}, {"child": CHILD, "mother": OTHER_MOTHER}]
    ),
    "request_id": st.sampled_from([derive_id("request", OFFER_ID, 1), derive_id("request", OFFER_ID, 2)]),
    "at": st.sampled_from([NOW, NOW + timedelta(days=9), NOW + timedelta(days=119), NOW + timedelta(days=121)]),
    "until": st.sampled_from([NOW + timedelta(days=8), NOW + timedelta(days=100)]),
}
_PAYMENT_POOLS = {
    "attempt_id": st.sampled_from([FIRST, SECOND]),
    "amount_fils": st.sampled_from([AMOUNT_FILS, 1]),
    "result": st.sampled_from([payments.CAPTURED, "NOT CAPTURED"]),
}
_BASKET_POOLS = {
    "attempt_id": st.just(BASKET_ID),
    "amount_fils": st.sampled_from([TOTAL_FILS, 1]),
    "result": st.sampled_from([payments.CAPTURED, "NOT CAPTURED"]),
}
_PERSON_POOLS = {"notice_id": st.sampled_from([DEATH, BIRTH, SAME_BIRTH])}
_HASHES = st.sampled_from([MOTHERS_HASH, FATHERS_HASH, OTHER_HASH])
_LIFE_EVENT_POOLS = {
    "person_id": st.just(CHILD_ID),
    "occurred_at": st.sampled_from([THE_DAY_BEFORE, THE_DAY_BEFORE + timedelta(days=1)]),
    "parents": st.dictionaries(st.sampled_from([life_events.MOTHER, life_events.FATHER]), _HASHES),
    "persons": st.dictionaries(_HASHES, st.sampled_from([PARENT, CHILD_ID]), max_size=3),
}
_RELATION_POOLS = {
    "holder_id": st.just(PARENT),
    "for_id": st.sampled_from([CHILD_OF_PARENT, PARENT]),
    "scopes": st.sampled_from([(), ("driving-licence-renewal",)]),
    "birth_id": st.sampled_from([HOSPITALS, REGISTRYS]),
    "until": st.sampled_from([UNTIL, UNTIL + timedelta(days=1)]),
}
_DELIVERY_POOLS = {
    "delivery_id": st.just(DELIVERY),
    "number": st.sampled_from([1, 2, 3, 0, 4, -1]),
    "at": st.sampled_from([NOW, NOW + timedelta(minutes=30), NOW + timedelta(days=2), NOW + timedelta(days=4)]),
    "expires_at": st.sampled_from([None, NOW, NOW + timedelta(minutes=5), NOW + timedelta(days=3)]),
    "only_by": st.sampled_from([None, Channel.SMS, Channel.EMAIL]),
}
_CONTACT_POOLS = {
    "code": st.sampled_from([CODE, WRONG]),
    "address": st.sampled_from([MOBILE, OTHER_MOBILE, None]),
    "at": st.sampled_from([NOW + timedelta(seconds=seconds) for seconds in (0, 59, 60, 299, 300, 3600)]),
}
_PROVIDERS = st.sampled_from([*BOTH, "west"])
_ROUTE_POOLS = {
    "providers": st.lists(_PROVIDERS, unique=True).map(tuple),
    "figures": st.dictionaries(_PROVIDERS, generated(sms_routes.Figures, {int: st.integers(0, 20)})),
}
_SESSION_POOLS = {"token_number": st.integers(0, 3), "roles": st.just(("citizen",))}
_DEFINITION = next(iter(DEFINITIONS.values()))
_PUBLICATION_POOLS = {"definition": st.sampled_from(list(DEFINITIONS.values()))}


def payouts_in_every_state() -> Mapping[str, Any]:
    """A payout in each status."""
    owed = payouts.Owed(an_id("request"), APPLICANT, "housing", 150_000, a_text(), since=7)
    lives = {
        "needs an account": a_life(payouts.payout, owed, given=[None]),
        "is with the bank": a_life(payouts.payout, owed, payouts.AccountNamed(1), given=[None]),
        "made": a_life(payouts.payout, owed, payouts.AccountNamed(1), payouts.Paid("B1"), given=[None]),
        "cancelled": a_life(payouts.payout, owed, payouts.NoLongerOwed(), given=[None]),
    }
    return {"absent": payouts.Payout(), **{name: life.state for name, life in lives.items()}}


def publications_in_every_state() -> Mapping[str, Any]:
    """A version in each status."""
    drafted = publications.DraftVersion(_DEFINITION, an_id("writer"))
    return {
        "absent": publications.Publication(),
        "draft": a_life(publications.publication, drafted).state,
        "published": a_life(publications.publication, publications.SeedVersion(_DEFINITION, NOW)).state,
    }


def drafts_in_every_state() -> Mapping[str, Any]:
    """A form that was begun, and one that was sent."""
    saved = drafts.SaveDraft(APPLICANT, "a-service", 1, None, {"delivery": "digital"})
    return {
        "absent": drafts.Draft(),
        "kept": a_life(drafts.draft, saved).state,
        "sent": a_life(drafts.draft, saved, drafts.DiscardDraft()).state,
    }


def accounts(_: Any) -> Strategy:
    """Whether the person has named an account."""
    return st.sampled_from([[None], [payouts.NamedAccount(APPLICANT, 1)]])


SUBJECTS = (
    Subject(payouts.payout, payouts, payouts_in_every_state, {}, accounts),
    Subject(publications.publication, publications, publications_in_every_state, _PUBLICATION_POOLS),
    Subject(drafts.draft, drafts, drafts_in_every_state, {}),
    Subject(payments.payment, payments, payments_in_every_state, _PAYMENT_POOLS),
    Subject(baskets.basket, baskets, baskets_in_every_state, _BASKET_POOLS),
    Subject(requests.request, request_state, requests_in_every_state, _REQUEST_POOLS, what_is_known),
    Subject(offers.offer, offers, offers_in_every_state, _OFFER_POOLS, what_an_offer_knows),
    Subject(tasks.task, tasks, tasks_in_every_state, {}),
    Subject(documents.document, documents, documents_in_every_state, {}),
    Subject(persons.person, persons, persons_in_every_state, _PERSON_POOLS, namesakes),
    Subject(life_events.life_event, life_events, life_events_in_every_state, _LIFE_EVENT_POOLS),
    Subject(relations.relation, relations, relations_in_every_state, _RELATION_POOLS),
    Subject(sessions.session, sessions, sessions_in_every_state, _SESSION_POOLS),
    Subject(signing_keys.signing_key, signing_keys, keys_in_every_state, {}),
    Subject(deliveries.delivery, deliveries, deliveries_in_every_state, _DELIVERY_POOLS, what_a_delivery_knows),
    Subject(recipients.preferences, recipients, preferences_in_every_state, {}),
    Subject(contacts.contact, contacts, contacts_in_every_state, _CONTACT_POOLS),
    Subject(sms_routes.sms_route, sms_routes, routes_in_every_state, _ROUTE_POOLS),
)
MAY_WAIT = {offers.Occasioned}
"""Notices that wait for somebody to become known; all others are dealt with at once."""
each_subject = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)


def every_kind(*, commands: bool) -> list[Any]:
    """Every command, or every notice, of every decider."""
    return [
        pytest.param(subject, kind, id=f"{subject.name}-{kind.__name__}")
        for subject in SUBJECTS
        for kind in messages_of(subject.decider)
        if is_command(kind) is commands
    ]


def every_state(subject: Subject) -> Iterator[Any]:
    """Every state of the aggregate, the absent one included, as it is and with its personal data erased."""
    for name, state in subject.states().items():
        note(f"state: {name}")
        yield state
        note(f"state: {name}, erased")
        yield without_personal_data(state)


@each_subject
def test_the_states_that_are_tried_are_all_there_are(subject: Subject) -> None:
    statuses = getattr(subject.module, "Status", None)
    if statuses is not None:
        assert {state.status for state in subject.states().values()} == set(statuses)
    assert subject.states()["absent"] == subject.decider.initial


@each_subject
def test_a_table_of_transitions_has_every_status(subject: Subject) -> None:
    if subject.transitions is not None:
        assert set(subject.transitions) == set(subject.module.Status)


@each_subject
def test_events_are_of_the_decider_and_known_to_readers(subject: Subject) -> None:
    for event in subject.decider.events:
        assert event_class(event.type, event.version) is event


@pytest.mark.parametrize(("subject", "kind"), every_kind(commands=False))
@settings(QUICK, max_examples=12)
@given(data=st.data())
def test_a_notice_is_always_dealt_with(subject: Subject, kind: type, data: st.DataObject) -> None:
    notice = data.draw(subject.messages(kind))
    for state in every_state(subject):
        try:
            happened = subject.decider.decide(state, notice, *data.draw(subject.given(state)))
        except NotYet:
            assert kind in MAY_WAIT
            continue
        assert isinstance(happened, list)
        assert_folds(subject, state, happened)


@pytest.mark.parametrize(("subject", "kind"), every_kind(commands=True))
@settings(QUICK, max_examples=12)
@given(data=st.data())
def test_a_command_is_done_or_refused_and_nothing_else(subject: Subject, kind: type, data: st.DataObject) -> None:
    command = data.draw(subject.messages(kind))
    for state in every_state(subject):
        try:
            happened = subject.decider.decide(state, command, *data.draw(subject.given(state)))
        except Refused:
            continue
        assert_folds(subject, state, happened)


def assert_folds(subject: Subject, state: Any, happened: Iterable[Any]) -> None:
    """What happened can be folded: a state that its own log breaks could never be read again."""
    reduce(subject.decider.evolve, happened, state)


@each_subject
@settings(QUICK, max_examples=150)
@given(data=st.data())
def test_any_sequence_of_messages_leads_to_the_state_that_its_events_fold_to(
    subject: Subject, data: st.DataObject
) -> None:
    life = Life(subject.decider, data.draw(subject.given(subject.decider.initial)), subject.transitions)
    kinds = messages_of(subject.decider)
    for message in data.draw(st.lists(subject.messages(kinds[0], *kinds), max_size=12)):
        life.send(message)
    assert stored_and_read(life.state, REQUEST_ID) == life.state


@each_subject
@settings(QUICK, max_examples=60)
@given(data=st.data())
def test_the_same_question_gets_the_same_answer(subject: Subject, data: st.DataObject) -> None:
    state = data.draw(st.sampled_from(list(subject.states().values())))
    message, known = data.draw(subject.messages(*messages_of(subject.decider))), data.draw(subject.given(state))
    answers = []
    for _ in range(2):
        try:
            answers.append(list(subject.decider.decide(state, message, *known)))
        except NotYet as not_yet:
            answers.append([not_yet.kind, not_yet.id])
        except Refused as refused:
            answers.append([refused.code, refused.details])
    assert answers[0] == answers[1]
